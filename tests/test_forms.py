"""Bracketed forms: what is written, what is refused, what is read, and that the two agree."""

from collections.abc import Mapping
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aoclient.errors import InvalidOptionError
from aoclient.forms import MAX_DEPTH, MAX_PAIRS, FormTree, count, decode, encode


class Kind(IntEnum):
    HTML = 3


class Word(StrEnum):
    NOT_EQUAL = "<>"


def nested(levels, leaf="x"):
    """Return ``leaf`` under a name and so many brackets."""
    value = leaf
    for _ in range(levels):
        value = {"k": value}
    return {"a": value}


# --- both ways ---------------------------------------------------------------------------------------------------

BOTH_WAYS = {
    "nothing": ({}, ""),
    "a bare action": ({"action": "courses"}, "action=courses"),
    "a map": ({"options": {"email": "ann@example.com"}}, "options%5Bemail%5D=ann%40example.com"),
    "a list": ({"a": ["x", "y"]}, "a%5B0%5D=x&a%5B1%5D=y"),
    "a list of maps": ({"a": [{"x": "1"}, {"x": "2"}]}, "a%5B0%5D%5Bx%5D=1&a%5B1%5D%5Bx%5D=2"),
    "a list of lists": ({"a": [["1"], ["2", "3"]]}, "a%5B0%5D%5B0%5D=1&a%5B1%5D%5B0%5D=2&a%5B1%5D%5B1%5D=3"),
    "an empty text": ({"a": ""}, "a="),
    "an operator": ({"options": {"operator": ">="}}, "options%5Boperator%5D=%3E%3D"),
    "two dates": (
        {"options": {"dates": ["2017-07-25 00:00:00", "2017-07-25 23:59:59"]}},
        "options%5Bdates%5D%5B0%5D=2017-07-25+00%3A00%3A00&options%5Bdates%5D%5B1%5D=2017-07-25+23%3A59%3A59",
    ),
    "an address as key keeps dots and plus": (
        {"records": {"john.doe+x@x.com": ["q"]}},
        "records%5Bjohn.doe%2Bx%40x.com%5D%5B0%5D=q",
    ),
    "all that stays bare, and the tilde that does not": ({"a": "AZaz09-_.~"}, "a=AZaz09-_.%7E"),
    "what separates": ({"a": "&=+%;#?/"}, "a=%26%3D%2B%25%3B%23%3F%2F"),
    "no ASCII": ({"ключ": "é😀"}, "%D0%BA%D0%BB%D1%8E%D1%87=%C3%A9%F0%9F%98%80"),
    "white space and control characters": ({"a": " \t\r\n\0"}, "a=+%09%0D%0A%00"),
    "keys that survive": (
        {"a": {"[": "1", " x": "2", "'\"": "3", "&=": "4", "a.b c": "5", "\\": "6"}},
        "a%5B%5B%5D=1&a%5B+x%5D=2&a%5B%27%22%5D=3&a%5B%26%3D%5D=4&a%5Ba.b+c%5D=5&a%5B%5C%5D=6",
    ),
    "keys that look like numbers and are none": (
        {"a": {"00": "1", "1.5": "2", "-0": "3", "9223372036854775808": "4", "--1": "5", "-": "6", "\u0661": "7"}},
        "a%5B00%5D=1&a%5B1.5%5D=2&a%5B-0%5D=3&a%5B9223372036854775808%5D=4&a%5B--1%5D=5&a%5B-%5D=6&a%5B%D9%A1%5D=7",
    ),
    "numbers out of order stay a map": ({"a": {"1": "x", "0": "y"}}, "a%5B1%5D=x&a%5B0%5D=y"),
    "a number as top-level name": ({"0": "x"}, "0=x"),
    "as deep as PHP reads": (nested(MAX_DEPTH), "a" + "%5Bk%5D" * MAX_DEPTH + "=x"),
}


