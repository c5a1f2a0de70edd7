"""The session: how its parts are joined. Each part has tests of its own."""

import asyncio
import inspect
import pickle
import threading
import weakref
from importlib.util import module_from_spec, spec_from_file_location

import pytest

import aoclient
from aoclient import forms
from aoclient.action import Effect, Page, Paged
from aoclient.actions import ACTIONS, CheckLearnerInvite, Courses, LearnersProgressByCourse
from aoclient.errors import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineError,
    InvalidOptionError,
    OutcomeUnknownError,
    ReadError,
    ServerError,
)
from aoclient.session import Session
from aoclient.wire import TOKEN_PATH
from tests.kit.clock import run
from tests.kit.scripted import Scripted, response
from tests.samples import SAMPLES

TOKEN = {"token_type": "Bearer", "expires_in": 604800, "access_token": "t0ken"}


class Server:
    """The network: it gives tokens, and answers the form of each request with ``answer``."""

    def __init__(self, answer, *, takes=0.0):
        self.forms, self.requests, self.tokens = [], [], 0
        self.scripted = Scripted(self._respond, takes=takes)
        self.answer = answer

    def _respond(self, request):
        if request.path == TOKEN_PATH:
            self.tokens += 1
            return response(TOKEN)
        self.requests.append(request)
        self.forms.append(forms.decode(request.body))
        answer = self.answer(self.forms[-1]) if callable(self.answer) else self.answer
        if isinstance(answer, BaseException):
            raise answer
        return answer if hasattr(answer, "status") else response(answer)

    async def send(self, request):
        return await self.scripted.send(request)


def session(server, **settings):
    return Session("id", "secret", sender=server, **settings)


def method_name(action):
    name = action.spec.name
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


# --- methods ---


@pytest.mark.parametrize("action", ACTIONS.values(), ids=lambda action: action.spec.name)
def test_each_action_is_a_method_of_its_name_with_its_options_and_docs(action):
    method = getattr(Session, method_name(action))
    parameters = inspect.signature(method).parameters
    own = inspect.signature(action).parameters
    assert next(iter(parameters)) == "self"
    assert sorted(list(parameters)[1:]) == sorted(own)
    assert list(parameters)[-1] == "extra"
    assert all(each.kind is each.KEYWORD_ONLY for name, each in parameters.items() if name != "self")
    assert method.__doc__ == action.__doc__
    assert method.__qualname__ == f"Session.{method_name(action)}"
    assert inspect.signature(method).return_annotation is not inspect.Signature.empty


def test_lesson_variables_have_a_second_name():
    assert Session.create_lesson_variables.__name__ == "create_lesson_variables"
    assert inspect.signature(Session.create_lesson_variables) == inspect.signature(Session.set_lesson_variables)


@pytest.mark.parametrize("action", SAMPLES, ids=lambda action: action.spec.name)
def test_each_method_sends_its_action(action):
    async def main():
        server = Server([{"learners": []}] if isinstance(action, Paged) else [])
        async with session(server, retries=aoclient.RetryPolicy(attempts=1)) as ao:
            options = {name: getattr(action, name) for name in inspect.signature(type(action)).parameters}
            try:
                await getattr(ao, method_name(action))(**options)
            except aoclient.AoError as error:
                assert error.action == action.spec.name  # noqa: PT017  # an empty list is no answer of some
        assert server.requests[0].name == action.spec.name
        assert server.requests[0].effect is action.effect

    run(main())


def test_a_wrong_option_is_refused_before_anything_is_sent():
    async def main():
        server = Server([])
        async with session(server) as ao:
            with pytest.raises(InvalidOptionError, match=r"learners: options\[email\]"):
                await ao.learners(email=5)
            with pytest.raises(TypeError):
                await ao.learners(emial="a@example.com")
        assert server.scripted.requests == []

    run(main())


def test_a_paged_method_is_one_page_or_every_row():
    rows = [{"email": f"{number}@example.com"} for number in range(7)]

    def answer(form):
        number, amount = int(form["options"].get("page", 1)), int(form["options"]["amount"])
        return [{"learners": rows[(number - 1) * amount : number * amount]}]

    async def main():
        async with session(Server(answer)) as ao:
            page = await ao.learners_progress_by_course(course_id="c1", page=2, amount=3)
            assert isinstance(page, Page)
            assert [row.email for row in page] == [row["email"] for row in rows[3:6]]
            got = [row.email async for row in ao.learners_progress_by_course(course_id="c1", amount=3)]
            assert got == [row["email"] for row in rows]
            pages = [page.number async for page in ao.learners_progress_by_course(course_id="c1", amount=3).pages()]
            assert pages == [1, 2, 3]

    run(main())


