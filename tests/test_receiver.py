"""The core of the receiver: what it refuses, whom it calls, how it answers, tries again and closes."""

import asyncio
import logging
import subprocess
import sys

import pytest

import aoclient.receivers
from aoclient.errors import ClientClosedError, ConfigurationError
from aoclient.receivers import MemoryStore, Receiver, State
from aoclient.secret import Secret
from aoclient.webhooks import CourseFinished, Event, QuizFinished, QuizStarted, UnknownEvent, sign
from tests.kit.clock import run
from tests.kit.receiving import SECRET, Keeping, body, deliver, signed


def now():
    return asyncio.get_running_loop().time()


def receive(payload, headers, **settings):
    """Return the answer to one delivery, and the ids of the events handled."""

    async def main():
        receiver = Receiver(SECRET, **settings)
        keeping = Keeping()
        receiver.on(Event)(keeping)
        async with receiver:
            answer = await receiver.receive(payload, headers)
        return answer, keeping.ids

    return run(main())


# --- what is taken and what is not -------------------------------------------------------------------------------


def test_a_good_delivery_is_accepted_and_handled():
    answer, ids = receive(body("e1"), signed(body("e1")))
    assert (answer.status, ids) == (200, ["e1"])


@pytest.mark.parametrize("name", ["signature", "SIGNATURE", "Signature"])
def test_the_name_of_the_header_may_come_in_any_case(name):
    assert receive(body(), {name: sign(body(), SECRET)})[0].status == 200


GOOD = sign(body(), SECRET)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Signature": ""},
        {"Signature": GOOD[:-1]},
        {"Signature": GOOD + "0"},
        {"Signature": GOOD.upper()},
        {"Signature": f"sha256={GOOD}"},
        {"Signature": f"{GOOD}, {GOOD}"},
        {"Signature": "ü" * 64},
        {"Signature": "\udcff"},
        {"Signature": sign(body(), "another secret")},
        {"Signature": sign(body("e2"), SECRET)},
        {"X-Signature": GOOD},
        [("Signature", GOOD), ("signature", GOOD)],
        [("Signature", GOOD), ("signature", "")],
    ],
    ids=str,
)
def test_what_is_not_authentic_gets_one_and_the_same_401(headers):
    answer, ids = receive(body(), headers)
    assert (answer.status, answer.body, ids) == (401, b"the signature is missing or wrong\n", [])


def test_any_of_several_secrets_will_do():
    async def main():
        receiver = Receiver(["new", Secret("old")])
        async with receiver:
            return [(await receiver.receive(body(), signed(body(), secret))).status for secret in ("new", "old", "no")]

    assert run(main()) == [200, 200, 401]


def test_other_spellings_of_the_signature_are_taken_where_the_receiver_says_so():
    headers = {"Signature": GOOD.upper()}
    assert receive(body(), headers, encodings=["hex", "upper-hex"])[0].status == 200


@pytest.mark.parametrize("payload", [b"", b"[1]", b"nonsense", b"\xff", b'"x"', b"[" * 9999], ids=repr)
def test_what_is_authentic_and_no_event_is_answered_400(payload):
    assert receive(payload, signed(payload))[0].status == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_hashed():
    payload = body(text="x" * 300)
    assert receive(payload, {}, max_body_bytes=len(payload) - 1)[0].status == 413
    assert receive(payload, signed(payload), max_body_bytes=len(payload))[0].status == 200


@pytest.mark.parametrize("encoding", ["gzip", "identity", ""])
def test_a_content_encoding_is_refused_whatever_it_says(encoding):
    assert receive(body(), {**signed(body()), "content-encoding": encoding})[0].status == 415


@pytest.mark.parametrize(
    ("length", "status"),
    [
        ("100", 413),
        ("00100", 413),
        ("9" * 5000, 413),
        ("99", 200),
        ("0" * 5000, 200),
        ("²", 200),
        ("x", 200),
        ("", 200),
    ],
)
def test_the_length_a_sender_tells_of_is_believed_where_it_is_too_much(length, status):
    assert receive(body(), {**signed(body()), "Content-Length": length}, max_body_bytes=99)[0].status == status


