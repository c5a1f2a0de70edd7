"""The sender of one POST, against real servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest
from attrs import define, field

from aoclient.action import Effect
from aoclient.errors import (
    AoError,
    ClientClosedError,
    ConfigurationError,
    ConnectError,
    DeadlineError,
    Outcome,
    ReadError,
    ResponseTooLargeError,
    WrongEventLoopError,
)
from aoclient.senders.http import Http, _Form
from aoclient.senders.interrupt import Interrupt
from aoclient.settings import Timeouts
from aoclient.wire import TOKEN_PATH, Request

if TYPE_CHECKING:
    from pathlib import Path

Handle = Callable[["Server", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SECRET = "canary-secret-7f3a"


@define(eq=False)
class Server:
    port: int = 0
    connections: int = 0
    heads: list[str] = field(factory=list, repr=False)
    bodies: list[bytes] = field(factory=list, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def read(self, reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().split("content-length:")[1].split("\r\n")[0])
        self.heads.append(head)
        self.bodies.append(await reader.readexactly(length))


@asynccontextmanager
async def serving(handle: Handle, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve with a function per connection; at the end every connection is closed."""
    found = Server()
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        found.connections += 1
        try:
            await handle(found, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def answering(body: bytes = b"[]", status: str = "200 OK", headers: str = "") -> Handle:
    """Answer every request of a connection alike."""

    async def handle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read(reader)
            writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)
            await writer.drain()

    return handle


