"""What a fan-out does next, and in which order its results are given out."""

import random
from collections import Counter

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from aoclient.action import Page
from aoclient.actions import AddLearnerQuizAttempts, CheckLearnerInvite, CourseProgress, LearnersProgressByCourse
from aoclient.agenda import Agenda, Done, Failed
from aoclient.errors import InvalidOptionError, RateLimitError, ServerError, ValidationError
from aoclient.paging import PageSizes

BROKEN = ServerError("down", status=500)


def agenda(**settings):
    return Agenda(
        **{
            "concurrency": 4,
            "max_pairs": 1000,
            "sizes": PageSizes(),
            "ordered": False,
            "look_ahead": 8,
            "retry_failed": 0,
            **settings,
        }
    )


def course(number):
    return LearnersProgressByCourse(course_id=f"c{number}", amount=3)


def page_of(action, rows):
    start = (action.page - 1) * action.amount
    return Page(rows[start : start + action.amount], action.page)


class Run:
    """Drive an agenda with answers in random order, and keep what it gave out."""

    def __init__(self, work, todo, answer, *, seed, most=4):
        self.random = random.Random(seed)
        self.work, self.todo, self.answer, self.most = work, list(todo), answer, most
        self.results, self.sent, self.largest = [], [], 0

    def finish(self):
        in_flight = []
        while True:
            while len(in_flight) < self.most and (job := self.next_job()) is not None:
                in_flight.append(job)
                self.sent.append(job.action)
            self.largest = max(self.largest, len(self.work.ready) + len(in_flight))
            if in_flight:
                job = in_flight.pop(self.random.randrange(len(in_flight)))
                self.work.give(job, self.answer(job.action))
            elif not self.work.ready and not self.todo:
                break
            if self.work.ready and (not in_flight or self.random.random() < 0.5):
                self.results.append(self.work.ready.popleft())
        assert self.work.is_over
        assert (self.work._held, self.work.in_flight, self.work._due | self.work._ahead, list(self.work._queue)) == (
            0,
            0,
            {},
            [],
        )
        return self

    def next_job(self):
        job = self.work.take()
        while job is None and self.todo and self.work.has_room:
            job = self.work.begin(self.todo.pop(0))
        return job or self.work.take(ahead=True)


LENGTHS = st.lists(st.integers(0, 25), max_size=8)


@given(lengths=LENGTHS, seed=st.integers(0, 10**6), ordered=st.booleans(), look_ahead=st.integers(1, 8))
def test_every_row_of_every_listing_comes_once_and_in_order(lengths, seed, ordered, look_ahead):
    rows = {f"c{number}": [(number, row) for row in range(length)] for number, length in enumerate(lengths)}
    work = agenda(ordered=ordered, look_ahead=look_ahead)
    run = Run(
        work, map(course, range(len(lengths))), lambda a: Done(a, page_of(a, rows[a.course_id])), seed=seed
    ).finish()
    got = {name: [] for name in rows}
    for result in run.results:
        got[result.action.course_id] += result.answer.rows
    assert got == rows
    if ordered:
        numbers = [int(result.action.course_id[1:]) for result in run.results]
        assert numbers == sorted(numbers)