def test_a_receiver_that_is_not_open_answers_503(caplog):
    receiver = Receiver(SECRET)
    assert run(deliver(receiver, body())) == 503
    assert "not open" in caplog.text


def test_nothing_raises_into_the_adapter(caplog):
    receiver = Receiver(SECRET)

    async def read():
        raise AssertionError

    async def main():
        async with receiver:
            return (
                await receiver.receive(body(), {1: 2}),
                await receiver.respond("POST", {1: 2}, read),
                await receiver.take(None, []),
            )

    assert [answer.status for answer in run(main())] == [503, 503, 503]
    assert "AttributeError" in caplog.text
    assert "TypeError" in caplog.text


@pytest.mark.parametrize(
    ("secrets", "settings"),
    [
        ("", {}),
        (" ", {}),
        ([], {}),
        (["good", ""], {}),
        (None, {}),
        (SECRET, {"queue_size": 0}),
        (SECRET, {"workers": 0}),
        (SECRET, {"attempts": 0}),
        (SECRET, {"max_body_bytes": 0}),
        (SECRET, {"retry_after": -1}),
        (SECRET, {"drain_timeout": float("nan")}),
        (SECRET, {"body_timeout": 0}),
        (SECRET, {"lease": 0}),
        (SECRET, {"encodings": ["rot13"]}),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_at_start_up(secrets, settings):
    with pytest.raises((ConfigurationError, TypeError)):
        Receiver(secrets, **settings)


def test_no_secret_is_in_a_log_line(caplog):
    caplog.set_level(logging.DEBUG)
    receive(body(), {"Signature": "wrong"})
    assert "refused" in caplog.text
    assert SECRET not in caplog.text
    assert GOOD not in caplog.text


# --- handlers ----------------------------------------------------------------------------------------------------


def test_each_handler_gets_the_events_of_its_class():
    async def main():
        receiver = Receiver(SECRET)
        got = []
        for kind in (QuizFinished, CourseFinished, UnknownEvent, Event):

            @receiver.on(kind)
            async def note(event, kind=kind):
                got.append((kind.__name__, type(event).__name__))

        async with receiver:
            for name in ("quiz.finished", "course.finished", "brand.new", "team.new_learners"):
                await deliver(receiver, body(name=name))
        return got

    assert sorted(run(main())) == [
        ("CourseFinished", "CourseFinished"),
        ("Event", "CourseFinished"),
        ("Event", "QuizFinished"),
        ("Event", "TeamNewLearners"),
        ("Event", "UnknownEvent"),
        ("QuizFinished", "QuizFinished"),
        ("UnknownEvent", "UnknownEvent"),
    ]


def test_a_handler_of_several_classes_gets_each_event_once():
    async def main():
        receiver = Receiver(SECRET)
        got = []

        @receiver.on(QuizFinished, Event, CourseFinished)
        async def note(event):
            got.append(type(event).__name__)

        async with receiver:
            for name in ("quiz.finished", "course.finished", "brand.new"):
                await deliver(receiver, body(name=name))
        return got

    assert sorted(run(main())) == ["CourseFinished", "QuizFinished", "UnknownEvent"]


def test_the_decorator_gives_the_function_back():
    receiver = Receiver(SECRET)

    async def note(event): ...

    assert receiver.on(QuizFinished)(note) is note


def test_an_event_nobody_wants_is_accepted_and_not_kept():
    async def main():
        store = MemoryStore()
        async with Receiver(SECRET, store=store) as receiver:
            receiver.on(QuizStarted)(Keeping())
            status = await deliver(receiver, body(name="quiz.finished"))
        return status, store._done

    assert run(main()) == (200, {})


@pytest.mark.parametrize("handler", [print, lambda event: None, Keeping], ids=["built in", "lambda", "class"])
def test_a_handler_that_is_no_coroutine_function_is_refused(handler):
    with pytest.raises(ConfigurationError, match="async def"):
        Receiver(SECRET).on(Event)(handler)


@pytest.mark.parametrize("kind", [str, "quiz.finished", None, QuizFinished()], ids=["another", "name", "none", "event"])
def test_only_a_class_of_events_can_be_listened_for(kind):
    with pytest.raises(ConfigurationError, match="class of events"):
        Receiver(SECRET).on(kind)
    with pytest.raises(ConfigurationError, match="class of events"):
        Receiver(SECRET).on(QuizFinished, kind)


def test_a_handler_says_what_it_listens_for():
    with pytest.raises(ConfigurationError, match="class of events, got None"):
        Receiver(SECRET).on()


# --- in the background -------------------------------------------------------------------------------------------


def slow_receiver(*, takes=5.0, **settings):
    receiver = Receiver(SECRET, **settings)
    log = []

    @receiver.on(Event)
    async def handle(event):
        log.append((now(), "begun", event.id))
        await asyncio.sleep(takes)
        log.append((now(), "done", event.id))

    return receiver, log


def test_the_answer_goes_out_before_the_event_is_handled():
    async def main():
        receiver, log = slow_receiver()
        async with receiver:
            status = await deliver(receiver, body())
            return status, now(), receiver.at_work, await asyncio.sleep(6), receiver.at_work, log

    assert run(main()) == (200, 0.0, 1, None, 0, [(0.0, "begun", "e1"), (5.0, "done", "e1")])


def test_no_more_handlers_run_at_once_than_there_are_workers():
    async def main():
        receiver, log = slow_receiver(workers=2, drain_timeout=60)
        async with receiver:
            for number in range(5):
                await deliver(receiver, body(f"e{number}"))
        return log

    assert [(time, event_id) for time, what, event_id in run(main()) if what == "begun"] == [
        (0.0, "e0"),
        (0.0, "e1"),
        (5.0, "e2"),
        (5.0, "e3"),
        (10.0, "e4"),
    ]


@pytest.mark.parametrize("wait", [False, True])
def test_a_full_queue_is_answered_503_until_there_is_room(wait, caplog):
    async def main():
        receiver, _ = slow_receiver(queue_size=3, wait=wait)
        async with receiver:
            many = [deliver(receiver, body(f"e{number}")) for number in range(5)]
            first = await asyncio.gather(*many)
            await asyncio.sleep(6)
            return first, await deliver(receiver, body("e4"))

    assert run(main()) == ([200, 200, 200, 503, 503], 200)
    assert "queue_size" in caplog.text


def test_a_duplicate_takes_no_room_in_the_queue():
    async def main():
        receiver, log = slow_receiver(queue_size=1)
        async with receiver:
            statuses = [await deliver(receiver, body()) for _ in range(3)]
        return statuses, len(log)

    assert run(main()) == ([200, 200, 200], 2)


def failing_receiver(errors, *, more=(), **settings):
    receiver = Receiver(SECRET, **settings)
    handlers = [Keeping(errors), *more]
    times = []

    @receiver.on(Event)
    async def clock(event):
        times.append(now())
        await handlers[0](event)

    for handler in more:
        receiver.on(Event)(handler)
    return receiver, handlers[0], times


def test_a_failed_handler_is_tried_again_with_growing_waits():
    async def main():
        receiver, handler, times = failing_receiver([ValueError(), ValueError(), ValueError()])
        async with receiver:
            status = await deliver(receiver, body())
        return status, times, handler.ids

    assert run(main()) == (200, [0.0, 1.0, 3.0, 7.0], ["e1"])


def test_a_handler_that_waits_for_its_next_try_holds_up_no_other():
    async def main():
        receiver, handler, times = failing_receiver([ValueError()], workers=1, retry_after=5)
        async with receiver:
            for event_id in ("e1", "e2", "e3"):
                await deliver(receiver, body(event_id))
        return times, handler.ids

    assert run(main()) == ([0.0, 0.0, 0.0, 5.0], ["e2", "e3", "e1"])


def test_only_the_handler_that_failed_is_tried_again():
    async def main():
        other = Keeping()
        receiver, handler, _ = failing_receiver([ValueError()], more=[other])
        async with receiver:
            await deliver(receiver, body())
        return handler.calls, other.calls

    assert run(main()) == (["e1", "e1"], ["e1"])


def failures(count):
    return [ValueError(str(number)) for number in range(count)]


@pytest.mark.parametrize("wait", [False, True])
def test_an_event_that_is_given_up_goes_to_on_error_and_may_come_again(wait):
    async def main():
        lost = []

        async def keep(event, error):
            await asyncio.sleep(1)
            lost.append((event.id, str(error)))

        receiver, handler, _ = failing_receiver(failures(1 if wait else 4), on_error=keep, wait=wait)
        async with receiver:
            first = await deliver(receiver, body())
            await asyncio.sleep(20)
            return first, lost, await deliver(receiver, body()), await asyncio.sleep(1), handler.ids

    first, last = (503, "0") if wait else (200, "3")
    assert run(main()) == (first, [("e1", last)], 200, None, ["e1"])


def test_on_error_may_be_a_plain_function():
    async def main():
        lost = []
        receiver, *_ = failing_receiver(failures(1), attempts=1, on_error=lambda *given: lost.append(given))
        async with receiver:
            await deliver(receiver, body())
        return lost

    [(event, error)] = run(main())
    assert isinstance(event, QuizFinished)
    assert isinstance(error, ValueError)


def test_an_on_error_that_fails_is_logged(caplog):
    async def main():
        receiver, *_ = failing_receiver(failures(1), attempts=1, on_error=lambda *_: 1 / 0)
        async with receiver:
            return await deliver(receiver, body()), await asyncio.sleep(1), await deliver(receiver, body())

    assert run(main()) == (200, None, 200)
    assert "ZeroDivisionError" in caplog.text


def test_a_failure_is_logged_with_its_traceback_and_the_event(caplog):
    async def main():
        receiver, *_ = failing_receiver(failures(1))
        async with receiver:
            await deliver(receiver, body("id-7"))

    run(main())
    assert "id-7" in caplog.text
    assert "quiz.finished" in caplog.text
    assert "ValueError: 0" in caplog.text


def test_a_handler_cancelled_from_within_has_failed_and_nothing_else_ends():
    async def main():
        receiver, handler, times = failing_receiver([asyncio.CancelledError()])
        async with receiver:
            return await deliver(receiver, body()), await asyncio.sleep(2), times, handler.ids

    assert run(main()) == (200, None, [0.0, 1.0], ["e1"])


# --- handled before the answer -----------------------------------------------------------------------------------


def test_with_wait_the_answer_comes_after_the_handlers():
    async def main():
        receiver, log = slow_receiver(wait=True)
        async with receiver:
            return await deliver(receiver, body()), now(), len(log)

    assert run(main()) == (200, 5.0, 2)


def test_with_wait_a_failure_is_answered_503_and_the_next_try_is_handled():
    async def main():
        receiver, handler, times = failing_receiver(failures(2), wait=True)
        async with receiver:
            statuses = [await deliver(receiver, body()) for _ in range(4)]
        return statuses, len(times), handler.ids

    assert run(main()) == ([503, 503, 200, 200], 3, ["e1"])


def test_with_wait_a_duplicate_gets_the_answer_of_the_one_at_work():
    async def main(errors):
        receiver, _, times = failing_receiver(errors, wait=True)
        async with receiver:
            statuses = await asyncio.gather(*(deliver(receiver, body()) for _ in range(10)))
        return set(statuses), len(times)

    assert run(main([])) == ({200}, 1)
    assert run(main(failures(1))) == ({503}, 1)


def test_a_sender_that_hangs_up_stops_nothing():
    async def main():
        receiver, log = slow_receiver(wait=True)
        async with receiver:
            first = asyncio.create_task(deliver(receiver, body()))
            second = asyncio.create_task(deliver(receiver, body()))
            await asyncio.sleep(3)
            first.cancel()
            await asyncio.sleep(0)
            return first.cancelled(), await second, len(log)

    assert run(main()) == (True, 200, 2)


# --- closing -----------------------------------------------------------------------------------------------------


def test_closing_waits_for_what_is_at_work_and_takes_no_more():
    async def main():
        receiver, log = slow_receiver()
        async with receiver:
            await deliver(receiver, body())
            closing = asyncio.create_task(receiver.aclose())
            await asyncio.sleep(1)
            late = await deliver(receiver, body("e2"))
            await closing
            return late, now(), log[-1]

    assert run(main()) == (503, 5.0, (5.0, "done", "e1"))


@pytest.mark.parametrize("wait", [False, True])
def test_what_is_not_handled_in_time_is_cancelled_and_given_up(wait):
    async def main():
        lost = []
        store = MemoryStore()
        receiver, log = slow_receiver(
            takes=100, workers=1, wait=wait, store=store, drain_timeout=3, on_error=lambda *given: lost.append(given)
        )
        async with receiver:
            tasks = [asyncio.create_task(deliver(receiver, body(event_id))) for event_id in ("e1", "e2")]
            await asyncio.sleep(1)
        statuses = [await task for task in tasks]
        return statuses, now(), [(event.id, type(error)) for event, error in lost], log, store._leases, store._done

    statuses, time, lost, log, leases, done = run(main())
    assert statuses == ([503, 503] if wait else [200, 200])
    assert time == 4.0
    assert lost == [("e1", ClientClosedError), ("e2", ClientClosedError)]
    assert log == [(0.0, "begun", "e1")]
    assert (leases, done) == ({}, {})


def test_a_handler_that_answers_its_cancellation_with_an_error_is_given_up_too():
    async def main():
        lost = []
        store = MemoryStore()
        receiver = Receiver(SECRET, store=store, drain_timeout=1, on_error=lambda *given: lost.append(given))

        @receiver.on(Event)
        async def stubborn(event):
            try:
                await asyncio.sleep(100)
            finally:
                raise ValueError("mine")

        async with receiver:
            await deliver(receiver, body())
        return [type(error) for _, error in lost], store._leases

    assert run(main()) == ([ClientClosedError], {})


def test_a_second_open_inside_the_first_closes_nothing():
    async def main():
        receiver, log = slow_receiver()
        async with receiver:
            async with receiver:
                pass
            inside = await deliver(receiver, body())
        return inside, await deliver(receiver, body()), receiver.at_work, len(log)

    assert run(main()) == (200, 503, 0, 2)


def test_a_receiver_may_be_opened_again_also_on_another_loop():
    receiver, log = slow_receiver()

    async def main(event_id):
        async with receiver:
            return await deliver(receiver, body(event_id))

    assert (run(main("e1")), run(main("e2")), len(log)) == (200, 200, 4)


def test_closing_twice_or_unopened_does_nothing():
    async def main():
        receiver = Receiver(SECRET)
        await receiver.aclose()
        async with receiver:
            await receiver.aclose()
        await receiver.aclose()
        assert receiver.at_work == 0
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_nothing_is_left_running_behind():
    async def main():
        receiver, _ = slow_receiver(takes=100, drain_timeout=0)
        async with receiver:
            await deliver(receiver, body())
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    assert run(main()) == []


# --- a store that fails ------------------------------------------------------------------------------------------


class Broken(MemoryStore):
    """A store of which some verbs fail."""

    def __init__(self, *verbs):
        super().__init__()
        self.verbs = verbs
        self.tried = []

    def __getattribute__(self, name):
        if name != "verbs" and name in self.verbs:
            self.tried.append(name)
            raise OSError("the disk is full")
        return super().__getattribute__(name)


def with_store(store, *, errors=(), wait=False):
    async def main():
        receiver, handler, _ = failing_receiver(list(errors), store=store, wait=wait)
        async with receiver:
            statuses = [await deliver(receiver, body())]
            await asyncio.sleep(1)
            statuses.append(await deliver(receiver, body()))
        return statuses, handler.ids

    return run(main())


@pytest.mark.parametrize("wait", [False, True])
def test_a_store_that_cannot_begin_has_the_sender_try_again(wait, caplog):
    assert with_store(Broken("begin"), wait=wait) == ([503, 503], [])
    assert "disk is full" in caplog.text


def test_a_store_that_cannot_remember_leaves_the_event_leased(caplog):
    assert with_store(Broken("done"), wait=True) == ([200, 503], ["e1"])
    assert "was handled" in caplog.text


def test_a_store_that_cannot_release_leaves_the_event_leased(caplog):
    assert with_store(Broken("release"), errors=failures(1), wait=True) == ([503, 503], [])
    assert "stays leased" in caplog.text


def test_a_store_that_cannot_renew_is_logged_and_the_handler_goes_on(caplog):
    async def main():
        receiver, log = slow_receiver(store=Broken("renew"), lease=3)
        async with receiver:
            await deliver(receiver, body())
        return len(log)

    assert run(main()) == 2
    assert "lease" in caplog.text


def test_a_store_that_cannot_open_keeps_the_receiver_from_opening():
    async def main():
        async with Receiver(SECRET, store=Broken("open")):
            raise AssertionError

    with pytest.raises(OSError, match="disk"):
        run(main())


class Slow(MemoryStore):
    """A store whose verbs take a second."""

    async def begin(self, key, owner, *, lease):
        state = await super().begin(key, owner, lease=lease)
        await asyncio.sleep(1)
        return state

    async def done(self, key):
        await asyncio.sleep(1)
        await super().done(key)


def test_duplicates_that_come_while_the_store_is_asked_are_one():
    async def main():
        store = Slow()
        receiver, handler, _ = failing_receiver([], store=store)
        async with receiver:
            statuses = await asyncio.gather(*(deliver(receiver, body()) for _ in range(5)))
        return statuses, handler.ids

    assert run(main()) == ([200] * 5, ["e1"])


def test_a_sender_that_hangs_up_while_the_store_is_asked_takes_the_answer_from_nobody():
    async def main():
        receiver, handler, _ = failing_receiver([], store=Slow())
        async with receiver:
            first, second = (asyncio.create_task(deliver(receiver, body())) for _ in range(2))
            await asyncio.sleep(0.1)
            first.cancel()
            return await second, first.cancelled(), handler.ids

    assert run(main()) == (200, True, ["e1"])


def test_closed_before_the_store_has_answered_the_event_is_not_accepted():
    async def main():
        lost = []
        store = Slow()
        receiver, handler, _ = failing_receiver(
            [], store=store, drain_timeout=0.5, on_error=lambda *given: lost.append(given)
        )
        async with receiver:
            task = asyncio.create_task(deliver(receiver, body()))
            await asyncio.sleep(0.1)
        return await task, handler.calls, lost, store._leases

    assert run(main()) == (503, [], [], {})


def test_closed_while_the_store_is_told_the_event_counts_as_handled():
    async def main():
        lost = []
        store = Slow()
        receiver, handler, _ = failing_receiver(
            [], store=store, wait=True, drain_timeout=0.5, on_error=lambda *given: lost.append(given)
        )
        async with receiver:
            task = asyncio.create_task(deliver(receiver, body()))
            await asyncio.sleep(1.1)
        return await task, handler.ids, lost, len(store._done)

    assert run(main()) == (200, ["e1"], [], 1)


# --- leases between processes ------------------------------------------------------------------------------------


def test_an_event_at_work_elsewhere_is_answered_503_until_its_lease_ends():
    async def main():
        store = MemoryStore()
        receiver, handler, _ = failing_receiver([], store=store, lease=30)
        async with receiver:
            await deliver(receiver, body())
            await asyncio.sleep(0)
            [key] = store._done
            store._done.clear()
            assert await store.begin(key, "a process that dies", lease=30) is State.NEW
            statuses = [await deliver(receiver, body())]
            await asyncio.sleep(31)
            statuses.append(await deliver(receiver, body()))
        return statuses, handler.ids

    assert run(main()) == ([503, 200], ["e1", "e1"])


def test_a_lease_is_renewed_as_long_as_the_event_is_at_work():
    async def main():
        store = MemoryStore()
        slow, log = slow_receiver(takes=100, lease=3, store=store, drain_timeout=100)
        other, others_log = slow_receiver(store=store, lease=3)
        async with other, slow:
            statuses = [await deliver(slow, body())]
            for _ in range(9):
                await asyncio.sleep(10)
                statuses.append(await deliver(other, body()))
            await asyncio.sleep(20)
            statuses.append(await deliver(other, body()))
        return statuses, len(log), others_log

    assert run(main()) == ([200, *[503] * 9, 200], 2, [])


# --- respond -----------------------------------------------------------------------------------------------------


def respond(*chunks, method="POST", headers=None, **settings):
    """Return the answer to a request, the time it took, and what was left unread of its body."""
    left = list(chunks)

    async def read():
        if not left:
            return b""
        chunk = left.pop(0)
        if isinstance(chunk, float):
            await asyncio.sleep(chunk)
            return await read()
        if isinstance(chunk, Exception):
            raise chunk
        return chunk

    async def main():
        async with Receiver(SECRET, **settings) as receiver:
            answer = await receiver.respond(method, signed(body()) if headers is None else headers, read)
            return answer, now(), len(left)

    return run(main())


def test_a_body_in_pieces_is_put_together():
    assert respond(*(bytes([byte]) for byte in body()))[0].status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "post", "TRACE", "PROPFIND"])