def test_a_walk_goes_on_after_the_page_an_earlier_one_stood_at():
    rows = [{"email": f"l{number}@example.com"} for number in range(8)]

    def answer(form):
        number, amount = int(form["options"]["page"]), int(form["options"]["amount"])
        return [{"learners": rows[(number - 1) * amount : number * amount]}]

    async def main():
        async with session(Server(answer)) as ao:
            call = ao.learners_progress_by_course(course_id="c1", amount=3)
            assert [page.number async for page in call.pages(after=0)] == [1, 2, 3]
            assert [page.number async for page in call.pages(after=2)] == [3]
            for wrong in (-1, True, "2"):
                with pytest.raises(aoclient.InvalidOptionError, match="expected a whole number from 0"):
                    await anext(call.pages(after=wrong))

    run(main())


class Watching:
    """The chain of a session; it remembers the pages that came, as long as somebody holds them."""

    def __init__(self, inner):
        self.inner, self.pages = inner, []

    async def send(self, request):
        response = await self.inner.send(request)
        self.pages.append(weakref.ref(response.value))
        return response

    def count(self):
        return sum(page() is not None for page in self.pages)


def test_walking_100_000_rows_holds_at_most_two_pages():
    answered, alive = [], []

    def answer(form):
        number, amount = int(form["options"]["page"]), int(form["options"]["amount"])
        answered.append(number)
        start = (number - 1) * amount
        count = max(0, min(amount, 100_000 - start))
        return [{"learners": [{"email": f"{start + row}@example.com"} for row in range(count)]}]

    async def main():
        count = 0
        async with session(Server(answer)) as ao:
            ao._sender = watching = Watching(ao._sender)
            async for row in ao.learners_progress_by_course(course_id="c1", amount=1000):
                assert row.email == f"{count}@example.com"
                count += 1
                if count % 500 == 0:
                    alive.append(watching.count())
        assert (count, len(answered)) == (100_000, 101)
        assert max(alive) <= 2

    run(main())


# --- parts ---


def invites(form):
    return {email: {"is_found": True, "is_used": False, "used_at": None} for email in form["options"]["emails"]}


def test_a_call_that_is_too_big_is_sent_in_parts_and_merged():
    async def main():
        emails = [f"{number}@example.com" for number in range(2500)]
        server = Server(invites, takes=1.0)
        async with session(server) as ao:
            answer = await ao.check_learner_invite(emails=emails)
            assert list(answer) == emails
            assert len(server.forms) == 3
            assert server.scripted.most_in_flight == 3
        assert max(request.body.count(b"&") + 1 for request in server.requests) == 1000

    run(main())


def test_parts_that_write_go_one_after_the_other_and_stop_at_the_first_failure():
    def answer(form):
        if "4@example.com" in form["options"]["learners"]:
            return response({"error": {"message": "no such learner"}}, status=422)
        return ["done"]

    async def main():
        server = Server(answer, takes=1.0)
        async with session(server, max_pairs=3) as ao:
            with pytest.raises(aoclient.ValidationError, match="no such learner") as caught:
                await ao.revoke_learners_access(learners=[f"{number}@example.com" for number in range(8)])
        assert server.scripted.most_in_flight == 1
        parts = caught.value.parts
        assert [part.learners for part, _ in parts.done] == [
            ("0@example.com", "1@example.com"),
            ("2@example.com", "3@example.com"),
        ]
        assert [part.learners for part in parts.failed] == [("4@example.com", "5@example.com")]
        assert [part.learners for part in parts.unsent] == [("6@example.com", "7@example.com")]
        assert len(server.scripted.requests) == 1 + 3  # with that for a token; the part behind was not even begun
        assert "parts: 2 done, 1 failed, 1 not sent" in str(caught.value)
        assert len(pickle.loads(pickle.dumps(caught.value)).parts.done) == 2

    run(main())


def test_parts_that_were_on_their_way_when_one_failed_are_not_told_as_never_sent():
    def answer(form):
        return response({}, status=422) if "0@example.com" in form["options"]["emails"] else invites(form)

    async def main():
        async with session(Server(answer, takes=1.0), max_pairs=2, max_concurrency=3) as ao:
            with pytest.raises(aoclient.ValidationError) as caught:
                await ao.check_learner_invite(emails=[f"{number}@example.com" for number in range(5)])
        parts = caught.value.parts
        assert (len(parts.done), len(parts.failed), len(parts.unsent)) == (0, 3, 2)
        assert parts.failed[0].emails == ("0@example.com",)

    run(main())


