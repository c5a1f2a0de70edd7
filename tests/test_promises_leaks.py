"""P18 over the whole test run, and over what leaves a process on purpose: command line, exports, spans, pickles."""

from __future__ import annotations

import asyncio
import copy
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from aoclient import RetryPolicy, Session
from aoclient.emulator import Emulator
from aoclient.emulator.faults import KINDS
from aoclient.errors import AoError
from aoclient.export import CoursesJob, LearnersJob, ProgressByCourseJob, export
from tests.kit.canary import sightings
from tests.kit.clock import run
from tests.kit.command_line import aoclient, served
from tests.kit.trial import IS_LONG, Figures, academy, quiz_of, session
from tests.test_contrib_otel import Telescope
from tests.test_promises_secrets import SECRET, secrets_of

# --- the run itself is watched -----------------------------------------------------------------------------------

PLANTED = """
import asyncio, logging, subprocess, sys, warnings
import pytest
from aoclient import AoError, Session
from aoclient.emulator import Emulator
from aoclient.secret import Secret
from aoclient.wire import TOKEN_PATH

class Thief:
    "Keeps the token and the form of the request for it."
    def __init__(self, inner): self.inner, self.form, self.token = inner, "", ""
    async def send(self, request):
        if request.path == TOKEN_PATH: self.form = request.body.decode()
        self.token = request.headers.get("Authorization", self.token)
        return await self.inner.send(request)

@pytest.fixture
def stolen():
    emulator = Emulator()
    thief = Thief(emulator)
    async def main():
        async with Session(emulator.client_id, emulator.client_secret, sender=thief) as ao:
            await ao.courses()
            thief.link = (await ao.create_login_token(
                academy_id=emulator.world.academy_id, email="learner1@example.com")).link
    asyncio.run(main())
    return thief

def test_printed(stolen): print(stolen.token)
def test_printed_to_stderr(stolen): print(stolen.form, file=sys.stderr)
def test_printed_link(stolen): print(stolen.link)
def test_captured(stolen, capsys):
    print(stolen.token)
    capsys.readouterr()
def test_logged_at_debug(stolen): logging.getLogger("aoclient").debug("it is %s", stolen.token)
def test_logged_with_a_traceback(stolen):
    try: raise ValueError(stolen.form)
    except ValueError: logging.getLogger("else").exception("no")
def test_message(stolen):
    try: raise AoError(f"no: {stolen.form}")
    except AoError: pass
def test_note(stolen):
    with pytest.raises(AoError) as caught:
        error = AoError("no")
        error.add_note(stolen.token)
        raise error
def test_cause(stolen):
    with pytest.raises(AoError):
        raise AoError("no") from ValueError(stolen.token)
def test_excerpt(stolen):
    with pytest.raises(AoError):
        error = AoError("no")
        error.excerpt = stolen.token
        raise error
def test_local_of_the_package(stolen):
    Secret("a-secret-of-this-test")
    with pytest.raises(AoError):
        Session("id", "other", base_url="https://a-secret-of-this-test@x")
def test_written(stolen, tmp_path): (tmp_path / "rows.jsonl").write_text(stolen.token)
def test_child(stolen): subprocess.run([sys.executable, "-c", "print(input())"], input=stolen.token, text=True,
                                       capture_output=True)
def test_warned(stolen): warnings.warn(stolen.token)

def test_clean_nothing(stolen): print("client-secret", Secret("a-secret-of-another"))
@pytest.mark.shows_secrets("Captured stdout", "it is allowed to")
def test_clean_allowed(stolen): print(stolen.token)
"""


