"""An action class as a command: its options, their help and their reading come from the declaration."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, cast

from cyclopts import Parameter

from aoclient import options
from aoclient.action import Action
from aoclient.cli import grammar
from aoclient.cli.connection import NO_CONNECTION, Connection, ConnectionOptions
from aoclient.cli.docstrings import describe
from aoclient.cli.exits import UsageError
from aoclient.cli.output import NO_OUTPUT, Output, OutputOptions
from aoclient.cli.shapes import Option, Shape, options_of
from aoclient.errors import InvalidOptionError

Run = Callable[[Action[Any], Connection, Output, bool, bool], None]  # Any: actions of all answers


def command(cls: type[Action[Any]], run: Run) -> Callable[..., None]:
    """Return the function of a command that makes an action of its options and gives it to ``run``.

    ``run`` gets the action, the connection, the output, whether it is a dry run, and whether the user said yes.
    """
    text = describe(cls)

    def function(
        *,
        connection: Connection = NO_CONNECTION,
        output: Output = NO_OUTPUT,
        extra: Sequence[str] = (),
        dry_run: bool = False,
        yes: bool = False,
        **given: Any,
    ) -> None:
        action = read(cls, {name: value for name, value in given.items() if value is not None}, extra)
        run(action, connection, output, dry_run, yes)

    parameters = [_parameter(each, text.options[each.name]) for each in options_of(cls)]
    parameters += [_keyword("extra", Annotated[list[str], _EXTRA], [])]
    if cls.spec.deletes_people:
        parameters += [_keyword("yes", Annotated[bool, _YES], False)]
    parameters += [
        _keyword("dry_run", Annotated[bool, _DRY_RUN], False),
        _keyword("output", OutputOptions, NO_OUTPUT),
        _keyword("connection", ConnectionOptions, NO_CONNECTION),
    ]
    function.__name__ = cls.spec.name
    function.__doc__ = text.help
    function.__annotations__ = {}
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return function


def read(cls: type[Action[Any]], given: Mapping[str, Any], extra: Sequence[str]) -> Action[Any]:
    """Return the action of what was given on the command line.

    Raises:
        InvalidOptionError: An option has the wrong type or value.
        UsageError: An extra option is not written ``NAME=VALUE``.
    """
    shapes = {each.name: each.shape for each in options_of(cls)}
    try:
        tree = {name: _as_sent(value, shapes[name], f"options[{name}]") for name, value in given.items()}
        values = options.read(cls, tree, "options")
        return options.construct(cls, {**values, "extra": read_pairs("--extra", extra)}, "options")
    except InvalidOptionError as error:
        error.action = cls.spec.name
        raise


def read_pairs(flag: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return options nobody declared, ``NAME=VALUE`` each; the value may be JSON.

    Raises:
        UsageError: One is written otherwise.
    """
    pairs: dict[str, Any] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"{flag}: expected NAME=VALUE, got {text!r}")
        pairs[name] = grammar.read_value(value, f"options[{name}]")
    return pairs


def _as_sent(value: Any, shape: Shape, path: str) -> grammar.Tree:
    if shape.kind == "list" and shape.item is not None:
        return list(grammar.read_list(value, shape.item, path))
    if shape.kind == "map" and shape.item is not None:
        return dict(grammar.read_map(value, shape.item, path))
    if shape.kind == "flag":
        return "1" if value else "0"
    if shape.kind == "word":
        return _WORDS.get(str(value), str(value))
    return str(value)


_WORDS = {"yes": "1", "no": "0"}


# --- parameters --------------------------------------------------------------------------------------------------

_EXTRA = Parameter(
    help="NAME=VALUE of an option the vendor did not document; may be repeated. The value may be JSON.",
    metavar="NAME=VALUE",
    json_list=False,
)
_YES = Parameter(help="Do not ask before deleting.", negative="")
_DRY_RUN = Parameter(help="Print the form and send nothing.", negative="")


def _parameter(option: Option, help_text: str) -> inspect.Parameter:
    shape = option.shape
    annotation: Any = {"flag": bool, "list": list[str], "map": list[str]}.get(shape.kind, str)
    if shape.kind == "choice":
        annotation = cast("Any", Literal)[shape.choices]  # made at run time
    about = Parameter(
        help=f"{help_text}{_how(shape)}",
        metavar=_metavar(shape),
        json_list=False,
        allow_leading_hyphen=shape.kind in ("list", "map"),  # - is stdin; the grammar refuses what looks like an option
    )
    annotated = cast("Any", Annotated)[annotation if option.required else annotation | None, about]
    return _keyword(option.name, annotated, inspect.Parameter.empty if option.required else None)


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _metavar(shape: Shape) -> str | None:
    match shape.kind:
        case "flag" | "choice":
            return None
        case "list":
            return "JSON" if shape.item is not None and shape.item.kind == "nested" else "ENTRY,.."
        case "map":
            return "KEY=JSON" if _holds_nested(shape) else "KEY=ENTRY,.."
        case "word":
            return "yes|no|TEXT"
        case _:
            return shape.kind.upper()


def _how(shape: Shape) -> str:
    match shape.kind:
        case "list" if shape.item is not None and shape.item.kind == "nested":
            return f" Each as JSON, {_fields(shape.item)}; or a JSON list of them, @FILE, or - for stdin."
        case "list":
            return " Parted by commas or repeated; or @FILE, - for stdin, or a JSON list."
        case "map" if _holds_nested(shape):
            each = f"Each as KEY=JSON, {_fields(_inner(shape))}, or a JSON list of them"
            return f" {each}; or one JSON map, @FILE, or - for stdin."
        case "map":
            return " Repeated for each key; or @FILE, - for stdin, or a JSON map of lists."
        case _:
            return ""


def _inner(shape: Shape) -> Shape:
    return shape if shape.item is None else _inner(shape.item)


def _holds_nested(shape: Shape) -> bool:
    return _inner(shape).kind == "nested"


def _fields(shape: Shape) -> str:
    others = [name for name in shape.fields if name not in shape.required]
    return f"{grammar.example(shape)}{' and maybe ' + ', '.join(others) if others else ''}"
