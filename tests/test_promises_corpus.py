"""P13 and P22: the inputs that are kept, and small mutations of them, through every door data comes in by."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.kit.fuzzing import DOORS, answer, kept
from tests.kit.trial import Figures, sized
from tests.samples import SAMPLES
from tests.test_promises_bodies import mutated


@pytest.mark.parametrize("door", DOORS)
def test_what_was_kept_does_no_harm_at_its_door(door, request):
    inputs = kept(door)
    assert len(inputs) > 1
    for data in inputs.values():
        DOORS[door](data)
    Figures(request, "P13")(f"corpus of {door}: {len(inputs)} inputs, only documented errors")


def test_every_kept_body_is_tried_as_the_answer_of_every_action(request):
    """With the ``speed`` extra and without it, which must end the same way."""
    bodies = kept("answers")
    ends = Counter(answer(sample, body) for body in bodies.values() for sample in SAMPLES)
    assert len(ends) > 2
    Figures(request, "P13")(
        f"{len(bodies)} kept bodies x {len(SAMPLES)} actions, with and without msgspec: {dict(ends)}"
    )


@pytest.mark.parametrize("door", DOORS)
def test_what_was_kept_does_no_harm_when_it_is_changed(door, request):
    rng = random.Random(4)
    inputs = list(kept(door).values())
    cases = sized(300, 20_000)
    for _ in range(cases):
        DOORS[door](mutated(rng, rng.choice(inputs), inputs))
    Figures(request, "P13")(f"{cases} mutations of the corpus of {door}: only documented errors")