@pytest.mark.parametrize(("tree", "text"), BOTH_WAYS.values(), ids=BOTH_WAYS)
def test_a_tree_is_written_and_read_back(tree, text):
    assert encode(tree) == text
    assert decode(text) == tree
    assert decode(text.encode()) == tree
    assert list(decode(text)) == list(tree)


# --- writing -----------------------------------------------------------------------------------------------------

WRITTEN = {
    "true and false": ({"a": True, "b": False}, "a=1&b=0"),
    "true and false in a list": ({"a": [True, False]}, "a%5B0%5D=1&a%5B1%5D=0"),
    "none": ({"a": None, "b": "x"}, "b=x"),
    "none takes no number": ({"a": [None, "x", None, "y"]}, "a%5B0%5D=x&a%5B1%5D=y"),
    "an empty list takes no number": ({"a": [[], {}, [None], "x"]}, "a%5B0%5D=x"),
    "empty lists and maps": ({"a": [], "b": {}, "c": {"d": [{}]}, "action": "courses"}, "action=courses"),
    "a tuple": ({"a": ("x", "y")}, "a%5B0%5D=x&a%5B1%5D=y"),
    "a range": ({"a": range(2)}, "a%5B0%5D=0&a%5B1%5D=1"),
    "whole numbers of 64 bits": ({"a": 2**63 - 1, "b": -(2**63)}, "a=9223372036854775807&b=-9223372036854775808"),
    "enum members": ({"a": Kind.HTML, "b": Word.NOT_EQUAL}, "a=3&b=%3C%3E"),
    "numbers as keys make a list of a map": ({"a": {"0": "x"}}, "a%5B0%5D=x"),
}


@pytest.mark.parametrize(("tree", "text"), WRITTEN.values(), ids=WRITTEN)
def test_values_are_written_as_php_writes_them(tree, text):
    assert encode(tree) == text


FLOATS = {
    1.0: "1",
    40.0: "40",
    0.1 + 0.2: "0.3",
    -0.0: "-0",
    -2.5: "-2.5",
    1e13: "10000000000000",
    1e14: "1.0E%2B14",
    99999999999999.5: "1.0E%2B14",
    99999999999999.0: "99999999999999",
    0.0001: "0.0001",
    1e-5: "1.0E-5",
    1.5e-10: "1.5E-10",
    1 / 3: "0.33333333333333",
    2 / 3 * 1e20: "6.6666666666667E%2B19",
    1.7976931348623157e308: "1.7976931348623E%2B308",
    5e-324: "4.9406564584125E-324",
}


@pytest.mark.parametrize(("value", "text"), FLOATS.items())
def test_floats_have_fourteen_digits_and_no_needless_point(value, text):
    assert encode({"a": value}) == f"a={text}"


REFUSED = {
    "NaN": ({"o": {"x": float("nan")}}, "o[x]", "nan has no form text"),
    "infinity": ({"o": [1, float("-inf")]}, "o[1]", "-inf has no form text"),
    "bytes": ({"a": b"x"}, "a", "got a bytes"),
    "an object": ({"a": {"b": [None, object()]}}, "a[b][1]", "got a object"),
    "a set": ({"a": {"x"}}, "a", "got a set"),
    "65 bits": ({"a": 2**63}, "a", "at most 64 bits"),
    "65 bits below zero": ({"a": -(2**63) - 1}, "a", "at most 64 bits"),
    "an empty key": ({"a": {"": "x"}}, "a", "is blank"),
    "a blank key": ({"a": {"b": {" \t": "x"}}}, "a[b]", "is blank"),
    "a key with a closing bracket": ({"a": {"user@[1.2.3.4]": "x"}}, "a", "holds ]"),
    "a key with NUL": ({"a": {"x\0y": "x"}}, "a", "holds NUL"),
    "a key that is no text": ({"a": {1: "x"}}, "a", "expected texts as keys, got 1"),
    "a key without a value, still": ({"a": {"": None}}, "a", "is blank"),
    "an empty name": ({"": "x"}, "", "is blank"),
    "a name that is no text": ({None: "x"}, "", "expected texts as keys, got None"),
    "a name with a space": ({"a b": "x"}, "", "holds ' '"),
    "a name with a dot": ({"a.b": "x"}, "", "holds '.'"),
    "a name with a bracket": ({"a[b": "x"}, "", "holds '['"),
    "a name with a closing bracket": ({"a]": "x"}, "", "holds ]"),
    "half a surrogate pair": ({"a": {"é": "\ud83d"}}, r"a[\xe9]", "half of a surrogate pair"),
    "half a surrogate pair as key": ({"a": {"\udc00": "x"}}, r"a[\udc00]", "half of a surrogate pair"),
    "half a surrogate pair as name": ({"\udc00": "x"}, r"\udc00", "half of a surrogate pair"),
    "too deep": (nested(MAX_DEPTH + 1), "a" + "[k]" * 19 + "[k...", "deeper than the 64 levels"),
}


