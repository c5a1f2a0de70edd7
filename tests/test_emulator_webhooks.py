"""The emulator sends signed webhooks: over HTTP to a plain server, and on virtual time to a function."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from attrs import define, field

from aoclient import ConfigurationError, Session, webhooks
from aoclient.emulator import Deliveries, Emulator, Journal, State, Webhooks
from tests.kit.clock import run

SECRET = "whsec-1"
NEW = "new@example.com"


@define(eq=False)
class Receiver:
    """A plain server that keeps what it was sent and answers what it is told to.

    Attributes:
        answers: Statuses to answer with, 200 when there is no further one; ``slow`` never ends its answer.
    """

    answers: list = field(factory=list)
    requests: list = field(factory=list)
    over: asyncio.Event | None = None

    @property
    def bodies(self):
        return [body for _, _, body in self.requests]

    @property
    def ids(self):
        return [webhooks.parse(each).id for each in self.bodies]

    async def handle(self, request):
        self.requests.append((request.method, dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else 200
        if answer == "slow":
            stream = web.StreamResponse()
            await stream.prepare(request)
            await self.over.wait()
        if answer == "cut":
            request.transport.close()
        if answer in (301, 302):
            raise web.HTTPFound("/elsewhere") if answer == 302 else web.HTTPMovedPermanently("/elsewhere")
        return web.Response(status=200 if answer == "cut" else answer, text="whatever")

    @asynccontextmanager
    async def listening(self):
        self.over = asyncio.Event()
        server = web.Server(self.handle, access_log=None)
        listener = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/hook?x=1"
        finally:
            self.over.set()
            listener.close()
            await server.shutdown(timeout=0)


def deliver(receiver, act, **settings):
    """Let somebody act while an emulator delivers, and return the emulator once all is settled."""

    async def main():
        async with receiver.listening() as url:
            emulator = Emulator(webhooks=Webhooks(url, SECRET, **settings))
            async with emulator.delivering():
                act(emulator)
                await emulator.deliveries.settle()
                assert emulator.deliveries.waiting == 0
            return emulator

    return asyncio.run(main())


def sign_up(emulator):
    emulator.sign_up(NEW, first_name="Zoë", last_name="O/Neil")


def finish_a_course(emulator):
    course = next(each for each in emulator.world.catalogue.courses if not each.is_group)
    emulator.sign_up(NEW).finish_course(course.id)


# --- over HTTP ---


def test_a_delivery_is_what_laravel_would_send():
    receiver = Receiver()
    deliver(receiver, sign_up)
    method, headers, body = receiver.requests[0]
    assert method == "POST"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"] == "GuzzleHttp/7"
    assert headers["Content-Length"] == str(len(body))
    assert not {"Accept", "Accept-Encoding", "Transfer-Encoding"} & set(headers)
    assert b'"first_name":"Zo\\u00eb","last_name":"O\\/Neil"' in body
    assert b'"courses":[],"course_groups":[]' in receiver.bodies[1]


def test_what_arrives_verifies_parses_and_has_ids_of_its_own():
    receiver = Receiver()
    emulator = deliver(receiver, finish_a_course)
    for _, headers, body in receiver.requests:
        assert webhooks.verify(body, headers["Signature"], SECRET)
        assert webhooks.dumps(webhooks.parse(body)) == body
    assert len(set(receiver.ids)) == len(receiver.ids) > 5
    assert [each.body for each in emulator.deliveries] == receiver.bodies  # one at a time keeps the order
    assert [each.event.id for each in emulator.deliveries.attempts] == receiver.ids
    assert {each.state for each in emulator.deliveries} == {State.DELIVERED}


@pytest.mark.parametrize("answer", [500, 404, 301, 302, 304, "cut"])
def test_all_but_2xx_is_tried_again_with_the_same_body_and_signature(answer):
    receiver = Receiver(answers=[answer, answer])
    emulator = deliver(receiver, only_one_event, wait_scale=0.0)
    first, second, third = receiver.requests
    assert first[0] == second[0] == third[0] == "POST"
    assert first[1]["Signature"] == second[1]["Signature"] == third[1]["Signature"]
    assert first[2] == second[2] == third[2]
    (delivery,) = emulator.deliveries
    status = 0 if answer == "cut" else answer
    assert [(each.number, each.status) for each in delivery.attempts] == [(1, status), (2, status), (3, 200)]
    assert delivery.state is State.DELIVERED
    assert [bool(each.problem) for each in delivery.attempts] == [answer == "cut", answer == "cut", False]


def only_one_event(emulator):
    """Let a learner leave the only team: the ``No Team`` has a new learner then."""
    world = emulator.world
    person = next(each for each in map(world.learner, world.everyone) if len(each.teams) == 1)
    emulator.learner(person.email).leave(world.catalogue.teams[person.teams[0] - 1].id)


def test_an_answer_that_does_not_end_in_time_is_a_failure():
    receiver = Receiver(answers=["slow"])
    emulator = deliver(receiver, only_one_event, wait_scale=0.0, timeout=0.1)
    (delivery,) = emulator.deliveries
    assert [(each.status, each.problem) for each in delivery.attempts] == [(0, "TimeoutError"), (200, "")]


def test_a_receiver_that_is_not_there_is_given_up_after_three_attempts():
    async def main():
        receiver = Receiver()
        async with receiver.listening() as url:
            pass
        emulator = Emulator(webhooks=Webhooks(url, SECRET, wait_scale=0.0))
        async with emulator.delivering():
            only_one_event(emulator)
            await emulator.deliveries.settle()
            (delivery,) = emulator.deliveries
            assert delivery.state is State.GIVEN_UP
            assert [(each.number, each.status) for each in delivery.attempts] == [(1, 0), (2, 0), (3, 0)]
            assert delivery.attempts[0].problem == "ClientConnectorError"

    asyncio.run(main())


def test_serving_an_academy_delivers_as_well():
    async def main():
        receiver = Receiver()
        async with receiver.listening() as url:
            emulator = Emulator(webhooks=Webhooks(url, SECRET))
            async with (
                emulator.serve() as base_url,
                emulator.delivering(),  # twice does no harm
                Session(emulator.client_id, emulator.client_secret, base_url=base_url) as ao,
            ):
                made = await ao.create_login_token(academy_id=emulator.world.academy_id, email=NEW)
                assert emulator.open_link(made.link) == 302
                emulator.learner(NEW).finish_course(emulator.world.catalogue.courses[0].id)
                await emulator.deliveries.settle()
                (certificate,) = await ao.certificates(email=NEW)
        event = webhooks.parse(receiver.bodies[-1])
        assert event.certificate.link_to_pdf == certificate.url_to_pdf
        assert event.certificate.link_to_pdf.startswith(base_url)

    asyncio.run(main())


# --- on virtual time ---


@define(eq=False)
class Target:
    """A receiver in process, on the time of the loop.

    Attributes:
        answers: Statuses, seconds to take as a float, or errors to raise; 200 when there is no further one.
        calls: Time and body of each call.
    """

    answers: list = field(factory=list)
    calls: list = field(factory=list)

    async def __call__(self, body, headers):
        self.calls.append((asyncio.get_running_loop().time(), body))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return 200
        return answer

    @property
    def times(self):
        return [pytest.approx(at, abs=0.001) for at, _ in self.calls]

    @property
    def ids(self):
        return [webhooks.parse(body).id for _, body in self.calls]


def play(target, act, **settings):
    async def main():
        emulator = Emulator(webhooks=Webhooks(target, SECRET, **settings))
        async with emulator.delivering():
            act(emulator)
            await emulator.deliveries.settle()
        return emulator

    return run(main())


def test_the_waits_are_10_and_100_seconds():
    target = Target([500, 500, 500])
    emulator = play(target, only_one_event)
    assert target.times == [0, 10, 110]
    assert [each.state for each in emulator.deliveries] == [State.GIVEN_UP]


@pytest.mark.parametrize(("seconds", "attempts"), [(2.9, 1), (3.1, 2)])
def test_a_receiver_has_3_seconds(seconds, attempts):
    target = Target([seconds])
    play(target, only_one_event)
    assert target.times == [0, 13][:attempts]


def test_the_waits_and_tries_can_be_set():
    target = Target([500] * 9)
    play(target, only_one_event, wait_scale=0.01, tries=4)
    assert target.times == [0, 0.1, 1.1, 11.1]


def test_a_wait_holds_nobody_else_back():
    target = Target([500])
    play(target, sign_up)
    assert target.times == [0, 0, 10]
    assert target.ids[0] == target.ids[2] != target.ids[1]


def test_a_receiver_in_process_that_raises_has_answered_500(caplog):
    emulator = play(Target([KeyError("x"), ConnectionResetError()]), only_one_event)
    assert [(each.status, each.problem) for each in emulator.deliveries.attempts] == [
        (500, "KeyError"),
        (0, "ConnectionResetError"),
        (200, ""),
    ]
    assert "the receiver failed on team.new_learners" in caplog.text


def test_what_happens_before_and_between_is_sent_later():
    target = Target([500])
    emulator = Emulator(webhooks=Webhooks(target, SECRET))
    sign_up(emulator)
    with pytest.raises(ConfigurationError, match="delivering"):
        run(emulator.deliveries.settle())
    assert emulator.deliveries.waiting == 2

    async def begin():
        async with emulator.delivering():
            await asyncio.sleep(1)

    run(begin())
    assert emulator.deliveries.waiting == 1  # its wait was cut short

    async def settle():
        async with emulator.delivering():
            await emulator.deliveries.settle()

    run(settle())
    assert target.ids[2] == target.ids[0]
    assert target.times == [0, 0, 0]
    assert [len(each.attempts) for each in emulator.deliveries] == [2, 1]


def test_waiting_for_the_end_ends_when_delivering_does():
    async def main():
        emulator = Emulator(webhooks=Webhooks(Target([500]), SECRET))
        async with emulator.delivering():
            only_one_event(emulator)
            settling = asyncio.create_task(emulator.deliveries.settle())
            await asyncio.sleep(1)
        with pytest.raises(ConfigurationError, match="delivering"):
            await settling

    run(main())


def test_several_are_on_their_way_at_once_if_wanted():
    target = Target([1.0, 1.0])
    play(target, sign_up, concurrency=2)
    assert target.times == [0, 0]
    target = Target([1.0, 1.0])
    play(target, sign_up)
    assert target.times == [0, 1]


def test_a_redelivery_brings_the_same_body_as_often_as_a_new_event():
    target = Target([500] * 4)

    async def main():
        emulator = Emulator(webhooks=Webhooks(target, SECRET))
        async with emulator.delivering():
            only_one_event(emulator)
            (delivery,) = emulator.deliveries
            with pytest.raises(ConfigurationError, match="no ended delivery"):
                emulator.deliveries.redeliver(delivery.event.id)
            await emulator.deliveries.settle()
            assert delivery.state is State.GIVEN_UP
            emulator.deliveries.redeliver(delivery.event.id)
            await emulator.deliveries.settle()
            assert delivery.state is State.DELIVERED
            assert [each.number for each in delivery.attempts] == [1, 2, 3, 4, 5]
            assert len({body for _, body in target.calls}) == 1
            with pytest.raises(ConfigurationError, match="no ended delivery"):
                emulator.deliveries.redeliver("none")

    run(main())


# --- faults ---


def test_shuffled_events_overtake_each_other_the_same_way_each_time():
    def order(seed):
        target = Target()
        emulator = play(target, finish_a_course, shuffle=5.0, seed=seed)
        sent = [each.event.id for each in emulator.deliveries]
        assert sorted(target.ids) == sorted(sent)
        assert all(at <= 5.001 for at, _ in target.calls)
        return [sent.index(each) for each in target.ids]

    assert order(1) == order(1) != order(2)
    assert order(1) != sorted(order(1))


def test_duplicates_are_the_same_bytes_again():
    target = Target()
    emulator = play(target, finish_a_course, duplicates=0.4)
    doubled = [each for each in emulator.deliveries if each.is_duplicate]
    assert 0 < len(doubled) < len(emulator.deliveries) / 2
    bodies = [body for _, body in target.calls]
    for each in doubled:
        assert bodies.count(each.body) == 2
    assert len(bodies) == len(emulator.deliveries)


def test_lost_events_are_never_sent_but_on_demand():
    target = Target()
    emulator = play(target, finish_a_course, lost=0.3)
    lost = [each for each in emulator.deliveries if each.state is State.LOST]
    assert 0 < len(lost) < len(emulator.deliveries)
    assert len(target.calls) == len(emulator.deliveries) - len(lost)
    assert not {each.event.id for each in lost} & set(target.ids)

    async def main():
        emulator.deliveries.redeliver(lost[0].event.id)
        async with emulator.delivering():
            await emulator.deliveries.settle()

    run(main())
    assert target.ids[-1] == lost[0].event.id


def test_the_journal_keeps_the_last_ones_if_wanted_and_all_are_sent():
    target = Target()
    emulator = Emulator(webhooks=Webhooks(target, SECRET), journal=Journal(keep=3))
    finish_a_course(emulator)

    async def main():
        async with emulator.delivering():
            await emulator.deliveries.settle()

    run(main())
    assert len(emulator.deliveries) == len(emulator.deliveries.attempts) == 3
    assert len(target.calls) > 5


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"to": "example.com/hook"}, "to="),
        ({"to": "ftp://example.com"}, "to="),
        ({"to": "http://[x"}, "to="),
        ({"to": "http://example..com/hook"}, "to="),
        ({"to": "http://example.com:99999/hook"}, "to="),
        ({"to": "https:///hook"}, "to="),
        ({"secret": " "}, "secret"),
        ({"tries": 0}, "tries"),
        ({"concurrency": 0}, "concurrency"),
        ({"wait_scale": -1}, "wait_scale"),
        ({"shuffle": float("nan")}, "shuffle"),
        ({"timeout": 0}, "timeout"),
        ({"duplicates": 1.1}, "duplicates"),
        ({"lost": -0.1}, "lost"),
    ],
)
def test_settings_that_cannot_be_used_are_named(settings, text):
    with pytest.raises(ConfigurationError, match=text):
        Webhooks(**{"to": "http://127.0.0.1/", "secret": SECRET, **settings})


def test_deliveries_without_webhooks_keep_nothing():
    deliveries = Deliveries(None, float)
    deliveries.add(webhooks.QuizFinished(id="e1"))
    assert (len(deliveries), deliveries.waiting) == (0, 0)


def test_the_secret_is_not_shown():
    assert SECRET not in repr(Webhooks("http://127.0.0.1/", SECRET))