def test_any_other_method_is_answered_405_and_told_which_one_is_right(method):
    answer, _, left = respond(body(), method=method)
    assert (answer.status, answer.headers["Allow"], left) == (405, "POST", 1)


def test_a_body_is_read_no_further_than_the_limit():
    answer, _, left = respond(*[b"x" * 10] * 100, max_body_bytes=25)
    assert (answer.status, left) == (413, 97)


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {"Content-Length": "262145"}], ids=str)
def test_what_the_headers_decide_is_decided_before_the_body_is_read(headers):
    answer, _, left = respond(body(), headers=headers)
    assert (answer.status, left) == (415 if "Content-Encoding" in headers else 413, 1)


def test_a_body_that_does_not_come_is_answered_408():
    answer, time, _ = respond(b"{", 3600.0, b"}")
    assert (answer.status, time) == (408, 10.0)


def test_a_body_that_comes_drop_by_drop_has_no_more_time():
    answer, time, _ = respond(*[b" ", 1.0] * 100, body_timeout=5)
    assert (answer.status, time) == (408, 5.0)


def test_a_body_that_breaks_off_is_answered_400():
    assert respond(b"{", ConnectionResetError())[0].status == 400


def test_importing_the_package_loads_neither_aiohttp_nor_asyncio():
    code = "import sys, aoclient.receivers; print(*sorted({'aiohttp', 'asyncio'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_the_receiver_and_the_asgi_adapter_work_without_aiohttp():
    code = "import sys; from aoclient.receivers import *; print('aiohttp' in sys.modules)"
    code = code.replace("*", "Receiver, SQLiteStore, MemoryStore, asgi_app, Answer")
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_an_unknown_name_is_an_attribute_error():
    assert set(dir(aoclient.receivers)) == set(aoclient.receivers.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        aoclient.receivers.nonsense  # noqa: B018
