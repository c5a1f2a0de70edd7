"""Who may enter the academy: access taken away and given back, learners deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from attrs import frozen

from aoclient.action import Action, Effect, Spec
from aoclient.model import NO_EXTRA, Acknowledged, Id


@frozen(kw_only=True, weakref_slot=False)
class DeletedCount:
    """What became of a list of deletions.

    Attributes:
        deleted: Learners deleted.
        extra: What else the answer holds.
    """

    deleted: int  # no default: a count that cannot be read must not look like "nobody"
    extra: Mapping[str, object] = NO_EXTRA


@frozen(kw_only=True)
class RevokeLearnersAccess(Action[Acknowledged]):
    """Take away the access of learners to the academy. Their progress is kept.

    Args:
        learners: Addresses, at least one. A long list goes out in several requests.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        ApiError: The academy refused.

    Doc: revokeLearnersAccess
    """

    spec: ClassVar = Spec(name="revokeLearnersAccess", effect=Effect.SETS, split=("learners",))

    learners: Sequence[str]


@frozen(kw_only=True)
class ReturnLearnersAccess(Action[Acknowledged]):
    """Give learners back the access that was taken away with `RevokeLearnersAccess`.

    Args:
        learners: Addresses, at least one. A long list goes out in several requests.

    Answer:
        `Acknowledged`; the vendor does not describe the answer.

    Raises:
        ApiError: The academy refused.

    Doc: returnLearnersAccess
    """

    spec: ClassVar = Spec(name="returnLearnersAccess", effect=Effect.SETS, split=("learners",))

    learners: Sequence[str]


@frozen(kw_only=True)
class DeleteLearners(Action[DeletedCount]):
    """Delete learners, by address, by id, or both.

    It is not repeated once it may have been executed.

    Args:
        emails: Addresses, at least one where given. A long list goes out in several requests.
        ids: Ids of learners, at least one where given. A long list goes out in several requests.
        is_permanently_delete: Delete them for good, with no way back.

    Answer:
        `DeletedCount`.

    Raises:
        InvalidOptionError: Neither ``emails`` nor ``ids``, or an empty one. Nothing was sent.
        OutcomeUnknownError: It may or may not have been executed; `Learners` shows who is left.
        ApiError: The academy refused.

    Doc: deleteLearners
    """

    spec: ClassVar = Spec(
        name="deleteLearners",
        effect=Effect.ADDS,
        split=("emails", "ids"),
        look_with="learners",
        deletes_people=True,
    )

    emails: Sequence[str] | None = None
    ids: Sequence[Id] | None = None
    is_permanently_delete: bool | None = None

    def check(self) -> None:
        """Refuse to delete nobody in particular: the page calls both lists optional."""
        if self.emails is None and self.ids is None:
            raise self.refuse("emails", "is required, or ids")
