"""P18: whatever fails, a secret is not in what is left of it. The client secret, each token, each login link."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from aoclient import RetryPolicy, Session, Timeouts
from aoclient.emulator import Emulator
from aoclient.emulator.faults import KINDS
from aoclient.errors import AoError, ConfigurationError
from aoclient.secret import Secret
from aoclient.tokens import Token
from aoclient.wire import TOKEN_PATH, Request, Response
from tests.kit.canary import all_texts, listening, sightings
from tests.kit.trial import Figures, quiz_of

SECRET = "c4nary-of-the-client"
QUICK = {"retries": RetryPolicy(attempts=2, wait=0), "timeouts": Timeouts(total=0.25, read=0.12)}

Call = Callable[[Session, Emulator], Awaitable[object]]


async def reads(ao: Session, _: Emulator) -> object:
    return await ao.courses()


async def adds(ao: Session, emulator: Emulator) -> object:
    return await ao.add_learner_quiz_attempts(quiz_id=quiz_of(emulator), email="learner1@example.com")


async def links(ao: Session, emulator: Emulator) -> object:
    return await ao.create_login_token(academy_id=emulator.world.academy_id, email="learner1@example.com")


async def fans_out(ao: Session, emulator: Emulator) -> None:
    course = emulator.world.catalogue.courses[0]
    async with ao.fan_out([_progress(course.id)], on_error="raise") as outcomes:
        async for _ in outcomes:
            pass


def _progress(course_id: str):
    from aoclient.actions import LearnersProgressByCourse  # noqa: PLC0415

    return LearnersProgressByCourse(course_id=course_id)


CALLS: dict[str, Call] = {"courses": reads, "addLearnerQuizAttempts": adds, "createLoginToken": links}


def secrets_of(emulator: Emulator) -> Iterator[str]:
    """Give the client secret, and of each token and login link the part that is its own."""
    yield SECRET
    for token in emulator.tokens._expiries:
        yield from token.split(".")[1:]
    yield from emulator.world.links


def assert_unseen(error: BaseException, heard: list[str], emulator: Emulator) -> int:
    texts = [*all_texts(error), *(("log", text) for text in heard)]
    assert sightings(texts, secrets_of(emulator)) == []
    return len(texts)


def academy(**settings: object) -> Emulator:
    return Emulator(learners=3, client_secret=SECRET, **settings)


def failure_of(call: Call, emulator: Emulator, **settings: object) -> tuple[BaseException | None, list[str]]:
    async def main() -> BaseException | None:
        asyncio.get_running_loop().slow_callback_duration = 0  # in debug mode each step is then logged
        async with emulator.serve() as url, Session("client-id", SECRET, base_url=url, **QUICK, **settings) as ao:
            try:
                await call(ao, emulator)
            except BaseException as error:  # noqa: BLE001  # it is looked at
                return error
        return None

    with listening() as heard:
        return asyncio.run(main(), debug=True), heard


@pytest.mark.parametrize("aim", [*CALLS, "token"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_fault_shows_a_secret(kind, aim, request):
    aimed = "" if kind == "refuse" else f"@action={aim};seconds=0.2;size=1"
    emulator = academy(faults=f"{kind}{aimed}")
    error, heard = failure_of(CALLS.get(aim, reads), emulator)
    if error is not None:
        seen = assert_unseen(error, heard, emulator)
        Figures(request, "P18")(f"{kind} on {aim}: {seen} texts, 0 hits")
    assert sightings([("log", text) for text in heard], secrets_of(emulator)) == []


@pytest.mark.parametrize("call", [reads, adds, links, fans_out], ids=lambda call: call.__name__)
@pytest.mark.parametrize("how", ["timeout", "cancel", "close"])
def test_a_call_that_is_cut_short_shows_no_secret(call, how, request):
    """A timeout of the caller keeps the cancelled call as its cause, and frames of aiohttp hold the header."""
    emulator = academy(faults="stall@seconds=5")

    async def cut_short(ao: Session, emulator: Emulator) -> None:
        task = asyncio.ensure_future(call(ao, emulator))
        if how == "timeout":
            async with asyncio.timeout(0.1):
                await task
        await asyncio.sleep(0.1)
        if how == "cancel":
            task.cancel()
        else:
            await ao.aclose()
        await task

    async def direct(ao: Session, emulator: Emulator) -> None:
        async with asyncio.timeout(0.1):
            await call(ao, emulator)

    for each in (cut_short, direct):
        error, heard = failure_of(each, emulator)
        assert error is not None
        seen = assert_unseen(error, heard, emulator)
        Figures(request, "P18")(f"{how} during {call.__name__}: {seen} texts, 0 hits")


class Altering:
    """Answers of an emulator with other bodies."""

    def __init__(self, emulator: Emulator, path_or_name: str, body: Callable[[bytes], bytes]) -> None:
        self.emulator, self.aim, self.body = emulator, path_or_name, body

    async def send(self, request: Request) -> Response:
        response = await self.emulator.send(request)
        if self.aim in (request.path, request.name):
            response.body = self.body(response.body)
        return response


ODD = {
    "a text": lambda body: b'"' + body.replace(b'"', b"'") + b'"',
    "a list": lambda body: b"[" + body + b"]",
    "another name": lambda body: body.replace(b"access_token", b"token").replace(b'"link"', b'"url"'),
    "an error": lambda body: b'{"error": ' + body + b"}",
    "a number": lambda body: b"[1, " + body + b"]",
    "a line break": lambda body: body.replace(b'"}', b'\\n"}'),
    "a tail": lambda body: body + b"}",
    "no utf-8": lambda body: body + b"\xff",
    "a cut": lambda body: body[:-2],
    "a map of lists": lambda body: body.replace(b'":"', b'":["').replace(b'"}', b'"]}'),
}


@pytest.mark.parametrize("aim", [TOKEN_PATH, "createLoginToken"])
@pytest.mark.parametrize("odd", ODD)
def test_an_answer_that_holds_a_secret_in_an_odd_place_is_not_quoted(odd, aim):
    async def main(emulator: Emulator) -> BaseException | None:
        sender = Altering(emulator, aim, ODD[odd])
        async with Session("client-id", SECRET, sender=sender, retries=RetryPolicy(attempts=1)) as ao:
            try:
                await links(ao, emulator)
            except AoError as error:
                return error
        return None

    emulator = academy()
    with listening() as heard:
        error = asyncio.run(main(emulator), debug=True)
    if error is not None:
        assert_unseen(error, heard, emulator)
    assert sightings([("log", text) for text in heard], secrets_of(emulator)) == []


CONFIGURATIONS: dict[str, dict[str, object]] = {
    "concurrency": {"max_concurrency": 0},
    "pairs": {"max_pairs": 0},
    "address": {"base_url": "ftp://example.com"},
    "no address": {"base_url": "http://[::1"},
    "password in the address": {"base_url": f"https://user:{SECRET}@example.com"},
    "secret in the query": {"base_url": f"https://example.com/?secret={SECRET}"},
    "plain http": {"base_url": "http://example.com"},
    "app name": {"app_name": "a\nb"},
    "line break": {"client_secret": f"{SECRET}\n"},
    "no id": {"client_id": ""},
    "odd id": {"client_id": "a\x00b"},
}


IN_THE_ADDRESS = pytest.mark.shows_secrets("local", "an address is taken for what it is, and no secret belongs there")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=IN_THE_ADDRESS if "address" in case or "query" in case else ())
        for case in CONFIGURATIONS
    ],
)
@pytest.mark.parametrize("way", ["direct", "environment"])
def test_a_setting_that_cannot_be_used_shows_no_secret(case, way):
    given = {"client_id": "client-id", "client_secret": SECRET, **CONFIGURATIONS[case]}
    with pytest.raises(ConfigurationError) as caught:
        if way == "direct":
            Session(**given)
        else:
            names = {"client_id": "AOCLIENT_CLIENT_ID", "client_secret": "AOCLIENT_CLIENT_SECRET"}
            environ = {names[name]: str(given.pop(name)) for name in list(given) if name in names}
            Session.from_env(environ, **given)
    texts = list(all_texts(caught.value))
    if "password" in case or "query" in case:
        texts = [(where, text) for where, text in texts if not where.startswith("local")]
    assert sightings(texts, [SECRET]) == []


def test_what_people_print_shows_no_secret():
    async def main() -> None:
        emulator = academy()
        async with Session("client-id", SECRET, sender=emulator) as ao:
            link = await links(ao, emulator)
            parts = (ao, ao._authorized, ao._authorized._held, ao._limited, ao._sender, link, ao.with_options())
            texts = [(type(part).__name__, f"{part} {part!r} {part:}") for part in parts]
            texts += [("vars of the session", repr({**vars(ao)})), ("vars of the token", repr(vars(ao._authorized)))]
            assert sightings(texts, secrets_of(emulator)) == []
            assert link.link  # it is there, for those who ask for it

    asyncio.run(main())


def test_a_token_and_a_secret_are_not_pickled():
    import pickle  # noqa: PLC0415

    for each in (Secret(SECRET), Token(value=SECRET, lifetime=1.0, expires_at=1.0)):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(each)


class Broken:
    """A store that cannot be reached."""

    async def load(self, account: str) -> None:
        raise OSError("no route to the store")

    async def save(self, account: str, token: Token) -> None:
        raise OSError("no route to the store")

    async def discard(self, account: str, token: Token) -> None:
        raise OSError("no route to the store")

    def refreshing(self, account: str):
        raise OSError("no route to the store")


def test_a_store_that_fails_shows_no_secret():
    emulator = academy(faults="revoked-token@every=2")
    _, heard = failure_of(reads, emulator, token_store=Broken())
    assert any("token store" in text for text in heard)
    assert sightings([("log", text) for text in heard], secrets_of(emulator)) == []


def test_the_scan_finds_what_is_there():
    code = compile("def shows(secret):\n    raise ValueError('no')", "elsewhere.py", "exec")
    scope: dict[str, Callable[[str], None]] = {}
    exec(code, scope)
    with pytest.raises(ValueError, match="no") as caught:
        scope["shows"](SECRET)
    caught.value.add_note(SECRET)
    where = sightings(all_texts(caught.value), [SECRET])
    assert any(each.startswith("local secret of shows") for each in where)
    assert "notes of ValueError" in where
