"""P15 to P17: answers are bounded, nothing goes to the wrong place, and a login page is never taken for data."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import aiohttp
import pytest

from aoclient import RetryPolicy, Session
from aoclient.emulator import Emulator
from aoclient.errors import (
    AoError,
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    Outcome,
    OutcomeUnknownError,
    ResponseDecodeError,
    ResponseTooLargeError,
    UnexpectedRedirectError,
)
from aoclient.senders.http import Http
from aoclient.wire import Request, Response
from tests.kit.certificates import Authority
from tests.kit.trial import Figures, quiz_of, sized

SECRET = "s3cret-c4nary"
MIB = 2**20


def academy(**settings: object) -> Emulator:
    return Emulator(learners=3, client_secret=SECRET, **settings)


# --- P15 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["courses", "token"])
def test_a_gzip_bomb_costs_no_more_than_twice_the_limit(action, request):
    limit = 4 * MIB
    size = sized(128, 512)  # MiB it inflates to

    async def main() -> int:
        emulator = academy(faults=f"gzip-bomb@action={action};size={size}")
        async with emulator.serve() as url:
            http = Http(url, user_agent="test", max_response_bytes=limit)
            with suppress(AoError):  # the bomb is made once, and is not of the client
                await Session("client-id", SECRET, sender=http).courses()
            tracemalloc.start()
            try:
                before, _ = tracemalloc.get_traced_memory()
                with pytest.raises(ResponseTooLargeError):
                    await Session("client-id", SECRET, sender=http).courses()
                return tracemalloc.get_traced_memory()[1] - before
            finally:
                tracemalloc.stop()
                await http.aclose()

    grown = asyncio.run(main())
    assert grown <= 2 * limit
    Figures(request, "P15")(
        f"{size} MiB bomb as the answer of {action}, limit {limit // MIB} MiB: memory grew by {grown / MIB:.1f} MiB"
    )


# --- P16 ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made by the openssl command")
    return Authority(tmp_path_factory.mktemp("authority"))


class Wire:
    """What came out of TLS connections, and how many there were."""

    def __init__(self) -> None:
        self.connections = 0
        self.data = b""


@asynccontextmanager
async def behind_tls(context: ssl.SSLContext, emulator: Emulator) -> AsyncGenerator[tuple[str, Wire], None]:
    """Serve an emulator behind TLS and give its URL."""
    wire = Wire()

    async with emulator.serve() as url:
        host, port = url.removeprefix("http://").split(":")

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection(host, int(port))

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, keep: bool) -> None:
                with suppress(OSError):
                    while data := await source.read(65536):
                        wire.data += data if keep else b""
                        target.write(data)
                    target.close()

            await asyncio.gather(
                copy(reader, inner_writer, keep=True), copy(inner_reader, writer, keep=False), return_exceptions=True
            )

        server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=5)
        counted = await counting_proxy(server.sockets[0].getsockname()[1], wire)
        try:
            yield f"https://127.0.0.1:{counted.sockets[0].getsockname()[1]}", wire
        finally:
            counted.close()
            server.close()
            await asyncio.sleep(0.05)


async def counting_proxy(port: int, wire: Wire) -> asyncio.Server:
    """Count connections, whether their handshake succeeds or not, and pass on the bytes."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(65536):
                    target.write(data)
                target.close()

        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer), return_exceptions=True)

    return await asyncio.start_server(forward, "127.0.0.1", 0)


@pytest.mark.parametrize("wrong", ["self-signed", "wrong host", "expired", "unknown authority", "none"])
def test_a_certificate_that_does_not_hold_gets_no_secret_and_no_second_try(wrong, authority, request):
    context = {
        "self-signed": lambda: authority.self_signed(host="IP:127.0.0.1"),
        "wrong host": lambda: authority.server("other", host="DNS:other.example.com"),
        "expired": lambda: authority.server("expired", host="IP:127.0.0.1", ends="20240101000000Z"),
        "unknown authority": lambda: authority.server("fine", host="IP:127.0.0.1"),
        "none": lambda: authority.server("fine", host="IP:127.0.0.1"),
    }[wrong]()

    async def main() -> Wire:
        emulator = academy()
        async with behind_tls(context, emulator) as (url, wire):
            trusting = aiohttp.TCPConnector(ssl=authority.client())
            async with aiohttp.ClientSession(connector=trusting) as http:
                own = http if wrong != "unknown authority" else None
                async with Session("client-id", SECRET, base_url=url, http=own) as ao:
                    if wrong == "none":
                        assert await ao.courses()
                    else:
                        with pytest.raises(ConnectError) as caught:
                            await ao.courses()
                        assert caught.value.outcome is Outcome.REFUSED
                        assert "certificate" in str(caught.value)
        assert emulator.journal.requests() == (2 if wrong == "none" else 0)
        return wire

    wire = asyncio.run(main())
    assert (SECRET.encode() in wire.data) is (wrong == "none")  # the judge can tell
    if wrong != "none":
        assert wire.data == b""
        assert wire.connections == 1
        Figures(request, "P16")(f"{wrong} certificate: refused, {len(wire.data)} bytes sent, 1 connection")


