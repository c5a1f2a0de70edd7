"""Look for secrets in all an error or a log record leaves: texts, pickles, tracebacks with locals.

`tests/kit/leaks.py` looks at a whole test run with it; tests that drive the library into trouble do so on their own.
"""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import aoclient

_TESTS = str(Path(__file__).parent.parent)
_PACKAGE = str(Path(aoclient.__file__).parent)  # the wheel is tested away from the source

_OTHERS = (_TESTS, str(Path(_PACKAGE) / "emulator"), "<attrs generated methods aoclient.emulator")
"""Frames of tests are the caller's own code; the emulator is the server, which is given the secret."""

witnesses: list[Callable[[str, str], None]] = []
"""Told of each text the kit captures that pytest does not see, with where it was."""


def shown(where: str, text: str) -> str:
    """Tell the witnesses of a text, and return it."""
    for witness in witnesses:
        witness(where, text)
    return text


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect all that is logged, at DEBUG, exceptions included."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.extend(text for _, text in texts_of(record))

    root, ear = logging.getLogger(), Ear()
    levels = {name: logging.getLogger(name).level for name in ("", "aoclient", "aiohttp", "asyncio")}
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(ear)
    try:
        yield heard
    finally:
        root.removeHandler(ear)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def texts_of(record: logging.LogRecord) -> Iterator[tuple[str, str]]:
    """Give every text a log record can be turned into, each with what it is."""
    yield f"log of {record.name}", f"{record.name}: {logging.Formatter('%(message)s %(args)s').format(record)}"
    if record.exc_info and record.exc_info[1] is not None:
        for where, text in all_texts(record.exc_info[1]):
            yield f"log of {record.name}, {where}", text


def chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and all that hang on it, what ``from None`` hides included."""
    todo, seen = [error], set()
    while todo:
        each = todo.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        todo += [other for other in (each.__cause__, each.__context__) if other is not None]
        if isinstance(each, BaseExceptionGroup):
            todo += each.exceptions


def all_texts(error: BaseException) -> Iterator[tuple[str, str]]:
    """Give every text an error can be turned into, each with what it is."""
    for each in chain(error):
        name = type(each).__name__
        yield f"repr of {name}", repr(each)
        yield f"str of {name}", str(each)
        yield f"args of {name}", repr(each.args)
        yield f"notes of {name}", repr(getattr(each, "__notes__", ()))
        yield f"attributes of {name}", repr(vars(each))
        yield f"traceback of {name}", "".join(traceback.format_exception(each, chain=False))
        try:
            yield f"pickle of {name}", pickle.dumps(each).decode("latin-1")
        except Exception:  # noqa: BLE001  # what cannot be pickled shows nothing
            yield f"no pickle of {name}", ""
        for where, text in _locals(each.__traceback__):
            yield f"{where}, {name}", text


def _locals(trace: TracebackType | None) -> Iterator[tuple[str, str]]:
    """Give the variables of all frames but the caller's and the server's, as reports of crashes show them."""
    for frame, line in traceback.walk_tb(trace):
        path = frame.f_code.co_filename
        if path.startswith(_OTHERS) or "/aiohttp/web" in path:
            continue
        for variable, value in list(frame.f_locals.items()):
            try:
                text = repr(value)
            except Exception:  # noqa: BLE001  # a report would not have it either
                continue
            yield f"local {variable} of {frame.f_code.co_name} in {path}:{line}", text


def is_ours(error: BaseException) -> bool:
    """Tell whether an error came through the package; what a test does with aiohttp on its own is its own affair."""
    frames = (frame for each in chain(error) for frame, _ in traceback.walk_tb(each.__traceback__))
    return any(
        path.startswith(_PACKAGE) and not path.startswith(_OTHERS)
        for path in (frame.f_code.co_filename for frame in frames)
    )


def sightings(texts: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """Return where any of the secrets stands."""
    wanted = [secret for secret in secrets if secret]
    return [where for where, text in texts if any(secret in text for secret in wanted)]