@pytest.mark.parametrize(("tree", "path", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_php_would_read_otherwise_is_refused_with_its_path(tree, path, reason):
    for write in (encode, count):
        with pytest.raises(InvalidOptionError) as caught:
            write(tree)
        assert caught.value.path == path
        assert reason in str(caught.value)
        str(caught.value).encode()  # it can be printed


def test_a_list_that_holds_itself_is_refused():
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(InvalidOptionError, match="deeper than"):
        encode({"a": loop})


# --- reading -----------------------------------------------------------------------------------------------------

READ = {
    "the last of a repeated field wins": ("a=1&a=2", {"a": "2"}),
    "the last wins over a list": ("a[]=1&a=2", {"a": "2"}),
    "a list wins over a text before it": ("a=1&a[]=2", {"a": ["2"]}),
    "empty brackets number a list": ("a[]=1&a[]=2", {"a": ["1", "2"]}),
    "empty brackets go on from the highest": (
        "a[5]=1&a[]=2&a[2]=3&a[]=4",
        {"a": dict(zip("5627", "1234", strict=True))},
    ),
    "empty brackets go on below zero": ("a[-5]=1&a[]=2", {"a": {"-5": "1", "-4": "2"}}),
    "a repeated number writes over": ("a[]=1&a[0]=2&a[]=3", {"a": ["2", "3"]}),
    "each pair of empty brackets is an item": ("a[][x]=1&a[][y]=2", {"a": [{"x": "1"}, {"y": "2"}]}),
    "no index after the highest": (f"a[{2**63 - 1}]=1&a[]=2&a[][x]=3", {"a": {str(2**63 - 1): "1"}}),
    "one blank in brackets": ("a[ ]=1&a[%09]=2&a[%0b]=3", {"a": ["1", "2", "3"]}),
    "two blanks in brackets": ("a[  ]=1", {"a": {"  ": "1"}}),
    "a key ends at the first bracket": ("a[x]y]=1&a[u[v]=2&a[p]]=3", {"a": {"x": "1", "u[v": "2", "p": "3"}}),
    "what follows a bracket is lost": ("a[x]y[z]=1", {"a": {"x": "1"}}),
    "names with space and dot": ("a b.c=1&+d=2&%20+e[f g.h]=3", {"a_b_c": "1", "d": "2", "e": {"f g.h": "3"}}),
    "an open bracket": ("a[=1&b[c[d.e=2&f[x][y=3", {"a_": "1", "b_c_d_e": "2", "f": {"x": "3"}}),
    "no name": ("=1&[x]=2&[=3&%00a=4&+=5", {}),
    "NUL ends a name": ("a%00b=1&c[x%00]=2", {"a": "1", "c_x": "2"}),
    "no value": ("a&b=&&c[x]", {"a": "", "b": "", "c": {"x": ""}}),
    "a second equals sign": ("a=b=c", {"a": "b=c"}),
    "only & separates": ("a=1;b=2", {"a": "1;b=2"}),
    "plus is a space": ("a=ann+x@example.com", {"a": "ann x@example.com"}),
    "percent signs that escape nothing": ("a=%&b=%4&c=%zz&d=%%41", {"a": "%", "b": "%4", "c": "%zz", "d": "%A"}),
    "bytes that are no UTF-8": ("a=%ff&b%fe=1", {"a": "\ufffd", "b\ufffd": "1"}),
    "too deep": ("a" + "[x]" * (MAX_DEPTH + 1) + "=1&b=2", {"b": "2"}),
    "too deep takes all of its name with it": ("a[z]=1&a" + "[x]" * 65 + "=1&a[y]=2", {"a": {"y": "2"}}),
    "an open bracket counts as a level": ("a[z]=1&a" + "[x]" * 64 + "[y=1", {}),
    "an open bracket before the limit is lost": ("a[x]" * 1 + "[y" * 80 + "=1", {"a": {"x": "1"}}),
    "half a surrogate pair": ("a=\ud83d", {"a": "\ufffd" * 3}),
}


@pytest.mark.parametrize(("text", "tree"), READ.values(), ids=READ)
def test_forms_of_others_are_read_as_php_reads_them(text, tree):
    assert decode(text) == tree


@pytest.mark.parametrize(("pairs", "kept"), [(0, 0), (1, 1), (2, 2), (3, 2), (None, 2)])
def test_what_comes_after_the_last_allowed_pair_is_cut_off(pairs, kept):
    assert len(decode("a=1&&b=2", max_pairs=pairs)) == kept


def test_a_record_is_cut_in_its_middle():
    rows = [{"email": f"{index}@example.com", "name": "N"} for index in range(MAX_PAIRS)]
    read = decode(encode({"action": "inviteLearners", "learners": rows}), max_pairs=MAX_PAIRS)
    assert len(read["learners"]) == MAX_PAIRS // 2
    assert read["learners"][-1] == {"email": "499@example.com"}


def test_many_empty_brackets_are_read_in_linear_work():
    assert decode("a[]=x&" * 50_000)["a"] == ["x"] * 50_000


# --- properties --------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
keys = texts.filter(lambda key: key.strip() and not set(key) & {"]", "\0"})
names = keys.filter(lambda key: not set(key) & set(" .["))
leaves = texts | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.none()
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4))
trees = st.dictionaries(names, values, max_size=4)