@given(
    lengths=st.lists(st.integers(4, 40), max_size=4),
    seed=st.integers(0, 10**6),
    ordered=st.booleans(),
    look_ahead=st.integers(1, 8),
)
def test_a_server_that_repeats_its_last_page_brings_every_row_whichever_comes_first(lengths, seed, ordered, look_ahead):
    rows = {f"c{number}": [(number, row) for row in range(length)] for number, length in enumerate(lengths)}

    def answer(action):
        last = -(-len(rows[action.course_id]) // action.amount)
        return Done(
            action,
            evolve(page_of(evolve(action, page=min(action.page, last)), rows[action.course_id]), number=action.page),
        )

    work = agenda(ordered=ordered, look_ahead=look_ahead)
    run = Run(work, map(course, range(len(lengths))), answer, seed=seed).finish()
    got = {name: [] for name in rows}
    for result in run.results:
        got[result.action.course_id] += result.answer.rows
    assert got == rows


@given(lengths=LENGTHS, seed=st.integers(0, 10**6), ordered=st.booleans())
def test_a_page_that_fails_ends_its_listing_and_no_other(lengths, seed, ordered):
    rows = {f"c{number}": [(number, row) for row in range(length)] for number, length in enumerate(lengths)}

    def answer(action):
        fails = int(action.course_id[1:]) % 2 and action.page >= 3
        return Failed(action, BROKEN) if fails else Done(action, page_of(action, rows[action.course_id]))

    run = Run(agenda(ordered=ordered), map(course, range(len(lengths))), answer, seed=seed).finish()
    for number, length in enumerate(lengths):
        mine = [result for result in run.results if result.action.course_id == f"c{number}"]
        got = [row for result in mine if isinstance(result, Done) for row in result.answer]
        failed = [result.action.page for result in mine if isinstance(result, Failed)]
        if number % 2 == 0:
            assert (got, failed) == (rows[f"c{number}"], [])
        else:
            assert got == rows[f"c{number}"][:6]
            assert failed == [3] or (failed == [] and length <= 6)
            assert not failed or isinstance(mine[-1], Failed)


@given(count=st.integers(0, 60), seed=st.integers(0, 10**6), ordered=st.booleans())
def test_simple_actions_all_come_and_memory_stays_bounded(count, seed, ordered):
    todo = [CourseProgress(email=f"u{number}@example.com") for number in range(count)]
    run = Run(agenda(ordered=ordered), todo, lambda a: Done(a, []), seed=seed).finish()
    got = [result.action for result in run.results]
    assert got == todo if ordered else sorted(got, key=todo.index) == todo
    assert run.largest <= (16 if ordered else 8)


@given(seed=st.integers(0, 10**6), ordered=st.booleans())
def test_an_action_that_is_too_big_comes_in_parts(seed, ordered):
    emails = [f"u{number}@example.com" for number in range(25)]
    run = Run(
        agenda(max_pairs=8, ordered=ordered), [CheckLearnerInvite(emails=emails)], lambda a: Done(a, {}), seed=seed
    ).finish()
    parts = [result.action.emails for result in run.results]
    assert sorted(email for part in parts for email in part) == sorted(emails)
    assert max(map(len, parts)) == 7
    if ordered:
        assert [email for part in parts for email in part] == emails


@pytest.mark.parametrize("ordered", [False, True])
def test_an_action_that_cannot_be_cut_fails_without_being_sent(ordered):
    work = agenda(max_pairs=1, ordered=ordered)
    assert work.begin(CheckLearnerInvite(emails=["a@example.com"])) is None
    (result,) = work.ready
    assert isinstance(result.error, InvalidOptionError)
    assert work.is_over


def fails_first(times, error):
    """Return an answer that fails so often for each action."""
    left = {}

    def answer(action):
        key = repr(action)
        left[key] = left.get(key, times)
        left[key] -= 1
        if left[key] >= 0:
            return Failed(action, error)
        return Done(action, page_of(action, list(range(10))) if isinstance(action, LearnersProgressByCourse) else [])

    return answer


@given(seed=st.integers(0, 10**6), ordered=st.booleans())
def test_what_failed_is_put_back_as_often_as_told(seed, ordered):
    todo = [CourseProgress(email="a@example.com"), course(1), CourseProgress(email="b@example.com")]
    run = Run(agenda(retry_failed=2, ordered=ordered), todo, fails_first(2, BROKEN), seed=seed).finish()
    assert all(isinstance(result, Done) for result in run.results)
    assert [row for r in run.results if isinstance(r.answer, Page) for row in r.answer] == list(range(10))
    sent = Counter(action.page if isinstance(action, LearnersProgressByCourse) else 0 for action in run.sent)
    assert [sent[number] for number in range(5)] == [2 * 3, 3, 3, 3, 3]
    assert all(sent[number] <= 3 for number in sent if number > 4)  # those behind the last page, until it is known


def test_what_is_put_back_takes_no_place_of_another():
    work = agenda(retry_failed=1)
    listing = work.begin(course(1))
    jobs = [listing, *(work.begin(CourseProgress(email=f"u{number}@example.com")) for number in range(2))]
    work.give(listing, full(listing))
    for job in jobs[1:]:
        work.give(job, Failed(job.action, BROKEN))
    taken = [work.take() for _ in range(3)]
    assert work.take() is None
    assert [job.entry for job in taken] == [job.entry for job in jobs]
    assert [job.repeats for job in taken] == [0, 1, 1]


@pytest.mark.parametrize(
    ("error", "action", "sent"),
    [
        (BROKEN, CourseProgress(email="a@example.com"), 2),
        (ValidationError("no", status=422), CourseProgress(email="a@example.com"), 1),
        (BROKEN, AddLearnerQuizAttempts(quiz_id="q", email="a@example.com"), 1),
        (RateLimitError("wait", status=429), AddLearnerQuizAttempts(quiz_id="q", email="a@example.com"), 2),
    ],
)
def test_only_what_may_be_repeated_is_put_back(error, action, sent):
    run = Run(agenda(retry_failed=1), [action], lambda a: Failed(a, error), seed=0).finish()
    assert len(run.sent) == sent
    assert [type(result) for result in run.results] == [Failed]


def test_what_was_begun_goes_on_before_a_new_action_and_pages_ahead_come_last():
    work = agenda(concurrency=8)
    first = work.begin(course(1))
    assert work.take() is None
    work.give(first, Done(first.action, Page([1, 2, 3], 1)))
    second = work.take()
    assert (second.action.course_id, second.action.page) == ("c1", 2)
    assert work.take() is None
    pages = []
    while (job := work.take(ahead=True)) is not None:
        pages.append((job.action.course_id, job.action.page))
    assert pages == [("c1", 3), ("c1", 4), ("c1", 5)]


def full(job):
    """Return the answer of a page with as many rows as asked for."""
    return Done(job.action, Page([3 * job.action.page + row for row in range(3)], job.action.page))


def with_two_listings(*, ordered):
    """Return an agenda in which c1 had one full page and c2 two; each has its next page on its way."""
    work = agenda(concurrency=16, ordered=ordered)
    jobs = [work.begin(course(1)), work.begin(course(2))]
    for number in (1, 0, 1):
        work.give(jobs[number], full(jobs[number]))
        jobs[number] = work.take()
    assert work.take() is None
    return work


def ahead_of(work):
    taken = []
    while (job := work.take(ahead=True)) is not None:
        taken.append((job.action.course_id, job.action.page))
    return taken


def test_the_listing_with_most_full_pages_has_the_pages_ahead():
    first = [("c2", page) for page in range(4, 7)]
    assert ahead_of(with_two_listings(ordered=False)) == [*first, ("c1", 3), ("c1", 4), ("c1", 5)]


def test_in_order_the_listing_that_is_given_out_first_has_the_pages_ahead():
    assert ahead_of(with_two_listings(ordered=True))[:4] == [("c1", 3), ("c1", 4), ("c1", 5), ("c2", 4)]


def test_without_room_only_what_others_wait_for_is_asked_for():
    work = agenda(concurrency=1, ordered=True, retry_failed=1)  # room for four results
    first, second, third = work.begin(course(1)), work.begin(course(2)), work.begin(course(3))
    work.give(second, full(second))
    work.give(third, Failed(third.action, BROKEN))
    assert [work.take().action.course_id for _ in range(2)] == ["c2", "c3"]
    work.give(first, full(first))
    assert not work.has_room
    assert work.take().action.page == 2
    assert work.take() is None
    assert [work.take(ahead=True).action.page for _ in range(3)] == [3, 4, 5]
    assert work.take(ahead=True) is None


def test_a_page_behind_the_end_holds_nothing_up_and_is_not_repeated():
    work = agenda(retry_failed=1)
    first = work.begin(course(1))
    work.give(first, full(first))
    second = work.take()
    behind = [work.take(ahead=True) for _ in range(3)]
    work.give(behind[2], Failed(behind[2].action, BROKEN))
    work.give(behind[1], Done(behind[1].action, Page([], 4)))
    work.give(second, Done(second.action, Page([7], 2)))
    assert not work.is_over
    work.give(behind[0], Done(behind[0].action, Page([], 3)))
    assert work.is_over
    assert work.take(ahead=True) is None
    assert [result.action.page for result in work.ready] == [1, 2]


def test_what_comes_behind_the_end_after_all_is_over_changes_nothing():
    work = agenda(retry_failed=1)
    first = work.begin(course(1))
    work.give(first, full(first))
    second, third, fourth = work.take(), work.take(ahead=True), work.take(ahead=True)
    work.give(second, Done(second.action, Page([7], 2)))
    work.give(third, Done(third.action, Page([], 3)))
    assert work.is_over
    work.give(fourth, Failed(fourth.action, BROKEN))
    assert (work.is_over, work.take(), len(work.ready)) == (True, None, 2)


def test_a_listing_with_a_page_given_is_that_page_only():
    work = agenda()
    job = work.begin(evolve(course(1), page=4))
    assert job.action.page == 4
    work.give(job, Done(job.action, Page([1, 2, 3], 4)))
    assert work.is_over
    assert work.ready[0].action.page == 4


def test_a_server_that_ignores_the_page_fails_the_page():
    run = Run(agenda(), [course(1)], lambda a: Done(a, Page([1, 2, 3], a.page)), seed=0).finish()
    assert [type(result) for result in run.results] == [Done, Failed]


def test_pages_asked_for_ahead_are_dropped_once_a_page_before_them_failed():
    work = agenda(retry_failed=1)
    first = work.begin(course(1))
    work.give(first, Done(first.action, Page([1, 2, 3], 1)))
    second, third = work.take(), work.take(ahead=True)
    work.give(third, Failed(third.action, BROKEN))
    third = work.take()
    assert (third.action.page, third.repeats) == (3, 1)
    work.give(second, Failed(second.action, ValidationError("no", status=422)))
    assert [getattr(result.action, "page", None) for result in work.ready] == [1, 2]
    assert not work.is_over
    work.give(third, Done(third.action, Page([7, 8, 9], 3)))
    assert len(work.ready) == 2
    assert work.is_over
