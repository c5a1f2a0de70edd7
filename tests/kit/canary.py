"""Look for texts that must not be seen, in whatever a failure leaves: texts, pickles, tracebacks with locals, logs."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aoclient

_OTHERS = (str(Path(__file__).parent.parent), str(Path(aoclient.__file__).parent / "emulator"))
"""Frames of tests are the caller's own code; the emulator is the server, which is given the secret."""


@contextmanager
def listening() -> Iterator[list[str]]:
    """Collect all that is logged, at DEBUG, exceptions included."""
    heard: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(f"{record.name}: {logging.Formatter('%(message)s %(args)s').format(record)}")
            if record.exc_info and record.exc_info[1] is not None:
                heard.extend(text for _, text in all_texts(record.exc_info[1]))

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
        yield f"traceback of {name}", "".join(traceback.format_exception(each))
        try:
            yield f"pickle of {name}", pickle.dumps(each).decode("latin-1")
        except Exception:  # noqa: BLE001  # what cannot be pickled shows nothing
            yield f"no pickle of {name}", ""
        report = traceback.TracebackException(type(each), each, each.__traceback__, capture_locals=True)
        for frame in report.stack:
            if not frame.filename.startswith(_OTHERS) and "/aiohttp/web" not in frame.filename:
                for variable, text in (frame.locals or {}).items():
                    yield f"local {variable} of {frame.name} in {frame.filename}:{frame.lineno}, {name}", text


def sightings(texts: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """Return where any of the secrets stands."""
    wanted = [secret for secret in secrets if secret]
    return [where for where, text in texts if any(secret in text for secret in wanted)]
