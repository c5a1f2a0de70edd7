"""Listings: which page is asked for next, and when a walk is over."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoclient.action import Page
from aoclient.actions import LearnersProgressByCourse
from aoclient.errors import PagingError, ServerError
from aoclient.paging import ROWS_PER_PAGE, Listing, PagedCall, PageSizes

ACTION = LearnersProgressByCourse(course_id="c1")


def walk(rows, *, cap=1000, action=ACTION, sizes=None):
    """Walk a listing of ``rows`` on a server that sends at most ``cap`` a page; return the rows and the calls."""
    listing = Listing(action, sizes or PageSizes())
    got, calls = [], 0
    while (page := listing.take()) is not None:
        calls += 1
        size = min(cap, page.amount)
        start = (page.page - 1) * size
        answer = Page(rows[start : start + size], page.page)
        if listing.give(answer):
            got += answer.rows
    assert listing.is_over
    return got, calls


@given(count=st.integers(0, 700), cap=st.integers(1, 150), amount=st.none() | st.integers(1, 150))
def test_every_row_comes_once_whatever_the_page_size_of_the_server(count, cap, amount):
    rows = list(range(count))
    action = LearnersProgressByCourse(course_id="c1", amount=amount)
    assert walk(rows, cap=cap, action=action)[0] == rows


def test_without_an_amount_a_hundred_rows_are_asked_for():
    assert Listing(ACTION, PageSizes()).take().amount == ROWS_PER_PAGE


def test_a_walk_starts_at_the_page_that_was_given():
    action = LearnersProgressByCourse(course_id="c1", page=3, amount=10)
    assert walk(list(range(45)), action=action)[0] == list(range(20, 45))


def test_a_short_page_ends_the_walk_once_the_server_was_seen_to_send_longer_ones():
    sizes = PageSizes()
    assert walk(list(range(250)), sizes=sizes) == (list(range(250)), 3)
    assert walk(list(range(30)), sizes=sizes) == (list(range(30)), 1)


def test_a_short_first_page_may_have_been_cut_so_the_next_one_is_looked_at():
    assert walk(list(range(30)), cap=10) == (list(range(30)), 4)


def test_a_page_that_is_repeated_ends_the_walk():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), PageSizes())
    for rows in ([1, 2], [3, 4]):
        assert listing.give(Page(rows, listing.take().page))
    assert not listing.give(Page([3, 4], listing.take().page))
    assert listing.take() is None


def test_a_server_that_ignores_the_page_is_an_error():
    listing = Listing(ACTION, PageSizes())
    listing.give(Page([1, 2], listing.take().page))
    page = listing.take()
    with pytest.raises(PagingError, match="page 2 has the rows of page 1: the server ignores `page`"):
        listing.give(Page([1, 2], page.page))
    listing.stop(page)
    assert listing.is_over


def pages_asked_for(listing):
    """Take all that may be taken now."""
    taken = []
    while listing.has_next:
        taken.append(listing.take())
    assert listing.take() is None
    return taken


def test_the_window_is_four_times_as_wide_once_so_many_pages_came_full_up_to_the_look_ahead():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), PageSizes(), look_ahead=20)
    in_flight = []
    for expected in (1, 4, 4, 4, *[16] * 12, 20, 20):
        in_flight += [page.page for page in pages_asked_for(listing)]
        assert len(in_flight) == expected
        number = in_flight.pop(0)
        assert listing.give(Page([2 * number, 2 * number + 1], number))
    assert listing.full_pages == 18


def test_a_first_page_that_may_be_the_only_one_widens_nothing():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=3), PageSizes(), look_ahead=8)
    assert listing.give(Page([1, 2], listing.take().page))
    assert [page.page for page in pages_asked_for(listing)] == [2]


def test_first_pages_of_one_length_may_all_be_the_only_ones():
    sizes = PageSizes()
    walk([1, 2], sizes=sizes)
    listing = Listing(LearnersProgressByCourse(course_id="c2", amount=3), sizes, look_ahead=8)
    assert listing.give(Page([1, 2], listing.take().page))
    assert [page.page for page in pages_asked_for(listing)] == [2]


def test_pages_of_a_server_that_cuts_them_are_full_once_two_were_of_one_length():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=3), PageSizes(), look_ahead=8)
    assert listing.give(Page([1, 2], listing.take().page))
    assert listing.give(Page([3, 4], listing.take().page))
    assert [page.page for page in pages_asked_for(listing)] == [3, 4, 5, 6]


def asked_ahead():
    """Return a listing whose first page came, and the four behind it, which are on their way."""
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), PageSizes(), look_ahead=4)
    listing.give(Page([1, 2], listing.take().page))
    return listing, pages_asked_for(listing)


def test_of_the_pages_behind_a_short_one_only_the_next_is_waited_for():
    listing, (second, third, _, _) = asked_ahead()
    assert listing.give(Page([3], second.page))
    assert not listing.is_over
    assert not listing.give(Page([], third.page))
    assert listing.is_over


def test_a_page_behind_the_end_that_cannot_be_had_changes_nothing():
    listing, (second, third, fourth, _) = asked_ahead()
    assert listing.give(Page([3], second.page))
    listing.stop(fourth)
    assert not listing.is_over
    assert not listing.give(Page([], third.page))
    assert listing.is_over


def test_all_pages_before_one_that_cannot_be_had_are_waited_for():
    listing, (second, third, fourth, fifth) = asked_ahead()
    listing.stop(third)
    listing.stop(fifth)
    assert not listing.give(Page([], fourth.page))
    assert not listing.is_over
    assert listing.give(Page([3, 4], second.page))
    assert listing.is_over


def test_all_pages_before_the_end_are_waited_for():
    listing, (second, third, fourth, _) = asked_ahead()
    assert not listing.give(Page([], fourth.page))
    assert listing.give(Page([3, 4], second.page))
    assert not listing.is_over
    assert listing.give(Page([5, 6], third.page))
    assert listing.is_over


def test_rows_behind_a_short_page_prove_that_it_was_not_the_last_one():
    sizes = PageSizes()
    walk(list(range(10)), action=LearnersProgressByCourse(course_id="c0", amount=2), sizes=sizes)
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), sizes, look_ahead=4)
    listing.give(Page([1, 2], listing.take().page))
    second, third = listing.take(), listing.take()
    assert listing.give(Page([3], second.page))
    assert listing.take() is None
    assert not listing.is_over
    assert listing.give(Page([4, 5], third.page))
    assert listing.take().page == 4


def test_a_short_page_does_not_end_a_walk_that_has_rows_behind_it():
    sizes = PageSizes()
    walk(list(range(10)), action=LearnersProgressByCourse(course_id="c0", amount=2), sizes=sizes)
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), sizes, look_ahead=4)
    listing.give(Page([1, 2], listing.take().page))
    second, third = listing.take(), listing.take()
    listing.give(Page([4, 5], third.page))
    listing.give(Page([3], second.page))
    assert not listing.is_beyond(listing.place_of(third))
    assert listing.take().page == 4


def test_empty_pages_ahead_end_the_walk_at_the_first_of_them():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), PageSizes(), look_ahead=4)
    listing.give(Page([1, 2], listing.take().page))
    second, third = listing.take(), listing.take()
    assert not listing.give(Page([], third.page))
    assert not listing.give(Page([], second.page))
    assert listing.is_over
    assert listing.is_beyond(1)
    assert not listing.is_beyond(0)


def test_pages_that_could_not_be_had_end_the_walk_at_the_first_of_them():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=2), PageSizes(), look_ahead=4)
    listing.give(Page([1, 2], listing.take().page))
    second, third = listing.take(), listing.take()
    listing.stop(third)
    assert not listing.is_over
    listing.stop(second)
    assert listing.is_over


def test_a_long_walk_keeps_the_edges_of_few_pages():
    listing = Listing(LearnersProgressByCourse(course_id="c1", amount=1), PageSizes(), look_ahead=2)
    for number in range(1, 200):
        page = listing.take()
        listing.give(Page([number], page.page))
    assert len(listing._edges) <= 4


class Pages:
    """A session that answers pages of numbers, and fails where told."""

    def __init__(self, rows, *, fails_at=None):
        self.rows = rows
        self.fails_at = fails_at
        self.page_sizes = PageSizes()
        self.alive = 0

    async def send(self, action):
        await asyncio.sleep(0)
        if self.fails_at is not None and action.page == self.fails_at:
            raise ServerError("down", status=500)
        number, amount = action.page or 1, action.amount or 10
        return Page(self.rows[(number - 1) * amount : number * amount], number)


def test_a_call_awaited_is_one_page_and_iterated_it_is_every_row():
    async def main():
        session = Pages(list(range(200)))
        page = await PagedCall(session, ACTION)
        assert (page.number, list(page)) == (1, list(range(10)))
        assert [row async for row in PagedCall(session, ACTION)] == list(range(200))

    asyncio.run(main())


def test_a_call_is_a_coroutine_for_create_task():
    async def main():
        task = asyncio.create_task(PagedCall(Pages([1, 2]), ACTION))
        assert list(await task) == [1, 2]
        cancelled = asyncio.create_task(PagedCall(Pages([1, 2]), ACTION))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    asyncio.run(main())


def test_a_call_that_was_never_started_leaves_nothing_behind():
    call = PagedCall(Pages([]), ACTION)
    call.close()
    with pytest.raises(KeyError):
        call.throw(KeyError())
    started = PagedCall(Pages([]), ACTION)
    started.send(None)
    started.close()


def test_rows_before_a_page_that_fails_are_given():
    async def main():
        got = []
        with pytest.raises(ServerError):
            async for row in PagedCall(Pages(list(range(250)), fails_at=2), ACTION):
                got.append(row)
        assert got == list(range(100))

    asyncio.run(main())