def test_counts_of_parts_are_summed():
    async def main():
        server = Server(lambda form: {"deleted": len(form["options"]["emails"])})
        async with session(server, max_pairs=3) as ao:
            answer = await ao.delete_learners(emails=[f"{number}@example.com" for number in range(5)])
        assert answer.deleted == 5

    run(main())


# --- call ---


def test_an_action_that_is_not_modelled_can_be_called():
    async def main():
        server = Server({"a": 1})
        async with session(server) as ao:
            assert await ao.call("newAction", {"flag": True, "list": [1, None, 2]}) == {"a": 1}
            assert await ao.call("other", effect="reads") == {"a": 1}
        assert server.forms == [
            {"action": "newAction", "options": {"flag": "1", "list": ["1", "2"]}},
            {"action": "other"},
        ]
        assert [request.effect for request in server.requests] == [Effect.ADDS, Effect.READS]

    run(main())


def test_what_is_called_with_an_empty_answer_is_none():
    async def main():
        async with session(Server(response(b""))) as ao:
            assert await ao.call("newAction") is None

    run(main())


@pytest.mark.parametrize(
    ("options", "words"),
    [({"a": float("nan")}, r"options\[a\]: nan has no form text"), ({"a": [1] * 9}, "10 form pairs")],
)
def test_options_of_a_call_that_cannot_be_sent_are_refused(options, words):
    async def main():
        server = Server([])
        async with session(server, max_pairs=5) as ao:
            with pytest.raises(InvalidOptionError, match=words) as caught:
                await ao.call("newAction", options)
        assert caught.value.action == "newAction"
        assert server.requests == []

    run(main())


# --- token, retries, limits ---


def test_a_thousand_first_calls_ask_for_one_token_and_cancelling_the_first_harms_none():
    async def main():
        server = Server([], takes=1.0)
        async with session(server, max_concurrency=1000) as ao:
            tasks = [asyncio.create_task(ao.courses()) for _ in range(1000)]
            await asyncio.sleep(0.5)
            tasks[0].cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(answers[0], asyncio.CancelledError)
        assert answers[1:] == [[]] * 999
        assert server.tokens == 1

    run(main())


def test_the_token_is_asked_for_again_once_after_a_401():
    answers = [response({"message": "Unauthenticated."}, status=401), response([])]

    async def main():
        server = Server(lambda _: answers.pop(0))
        async with session(server) as ao:
            assert await ao.courses() == []
        assert server.tokens == 2

    run(main())


def test_a_second_401_is_the_error():
    async def main():
        server = Server(response({"message": "Unauthenticated."}, status=401))
        async with session(server) as ao:
            with pytest.raises(AuthenticationError) as caught:
                await ao.courses()
        assert (caught.value.action, caught.value.attempts, len(server.requests)) == ("courses", 2, 2)

    run(main())


def test_reads_are_repeated_and_what_adds_is_not():
    async def main():
        server = Server(ReadError("cut"))
        async with session(server) as ao:
            with pytest.raises(ReadError):
                await ao.courses()
            assert len(server.requests) == 4
            with pytest.raises(OutcomeUnknownError):
                await ao.add_learner_quiz_attempts(quiz_id="q1", email="a@example.com")
            assert len(server.requests) == 5

    run(main())


def test_a_view_has_its_own_settings_on_the_same_token_and_limiter():
    async def main():
        server = Server(response(status=500), takes=1.0)
        async with session(server) as ao:
            view = ao.with_options(
                retries=aoclient.RetryPolicy(attempts=1), timeouts=aoclient.Timeouts(total=30.0), priority=-5
            )
            with pytest.raises(ServerError):
                await view.courses()
            assert len(server.requests) == 1
            assert (server.requests[0].timeouts.total, server.requests[0].priority) == (30.0, -5)
            with pytest.raises(DeadlineError):
                await view.with_options(timeouts=aoclient.Timeouts(total=0.5)).courses()
            assert ao.with_options()._timeouts == aoclient.Timeouts()
        assert server.tokens == 1
        with pytest.raises(ClientClosedError):
            await view.courses()

    run(main())


def test_calls_of_a_fan_out_wait_behind_a_call_of_the_session():
    async def main():
        server = Server(lambda form: [], takes=1.0)
        async with session(server, max_concurrency=1) as ao:
            async with ao.fan_out([CheckLearnerInvite(emails=["a@example.com"])] * 9, concurrency=9) as outcomes:
                await anext(outcomes)
                await ao.courses()
            order = [request.name for request in server.requests]
        assert order.index("courses") <= 2

    run(main())


