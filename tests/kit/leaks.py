"""A plugin of pytest: a test fails when one of its secrets shows in what the run leaves.

Looked at are log records at DEBUG, what was printed or captured, what child processes wrote, warnings, every error of
the library as it is made, every error `pytest.raises` met with all that hangs on it, and the files below ``tmp_path``.

Secrets are what the test itself has made a `Secret` of, the tokens and the login links of the emulator, and the client
secret: the word ``client-secret``, which stands in most tests, is replaced by a text that stands nowhere else.
"""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from tests.kit import canary

# The library is imported with the first test: coverage begins after conftests were loaded, and is to see all of it.

WORD = "client-secret"
CANARY = "c4nary-client-secret-5f1e"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9."
"""How the tokens of the emulator begin."""

_SHORTEST = 7  # shorter texts are words that may stand anywhere
_MOST_SECRETS = 200  # of one test: properties make many
_NO_SECRETS = {WORD, "client-id"}
_LARGEST_FILE = 2**24  # bytes


class Leaks:
    """What the running test has shown, and the plugin's hooks."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.found: list[str] = []
        self.warned: list[str] = []  # of the whole run: warnings are told after the reports of their test

    # --- looking -------------------------------------------------------------------------------------------------

    def look(self, where: str, text: str) -> None:
        if self._holds_secret(text):
            self.found.append(where)

    def _holds_secret(self, text: str) -> bool:
        return CANARY in text or TOKEN in text or any(secret in text for secret in self.secrets)

    def look_at_files(self, folder: Path) -> None:
        wanted = [each.encode() for each in (CANARY, TOKEN, *self.secrets)]
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _LARGEST_FILE:
                data = path.read_bytes()
                if any(secret in data for secret in wanted):
                    self.found.append(f"file {path.relative_to(folder)}")

    def know(self, secret: str) -> None:
        """Look for a secret of this test from now on."""
        is_word = len(secret) < _SHORTEST or secret in _NO_SECRETS or TOKEN in secret
        is_address = "://" in secret and "@" not in secret  # of a Redis without a password
        if not is_word and not is_address and len(self.secrets) < _MOST_SECRETS:
            self.secrets.add(secret)

    # --- hooks ---------------------------------------------------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.secrets.clear()
        self.found.clear()
        with self._watching():
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        report = (yield).get_result()
        for name, text in report.sections:
            if report.when in name and "log" not in name:
                self.look(name, text)
        if report.when == "teardown" and isinstance(folder := getattr(item, "funcargs", {}).get("tmp_path"), Path):
            self.look_at_files(folder)
        allowed = tuple(marker.args[0] for marker in item.iter_markers("shows_secrets"))
        shown, self.found = sorted({each for each in self.found if not each.startswith(allowed)}), []
        if shown:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid}: a secret is shown in\n  " + "\n  ".join(shown)

    def pytest_warning_recorded(self, warning_message: Any, nodeid: str) -> None:
        if self._holds_secret(str(warning_message.message)):
            self.warned.append(nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.warned:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for nodeid in self.warned:
            terminalreporter.write_line(f"{nodeid}: a secret is shown in a warning", red=True)

    # --- where texts come from -----------------------------------------------------------------------------------

    @contextmanager
    def _watching(self) -> Iterator[None]:
        root, ear = logging.getLogger(), _Ear(self)
        # Of asyncio without its word on each new loop, which tests that read the log do not expect.
        levels = {"": logging.DEBUG, "asyncio": logging.INFO}
        before = {name: logging.getLogger(name).level for name in levels}
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        root.addHandler(ear)
        canary.witnesses.append(self.look)
        patches = self._patches()
        try:
            for each in patches:
                each.start()
            yield
        finally:
            for each in patches:
                each.stop()
            canary.witnesses.remove(self.look)
            root.removeHandler(ear)
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)

    def _patches(self) -> list[Any]:
        from aoclient.emulator.entrance import Entrance  # noqa: PLC0415  # see above
        from aoclient.emulator.oauth import Tokens  # noqa: PLC0415
        from aoclient.errors import AoError  # noqa: PLC0415
        from aoclient.secret import Secret  # noqa: PLC0415
        from aoclient.session import Session  # noqa: PLC0415

        def on_secret(_: Secret, text: str | Secret) -> None:
            if isinstance(text, str):
                self.know(text)

        def on_error(error: AoError, *given: object, **named: object) -> None:
            self.look(f"message of {type(error).__name__}", f"{given} {named}")

        def on_caught(_: object, caught: tuple[Any, BaseException, Any]) -> None:
            if isinstance(caught[1], AoError) or canary.is_ours(caught[1]):
                for where, text in canary.all_texts(caught[1]):
                    self.look(where, text)

        def to_canary(value: object) -> object:
            return CANARY if isinstance(value, str | Secret) and Secret(value) == Secret(WORD) else value

        def to_word(value: Any) -> Any:
            return {**value, "client_secret": WORD} if value.get("client_secret") == CANARY else value

        return [
            _told(Secret, "__init__", on_secret),
            _told(AoError, "__init__", on_error),
            _told(pytest.ExceptionInfo, "fill_unfilled", on_caught),
            _changed(Session, "__init__", to_canary),
            _changed(Tokens, "issue", lambda value: value if isinstance(value, Tokens) else to_word(value)),
            _telling(Entrance, "add_link", self.know),
            _telling(subprocess.Popen, "communicate", self._on_output),
            _telling(pytest.CaptureFixture, "readouterr", self._on_output),
        ]

    def _on_output(self, streams: tuple[Any, ...]) -> None:
        for text in streams:
            if text:
                self.look("captured output", text if isinstance(text, str) else bytes(text).decode("latin-1"))


class _Ear(logging.Handler):
    def __init__(self, leaks: Leaks) -> None:
        super().__init__(logging.DEBUG)
        self._leaks = leaks

    def emit(self, record: logging.LogRecord) -> None:
        for where, text in canary.texts_of(record):
            self._leaks.look(where, text)


def _told(owner: type, name: str, hear: Callable[..., None]) -> Any:
    """Return a patch that tells of a method's arguments before it is called."""
    return _wrapped(owner, name, lambda real, given, named: (hear(*given, **named), real(*given, **named))[1])


def _changed(owner: type, name: str, change: Callable[[Any], Any]) -> Any:
    """Return a patch that gives a method what ``change`` makes of each of its arguments."""
    return _wrapped(
        owner, name, lambda real, given, named: real(*map(change, given), **{key: change(named[key]) for key in named})
    )


def _telling(owner: type, name: str, tell: Callable[[Any], None]) -> Any:
    """Return a patch that tells of what a method returned."""

    def call(real: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        result = real(*given, **named)
        tell(result)
        return result

    return _wrapped(owner, name, call)


def _wrapped(owner: type, name: str, call: Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]) -> Any:
    real = getattr(owner, name)

    @wraps(real)
    def wrapper(*given: Any, **named: Any) -> Any:
        return call(real, given, named)

    return patch.object(owner, name, wrapper)