def planted(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the planted tests under the watch this run has."""
    root = Path(__file__).parent.parent
    (folder / "conftest.py").write_text((root / "tests" / "conftest.py").read_text())
    (folder / "test_planted.py").write_text(PLANTED)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-c", "/dev/null", "--rootdir", str(folder), str(folder)]
    return subprocess.run(
        [*command, *options], capture_output=True, text=True, check=False, timeout=60, env={"PYTHONPATH": str(root)}
    )


@pytest.mark.shows_secrets("captured output", "of the run with the leaks")
def test_a_leak_planted_in_a_test_run_fails_it(tmp_path, request):
    done = planted(tmp_path, "-k", "not warned")
    ends = set(re.findall(r"^(PASSED|FAILED|ERROR) \S*::(\w+)", done.stdout, re.MULTILINE))
    leaks = {name for name in re.findall(r"def (test_\w+)", PLANTED) if "clean" not in name and "warned" not in name}
    assert len(leaks) == 13
    assert {name for end, name in ends if end != "PASSED"} == leaks, done.stdout + done.stderr
    assert {("PASSED", "test_clean_nothing"), ("PASSED", "test_clean_allowed")} <= ends
    Figures(request, "P18")(f"{len(leaks)} leaks planted in a test run, each another way: {len(leaks)} found")


@pytest.mark.shows_secrets("captured output", "of the run with the leak")
def test_a_leak_in_a_warning_fails_the_run(tmp_path):
    done = planted(tmp_path, "-k", "warned")
    assert "1 passed" in done.stdout
    assert "a secret is shown in a warning" in done.stdout
    assert done.returncode == pytest.ExitCode.TESTS_FAILED


# --- what leaves on purpose --------------------------------------------------------------------------------------

LINES = (["token"], ["doctor"], ["call", "courses"])
SLOW = ("stall", "drip", "gzip-bomb")
AT_ONCE = ("401", "302", "html-200", "error-200")  # no second try that waits


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SLOW] if IS_LONG else AT_ONCE)
def test_the_command_line_shows_no_secret_whatever_fails(kind, request):
    emulator = Emulator(learners=3, courses=1, client_secret=SECRET, faults=f"{kind}@every=2")
    with served(emulator) as there:
        env = {**there, "AOCLIENT_CLIENT_SECRET": SECRET}
        ends = [aoclient(*line, env=env, terminal=True) for line in LINES]
    printed = [(" ".join(line), end.out + end.err) for line, end in zip(LINES, ends, strict=True)]
    assert all(text for _, text in printed)
    assert sightings(printed, secrets_of(emulator)) == []
    Figures(request, "P18")(f"{kind} under {len(LINES)} commands: 0 hits in what they print")


@pytest.mark.parametrize("fmt", ["jsonl", "csv", "sqlite"])
def test_an_export_through_faults_holds_no_secret(fmt, tmp_path, request):
    emulator = Emulator(learners=30, courses=2, client_secret=SECRET, faults="401@every=4,500@every=5,html-200@every=7")

    async def main() -> None:
        settings = {"sender": emulator, "retries": RetryPolicy(attempts=3, wait=0)}
        async with Session("client-id", SECRET, **settings) as ao:
            await ao.create_login_token(academy_id=emulator.world.academy_id, email="learner1@example.com")
            target = tmp_path / ("out.db" if fmt == "sqlite" else "out")
            for _ in range(3):  # it goes on where it was left
                try:
                    await export(ao, [LearnersJob(), CoursesJob(), ProgressByCourseJob()], target, format=fmt)
                except AoError:
                    continue

    asyncio.run(main())
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    texts = [(path.name, path.read_bytes().decode("latin-1")) for path in files]
    assert "learner1@example.com" in "".join(text for _, text in texts)
    assert sightings(texts, secrets_of(emulator)) == []
    Figures(request, "P18")(f"export as {fmt} through faults: {len(files)} files, 0 hits")


def test_spans_and_metrics_hold_no_secret_whatever_fails(request):
    telescope, secrets = Telescope(), set[str]()

    async def one(kind: str) -> None:
        aimed = "" if kind == "refuse" else "@seconds=1;size=1;action=any"
        emulator = academy(learners=3, courses=1, client_secret=SECRET, faults=f"{kind}{aimed}")
        plain = session(emulator, retries=RetryPolicy(attempts=2, wait=0))
        async with telescope.watch(plain) as ao:
            for call in (
                ao.courses(),
                ao.add_learner_quiz_attempts(quiz_id=quiz_of(emulator), email="learner1@example.com"),
                ao.create_login_token(academy_id=emulator.world.academy_id, email="learner1@example.com"),
            ):
                try:
                    await call
                except AoError:
                    continue
            secrets.update(secrets_of(emulator))

    for kind in KINDS:
        run(one(kind))
    assert len(telescope.spans) == 3 * len(KINDS)
    assert sightings([("spans and metrics", telescope.text())], secrets) == []
    Figures(request, "P18")(f"{len(telescope.spans)} spans of {len(KINDS)} kinds of faults: 0 hits of {len(secrets)}")


def test_nothing_that_holds_a_secret_is_pickled_or_copied_into_text(request):
    async def main() -> int:
        emulator = Emulator(client_secret=SECRET)
        async with Session("client-id", SECRET, sender=emulator) as ao:
            link = await ao.create_login_token(academy_id=emulator.world.academy_id, email="learner1@example.com")
            parts = {
                "session": ao,
                "view": ao.with_options(priority=1),
                "authorized": ao._authorized,
                "held token": ao._authorized._held,
                "store": ao._authorized._store,
            }
            for name, part in parts.items():
                with pytest.raises((TypeError, AttributeError)):
                    pickle.dumps(part)
                for text in (repr(part), str(part), repr(vars(part) if hasattr(part, "__dict__") else part)):
                    assert sightings([(name, text)], secrets_of(emulator)) == []
            twin = copy.copy(ao._authorized._held)
            assert sightings([("copy", repr(twin)), ("link", repr(link))], secrets_of(emulator)) == []
            return len(parts)

    Figures(request, "P18")(f"{asyncio.run(main())} objects that hold a secret: none is pickled, none shows it")
