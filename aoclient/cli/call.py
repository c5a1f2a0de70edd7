"""``aoclient call``: each action of the vendor as a command, made from its declaration."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeGuard

from cyclopts import App, Parameter

from aoclient.action import Action, Page, Paged
from aoclient.actions import ACTIONS
from aoclient.cli import rows
from aoclient.cli.commands import command, read_pairs
from aoclient.cli.confirmation import confirm, form_lines, print_form
from aoclient.cli.connection import NO_CONNECTION, Connection, ConnectionOptions, open_session, settle
from aoclient.cli.docstrings import describe
from aoclient.cli.exits import IncompleteError
from aoclient.cli.output import NO_OUTPUT, Format, Output, OutputOptions, Writer, counting, write_one, write_rows
from aoclient.errors import AoError

if TYPE_CHECKING:
    from aoclient.model import JsonValue
    from aoclient.session import EffectText, Session

app = App(name="call")


def names_of(cls: type[Action[Any]]) -> list[str]:
    """Return the names an action can be called by; a heading ``set/createLessonVariables`` makes two."""
    heading = cls.spec.heading
    return [cls.spec.name, heading.rpartition("/")[2]] if "/" in heading else [cls.spec.name]


for action_class in ACTIONS.values():
    for action_name in names_of(action_class):
        function = f"{__name__}:{action_class.spec.name}"
        app.command(function, name=action_name, help=describe(action_class).help)
        spelt = app.name_transform(action_name)
        if spelt != action_name:
            app.command(function, name=spelt, help=describe(action_class).help, show=False)


def __getattr__(name: str) -> Any:  # Any: a command, made when it is asked for
    if name not in ACTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return command(ACTIONS[name], run)


def run(action: Action[Any], connection: Connection, output: Output, dry_run: bool, yes: bool) -> None:
    """Send an action and write its answer, or only print its form.

    Raises:
        AoError: There is no answer.
        UsageError: Nobody confirmed it.
    """
    if dry_run:
        print_form(action)
        return
    form = output.format
    settings = settle(connection)
    if not yes:
        confirm(action)
    asyncio.run(_send(action, open_session(settings), form))


async def _send(action: Action[Any], session: Session, form: Format) -> None:
    async with session as ao:
        if _is_listing(action):
            await _stream(ao, action, form)
            return
        answer = await ao.send(action)
    found = rows.rows_of(action.spec.name, answer)
    if found is None or (form == "json" and not isinstance(answer, Page | list)):
        write_one(rows.plain(answer), form)
    else:
        write_rows(found, form)


def _is_listing(action: Action[Any]) -> TypeGuard[Paged[Any]]:
    return isinstance(action, Paged) and action.page is None


async def _stream(ao: Session, action: Paged[Any], form: Format) -> None:
    """Write the rows of all pages as they come; memory stays flat unless they make a table.

    Raises:
        IncompleteError: A page could not be had, and some were written.
        AoError: The first page could not be had.
    """
    from aoclient.paging import PagedCall

    writer = Writer(form)
    with counting(is_shown=form == "table" or not sys.stdout.isatty()) as count:
        try:
            async for page in PagedCall(ao, action).pages():
                for row in page:
                    writer.write(rows.plain(row))
                count(writer.count)
        except AoError as error:
            if not writer.count or form == "table":
                raise
            raise IncompleteError(f"{error}; {writer.count} rows were written, the rest is missing") from None
    writer.close()


@app.command(name="other", sort_key=1)
def other(
    name: str,
    *,
    option: Annotated[list[str] | None, Parameter(metavar="NAME=VALUE", json_list=False)] = None,
    effect: Literal["reads", "sets", "adds"] = "adds",
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> None:
    """Call an action that is not modelled here and write its JSON.

    Parameters
    ----------
    name
        The vendor's name.
    option
        One option; may be repeated. The value may be JSON.
    effect
        What a repeat does; adds is never repeated once it may have been executed.
    dry_run
        Print the form and send nothing.
    """
    options = read_pairs("--option", option or [])
    if dry_run:
        print(*form_lines({"action": name, "options": options}), sep="\n")
        print("dry run, nothing was sent", file=sys.stderr)
        return
    form = output.format
    value = asyncio.run(_call(open_session(settle(connection)), name, options, effect))
    if isinstance(value, list):
        write_rows(value, form)
    else:
        write_one(value, form)


async def _call(session: Session, name: str, options: dict[str, Any], effect: EffectText) -> JsonValue:
    async with session as ao:
        return await ao.call(name, options, effect=effect)
