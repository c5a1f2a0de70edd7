"""``aoclient record``: what the service really answers, masked, to be sent to whoever works on this library."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter, validators

from aoclient.action import Action, Effect
from aoclient.actions import ACTIONS
from aoclient.cli.connection import NO_CONNECTION, Connection, ConnectionOptions, Settings, open_session, settle
from aoclient.cli.exits import DONE, UsageError, code_of
from aoclient.cli.output import NO_OUTPUT, Output, OutputOptions, Writer
from aoclient.errors import AoError, AuthenticationError

if TYPE_CHECKING:
    from aoclient.cassettes import Recording
    from aoclient.cli.survey import Called
    from aoclient.session import Session


def record(
    file: Path,
    /,
    *,
    call: Annotated[list[str] | None, Parameter(metavar="'ACTION --OPTION ..'", json_list=False)] = None,
    rows: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    any_effect: Annotated[bool, Parameter(negative="")] = False,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> int:
    """Call what reads and write forms and answers into a file, with everybody in them masked.

    Parameters
    ----------
    file
        A new file, which only you may read.
    call
        This call, as aoclient call has it, and no others; may be repeated.
    rows
        Most rows of an answer that are kept.
    any_effect
        Also make calls that change something.
    """
    form = output.format
    todo = [read_call(line) for line in call or []]
    changing = [action.spec.name for action in todo if action.effect is not Effect.READS]
    if changing and not any_effect:
        raise UsageError(f"{changing[0]} changes something: nothing was sent; --any-effect lets it")
    if deleting := [action.spec.name for action in todo if action.spec.deletes_people]:
        raise UsageError(f"{deleting[0]} deletes and is never recorded: nothing was sent")
    recording, session = _opened(file, settle(connection), rows)
    writer = Writer(form)
    code = asyncio.run(_record(recording, session, todo, writer))
    writer.close()
    if recording.count:
        print(f"{recording.count} exchanges are in {file}: look through it before you give it away", file=sys.stderr)
    return code


def _opened(file: Path, settings: Settings, rows: int) -> tuple[Recording, Session]:
    """Return a recording and a session on it, made before there is a loop: the secret may be asked for."""
    from aoclient.cassettes import Recording
    from aoclient.session import BASE_URL
    from aoclient.tokens import MemoryTokenStore

    recording = Recording(
        file,
        base_url=settings["base_url"] or BASE_URL,
        rows=rows,
        allow_insecure=bool(settings["allow_insecure"]),
    )
    try:
        # The sign-in is recorded too, so no token of an earlier run is used.
        return recording, open_session(settings, sender=recording, token_store=MemoryTokenStore())
    except BaseException:
        asyncio.run(recording.aclose())
        file.unlink()
        raise


def read_call(line: str) -> Action[Any]:  # Any: whatever it answers, here and below
    """Return the action of a line as it stands behind ``aoclient call``.

    Raises:
        UsageError: There is no such action, or the line has options of a connection or an output.
        InvalidOptionError: An option has the wrong type or value.
    """
    from aoclient.cli.call import names_of
    from aoclient.cli.commands import command

    try:
        name, *words = shlex.split(line)
    except ValueError:
        raise UsageError(f"--call: expected an action and its options, got {line!r}") from None
    found: list[Action[Any]] = []

    def keep(action: Action[Any], connection: Connection, output: Output, dry_run: bool, yes: bool) -> None:
        if connection != NO_CONNECTION or output != NO_OUTPUT or dry_run or yes:
            raise UsageError(f"--call: only options of {name} stand there")
        found.append(action)

    for cls in ACTIONS.values():
        app = App(name=name, help_flags=(), version_flags=())
        if name in {each for every in names_of(cls) for each in (every, app.name_transform(every))}:
            app.default(command(cls, keep))
            app(words, exit_on_error=False, print_error=False, result_action="return_value")
            return found[0]
    raise UsageError(f"--call: there is no action {name!r}")


async def _record(recording: Recording, session: Session, todo: list[Action[Any]], writer: Writer) -> int:
    from aoclient.cli.survey import survey

    async with recording, session as ao:
        async for called in _calls(ao, todo) if todo else survey(ao, whole=True):
            writer.write(
                {
                    "call": called.action.spec.name,
                    "state": "fail" if called.error else "ok",
                    "detail": str(called.error) if called.error else _size(called.answer),
                }
            )
            if isinstance(called.error, AuthenticationError):
                return code_of(called.error)
    return DONE


async def _calls(session: Session, todo: list[Action[Any]]) -> AsyncIterator[Called]:
    from aoclient.cli.survey import Called

    for action in todo:
        try:
            yield Called(action, await session.send(action))
        except AoError as error:
            yield Called(action, error=error)


def _size(answer: Any) -> str:
    return f"entries: {len(answer)}" if isinstance(answer, Sized) else "answered"
