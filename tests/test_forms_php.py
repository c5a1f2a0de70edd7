"""The outside witness: a real PHP writes and reads the same forms, where one is installed."""

import json
import random
import shutil
import socket
import subprocess
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest

from aoclient.forms import MAX_DEPTH, MAX_PAIRS, decode, encode

PHP = shutil.which("php")
pytestmark = pytest.mark.skipif(PHP is None, reason="there is no php on this machine to compare with")

WRITE = """
$build = fn ($tree) => http_build_query($tree);
echo json_encode(array_map($build, json_decode(stream_get_contents(STDIN), true)));
"""

READ = """
function shown($array) {
    $pairs = [];
    foreach ($array as $key => $value) {
        $pairs[] = [bin2hex((string) $key), is_array($value) ? shown($value) : bin2hex($value)];
    }
    return $pairs;
}
$forms = [];
foreach (json_decode(stream_get_contents(STDIN)) as $form) {
    $read = [];
    parse_str(hex2bin($form), $read);
    $forms[] = shown($read);
}
echo json_encode($forms, 0, 1024);
"""

POSTED = "<?php echo json_encode($_POST);"


def php(code, value):
    done = subprocess.run(
        [PHP, "-n", "-d", "display_errors=0", "-d", "precision=14", "-r", code],
        input=json.dumps(value),
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return json.loads(done.stdout)


# --- writing -----------------------------------------------------------------------------------------------------

SIGNS = "az09 ~-_.@+%&=#[]'\"\\/;é\u20ac\U0001f600\t\n\0"


def text_of(rng, signs=SIGNS):
    return "".join(rng.choices(signs, k=rng.randint(1, 6)))


def float_of(rng):
    return rng.choice([-1, 1]) * rng.choice(
        [
            rng.random() * 10.0 ** rng.randint(-20, 30),
            float(rng.randint(0, 10**16)),
            round(rng.random() * 100, 2),
            10.0 ** rng.randint(-8, 20),
            rng.randint(1, 10**15) / 10.0 ** rng.randint(0, 20),
        ]
    )


def value_of(rng, depth):
    makers = [
        lambda: text_of(rng),
        lambda: rng.choice(["", "0", "true"]),
        lambda: rng.randint(-(2**63), 2**63 - 1),
        lambda: rng.randint(-9, 99),
        lambda: rng.choice([True, False]),
        lambda: float_of(rng),
    ]
    if depth:
        makers += 3 * [
            lambda: [value_of(rng, depth - 1) for _ in range(rng.randint(1, 4))],
            lambda: map_of(rng, depth - 1),
        ]
    return rng.choice(makers)()


def map_of(rng, depth):
    keys = [f"k{text_of(rng, SIGNS.replace(']', '').replace(chr(0), ''))}", str(rng.randint(0, 3)), "email"]
    return {key: value_of(rng, depth) for key in rng.sample(keys, rng.randint(1, 3))}


def test_random_trees_are_written_as_http_build_query_writes_them():
    rng = random.Random(20170725)
    trees = [{"action": text_of(rng), "options": map_of(rng, 4)} for _ in range(400)]
    for tree, written in zip(trees, php(WRITE, trees), strict=True):
        assert encode(tree) == written


def test_nothing_and_none_are_left_out_as_http_build_query_does():
    tree = {"action": "courses", "options": {"a": None, "b": [], "c": {"d": {}, "e": None}}}
    assert php(WRITE, [tree]) == [encode(tree)] == ["action=courses"]


def test_http_build_query_leaves_the_gap_that_is_closed_here():
    assert php(WRITE, [{"a": [None, "x"]}]) == ["a%5B1%5D=x"]
    assert encode({"a": [None, "x"]}) == "a%5B0%5D=x"


# --- reading -----------------------------------------------------------------------------------------------------


def tree_of(pairs, *, top=True):
    """Return what PHP showed as pairs of hexadecimal texts as `decode` gives it."""
    if isinstance(pairs, str):
        return bytes.fromhex(pairs).decode("utf-8", "replace")
    tree = {tree_of(key): tree_of(value, top=False) for key, value in pairs}
    return list(tree.values()) if not top and list(tree) == [str(index) for index in range(len(tree))] else tree


def check_read(forms):
    for form, pairs in zip(forms, php(READ, [form.hex() for form in forms]), strict=True):
        read, expected = decode(form, max_pairs=MAX_PAIRS), tree_of(pairs)
        assert read == expected, form
        assert list(read) == list(expected), form


NASTY = [
    b"",
    b"&&=&",
    b"=1&[x]=2&[=3&%00a=4&+=5&a",
    b"a=1&a=2&a[]=3&a[x]=4&a=5&a[]=6",
    b"a[5]=1&a[]=2&a[2]=3&a[]=4&a[-7]=5&a[]=6",
    b"a[-7]=1&a[]=2&a[]=3",
    b"a[-1]=1&a[]=2",
    b"a[-9223372036854775808]=1&a[]=2",
    b"a[-9223372036854775809]=1&a[]=2",
    b"a[9223372036854775806]=1&a[]=2&a[]=3&a[][x]=4",
    b"a[00]=1&a[1.5]=2&a[-0]=3&a[+1]=4&a[]=5&a[1e3]=6&a[--2]=7",
    b"a[ ]=1&a[%09]=2&a[%0a]=3&a[%0b]=4&a[%0c]=5&a[%0d]=6&a[%a0]=7",
    b"a[  ]=1&a[ x]=2&a[x ]=3",
    b"a[x]y]=1&a[u[v]=2&a[p]]=3&a[q]z[r]=4",
    b"a b.c=1&+d.=2&%20+e[f g.h]=3&.=4&_=5",
    b"a[=1&b[c[d.e=2&f[x][y=3&g[x]h[=4&i[j k.l",
    b"a%00b=1&c[x%00]=2&d[x]%00[y]=3&e[%00]=4",
    b"a%5bx%5D=1&a[%5b]=2&%61=3",
    b"a=%&b=%4&c=%zz&d=%%41&e=%4%31&%=1",
    b"a=1;b=2|c=3,d=4",
    b"a=\xff\xfe&b[\xff]=1&\xc3\xa9=\xc3\xa9",
    b"GLOBALS=1&this=2&_POST[x]=3&0=4&00=5",
    b"a[z]=1&a" + b"[x]" * MAX_DEPTH + b"=1",
    b"a[z]=1&a" + b"[x]" * MAX_DEPTH + b"=1&a" + b"[x]" * (MAX_DEPTH + 1) + b"=2&a[y]=3",
    b"a[z]=1&a" + b"[x]" * MAX_DEPTH + b"[=1",
    b"a[z]=1&a" + b"[x]" * (MAX_DEPTH - 1) + b"[y=1",
    b"a[x]" + b"[y" * 80 + b"=1",
    b"&".join([b"a[]=%d" % index for index in range(1500)]),
]


@pytest.mark.parametrize("form", NASTY, ids=lambda form: form[:24].decode("ascii", "backslashreplace"))
def test_nasty_forms_are_read_as_parse_str_reads_them(form):
    check_read([form])


def test_random_forms_are_read_as_parse_str_reads_them():
    rng = random.Random(1506005820)
    pieces = b"a b [ ] [] [0] [1] [-3] [x] = & + %20 %00 %5B %5D . % %2 \xc3\xa9 %C3%A9 1 - 00 ~ ; ' [%20] [a.b]"
    forms = [b"".join(rng.choices(pieces.split(), k=rng.randint(1, 20))) for _ in range(3000)]
    # A bare NUL is left out: parse_str stops at it, $_POST and we do not. No client writes one.
    check_read(forms + [bytes(rng.choices(range(1, 128), k=rng.randint(1, 60))) for _ in range(1000)])


# --- the golden files --------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "golden"

AGAIN = """
$write = function ($form) { parse_str($form, $read); return http_build_query($read); };
$spell = fn ($json) => json_encode(json_decode($json), JSON_PRETTY_PRINT) . "\\n";
[$forms, $answers] = json_decode(stream_get_contents(STDIN), true);
echo json_encode([array_map($write, $forms), array_map($spell, $answers)]);
"""


def test_the_golden_files_are_as_php_writes_them():
    forms = [path.read_text("ascii").replace("\n", "") for path in sorted(GOLDEN.glob("*.request"))]
    answers = [path.read_text("ascii") for path in sorted(GOLDEN.glob("*.answer.json"))]
    assert php(AGAIN, [forms, answers]) == [forms, answers]


# --- posted ------------------------------------------------------------------------------------------------------


@contextmanager
def php_server(folder):
    (folder / "index.php").write_text(POSTED)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [PHP, "-n", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", str(folder / "index.php")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        try:
            server.stderr.readline()  # "Development Server (http://..) started"
            yield port
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def post(tmp_path_factory):
    """Return a function that posts a form and returns what PHP has in ``$_POST``."""
    with php_server(tmp_path_factory.mktemp("posted")) as port:

        def post(form, content_type="application/x-www-form-urlencoded"):
            connection = HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("POST", "/", form, {"Content-Type": content_type})
            value = json.loads(connection.getresponse().read())
            connection.close()
            return value or {}  # PHP's empty map is []

        yield post


POSTS = [
    {"action": "courses"},
    {"action": "learners", "options": {"email": "ann+x@example.com", "with_teams": True, "with_academy": False}},
    {"action": "getLearnerVariable", "options": {"records": {"john.doe+x@x.com": ["v1", "v 2"], "0": ["v"]}}},
    {
        "action": "inviteLearners",
        "options": {"learners": [{"email": "é@x.co", "name": "A & B", "teams": ["t"]}]},
    },
    {"action": "x", "options": {"a": {"[": "1", " x": "2", "a.b c": "3"}, "b": "~ \t\n\\"}},
    {"action": "x", "options": {"deep": {"a": {"b": {"c": [["1"], ["2", {"d": "3"}]]}}}}},
]


@pytest.mark.parametrize("tree", POSTS, ids=lambda tree: tree["action"])
def test_a_posted_form_arrives_as_it_is_read_here(post, tree):
    form = encode(tree)
    assert post(form) == decode(form)
    assert post(form, "application/x-www-form-urlencoded; charset=utf-8") == decode(form)


def test_a_form_of_another_content_type_does_not_arrive(post):
    assert post("a=1", "text/plain") == {}


@pytest.mark.parametrize("pairs", [MAX_PAIRS - 1, MAX_PAIRS, MAX_PAIRS + 1, MAX_PAIRS + 2, 3000])
def test_a_post_keeps_one_pair_more_than_the_limit(post, pairs):
    form = encode({"a": range(pairs)})
    assert post(form) == decode(form, max_pairs=MAX_PAIRS + 1)
    assert len(post(form)["a"]) == min(pairs, MAX_PAIRS + 1)


def test_a_posted_field_that_is_too_deep_takes_its_name_with_it(post):
    form = "a[z]=1&a" + "[x]" * (MAX_DEPTH + 1) + "=1&a[y]=2"
    assert post(form) == decode(form) == {"a": {"y": "2"}}


def test_a_bare_nul_ends_a_posted_name_and_not_its_value(post):
    assert post(b"a\0b=1&c=2") == decode(b"a\0b=1&c=2") == {"a": "1", "c": "2"}