def test_a_rate_holds_for_all_calls():
    async def main():
        server = Server([])
        async with session(server, rate=aoclient.Rate(5, per=10)) as ao:
            await asyncio.gather(*(ao.courses() for _ in range(20)))
        times = server.scripted.times[1:]
        assert len(times) == 20
        assert all(later - earlier >= 10 for earlier, later in zip(times, times[5:], strict=False))

    run(main())


# --- fan-out ---


def test_a_fan_out_streams_pages_and_parts():
    def answer(form):
        if form["action"] == "checkLearnerInvite":
            return invites(form)
        if form["action"] == "courses":
            return response({"error": {"message": "closed"}})
        number = int(form["options"]["page"])
        return {"learners": [{"email": f"{number}@example.com"}] if number <= 3 else []}

    async def main():
        todo = [
            LearnersProgressByCourse(course_id="c1", amount=1),
            CheckLearnerInvite(emails=["a@example.com", "b@example.com", "c@example.com"]),
            Courses(),
        ]
        async with (
            session(Server(answer), max_pairs=5) as ao,
            ao.fan_out(todo, concurrency=2, ordered=True) as outcomes,
        ):
            got = [outcome async for outcome in outcomes]
        assert [type(outcome).__name__ for outcome in got] == ["Done"] * 4 + ["Failed"]
        assert [row.email for page in got[:3] for row in page.answer] == [f"{n}@example.com" for n in (1, 2, 3)]
        assert list(got[3].answer) == ["a@example.com", "b@example.com", "c@example.com"]
        assert got[4].error.message == "closed"

    run(main())


@pytest.mark.parametrize(
    "settings", [{"concurrency": 0}, {"look_ahead": 0}, {"retry_failed": -1}, {"on_error": "ignore"}]
)
def test_settings_of_a_fan_out_are_checked(settings):
    async def main():
        async with session(Server([])) as ao:
            with pytest.raises(ConfigurationError, match=next(iter(settings))):
                ao.fan_out([], **settings)

    run(main())


# --- settings and life ---


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"client_id": ""}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"max_concurrency": 0}, "max_concurrency must be a whole number from 1, got 0"),
        ({"max_concurrency": "10"}, "max_concurrency must be a whole number from 1, got '10'"),
        ({"max_pairs": 0}, "max_pairs must be a whole number from 1, got 0"),
        ({"rate": 60}, r"rate must be like aoclient.Rate\(60, per=60.0\), got 60"),
        ({"timeouts": 30}, r"timeouts must be like aoclient.Timeouts\(total=30.0\), got 30"),
        ({"retries": None}, r"retries must be like aoclient.RetryPolicy\(attempts=2\), got None"),
        ({"redis": object()}, "redis must be a URL, or a RedisCommons, which takes clients too; got a object"),
        ({"base_url": "ftp://example.com"}, "base_url must be https://host"),
        ({"base_url": "https://example.com/api/v1"}, "base_url must end before /api/v1/, which is added"),
    ],
)
def test_settings_are_checked(given, words):
    with pytest.raises(ConfigurationError, match=words):
        Session(**{"client_id": "id", "client_secret": "secret", **given})


@pytest.mark.parametrize(("name", "value"), [("timeouts", 30), ("retries", 2)])
def test_settings_of_a_view_are_checked(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be like aoclient.*, got {value}"):
        Session("id", "secret").with_options(**{name: value})


ENVIRON = {"AOCLIENT_CLIENT_ID": "id", "AOCLIENT_CLIENT_SECRET": "secret"}


def test_a_session_is_made_from_the_environment():
    ao = Session.from_env({**ENVIRON, "AOCLIENT_BASE_URL": "https://example.com/ao", "AOCLIENT_RATE": "120/60"})
    assert ao._http._root == "https://example.com/ao"
    assert ao._limited.rate == aoclient.Rate(120, per=60.0)
    assert Session.from_env(ENVIRON, max_pairs=7)._max_pairs == 7
    assert Session.from_env({}, client_id="id", client_secret="secret")._limited.rate is None


def test_the_secret_may_stand_in_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text("s3cret\n")
    environ = {"AOCLIENT_CLIENT_ID": "id", "AOCLIENT_CLIENT_SECRET_FILE": str(path)}
    assert Session.from_env(environ)._authorized._client_secret.reveal() == "s3cret"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match="it is no UTF-8 text"):
        Session.from_env(environ)
    path.unlink()
    with pytest.raises(ConfigurationError, match="No such file"):
        Session.from_env(environ)


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "AOCLIENT_CLIENT_ID is not set"),
        ({"AOCLIENT_CLIENT_ID": "id"}, "neither AOCLIENT_CLIENT_SECRET nor AOCLIENT_CLIENT_SECRET_FILE"),
        ({**ENVIRON, "AOCLIENT_RATE": "fast"}, "fast"),
    ],
)
def test_what_the_environment_lacks_is_named(environ, name):
    with pytest.raises(ConfigurationError, match=name):
        Session.from_env(environ)


