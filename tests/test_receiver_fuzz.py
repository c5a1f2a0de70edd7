"""Headers and bodies of all kinds from strangers: never an exception, never accepted."""

import asyncio
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from aoclient.receivers import Receiver
from aoclient.webhooks import Event, sign
from tests.kit.clock import run
from tests.kit.receiving import SECRET, Keeping, body, signed

BODY = body()
GOOD = sign(BODY, SECRET)
NAMES = [
    "Signature",
    "signature",
    "Content-Encoding",
    "Content-Length",
    "content-type",
    "X-Signature",
    "",
    "\udc80",
    "Ünï",
]


def open_receiver(main, **settings):
    async def whole():
        receiver = Receiver(SECRET, **settings)
        keeping = Keeping()
        receiver.on(Event)(keeping)
        async with receiver:
            result = await main(receiver)
        return result, keeping.calls

    return run(whole())


def spoilt_text(rng, text):
    """Return another text, as near to it as chance has it."""
    letters = list(text)
    for _ in range(rng.randint(1, 3)):
        where = rng.randrange(len(letters) + 1)
        match rng.randrange(4):
            case 0:
                letters[where:where] = chr(rng.choice([rng.randrange(32, 127), rng.randrange(0x11000)]))
            case 1:
                del letters[where : where + rng.randint(1, 64)]
            case 2:
                letters[where : where + 1] = rng.choice([*"0123456789abcdefABCDEF,; =\x00\xfc\udcff"])
            case _:
                letters += letters[:where]
    return "".join(letters) if "".join(letters) != text else text + "x"


def spoilt_headers(rng):
    headers = [("Signature", spoilt_text(rng, GOOD))]
    match rng.randrange(6):
        case 0:
            headers = []
        case 1:
            headers += [(rng.choice(NAMES), spoilt_text(rng, GOOD)) for _ in range(rng.randrange(4))]
        case 2:
            headers = [("Signature", GOOD), ("sIGNATURE", rng.choice([GOOD, "", "x"]))]
        case 3:
            headers.append(("Content-Length", spoilt_text(rng, "123")))
    return headers if rng.random() < 0.5 or len(headers) > 1 else dict(headers)


def test_100_000_spoilt_signatures_are_refused():
    rng = random.Random(1)

    async def main(receiver):
        statuses = Counter()
        for _ in range(100_000):
            answer = await receiver.receive(BODY, spoilt_headers(rng))
            statuses[answer.status] += 1
        return statuses

    statuses, handled = open_receiver(main)
    assert handled == []
    assert set(statuses) <= {401, 413, 415}
    assert statuses[401] > 90_000


def test_spoilt_bodies_under_a_good_signature_of_another_are_refused():
    rng = random.Random(2)

    async def main(receiver):
        statuses = set()
        for _ in range(5_000):
            spoilt = bytearray(BODY)
            for _ in range(rng.randint(1, 3)):
                spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
            if spoilt != BODY:
                statuses.add((await receiver.receive(bytes(spoilt), {"Signature": GOOD})).status)
        return statuses

    assert open_receiver(main) == ({401}, [])


@given(
    payload=st.binary(max_size=300),
    headers=st.lists(st.tuples(st.sampled_from(NAMES) | st.text(), st.text())),
    method=st.sampled_from(["POST", "GET"]) | st.text(),
    size=st.integers(1, 100),
)
def test_no_request_of_a_stranger_raises_or_is_accepted(payload, headers, method, size):
    async def main(receiver):
        left = [payload[start : start + size] for start in range(0, len(payload), size)]

        async def read():
            return left.pop(0) if left else b""

        return (await receiver.respond(method, headers, read)).status

    status, handled = open_receiver(main, max_body_bytes=200)
    assert status in {401, 405, 413, 415}
    assert handled == []


@given(payload=st.binary(max_size=50) | st.text(max_size=50).map(str.encode) | st.sampled_from([b"{}", b"[]", b"null"]))
def test_no_body_with_a_good_signature_raises(payload):
    async def main(receiver):
        return (await receiver.receive(payload, signed(payload))).status

    assert open_receiver(main)[0] in {200, 400}


def test_cut_bodies_with_a_good_signature_raise_nothing():
    whole = body("e1", learner={"id": 1, "name": "\U0001f600"}, team=[{"id": [1]}], score={"a": None})

    async def main(receiver):
        cuts = [whole[:end] for end in range(len(whole))]
        return {(await receiver.receive(cut, signed(cut))).status for cut in cuts}

    assert open_receiver(main) == ({400}, [])


def test_fields_of_wrong_types_with_a_good_signature_raise_nothing():
    values = [None, True, 0, 1.5, "x", [], [[]], {}, {"id": {}}, 10**30]
    names = ["event_id", "name", "academy", "learner", "course", "lesson", "quiz", "team", "extra", "payload"]

    async def main(receiver):
        statuses = set()
        for name in names:
            for value in values:
                payload = body(**{name: value})
                statuses.add((await receiver.receive(payload, signed(payload))).status)
        await asyncio.sleep(0)
        return statuses

    assert open_receiver(main)[0] == {200}