@pytest.mark.parametrize("kind", ["301", "302", "307", "308"])
@pytest.mark.parametrize("action", ["token", "courses", "addLearnerQuizAttempts"])
def test_a_redirect_to_another_host_gets_nothing(kind, action, request):
    got: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await reader.read(65536))
        writer.close()

    async def main() -> int:
        async with await asyncio.start_server(listen, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            emulator = academy()
            at_once = RetryPolicy(wait=0)
            async with emulator.serve() as url, Session("client-id", SECRET, base_url=url, retries=at_once) as ao:
                if action != "token":
                    await ao.academies()
                before = emulator.journal.requests()
                emulator.faults = f"{kind}@action={action};to=http://127.0.0.1:{port}/api/v1/"
                error = OutcomeUnknownError if action == "addLearnerQuizAttempts" else UnexpectedRedirectError
                with pytest.raises(error) as caught:
                    if action == "addLearnerQuizAttempts":
                        await ao.add_learner_quiz_attempts(quiz_id=quiz_of(emulator), email="learner1@example.com")
                    else:
                        await ao.courses()
                assert SECRET not in str(caught.value)
                return emulator.journal.requests() - before

    requests = asyncio.run(main())
    assert got == []
    Figures(request, "P16")(f"{kind} of {action} to another host: 0 bytes sent there, {requests} requests here")


@pytest.mark.parametrize("url", ["http://academy.example.com", "http://10.0.0.1", "HTTP://example.com", "http://[::2]"])
def test_plain_http_is_refused_before_anything_is_sent(url):
    with pytest.raises(ConfigurationError, match="unencrypted"):
        Session("client-id", SECRET, base_url=url)


# --- P17 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["courses", "getTeams", "addLearnersToTeams", "addLearnerQuizAttempts", "newAction"])
def test_a_login_page_with_status_200_is_no_answer_to_any_action(action, request):
    async def main() -> None:
        emulator = academy()
        async with emulator.serve() as url:
            retries = RetryPolicy(attempts=1)
            async with Session("client-id", SECRET, base_url=url, retries=retries) as ao:
                await ao.academies()
                emulator.faults = "html-200@action=any"
                with pytest.raises((ResponseDecodeError, OutcomeUnknownError)) as caught:
                    await ao.call(action, effect="adds" if action.startswith("add") else "reads")
                error = caught.value if isinstance(caught.value, ResponseDecodeError) else caught.value.__cause__
                assert "HTML" in str(error)

    asyncio.run(main())
    Figures(request, "P17")(f"{action} answered with a login page and status 200: an error")


LABELS = ["text/html; charset=UTF-8", "text/plain", "application/json", "application/vnd.api+json", "", "image/png"]


@pytest.mark.parametrize("label", LABELS)
def test_the_body_decides_and_not_its_label(label, request):
    """PHP labels what it prints as HTML, JSON too; a label that says JSON makes no answer of a login page."""

    class Labelled:
        def __init__(self, emulator: Emulator) -> None:
            self.emulator = emulator

        async def send(self, given: Request) -> Response:
            response = await self.emulator.send(given)
            response.headers = {**response.headers, "content-type": label}
            return response

    async def main() -> None:
        emulator = academy()
        async with Session("client-id", SECRET, sender=Labelled(emulator), retries=RetryPolicy(attempts=1)) as ao:
            assert await ao.courses()
            emulator.faults = "html-200"
            for call in (ao.courses(), ao.call("newAction", effect="reads"), ao.get_teams()):
                with pytest.raises(ResponseDecodeError, match="HTML"):
                    await call
            for teams in (["1"], ["1", "2"]):
                with pytest.raises(ResponseDecodeError, match="HTML"):
                    await ao.add_learners_to_teams(teams=teams, learners=["learner1@example.com"])

    asyncio.run(main())
    Figures(request, "P17")(f"labelled as {label or 'nothing'}: JSON is read, 5 login pages are no answer")


def test_json_is_asked_for_first_so_that_a_revoked_token_is_no_login_page(request):
    async def main() -> tuple[list[int], int]:
        emulator = academy()
        async with emulator.serve() as url:
            retries = RetryPolicy(attempts=1)
            async with Session("client-id", SECRET, base_url=url, retries=retries) as ao:
                await ao.academies()
                emulator.tokens.expire()
                with pytest.raises(AuthenticationError):
                    await ao.courses()
                ours = [entry.status for entry in emulator.journal.received]
            async with aiohttp.ClientSession() as http, http.post(f"{url}/api/v1/") as answer:
                assert answer.content_type == "text/html"  # what a client gets that does not ask for JSON
                return ours, answer.status

    ours, theirs = asyncio.run(main())
    assert ours == [200, 200, 401]
    assert theirs == 200
    Figures(request, "P17")("expired token: 401 as JSON; without Accept it is a login page with status 200")
