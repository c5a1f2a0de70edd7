"""A reader can be told when nothing more comes of an action, and which action a page or a part belongs to."""

import pytest

from aoclient.action import Page
from aoclient.actions import CheckLearnerInvite, CourseProgress, LearnersProgressByCourse
from aoclient.agenda import Agenda, Failed, Over
from aoclient.errors import InvalidOptionError, ServerError
from aoclient.fanout import FanOut
from aoclient.paging import PageSizes
from tests.kit.clock import run

LISTING = LearnersProgressByCourse(course_id="c1", amount=2)
WHOLE = CheckLearnerInvite(emails=[f"{number}@example.com" for number in range(5)])
TOO_LONG = CheckLearnerInvite(emails=["a@example.com"], extra={f"x{number}": 1 for number in range(9)})
FAILING = CourseProgress(email="a@example.com")


async def send(action):
    if action == FAILING:
        raise ServerError("down", status=500)
    return (
        Page([action.page, 0] if action.page < 3 else [], action.page)
        if isinstance(action, LearnersProgressByCourse)
        else {}
    )


@pytest.mark.parametrize("ordered", [False, True])
def test_an_end_follows_the_last_outcome_of_each_action(ordered):
    todo = [LISTING, WHOLE, TOO_LONG, FAILING]
    settings = {"concurrency": 3, "max_pairs": 4, "look_ahead": 1, "retry_failed": 1}

    async def main():
        agenda = Agenda(sizes=PageSizes(), ordered=ordered, **settings)
        async with FanOut(todo, send=send, agenda=agenda, concurrency=3, on_error="raise") as outcomes:
            return [outcome async for outcome in outcomes.with_ends()]

    seen = run(main())
    assert sorted(todo.index(each.source) for each in seen if isinstance(each, Over)) == [0, 1, 2, 3]
    for source, count in ((LISTING, 2), (WHOLE, 2), (TOO_LONG, 1), (FAILING, 1)):
        ours = [each for each in seen if each.source is source]
        assert len(ours) == count + 1
        assert ours[-1] == Over(source)
    failed = [each for each in seen if isinstance(each, Failed)]
    assert {type(each.error) for each in failed} == {InvalidOptionError, ServerError}


def test_a_listing_the_server_does_not_page_names_its_action():
    async def main():
        agenda = Agenda(sizes=PageSizes(), ordered=False, concurrency=1, max_pairs=1000, look_ahead=1, retry_failed=0)

        async def repeat(action):
            return Page([1, 2], action.page)

        async with FanOut([LISTING], send=repeat, agenda=agenda, concurrency=1, on_error="collect") as outcomes:
            return [outcome async for outcome in outcomes.with_ends()]

    seen = run(main())
    assert [type(each).__name__ for each in seen] == ["Done", "Failed", "Over"]
    assert all(each.source is LISTING for each in seen)
