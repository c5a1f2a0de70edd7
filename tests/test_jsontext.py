"""Bodies into JSON: the same with and without msgspec, and nothing that PHP cannot write."""

from __future__ import annotations

import json
import sys
from importlib import reload

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import jsontext, phpjson

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**30, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2])
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)

REFUSED = {
    "empty": b"",
    "blank": b" \n",
    "HTML": b"<!DOCTYPE html><html></html>",
    "cut": b'{"a": [1, 2',
    "PHP warning": b'<br />\n<b>Warning</b>: x in <b>y</b><br />{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "Latin-1": b'"\xe9"',
    "coded surrogate": b'"\xed\xa0\x80"',
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "4301 digits": b"1" * 4301,
    "NaN": b"[NaN]",
    "Infinity": b"-Infinity",
    "1e999": b'{"score": 1e999}',
    "-1e999": b"-1e999",
    "half of a pair": b'"\\ud800"',
    "half of a pair, capitals": b'{"\\uDC00": 1}',
    "control character": b'"a\x01b"',
    "two texts": b"1 2",
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbf1",
    "leading zero": b"01",
    "comma": b"[1,]",
    "NUL": b"1\x00",
}

READ = {
    "mark": (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    "twice": (b'{"a":1,"a":2}', {"a": 2}),
    "big": (b"123456789012345678901234567890", 123456789012345678901234567890),
    "4300 digits": (b"1" * 4300, int("1" * 4300)),
    "pair": (b'"\\ud83d\\ude00"', "\U0001f600"),
    "pair, capitals": (b'"\\uD83D\\uDE00"', "\U0001f600"),
    "no escape": (b'"\\\\ud800"', "\\ud800"),
    "small": (b"1e-999", 0.0),
    "minus nothing": (b"-0", 0),
    "deep": (b"[" * 100 + b"]" * 100, json.loads("[" * 100 + "]" * 100)),
}


@pytest.fixture(params=["msgspec", "standard library"])
def _reader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "standard library":
        monkeypatch.setattr(jsontext, "_msgspec", None)


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_is_no_json_is_a_value_error(body: bytes):
    with pytest.raises(ValueError):
        jsontext.loads(body)


@pytest.mark.usefixtures("_reader")
@pytest.mark.parametrize(("body", "value"), READ.values(), ids=READ)
def test_what_is_json_is_read_exactly(body: bytes, value: object):
    assert repr(jsontext.loads(body)) == repr(value)


def outcome(body: bytes, *, fast: bool) -> str:
    try:
        with pytest.MonkeyPatch.context() as patch:
            if not fast:
                patch.setattr(jsontext, "_msgspec", None)
            return repr(jsontext.loads(body))
    except ValueError:
        return "refused"


@settings(max_examples=300, deadline=None, database=None)
@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_both_readers_agree_on_json(value: object, ascii_only: bool, indent: int | None):
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert outcome(body, fast=True) == outcome(body, fast=False) == repr(value)


@settings(max_examples=300, deadline=None, database=None)
@given(JSON, st.data())
def test_both_readers_agree_on_broken_json(value: object, data: st.DataObject):
    body = bytearray(phpjson.dumps(value).encode())
    pieces = [
        b"\\u",
        b"\\ud800",
        b"e9",
        b"E+400",
        b"0",
        b"-",
        b".",
        b'"',
        b"\xff",
        b"\xe2",
        b"\\",
        b"{",
        b"]",
        b",",
        b"\t",
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, min(len(body), start + 2)))
        body[start:end] = data.draw(st.sampled_from(pieces) | st.binary(max_size=2))
    assert outcome(bytes(body), fast=True) == outcome(bytes(body), fast=False)


def test_the_speed_extra_need_not_be_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "msgspec", None)
    try:
        assert reload(jsontext)._msgspec is None
        assert jsontext.loads(b"[1]") == [1]
    finally:
        monkeypatch.undo()
        reload(jsontext)
    assert jsontext._msgspec is not None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "[]"),
        ([], "[]"),
        ({"a@x.co": {}}, '{"a@x.co":[]}'),
        ({"0": "a", "1": "b"}, '["a","b"]'),
        ({"1": "a"}, '{"1":"a"}'),
        ("a/b\u00e9\U0001f600", '"a\\/b\\u00e9\\ud83d\\ude00"'),
        (75.0, "75"),
        (75.5, "75.5"),
        (1e30, "1e+30"),
        ((1, None, True), "[1,null,true]"),
    ],
)
def test_json_is_written_as_php_writes_it(value: object, text: str):
    assert phpjson.dumps(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_not_written(value: float):
    with pytest.raises(ValueError):
        phpjson.dumps([value])