def normal(value):
    """Return what a value is once it went through a form: texts, no empty lists and maps, numbered maps as lists."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, list):
        return [kept for kept in map(normal, value) if kept is not None] or None
    if isinstance(value, Mapping):
        kept = {key: item for key, item in ((key, normal(item)) for key, item in value.items()) if item is not None}
        return (list(kept.values()) if list(kept) == [str(index) for index in range(len(kept))] else kept) or None
    return value


def expected(tree) -> FormTree:
    return {key: item for key, item in ((key, normal(item)) for key, item in tree.items()) if item is not None}


@given(trees)
def test_whatever_is_written_is_read_back(tree):
    assert decode(encode(tree)) == expected(tree)


@given(trees)
def test_a_form_has_as_many_pairs_as_are_counted(tree):
    text = encode(tree)
    assert count(tree) == (text.count("=") if text else 0)
    assert text.isascii()
    assert decode(text, max_pairs=count(tree)) == expected(tree)


@given(st.dictionaries(texts, st.dictionaries(texts, texts, max_size=3), max_size=3))
def test_a_key_is_either_refused_or_arrives(tree):
    try:
        text = encode(tree)
    except InvalidOptionError:
        return
    assert decode(text) == expected(tree)


pieces = st.sampled_from(b"[ ] & = % + . a 0 -1 %5B %5D %00 %20 %ff".split())


@given(st.binary() | st.lists(pieces, max_size=40).map(b"".join), st.none() | st.integers(0, 5))
def test_no_bytes_make_reading_fail(body, most):
    tree = decode(body, max_pairs=most)
    assert all(isinstance(key, str) and isinstance(value, str | list | dict) for key, value in tree.items())
    assert len(tree) <= body.count(b"&") + 1
