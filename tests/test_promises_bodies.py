"""P12 and P13: forms say what the caller said, and broken bodies raise documented errors only."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aoclient import RetryPolicy, Session, actions, forms
from aoclient.action import Action
from aoclient.emulator import Emulator
from aoclient.errors import (
    AoError,
    InvalidOptionError,
    OutcomeUnknownError,
)
from aoclient.wire import TOKEN_PATH, Request, Response
from tests.kit.fuzzing import KNOWN, kept
from tests.kit.trial import Figures, sized
from tests.samples import SAMPLES, name_of

TOKEN = b'{"token_type": "Bearer", "expires_in": 604800, "access_token": "t0ken"}'


class Answering:
    """Answers each action with the same response, and keeps the forms."""

    def __init__(self, body: bytes = b"[]", headers: Mapping[str, str] | None = None) -> None:
        self.body, self.headers, self.bodies = body, headers or {"content-type": "application/json"}, []

    async def send(self, request: Request) -> Response:
        request.progress.phase = "answer"
        if request.path == TOKEN_PATH:
            return Response(200, {"content-type": "application/json"}, TOKEN)
        self.bodies.append(request.body)
        return Response(200, self.headers, self.body)


def session(sender: object) -> Session:
    return Session("client-id", "client-secret", sender=sender, retries=RetryPolicy(attempts=1))


# --- P12 ---------------------------------------------------------------------------------------------------------

leaves = st.text(max_size=20) | st.integers() | st.booleans()
# What is unset inside of a list, and keys of digits, which become numbers in PHP, are for test_forms.py.
keys = st.text("abcxyz_@.+- é", min_size=1, max_size=10)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(keys, inner, min_size=1, max_size=4)
)


def as_php_has_it(value: object) -> Any:
    """Return what PHP should make of a value, written apart from the library: texts, lists and maps."""
    if isinstance(value, dict):
        return {key: as_php_has_it(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_php_has_it(item) for item in value]
    return str(int(value)) if isinstance(value, bool) else str(value)


def random_tree(rng: random.Random, depth: int = 0) -> Any:
    """Return what the strategy does, a hundred times as fast."""
    if depth == 0:
        return {random_key(rng): rng.choice([None, random_tree(rng, 1)]) for _ in range(rng.randrange(5))}
    match rng.randrange(8 if depth < 4 else 6):
        case 0:
            return rng.choice([True, False])
        case 1:
            return rng.choice([rng.randrange(-10, 10), rng.getrandbits(70), -rng.getrandbits(65)])
        case 6:
            return [random_tree(rng, depth + 1) for _ in range(rng.randint(1, 4))]
        case 7:
            return {random_key(rng): random_tree(rng, depth + 1) for _ in range(rng.randint(1, 4))}
        case _:
            return "".join(random_letter(rng) for _ in range(rng.choice([0, 1, 3, 20])))


def random_letter(rng: random.Random) -> str:
    number = rng.choice([rng.randrange(32, 127), rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x110000)])
    return chr(number)


def random_key(rng: random.Random) -> str:
    return "".join(rng.choices("abcxyz_@.+- é", k=rng.randint(1, 10)))


def test_a_form_says_what_the_caller_said(request):
    sent = Counter[str]()
    sender = Answering()

    async def call(ao: Session, options: dict[str, Any]) -> Any:
        await ao.call("anyAction", options, effect="reads")
        return forms.decode(sender.bodies.pop())

    with asyncio.Runner() as runner:
        ao = session(sender)

        def holds(options: dict[str, Any]) -> None:
            try:
                read = runner.run(call(ao, options))
            except InvalidOptionError:
                sent["refused"] += 1
                return
            sent["sent"] += 1
            assert read.pop("action") == "anyAction"
            assert read.get("options", {}) == as_php_has_it(options)

        strategy = st.dictionaries(keys, trees | st.none(), max_size=4)
        drawn = settings(max_examples=sized(200, 5_000), deadline=None, suppress_health_check=list(HealthCheck))
        drawn(given(strategy)(holds))()
        assert sent["sent"] > sent["refused"]
        rng = random.Random(12)
        while sent["sent"] < sized(1_000, 100_000):
            holds(random_tree(rng))
        runner.run(ao.aclose())
    assert sent["sent"] > sent["refused"]
    Figures(request, "P12")(f"{sent['sent']} random option trees: read as they were meant, {sent['refused']} refused")


def test_the_words_true_and_false_are_never_sent_for_a_flag():
    async def main() -> list[bytes]:
        sender = Answering()
        async with session(sender) as ao:
            for sample in SAMPLES:
                try:
                    await ao.send(sample)
                except AoError:
                    continue
        return sender.bodies

    for body in asyncio.run(main()):
        words = {pair.rpartition("=")[2] for pair in body.decode().split("&") if "is_delete_users" not in pair}
        assert not words & {"True", "False", "true", "false", "None", "null"}


# --- P13 ---------------------------------------------------------------------------------------------------------

NASTY = {
    **kept("answers"),
    "deep list": b"[" * 100_000,
    "deep list, closed": b"[" * 100_000 + b"]" * 100_000,
    "deep map": b'{"a":' * 100_000,
    "deep below a key": b'[{"email": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
    "error as a deep list": b'{"error": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
}


def check(error: AoError, action: Action[Any]) -> str:
    """Return the name of a documented error; the answer was whole, so that nothing else may be raised."""
    if isinstance(error, OutcomeUnknownError):
        assert action.effect.value == "adds"
        error = error.__cause__
    assert isinstance(error, KNOWN), error
    assert str(error).isprintable(), error
    return type(error).__name__


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("content_type", ["application/json", "text/html; charset=utf-7", "", "a/b; charset=\x00"])
def test_a_nasty_body_raises_documented_errors_only(nasty, content_type):
    async def main() -> None:
        async with session(Answering(NASTY[nasty], {"content-type": content_type})) as ao:
            for sample in SAMPLES:
                try:
                    await ao.send(sample)
                except AoError as error:
                    check(error, sample)

    asyncio.run(main())


def real_bodies() -> list[tuple[Action[Any], bytes]]:
    """Return what the emulator answers to each action, or the golden answer where it refuses."""
    emulator = Emulator(learners=5, courses=2, teams=2)
    seen: list[tuple[Action[Any], bytes]] = []

    class Keeping:
        async def send(self, request: Request) -> Response:
            response = await emulator.send(request)
            if request.path != TOKEN_PATH:
                seen.append((sample, response.body))
            return response

    course = emulator.world.catalogue.courses[0]
    own = [
        actions.Learners(),
        actions.CourseProgress(email="learner1@example.com"),
        actions.LearnersProgressByCourse(course_id=course.id),
        actions.CheckLearnerInvite(emails=["learner1@example.com", "x@example.com"]),
        actions.GetLearnersQuizStatistic(
            records={"learner1@example.com": [each.id for each in course.contents if each.is_quiz]}
        ),
    ]

    async def main() -> None:
        nonlocal sample
        async with Session("client-id", "client-secret", sender=Keeping()) as ao:
            for sample in [*SAMPLES, *own]:
                try:
                    await ao.send(sample)
                except AoError:
                    continue

    sample: Action[Any] = SAMPLES[0]
    asyncio.run(main())
    return seen


def mutated(rng: random.Random, body: bytes, others: list[bytes]) -> bytes:
    data = bytearray(body)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << rng.randrange(8)
            case 1:
                data[at:at] = rng.choice(
                    [b"[", b"]", b"{", b"}", b",", b'"', b"\\", b"\x00", b"\xff", b"null", b"1e999"]
                )
            case 2:
                del data[at : at + rng.randrange(1, 20)]
            case 3:
                data = data[:at]
            case 4:
                other = rng.choice(others)
                data[at:at] = other[: rng.randrange(len(other) + 1)]
            case 5:
                data = bytearray(data.replace(b'"', rng.choice([b"'", b""]), rng.randrange(1, 4)))
            case 6:
                data[at : at + 1] = rng.randbytes(rng.randrange(4))
            case _:
                data = bytearray(_with_another_value(rng, bytes(data)))
    return bytes(data[:20_000])


def _with_another_value(rng: random.Random, body: bytes) -> bytes:
    """Return JSON with one value replaced, so that what is parsed well is of another shape."""
    try:
        tree = json.loads(body)
    except ValueError:
        return body
    node = [tree]
    key: Any = 0
    while isinstance(node[key], list | dict) and node[key] and rng.random() < 0.8:
        node = node[key]
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
    odd = [None, True, -1, 1.5, 10**30, "", "x", "0", [], {}, [[]], {"a": None}, "2021-13-45", "25/61/0000 99:99"]
    node[key] = rng.choice(odd)
    return json.dumps(tree if node != [tree] else node[0]).encode()


def test_mutated_bodies_raise_documented_errors_only(request):
    cases = sized(5_000, 100_000)
    rng = random.Random(99)
    real = real_bodies()
    bodies = [body for _, body in real]
    ends = Counter[str]()

    async def main() -> None:
        sender = Answering()
        async with session(sender) as ao:
            for _ in range(cases):
                action, body = rng.choice(real)
                sender.body = mutated(rng, body, bodies)
                try:
                    await ao.send(action)
                except AoError as error:
                    ends[check(error, action)] += 1
                else:
                    ends["answer"] += 1

    asyncio.run(main())
    assert {name_of(action) for action, _ in real} == set(actions.ACTIONS)
    Figures(request, "P13")(f"{cases} mutated bodies of all actions: only documented errors, {dict(ends)}")
