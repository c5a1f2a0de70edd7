"""P19, P20 and P25: no header or log is injected, the rate is kept at the socket, and signatures are compared right."""

from __future__ import annotations

import ast
import asyncio
import hmac
import inspect
import time

import pytest

from aoclient import Rate, Session, forms
from aoclient.emulator import Emulator
from aoclient.errors import ApiError, ConfigurationError, InvalidOptionError, ResponseSchemaError
from aoclient.webhooks import signature
from aoclient.wire import TOKEN_PATH, Request, Response
from tests.kit.trial import EPOCH, Figures, ended, names, sized

# --- P19 ---------------------------------------------------------------------------------------------------------

BREAKS = ["\r\n", "\n", "\r", "\x00", "\x0b", "\x85", "\u2028", "\x7f", "\x1b[31m"]


@pytest.mark.parametrize("text", BREAKS, ids=ascii)
@pytest.mark.parametrize("where", ["client_id", "client_secret", "app_name", "base_url"])
def test_a_line_break_is_refused_before_anything_is_sent(where, text):
    emulator = Emulator()

    async def main() -> None:
        async with emulator.serve() as url:
            given = {"client_id": "client-id", "client_secret": "client-secret", "base_url": url}
            given[where] = f"{given.get(where, 'app')}{text}X-Injected: 1"
            with pytest.raises(ValueError) as caught:  # ConfigurationError is one
                Session(**given)
            assert isinstance(caught.value, ConfigurationError)
            assert str(caught.value).isprintable()

    asyncio.run(main())
    assert emulator.journal.requests() == 0


class Altering:
    """An emulator whose answers to one path or action have another body."""

    def __init__(self, emulator: Emulator, aim: str, body: bytes) -> None:
        self.emulator, self.aim, self.body = emulator, aim, body

    async def send(self, request: Request) -> Response:
        response = await self.emulator.send(request)
        if self.aim in (request.path, request.name):
            response.body = self.body
        return response


@pytest.mark.parametrize("text", ["\\r\\nX-Injected: 1", "\\u0000", "\\u00e9", " \\n", "\\u2028"])
def test_a_token_that_cannot_stand_in_a_header_is_refused(text):
    emulator = Emulator()
    body = b'{"token_type": "Bearer", "expires_in": 60, "access_token": "abc' + text.encode() + b'"}'

    async def main() -> None:
        async with Session("client-id", "client-secret", sender=Altering(emulator, TOKEN_PATH, body)) as ao:
            with pytest.raises(ResponseSchemaError):
                await ao.courses()

    asyncio.run(main())
    assert emulator.journal.requests() == emulator.journal.requests(TOKEN_PATH)


def test_the_type_a_token_answer_names_is_not_put_into_a_header():
    emulator = Emulator()

    class Naming(Altering):
        async def send(self, request: Request) -> Response:
            response = await self.emulator.send(request)
            response.body = response.body.replace(b'"Bearer"', rb'"Bearer\r\nX-Injected: 1"')
            return response

    async def main() -> None:
        async with Session("client-id", "client-secret", sender=Naming(emulator, "", b"")) as ao:
            assert await ao.courses()

    asyncio.run(main())


@pytest.mark.parametrize(
    "words", ["\\u001b[31mred", "a\\r\\nERROR forged line", "\\u0000", "\\u202egnp.exe", "\\u0085"]
)
@pytest.mark.parametrize(
    "shape", ['{{"error": {{"message": "{}"}}}}', '{{"error": "{}"}}', '{{"error": 1, "message": "{}"}}']
)
def test_control_characters_of_the_server_are_escaped_in_errors(words, shape):
    emulator = Emulator()

    async def main() -> str:
        body = shape.format(words).encode()
        async with Session("client-id", "client-secret", sender=Altering(emulator, "courses", body)) as ao:
            with pytest.raises(ApiError) as caught:
                await ao.courses()
            return str(caught.value)

    assert asyncio.run(main()).isprintable()


@pytest.mark.parametrize("text", BREAKS, ids=ascii)
def test_a_control_character_in_a_key_is_escaped_in_the_error_about_it(text):
    with pytest.raises(InvalidOptionError) as caught:
        forms.encode({"action": "x", "options": {f"a{text}b": {"": 1}}})
    assert str(caught.value).isprintable()


# --- P20 ---------------------------------------------------------------------------------------------------------


def most_in_any(arrivals: list[float], window: float) -> int:
    arrivals, first, most = sorted(arrivals), 0, 0
    for last, at in enumerate(arrivals):
        while at - arrivals[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("rate", [Rate(40, per=0.5), Rate(5, per=0.1)], ids=["40 in 0.5 s", "5 in 0.1 s"])
def test_no_window_at_the_socket_has_more_requests_than_agreed(rate, request):
    calls = int(rate.calls * sized(3, 20))

    async def main() -> list[float]:
        emulator = Emulator(learners=1, clock=lambda: EPOCH + time.monotonic())
        async with (
            emulator.serve() as url,
            Session("client-id", "client-secret", base_url=url, rate=rate, max_concurrency=20) as ao,
        ):
            ends = await ended(range(calls), lambda _: ao.academies(), workers=20)
        assert names(ends) == {"ok": calls}
        return [entry.at for entry in emulator.journal.received if entry.path != TOKEN_PATH]

    arrivals = asyncio.run(main())
    most = most_in_any(arrivals, rate.per)
    assert len(arrivals) == calls
    assert most <= rate.calls
    used = calls / rate.calls / (max(arrivals) - min(arrivals)) * rate.per
    Figures(request, "P20")(
        f"{calls} calls over a socket at {rate.calls} in {rate.per} s: at most {most} in any window,"
        f" {100 * used:.0f} % used"
    )


# --- P25 ---------------------------------------------------------------------------------------------------------


def test_only_compare_digest_compares_in_the_module_of_signatures():
    """Comparing with ``==`` or ``in`` stops at the first difference, and the time it takes tells where that is."""
    tree = ast.parse(inspect.getsource(signature))
    verify = next(node for node in ast.walk(tree) if getattr(node, "name", "") == "is_authentic")
    assert [node for node in ast.walk(verify) if isinstance(node, ast.Compare)] == []
    loops = [node for node in ast.walk(verify) if isinstance(node, ast.For)]
    early = (ast.Return, ast.Break, ast.Continue, ast.If)
    assert len(loops) == 2
    assert not any(isinstance(node, early) for loop in loops for node in ast.walk(loop))
    calls = [node for node in ast.walk(verify) if isinstance(node, ast.Call)]
    assert [ast.unparse(node.func) for node in calls].count("hmac.compare_digest") == 1


@pytest.mark.parametrize("right", [0, 2, 4, None])
def test_every_secret_is_tried_whichever_is_right(right, monkeypatch, request):
    secrets = [f"secret-{number}" for number in range(5)]
    given = "00" * 32 if right is None else signature.sign(b"{}", secrets[right])
    calls: list[bytes] = []
    real = hmac.compare_digest

    def counting(one: bytes, other: bytes) -> bool:
        calls.append(other)
        return real(one, other)

    monkeypatch.setattr(signature.hmac, "compare_digest", counting)
    assert signature.verify(b"{}", given, secrets, encodings=("hex", "base64")) is (right is not None)
    assert len(calls) == 10
    Figures(request, "P25")(f"secret {right} of 5 is right: {len(calls)} comparisons, 2 encodings")
