"""All actions of the vendor's page, one class each, with the models they answer.

`ACTIONS` has every class by the vendor's name.
"""

from aoclient.action import ACTIONS, Action, Effect, Page, Paged, Spec
from aoclient.actions.learners import (
    Learner,
    Learners,
    LearnersWithScore,
    Named,
    Operator,
)

__all__ = [
    "ACTIONS",
    "Action",
    "Effect",
    "Learner",
    "Learners",
    "LearnersWithScore",
    "Named",
    "Operator",
    "Page",
    "Paged",
    "Spec",
]
