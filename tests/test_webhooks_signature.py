"""The signature of a webhook: what is accepted, that nothing else is, and that every secret is always tried."""

from __future__ import annotations

import ast
import hashlib
import hmac
import inspect
import json
import random
import shutil
import subprocess
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import pytest

from aoclient import Secret
from aoclient.errors import ConfigurationError
from aoclient.webhooks import sign, signature, verify

GOLDEN = Path(__file__).parent / "golden" / "webhooks"
BODY = b'{"id":"7babd-077b","event":"lesson.finished","url":"https:\\/\\/a.example"}'
SECRET = "whsec-1"
GOOD = sign(BODY, SECRET)
ALL = ("hex", "upper-hex", "base64")

# The first four are published (RFC 4231 cases 2 and 4, Wikipedia); openssl computed each of them again, and the others.
VECTORS = [
    (b"what do ya want for nothing?", "Jefe", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (
        b"\xcd" * 50,
        "".join(map(chr, range(1, 26))),
        "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
    ),
    (b"", "key", "5d5d139563c95b5967b9bd9a8c9b233a9dedb45072794cd232dc1b74832607d0"),
    (
        b"The quick brown fox jumps over the lazy dog",
        "key",
        "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
    ),
    (
        b'{"name":"\\u0410\\u043d\\u043d\\u0430","url":"https:\\/\\/a.example"}',
        "ключ 🔑",
        "38d094cde96b67ab912c62d4351a0f98e2478c12918f1165168c8555848c903e",
    ),
]


@pytest.mark.parametrize(("payload", "secret", "expected"), VECTORS, ids=["rfc2", "rfc4", "empty", "fox", "utf-8"])
def test_known_signatures_are_made_and_accepted(payload: bytes, secret: str, expected: str):
    assert sign(payload, secret) == sign(payload, Secret(secret)) == expected
    assert verify(payload, expected, secret)
    assert verify(payload, expected.encode(), Secret(secret))


@pytest.mark.skipif(shutil.which("php") is None, reason="there is no php on this machine to compare with")
@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_what_php_signs_is_accepted(path: Path):
    code = """
        $payload = json_encode(json_decode(stream_get_contents(STDIN), true));
        echo json_encode([$payload, hash_hmac('sha256', $payload, $argv[1])]);
    """
    done = subprocess.run(
        ["php", "-n", "-r", code, "s3cret/é"], input=path.read_bytes(), capture_output=True, check=True, timeout=30
    )
    payload, made = json.loads(done.stdout)
    assert sign(payload.encode(), "s3cret/é") == made
    assert verify(payload.encode(), made, "s3cret/é")
    assert not verify(payload.encode() + b"\n", made, "s3cret/é")


# --- what is refused ---------------------------------------------------------------------------------------------

STRANGE = {
    "none": None,
    "empty": "",
    "empty bytes": b"",
    "upper case": GOOD.upper(),
    "base64": b64encode(bytes.fromhex(GOOD)).decode(),
    "raw digest": bytes.fromhex(GOOD),
    "prefixed": f"sha256={GOOD}",
    "versioned": f"v1,{GOOD}",
    "quoted": f'"{GOOD}"',
    "blank after": f"{GOOD} ",
    "blank before": f" {GOOD}",
    "line end": f"{GOOD}\n",
    "nul after": f"{GOOD}\0",
    "twice": GOOD + GOOD,
    "comma list": f"{GOOD},{GOOD}",
    "comma list of another": f"{'0' * 64}, {GOOD}",
    "cut": GOOD[:-1],
    "longer": GOOD + "0",
    "full width digits": "".join(chr(ord(each) + 0xFEE0) for each in GOOD),
    "not ascii": "é" * 64,
    "half of a surrogate pair": "\ud800" * 64,
    "bytes above ascii": b"\xff" * 64,
    "utf-16": GOOD.encode("utf-16"),
    "10 MB": "a" * 10_000_000,
    "10 MB that start well": (GOOD + "0" * 10_000_000).encode(),
    "list": [GOOD],
    "tuple": (GOOD,),
    "map": {"Signature": GOOD},
    "number": int(GOOD, 16),
    "true": True,
    "object": object(),
    "bytearray": bytearray(GOOD.encode()),
    "plain sha256": hashlib.sha256(BODY).hexdigest(),
    "sha256 of secret and body": hashlib.sha256(SECRET.encode() + BODY).hexdigest(),
    "sha512": hmac.digest(SECRET.encode(), BODY, "sha512").hex(),
    "signed with an empty secret": hmac.digest(b"", BODY, "sha256").hex(),
    "of another body": sign(BODY + b" ", SECRET),
    "with another secret": sign(BODY, "whsec-2"),
}


@pytest.mark.parametrize("header", STRANGE.values(), ids=STRANGE)
def test_a_strange_header_is_false_and_no_exception(header: object):
    assert verify(BODY, header, SECRET) is False


def test_a_body_that_was_parsed_and_written_again_is_refused():
    assert verify(BODY, GOOD, SECRET)
    assert not verify(json.dumps(json.loads(BODY)).encode(), GOOD, SECRET)
    assert not verify(json.dumps(json.loads(BODY), separators=(",", ":")).encode(), GOOD, SECRET)


FAR = [*range(1, 0x500), *range(0xD7F0, 0xE010), 0x1F600]
MAKERS = [
    lambda rng, at: GOOD[:at] + rng.choice("0123456789abcdefABCDEFgG ,=é\0\ud800") + GOOD[at + 1 :],
    lambda rng, at: GOOD[:at] + rng.choice(["", "\n", "\r\n", "\t", "0", "\u200b"]) + GOOD[at + rng.randrange(3) :],
    lambda rng, at: GOOD[:at] + GOOD[at:].upper(),
    lambda rng, at: GOOD[at:] + GOOD[:at],
    lambda rng, at: rng.randbytes(rng.choice([0, 1, 31, 32, 33, 63, 64, 65, 200])),
    lambda rng, at: "".join(rng.choices("0123456789abcdef", k=64)),
    lambda rng, at: "".join(map(chr, rng.choices(FAR, k=at))),
    lambda rng, at: rng.choice(["sha256=", "v1=", "t=1,v1=", " ", ","]) + GOOD + rng.choice(["", " ", ",", GOOD]),
    lambda rng, at: rng.choice([None, [GOOD], (GOOD, GOOD), {GOOD: GOOD}, 0, 1.5, True, bytearray(64), object()]),
]


def strange(rng: random.Random) -> object:
    """Return a header that is near the right one, or far from it, and never the right one."""
    header = rng.choice(MAKERS)(rng, rng.randrange(64))
    if header == GOOD:
        return strange(rng)
    return header.encode("utf-8", "surrogatepass") if isinstance(header, str) and rng.random() < 0.5 else header


def test_100_000_fuzzed_headers_raise_nothing_and_none_is_accepted():
    rng = random.Random(20211210)
    accepted = [header for header in (strange(rng) for _ in range(100_000)) if verify(BODY, header, [SECRET, "old"])]
    assert accepted == []
    assert verify(BODY, GOOD, [SECRET, "old"])


def test_100_000_fuzzed_bodies_raise_nothing_and_none_is_accepted():
    rng = random.Random(20211211)
    for _ in range(100_000):
        body = bytearray(BODY)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(body))
            body[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
        assert verify(bytes(body), GOOD, SECRET) is (bytes(body) == BODY)


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "header"),
    [("hex", GOOD), ("upper-hex", GOOD.upper()), ("base64", b64encode(bytes.fromhex(GOOD)).decode())],
)
def test_another_spelling_is_accepted_where_it_is_set_and_only_there(encoding: str, header: str):
    assert verify(BODY, header, SECRET, encodings=[encoding])
    assert verify(BODY, header, SECRET, encodings=ALL)
    assert not verify(BODY, header, SECRET, encodings=[each for each in ALL if each != encoding])