def test_the_user_agent_says_who_calls():
    ao = Session("id", "secret", app_name="nightly/2.1")
    said = ao._http._headers["User-Agent"]
    assert said.startswith(f"aoclient/{aoclient.__version__} python/3.")
    assert said.endswith(" nightly/2.1")


def test_closing_ends_the_calls_under_way_and_refuses_new_ones():
    async def main():
        ao = session(Server([], takes=5.0), max_concurrency=1)
        waiting = [asyncio.create_task(ao.courses()) for _ in range(3)]
        await asyncio.sleep(1)
        await ao.aclose()
        await ao.aclose()
        with pytest.raises(ClientClosedError):
            await ao.courses()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(answer, ClientClosedError) for answer in answers)

    run(main())


def test_a_session_that_owns_its_pool_closes_it():
    async def main():
        async with Session("id", "secret", base_url="http://127.0.0.1:9") as ao:
            with pytest.raises(aoclient.ConnectError):
                await ao.with_options(retries=aoclient.RetryPolicy(attempts=1)).courses()
        with pytest.raises(ClientClosedError):
            await ao.courses()

    asyncio.run(main())


# --- the public face ---


def test_names_are_loaded_when_they_are_first_used():
    # The package itself is loaded by the pytest plugin already; this is a second copy of its face.
    path = aoclient.__file__
    fresh = module_from_spec(spec_from_file_location("aoclient", path, submodule_search_locations=[]))
    fresh.__spec__.loader.exec_module(fresh)
    assert "Rate" not in vars(fresh)
    assert fresh.Rate is aoclient.Rate
    assert "Rate" in vars(fresh)
    assert fresh.TransportError is aoclient.TransportError
    assert dir(fresh) == sorted(fresh.__all__)
    with pytest.raises(AttributeError, match="module 'aoclient' has no attribute 'Sesion'"):
        _ = fresh.Sesion


@pytest.mark.parametrize("name", aoclient.__all__)
def test_each_public_name_is_there(name):
    assert getattr(aoclient, name) is not None
    assert name in dir(aoclient)


def test_every_error_is_public():
    errors = {
        name
        for name, value in vars(aoclient.errors).items()
        if isinstance(value, type) and issubclass(value, aoclient.AoError)
    }
    assert errors <= set(aoclient.__all__)


def test_pages_ahead_are_not_asked_for_while_calls_queue():
    def answer(form):
        start = (int(form["options"]["page"]) - 1) * 10
        return {"learners": [{"email": f"{row}@example.com"} for row in range(start, min(start + 10, 200))]}

    async def calls(rate):
        server = Server(answer, takes=0.1)
        async with (
            session(server, rate=rate) as ao,
            ao.fan_out([LearnersProgressByCourse(course_id="c1", amount=10)]) as pages,
        ):
            assert len([page async for page in pages]) == 20
        return len(server.scripted.requests) - server.tokens  # those that were sent: the last ones are called off

    assert run(calls(None)) > 21
    assert run(calls(aoclient.Rate(2, per=1))) <= 22


def test_a_wrong_use_in_another_thread_leaves_the_deadlines_of_the_session_alone():
    def elsewhere():
        with pytest.raises(aoclient.WrongEventLoopError, match="courses: the session belongs to"):
            run(ao.courses())

    async def main():
        await ao.courses()
        await asyncio.sleep(100)  # no timer is set any more
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        server.scripted.takes = 100.0
        with pytest.raises(DeadlineError):
            await ao.courses()
        assert asyncio.get_running_loop().time() == 110.0

    server = Server([])
    ao = session(server, timeouts=aoclient.Timeouts(total=10))
    run(main())


def test_a_session_used_in_a_second_loop_says_which_it_belongs_to():
    ao = session(Server([]))
    assert run(ao.courses()) == []
    with pytest.raises(aoclient.WrongEventLoopError, match=r"closed VirtualLoop 0x.* and was used in VirtualLoop 0x"):
        run(ao.courses())
