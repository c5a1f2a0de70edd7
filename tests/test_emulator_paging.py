"""Pages by arithmetic equal the walk, however many learners there are and whoever was deleted."""

import asyncio
import random

import pytest

from aoclient import PagingError, Session, actions
from aoclient.emulator import Emulator, Quirks
from aoclient.emulator.ids import Ids
from aoclient.emulator.roster import BLOCK, Roster, place_of


def roster(population, places, removed=(), newcomers=()):
    return Roster(
        seed=5, salt=2, places=places, population=population, removed=removed, newcomers=lambda: list(newcomers)
    )


def pages(listing, amount):
    offset = 0
    while page := listing.page(offset, amount):
        yield page
        offset += amount


@pytest.mark.parametrize("population", [0, 1, 19, 20, 21, 333])
@pytest.mark.parametrize("places", [(), (3,), (0, 5, 6, 19), tuple(range(BLOCK))], ids=len)
@pytest.mark.parametrize("amount", [1, 7, 50])
def test_pages_are_the_listing_cut_in_pieces(population, places, amount):
    rng = random.Random(population)
    removed = [number for number in range(1, population + 1) if rng.random() < 0.4]
    rng.shuffle(removed)
    listing = roster(population, places, removed, newcomers=[1001, 1002, 1003])
    members = [
        number for number in range(1, population + 1) if place_of(number, 5, 2) in places and number not in removed
    ] + [1001, 1002, 1003]
    assert list(listing) == members
    assert len(listing) == len(members)
    assert [number for page in pages(listing, amount) for number in page] == members
    assert all(len(page) == amount for page in list(pages(listing, amount))[:-1])


def test_who_is_deleted_later_leaves_a_gap_at_once():
    removed = []
    listing = roster(100, (1, 2, 3), removed)
    members = list(listing)
    for number in random.Random(1).sample(range(1, 101), 60):
        removed.append(number)
        members = [each for each in members if each != number]
        assert listing.page(3, 5) == members[3:8]


def test_no_learner_is_made_before_it_is_looked_at():
    """A million million learners would not fit anywhere."""
    emulator = Emulator(learners=10**12)
    course = emulator.world.catalogue.courses[0]
    assert len(emulator.world.started[0]) == 10**12 * len(course.started) // BLOCK

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        page = await ao.learners_progress_by_course(course_id=course.id, page=10**9, amount=50)
        return [row.email for row in page]

    emails = asyncio.run(main())
    assert len(emails) == 50
    ordinal = (10**9 - 1) * 50
    first_block = ordinal // len(course.started) * BLOCK
    numbers = [
        number
        for number in range(first_block + 1, first_block + 10 * BLOCK)
        if place_of(number, 0, 1) in course.started
    ][ordinal % len(course.started) :]
    assert emails == [f"learner{number}@example.com" for number in numbers[:50]]


def test_all_rows_of_all_pages_are_the_started_learners():
    emulator = Emulator(learners=450)
    course = emulator.world.catalogue.courses[0]

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        return [
            [row.email async for row in ao.learners_progress_by_course(course_id=course.id, amount=amount, **options)]
            for amount, options in ((7, {}), (100, {}), (1000, {}), (60, {"show_not_started_learners": True}))
        ]

    few, many, once, everybody = asyncio.run(main())
    assert few == many == once
    assert len(few) == len(set(few)) == len(emulator.world.started[0]) < 450
    assert everybody == [f"learner{number}@example.com" for number in range(1, 451)]


def test_a_page_has_ten_rows_and_never_more_than_the_server_allows():
    emulator = Emulator(learners=300, quirks=Quirks(max_amount=25))
    course = emulator.world.catalogue.courses[0]

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        return [
            len(await ao.learners_progress_by_course(course_id=course.id, amount=amount)) for amount in (None, 20, 500)
        ]

    assert asyncio.run(main()) == [10, 20, 25]


def test_a_server_that_ignores_the_page_repeats_the_first():
    emulator = Emulator(learners=300, quirks=Quirks(ignores_page=True))
    course = emulator.world.catalogue.courses[0]

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        first, second = [await ao.learners_progress_by_course(course_id=course.id, page=number) for number in (1, 2)]
        assert first.rows == second.rows
        with pytest.raises(PagingError):
            _ = [row async for row in ao.learners_progress_by_course(course_id=course.id, amount=20)]

    asyncio.run(main())


def test_an_id_can_be_turned_back_into_its_number():
    ids = Ids(0, "course")
    texts = [ids.of(number) for number in range(1, 500)]
    assert len(set(texts)) == 499
    assert all(len(text) == 20 and text.isalnum() for text in texts)
    assert [ids.number(text, 499) for text in texts] == list(range(1, 500))
    assert ids.number(texts[-1], 498) is None
    assert ids.number("too short", 10) is None
    assert ids.number("*" * 20, 10) is None
    assert set(texts).isdisjoint(Ids(0, "quiz").of(number) for number in range(1, 500))


def test_an_academy_may_be_empty():
    emulator = Emulator(learners=0, courses=0, teams=0)

    async def main():
        ao = Session("client-id", "client-secret", sender=emulator)
        assert await ao.learners() == []
        assert await ao.courses() == []
        assert await ao.get_teams() == []
        assert await ao.learners_amount_from_countries() == []
        await ao.invite_learners(learners=[actions.Invitee(email="a@example.com", name="A", type="learner")])
        emulator.accept_invite("a@example.com")
        assert (await ao.learners())[0].score == 0

    asyncio.run(main())