def test_no_setting_accepts_mixed_case_or_another_alphabet():
    mixed = GOOD[:32].upper() + GOOD[32:]
    assert mixed not in (GOOD, GOOD.upper())
    body, other = next(
        (body, other)
        for body in (b"%d" % number for number in range(100))
        if (other := urlsafe_b64encode(bytes.fromhex(sign(body, SECRET)))).strip(b"=").isalnum() is False
    )
    assert verify(body, b64encode(bytes.fromhex(sign(body, SECRET))), SECRET, encodings=ALL)
    assert not verify(body, other, SECRET, encodings=ALL)
    assert not verify(BODY, mixed, SECRET, encodings=ALL)


@pytest.mark.parametrize("secrets", [[SECRET, "b", "c"], ["a", SECRET, "c"], ("a", Secret("b"), Secret(SECRET))])
def test_any_of_several_secrets_is_accepted(secrets):
    assert verify(BODY, GOOD, secrets)
    assert not verify(BODY, sign(BODY, "d"), secrets)


@pytest.mark.parametrize("secret", ["", " ", "\n", Secret(""), None, b"bytes", 7, "\ud800"], ids=repr)
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(ConfigurationError, match="secret"):
        sign(BODY, secret)
    for secrets in ([secret], [SECRET, secret], [secret, SECRET]):
        with pytest.raises(ConfigurationError, match="secret"):
            verify(BODY, GOOD, secrets)