def raw(text: bytes) -> Handle:
    """Write this after the first request and hang up."""

    async def handle(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(text)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return handle


async def silent(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await server.read(reader)
    await asyncio.Event().wait()


async def hanging_up(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110  # the server is on the same loop
        await asyncio.sleep(0)


@asynccontextmanager
async def closing(sender: Http) -> AsyncIterator[Http]:
    try:
        yield sender
    finally:
        await sender.aclose()


def http(url: str, **settings: object) -> Http:
    return Http(url, user_agent="aoclient/test", **settings)  # type: ignore[arg-type]


def request(body: bytes = b"action=courses", effect: Effect = Effect.READS, **settings: object) -> Request:
    return Request(
        name="courses",
        effect=effect,
        body=body,
        read=lambda response: response,
        headers={"Authorization": f"Bearer {SECRET}"},
        **settings,  # type: ignore[arg-type]
    )


# --- what is sent, and what comes back ---------------------------------------------------------------------------


def test_it_posts_the_form_and_returns_the_answer():
    async def main():
        async with serving(answering(b'{"a":1}', headers="X-RateLimit-Limit: 60\r\n")) as server:
            async with closing(http(f"{server.url}/behind/")) as sender:
                asked = request()
                answer = await sender.send(asked)
            assert (answer.status, answer.body, answer.headers["x-ratelimit-limit"]) == (200, b'{"a":1}', "60")
            assert server.bodies == [b"action=courses"]
            assert asked.progress.phase == "answer"
            assert asked.progress.attempts == 0
            head = server.heads[0].split("\r\n")
            assert head[0] == "POST /behind/api/v1/ HTTP/1.1"
            assert "Accept: application/json" in head
            assert "User-Agent: aoclient/test" in head
            assert "Content-Type: application/x-www-form-urlencoded" in head
            assert f"Authorization: Bearer {SECRET}" in head

    asyncio.run(main())


def test_an_error_status_comes_back_as_it_is():
    async def main():
        async with serving(answering(b"{}", "429 Too Many Requests", "Retry-After: 7\r\n")) as server:
            async with closing(http(server.url)) as sender:
                answer = await sender.send(request())
            assert (answer.status, answer.headers["retry-after"]) == (429, "7")

    asyncio.run(main())


def test_cookies_are_not_kept():
    async def main():
        async with serving(answering(headers="Set-Cookie: laravel_session=abc; Path=/\r\n")) as server:
            async with closing(http(server.url)) as sender:
                await sender.send(request())
                await sender.send(request())
            assert server.connections == 1
            assert len(server.heads) == 2
            assert "cookie" not in "".join(server.heads).lower()

    asyncio.run(main())


@pytest.mark.parametrize("status", ["301 M", "302 Found", "303 S", "307 T", "308 P"])
def test_a_redirect_is_returned_and_never_followed(status):
    async def main():
        async with serving(answering()) as other:
            location = f"Location: {other.url}/api/v1/\r\n"
            async with serving(answering(b"", status, location)) as server, closing(http(server.url)) as sender:
                answer = await sender.send(request(b"client_secret=x", path=TOKEN_PATH))
            assert answer.status == int(status[:3])
            assert answer.headers["location"] == f"{other.url}/api/v1/"
            assert other.connections == 0

    asyncio.run(main())


def test_a_form_above_a_mebibyte_is_sent_without_a_warning():
    async def main():
        body = b"a=" + b"x" * (3 * 2**20)
        async with serving(answering()) as server, closing(http(server.url)) as sender:
            await sender.send(request(body))
            assert server.bodies == [body]

    asyncio.run(main())


def test_the_form_is_written_whole_by_those_who_name_no_length():
    written = []

    class Writer:
        async def write(self, chunk: bytes) -> None:
            written.append(chunk)

    async def main() -> str:
        sent = request(b"a=b")
        await _Form(sent, Interrupt(asyncio.get_running_loop())).write(Writer())
        return sent.progress.phase

    assert asyncio.run(main()) == "answer"
    assert written == [b"a=b"]


def test_the_form_is_text_for_a_middleware():
    async def main() -> str:
        return _Form(request(b"a=b"), Interrupt(asyncio.get_running_loop())).decode()

    assert asyncio.run(main()) == "a=b"


# --- connections -------------------------------------------------------------------------------------------------


def test_reads_share_a_connection_and_each_action_that_adds_has_its_own():
    async def main():
        async with serving(answering()) as server, closing(http(server.url)) as sender:
            for _ in range(3):
                await sender.send(request())
            await sender.send(request(effect=Effect.SETS))
            assert server.connections == 1
            for count in (2, 3):
                await sender.send(request(effect=Effect.ADDS))
                assert server.connections == count
            await sender.send(request())
            assert server.connections == 3
            assert [("Connection: close" in head) for head in server.heads] == [False] * 4 + [True] * 2 + [False]

    asyncio.run(main())


def test_at_most_so_many_connections_are_open_at_once():
    async def main():
        async with serving(answering()) as server, closing(http(server.url, max_concurrency=3)) as sender:
            await asyncio.gather(*(sender.send(request()) for _ in range(20)))
            assert server.connections <= 3
            assert len(server.bodies) == 20

    asyncio.run(main())


def test_a_borrowed_session_is_used_and_stays_open():
    async def main():
        refusing = answering(b"{}", "422 Unprocessable")
        async with serving(refusing) as server, aiohttp.ClientSession(raise_for_status=True) as session:
            sender = http(server.url, http=session)
            assert (await sender.send(request(effect=Effect.ADDS))).status == 422
            await sender.aclose()
            assert not session.closed
            async with session.post(server.url, data=b"", raise_for_status=False) as answer:
                assert answer.status == 422
            with pytest.raises(ClientClosedError):
                await sender.send(request())

    asyncio.run(main())


def test_closing_waits_for_the_calls_on_a_borrowed_session_to_end():
    async def answering_once(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
        await silent(server, reader, writer)

    async def main():
        async with serving(answering_once) as server, aiohttp.ClientSession() as session:
            sender = http(server.url, http=session)
            await sender.send(request())
            call = asyncio.create_task(sender.send(request()))
            await until(lambda: len(server.bodies) == 2)
            await sender.aclose()
            assert call.done()
            with pytest.raises(ClientClosedError):
                await call

    asyncio.run(main())


def test_a_borrowed_session_that_is_closed_is_told():
    async def main():
        async with serving(answering()) as server:
            async with aiohttp.ClientSession() as session:
                sender = http(server.url, http=session)
            with pytest.raises(ClientClosedError) as caught:
                await sender.send(request())
            assert caught.value.outcome is Outcome.NOT_EXECUTED

    asyncio.run(main())


def test_a_borrowed_session_closed_during_a_call_ends_it_with_an_unknown_outcome():
    async def main():
        async with serving(silent) as server, aiohttp.ClientSession() as session:
            call = asyncio.create_task(http(server.url, http=session).send(request()))
            await until(lambda: server.bodies)
            await session.close()
            with pytest.raises(ClientClosedError) as caught:
                await call
            assert caught.value.outcome is Outcome.UNKNOWN

    asyncio.run(main())


def test_a_borrowed_session_with_auth_is_refused():
    async def main():
        with pytest.warns(DeprecationWarning, match="auth"):
            session = aiohttp.ClientSession(auth=aiohttp.BasicAuth("a", "b"))
        async with session:
            with pytest.raises(ConfigurationError, match="auth"):
                http("https://h", http=session)

    asyncio.run(main())


# --- failures ----------------------------------------------------------------------------------------------------


def told(error: BaseException) -> str:
    """Return all an error shows, with the locals of every frame, as crash reporters do."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    return f"{error!r} {error} {error.args} {vars(error)} {''.join(shown.format())}"


async def failing(handle: Handle, **settings: object) -> BaseException:
    async with serving(handle) as server, closing(http(server.url)) as sender:
        with pytest.raises(AoError) as caught:
            await sender.send(request(f"client_secret={SECRET}".encode(), **settings))
    assert SECRET not in told(caught.value)
    assert caught.value.__context__ is None
    return caught.value


def test_a_refused_connection_is_not_executed():
    async def main():
        async with serving(answering()) as server:
            url = server.url
        async with closing(http(url)) as sender:
            asked = request(effect=Effect.ADDS)
            with pytest.raises(ConnectError, match=r"courses: no connection to 127\.0\.0\.1:\d+: Connect") as caught:
                await sender.send(asked)
        assert asked.progress.phase == "connect"
        assert caught.value.outcome is Outcome.NOT_EXECUTED
        assert SECRET not in told(caught.value)

    asyncio.run(main())


@pytest.mark.parametrize(
    "handle",
    [
        pytest.param(raw(b""), id="closed after the form"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n[1,"), id="half a body"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n"), id="chunks missing"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[1,\r\n"), id="broken chunks"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"), id="no gzip"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nContent-Enc"), id="half a head"),
        pytest.param(raw(f"SMTP {SECRET}\r\n\r\n".encode()), id="no HTTP"),
    ],
)
def test_a_broken_answer_leaves_the_outcome_unknown(handle):
    error = asyncio.run(failing(handle))
    assert isinstance(error, ReadError)
    assert error.outcome is Outcome.UNKNOWN
    assert error.action == "courses"


def test_a_server_that_hangs_up_before_the_form_is_read_leaves_no_certainty_of_success():
    error = asyncio.run(failing(hanging_up))
    assert isinstance(error, ReadError | ConnectError)


def test_no_answer_in_time_is_a_deadline_with_an_unknown_outcome():
    error = asyncio.run(failing(silent, timeouts=Timeouts(read=0.02)))
    assert isinstance(error, DeadlineError)
    assert (error.phase, error.outcome) == ("answer", Outcome.UNKNOWN)
    assert "within 0.02 s" in str(error)


def test_no_connection_in_time_is_a_deadline_with_nothing_sent():
    """The pool has one connection and it is taken, so the second call never gets one."""

    async def main():
        async with serving(silent) as server, closing(http(server.url, max_concurrency=1)) as sender:
            first = asyncio.create_task(sender.send(request(timeouts=Timeouts(read=float("inf")))))
            await until(lambda: server.bodies)
            with pytest.raises(DeadlineError) as caught:
                await sender.send(request(timeouts=Timeouts(connect=0.02)))
            assert (caught.value.phase, caught.value.outcome) == ("connect", Outcome.NOT_EXECUTED)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()

    asyncio.run(main())


def test_a_cancelled_call_leaves_no_connection_behind():
    async def main():
        async with serving(silent) as server, closing(http(server.url, max_concurrency=1)) as sender:
            for count in (1, 2):
                call = asyncio.create_task(sender.send(request()))
                await until(lambda: len(server.bodies) == count)  # noqa: B023  # within this turn
                call.cancel()
                await asyncio.wait([call])
                assert call.cancelled()
            assert server.connections == 2
            assert not sender._in_flight

    asyncio.run(main())


def test_a_call_cancelled_at_any_step_leaves_nothing_behind():
    async def main():
        async with serving(answering()) as server, closing(http(server.url, max_concurrency=1)) as sender:
            for steps in range(60):
                effect = Effect.ADDS if steps % 2 else Effect.READS
                call = asyncio.create_task(sender.send(request(effect=effect)))
                for _ in range(steps // 2):
                    await asyncio.sleep(0)
                call.cancel()
                await asyncio.wait([call])
                assert not sender._in_flight
                # With a slot lost this would wait for ever.
                assert (await sender.send(request(effect=effect))).status == 200
            assert call.done()
            assert not call.cancelled()  # the steps reach to the end of a call

    asyncio.run(main())


# --- size --------------------------------------------------------------------------------------------------------


def test_a_body_of_the_limit_passes_and_one_byte_more_does_not():
    async def main():
        limits = {"max_response_bytes": 1000, "max_token_bytes": 999}
        async with serving(answering(b"x" * 1000)) as server, closing(http(server.url, **limits)) as sender:
            assert len((await sender.send(request())).body) == 1000
            with pytest.raises(ResponseTooLargeError, match="longer than 999 bytes") as caught:
                await sender.send(request(path=TOKEN_PATH))
            assert caught.value.status == 200

    asyncio.run(main())


def test_a_gzip_bomb_is_cut_off_and_takes_little_memory():
    limit = 4 * 2**20
    bomb = answering(gzip.compress(b"\0" * (50 * limit)), headers="Content-Encoding: gzip\r\n")

    async def main():
        async with serving(bomb) as server, closing(http(server.url, max_response_bytes=limit)) as sender:
            tracemalloc.start()
            try:
                with pytest.raises(ResponseTooLargeError):
                    await sender.send(request())
                with pytest.raises(ResponseTooLargeError):
                    await sender.send(request())
                assert server.connections == 2  # the rest of the first was not read
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(main()) < 2 * limit


@pytest.mark.parametrize("length", [True, False], ids=["with a length", "until the end"])
def test_a_large_inflated_body_comes_whole_though_the_server_hangs_up(length):
    whole = b"0123456789abcdef" * (2**20)
    packed = gzip.compress(whole)
    head = f"Content-Length: {len(packed)}\r\n" if length else "Connection: close\r\n"

    async def main():
        answer = raw(f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n{head}\r\n".encode() + packed)
        async with serving(answer) as server, closing(http(server.url)) as sender:
            assert (await sender.send(request())).body == whole

    asyncio.run(main())


# --- closing, and loops ------------------------------------------------------------------------------------------


def test_closing_ends_the_calls_in_flight():
    async def main():
        async with serving(silent) as server:
            sender = http(server.url, max_concurrency=20)
            effects = [Effect.READS, Effect.ADDS] * 10
            calls = [asyncio.create_task(sender.send(request(effect=effect))) for effect in effects]
            await until(lambda: len(server.bodies) == 20)
            queued = [asyncio.create_task(sender.send(request())) for _ in range(30)]
            await asyncio.sleep(0)
            first = asyncio.create_task(sender.aclose())
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # by now the calls are interrupted, and have not ended yet
            await sender.aclose()
            await first
            errors = await asyncio.gather(*calls, *queued, return_exceptions=True)
            assert {type(error) for error in errors} == {ClientClosedError}
            assert {error.outcome for error in errors[:20]} == {Outcome.UNKNOWN}
            assert {error.outcome for error in errors[20:]} == {Outcome.NOT_EXECUTED}
            await sender.aclose()
            with pytest.raises(ClientClosedError):
                await sender.send(request())
            left = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}
            assert left <= {main.__qualname__, "serving.<locals>.connected"}

    asyncio.run(main())


def test_closing_what_was_never_used_does_nothing():
    async def main():
        sender = http("https://host")
        await sender.aclose()
        with pytest.raises(ClientClosedError, match="courses: the session is closed"):
            await sender.send(request())

    asyncio.run(main())


def test_a_second_loop_is_told_and_nothing_is_sent():
    async def main():
        async with serving(answering()) as server:
            async with closing(http(server.url)) as sender:
                await sender.send(request())

                def elsewhere(verb):
                    with pytest.raises(WrongEventLoopError, match=r"EventLoop 0x\w+ and was used in .*EventLoop 0x"):
                        asyncio.run(verb())

                await asyncio.to_thread(elsewhere, lambda: sender.send(request()))
                await asyncio.to_thread(elsewhere, sender.aclose)
                await sender.send(request())
            assert len(server.bodies) == 2
        return sender

    sender = asyncio.run(main())
    with pytest.raises(WrongEventLoopError, match="belongs to closed"):
        asyncio.run(sender.send(request()))


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://app.academyocean.com", "unencrypted"),
        ("http://10.0.0.1:8000", "unencrypted"),
        ("http://localhost.evil.example", "unencrypted"),
        ("ftp://host", "https://host"),
        ("app.academyocean.com", "https://host"),
        ("https://", "https://host|no URL"),
        ("https://host:99999", "no URL"),
        ("https://academy..example.com", "no URL"),
        ("https://host/\r\nX-Evil: 1", "https://host"),
        ("https://user@host", "no user"),
        (f"https://user:{SECRET}@host", "no password"),
        ("https://host?a=1", r"no \?"),
        ("https://host#a", "no #"),
    ],
)
def test_a_base_url_that_cannot_be_used_is_refused(url, said):
    with pytest.raises(ConfigurationError, match=said) as caught:
        http(url)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("https://app.academyocean.com", {}),
        ("http://localhost:8080", {}),
        ("http://127.0.0.2", {}),
        ("http://[::1]:8080", {}),
        ("http://inside.example", {"allow_insecure": True}),
    ],
)
def test_a_base_url_that_can_be_used_is_taken(url, settings):
    assert str(http(url, **settings)._route("/api/v1/")[0]).startswith(url)


@pytest.mark.parametrize("agent", ["a\r\nX-Evil: 1", "a\nb", "a\0b", "caf\xe9"])
def test_a_user_agent_that_would_break_the_head_is_refused(agent):
    with pytest.raises(ConfigurationError, match="app_name"):
        Http("https://host", user_agent=agent)


def test_the_proxy_of_the_environment_is_used_only_if_asked_for(monkeypatch, tmp_path):
    """The netrc file is read by neither: its password would take the place of the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine elsewhere.example login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    async def main():
        async with serving(answering()) as proxy, serving(answering()) as server:
            monkeypatch.setenv("http_proxy", proxy.url)
            async with closing(http(server.url)) as sender:
                await sender.send(request())
            assert (proxy.connections, server.connections) == (0, 1)
            elsewhere = {"allow_insecure": True, "trust_env": True}
            async with closing(http("http://elsewhere.example", **elsewhere)) as sender:
                await sender.send(request())
            assert proxy.heads[0].startswith("POST http://elsewhere.example/api/v1/ ")
            assert f"Authorization: Bearer {SECRET}" in proxy.heads[0]
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            async with closing(http(server.url, trust_env=True)) as sender:
                await sender.send(request())
            assert (proxy.connections, server.connections) == (1, 2)

    asyncio.run(main())


# --- TLS ---------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", key, "-out", certificate, "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    async def main():
        async with serving(answering(), tls) as server, closing(http(f"https://127.0.0.1:{server.port}")) as sender:
            with pytest.raises(ConnectError, match="certificate verify failed") as caught:
                await sender.send(request())
            assert caught.value.outcome is Outcome.REFUSED  # by this side, and again on a second try
            assert SECRET not in told(caught.value)
            assert server.heads == []
            trusting = ssl.create_default_context(cafile=str(certificate))
            connector = aiohttp.TCPConnector(ssl=trusting)
            async with aiohttp.ClientSession(connector=connector) as session:
                borrowing = http(f"https://127.0.0.1:{server.port}", http=session)
                assert (await borrowing.send(request())).status == 200

    asyncio.run(main())
