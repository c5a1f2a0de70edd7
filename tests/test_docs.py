"""What the pages show runs, and what they tell to type is understood.

A page is one program: its ``python`` blocks run in their order in one namespace, with ``await`` allowed, against an
academy that is served for the page. ``ao`` is an open session on it. A comment of the page in front of a block says
what else is done with it: ``% run: pytest`` runs it as a file of tests, ``% run: with fastapi`` needs that package,
``% run: raises SomeError`` expects an error, ``% run: no, because ..`` leaves it out, and ``% file: name`` is a file
that `.ci/newcomer.py` runs with the commands of the page.
"""

import ast
import asyncio
import contextlib
import inspect
import json
import re
import shlex
import threading
import tomllib
from pathlib import Path

import pytest
from attrs import frozen

import aoclient
from aoclient.cli.app import app
from aoclient.emulator import Emulator

pytest_plugins = ["pytester"]

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))

_FENCE = re.compile(
    r"(?:^% (?:run: )?(?P<run>(?:(?<=run: )|file: )[^\n]+)\n\n?)?^```(?P<language>\w+)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@frozen
class Block:
    """A fenced block, and where it stands."""

    page: Path
    line: int
    language: str
    text: str
    run: str

    def __str__(self):
        return f"{self.page.relative_to(DOCS)}:{self.line}"


def blocks_of(page):
    text = page.read_text(encoding="utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start("text")) + 1
        yield Block(page, line, found["language"], found["text"], found["run"] or "")


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
TESTS = [block for block in PYTHON if block.run == "pytest"]
COMMANDS = [
    pytest.param(line.removeprefix("$ "), id=f"{block}: {line}")
    for block in BLOCKS
    if block.language == "console"
    for line in re.sub(r"\\\n\s*", "", block.text).splitlines()
    if line.startswith("$ ")
]
"""Whatever stands behind a dollar sign; the rest is output."""


def name_of(page):
    return str(page.relative_to(DOCS))


# --- python ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(emulator):
    """Serve an academy from a thread, so that a page can have event loops of its own."""
    told = []
    ready = threading.Event()

    async def main():
        async with emulator.serve() as url:
            stop = asyncio.Event()
            told.extend([url, asyncio.get_running_loop(), stop])
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    ready.wait(20)
    url, loop, stop = told
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)


async def opened(session):
    return await session.__aenter__()


def execute(block, namespace, runner):
    """Run a block as a module is run; its top-level ``await`` goes to the loop of the page."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    lines = "\n" * (block.line - 1)  # so that a traceback has the line of the page
    code = compile(lines + block.text, str(block.page), "exec", flags=flags, dont_inherit=True)
    if code.co_flags & inspect.CO_COROUTINE:

        async def within():
            await eval(code, namespace)

        runner.run(within())
    else:
        exec(code, namespace)


def run_page(blocks, emulator, then=None):
    """Run the blocks of a page, and a coroutine function with their namespace behind them."""
    with served(emulator) as url, pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setenv("AOCLIENT_BASE_URL", url)
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        patch.setenv("DLT_DATA_DIR", str(Path.cwd()))
        patch.setenv("AOCLIENT_CLIENT_ID", emulator.client_id)
        patch.setenv("AOCLIENT_CLIENT_SECRET", emulator.client_secret)
        ao = runner.run(opened(aoclient.Session.from_env()))
        namespace = {"__name__": "page", "ao": ao}
        try:
            for block in blocks:
                if block.run.startswith("raises "):
                    with pytest.raises(getattr(aoclient, block.run.removeprefix("raises "))):
                        execute(block, namespace, runner)
                else:
                    execute(block, namespace, runner)
            if then is not None:
                runner.run(then(namespace))
        finally:
            runner.run(ao.aclose())


def runs_of(page):
    return [block for block in PYTHON if block.page == page and (not block.run or block.run.startswith("raises "))]


@pytest.mark.shows_secrets("file ao-token.json", "a token file keeps the token, for its owner alone")
@pytest.mark.parametrize("page", [page for page in PAGES if runs_of(page)], ids=name_of)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_page(runs_of(page), Emulator(learners=40))


async def answer_of(app, path, state):
    """Return the status and the body a FastAPI application answers to a GET."""
    sent = []

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": [], "state": state}
    await app(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


async def ask_for_a_learner(namespace):
    app = namespace["app"]
    async with app.router.lifespan_context(app) as state:
        status, answer = await answer_of(app, "/learners/learner1@example.com", state)
        assert (status, answer["found"]) == (200, True)


async def be_open(namespace):
    app = namespace["app"]
    assert namespace["receiver"].at_work == 0
    async with app.router.lifespan_context(app):
        assert [route.path for route in app.routes if route.path == "/webhooks"]


@pytest.mark.parametrize(("page", "then"), [("service.md", ask_for_a_learner), ("webhooks.md", be_open)])
def test_the_code_for_fastapi_runs(page, then):
    pytest.importorskip("fastapi", reason="some code of the pages is for FastAPI")
    blocks = [block for block in PYTHON if block.page == DOCS / "guide" / page]
    end = next(number for number, block in enumerate(blocks, start=1) if block.run == "with fastapi")
    run_page(blocks[:end], Emulator(learners=3), then)


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_the_tests_of_a_page_pass(block, pytester):
    pytester.makepyfile(block.text)
    outcomes = pytester.runpytest_subprocess("-p", "no:cacheprovider").parseoutcomes()
    assert set(outcomes) == {"passed"}, outcomes


def test_a_block_that_does_not_run_says_why():
    for block in PYTHON:
        assert re.fullmatch(r"|pytest|with fastapi|no, because .+|raises \w+|file: \w+\.py", block.run), (
            f"{block}: {block.run}"
        )


def test_a_page_that_is_wrong_would_be_found():
    wrong = Block(DOCS / "wrong.md", 3, "python", "assert await ao.learners() == []\n", "")
    with pytest.raises(AssertionError) as caught:
        run_page([wrong], Emulator(learners=2))
    assert caught.traceback[-1].lineno + 1 == 3


@pytest.mark.parametrize("title", ["A first call", "An export", "Webhooks", "A test of your own code"])
def test_the_quickstart_is_as_short_as_it_says(title):
    page = (DOCS / "guide" / "quickstart.md").read_text(encoding="utf-8")
    part = page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    commands = re.findall(r"^\$ ", part, re.MULTILINE)
    ((_, text),) = re.findall(r"^% file: (\S+)\n\n```python\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if line.strip()]
    name = {"A test of your own code": "a test"}.get(title, title[0].lower() + title[1:])
    assert f"| {name} | {len(commands)} | {len(lines)} |" in page
    assert len(commands) <= 3
    assert len(lines) <= 15


# --- links -------------------------------------------------------------------------------------------------------

ROOT = DOCS.parent
WRITTEN = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]


def targets_of(page):
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors_of(page):
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    as_github = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    as_docutils = {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
    return as_github | as_docutils


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    """Pages, files and headings are looked up; of other places there is no network here, so only their form is."""
    for target in targets_of(page):
        if re.match(r"[a-z]+:", target):
            assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]{2,}(/[\w./#?=&%~-]*)?", target), target
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or found.suffix != ".md" or anchor in anchors_of(found), target


# --- commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_understood(line):
    program, *arguments = shlex.split(re.split(r" [|>&<] ?", line)[0])
    if program != "aoclient":
        known = {"pip", "export", "dask", "pytest", "python", "python3", "curl", "docker", "uvicorn", "chmod"}
        assert program in known
        return
    app.parse_args(arguments, exit_on_error=False, print_error=False)


def test_every_command_is_on_the_page_of_the_command_line():
    page = (DOCS / "guide" / "cli.md").read_text(encoding="utf-8")
    names = [name for name in app if not name.startswith("-")]
    assert names
    assert [name for name in names if f"aoclient {name}" not in page] == []


# --- all pages ---------------------------------------------------------------------------------------------------


def test_every_page_is_in_a_table_of_contents():
    listed = set()
    for path in [*PAGES, *DOCS.rglob("*.rst")]:
        text = path.read_text(encoding="utf-8")
        trees = re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        trees += re.findall(r"^\.\. toctree::\n((?:\n| +.*\n)*)", text, re.MULTILINE)
        for entry in " ".join(trees).split():
            listed |= {(path.parent / f"{entry}.{kind}").resolve() for kind in ("md", "rst")}
    pages = {path.resolve() for path in [*PAGES, *DOCS.rglob("*.rst")]} - {DOCS / "index.md"}
    assert pages <= listed, sorted(pages - listed)


def test_every_extra_is_on_the_page_of_deployment():
    project = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (DOCS / "guide" / "deployment.md").read_text(encoding="utf-8")
    of_the_house = {"test", "docs", "dev", "bench"}
    assert (
        set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) >= set(project["optional-dependencies"]) - of_the_house
    )