@pytest.mark.parametrize("secrets", ["", Secret(""), None, [], (), b"bytes"], ids=repr)
def test_no_secret_at_all_is_refused(secrets):
    with pytest.raises(ConfigurationError, match="secret"):
        verify(BODY, GOOD, secrets)


@pytest.mark.parametrize("encodings", [[], "hex", ["HEX"], ["hex", None], [["hex"]]], ids=repr)
def test_an_unknown_encoding_is_refused(encodings):
    with pytest.raises(ConfigurationError, match="encoding"):
        verify(BODY, GOOD, SECRET, encodings=encodings)


def test_no_error_shows_a_secret():
    with pytest.raises(ConfigurationError) as caught:
        verify(BODY, GOOD, ["tops3cret", "tops3cret\ud800"])
    assert "tops3cret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


# --- constant time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 1, 2, None], ids=["first", "second", "third", "none"])
def test_every_secret_is_tried_in_every_encoding_wherever_the_right_one_stands(monkeypatch, at: int | None):
    compared = []
    real = hmac.compare_digest

    def compare_digest(given, expected):
        compared.append((given, expected))
        return real(given, expected)

    monkeypatch.setattr(signature.hmac, "compare_digest", compare_digest)
    secrets = ["a", "b", "c"]
    header = sign(BODY, secrets[at] if at is not None else "d")
    assert verify(BODY, header, secrets, encodings=ALL) is (at is not None)
    expected = [text for each in secrets for text in spellings(sign(BODY, each))]
    assert compared == [(header.encode(), each) for each in expected]


def spellings(made: str) -> list[bytes]:
    return [made.encode(), made.upper().encode(), b64encode(bytes.fromhex(made))]


@pytest.mark.parametrize(
    "header", [None, "", "é", [GOOD], "a" * 1000], ids=["none", "empty", "not ascii", "list", "long"]
)
def test_a_hopeless_header_is_compared_like_any_other(monkeypatch, header: object):
    calls = []
    monkeypatch.setattr(signature.hmac, "compare_digest", lambda given, expected: calls.append(type(given)) or False)
    assert verify(BODY, header, ["a", "b"]) is False
    assert calls == [bytes, bytes]


def test_only_compare_digest_decides(monkeypatch):
    monkeypatch.setattr(signature.hmac, "compare_digest", lambda given, expected: False)
    assert verify(BODY, GOOD, SECRET, encodings=ALL) is False
    monkeypatch.setattr(signature.hmac, "compare_digest", lambda given, expected: True)
    assert verify(BODY, "nonsense", SECRET) is True


def test_nothing_in_the_source_compares_but_compare_digest():
    tree = ast.parse(inspect.getsource(signature))
    other_ways = {"startswith", "endswith", "find", "index", "count", "removeprefix", "__eq__", "eq", "match", "search"}
    nodes = list(ast.walk(tree))
    assert [each for each in nodes if isinstance(each, ast.Compare | ast.Match | ast.Set)] == []
    names = [each.attr for each in nodes if isinstance(each, ast.Attribute)]
    assert not other_ways & set(names)
    assert names.count("compare_digest") == 1
    verified = next(each for each in nodes if isinstance(each, ast.FunctionDef) and each.name == "verifier")
    loops = [each for each in ast.walk(verified) if isinstance(each, ast.For)]
    left = [
        each for loop in loops for each in ast.walk(loop) if isinstance(each, ast.Return | ast.Break | ast.Continue)
    ]
    assert len(loops) == 2
    assert left == []
