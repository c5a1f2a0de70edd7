"""Code that makes models quickly, written for each model out of what it declares, as attrs itself writes ``__init__``.

It makes a model of an answer that is as the vendor describes it, and raises one of `CANNOT` for any other, which the
tolerant reader of `aoclient.convert` then reads. Both give equal models; a property test holds them to it.

A frozen class pays for each field twice: its ``__init__`` goes through ``object.__setattr__``. So the object is made as
its *twin*, a plain class with the same slots, and becomes the model when it is complete (``__class__``).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aoclient import dates
from aoclient.model import NO_EXTRA, Id
from aoclient.quirks import EXACT, NUMERIC, ModelHook, many

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from aoclient.declared import Declared
    from aoclient.quirks import Hook

Maker: TypeAlias = "Callable[[Iterable[Any]], list[Any]]"  # Any: what came for the items of a list, and their models

CANNOT = (KeyError, TypeError, ValueError, OverflowError)
"""What a maker raises for an answer it cannot read; a `Mismatch` is a ValueError."""

_READ: Mapping[Any, str] = {  # Any: types
    datetime: "moment if len({0}) < 28 and (moment := from_iso({0})).tzinfo is UTC else read_moment({0})",
    date: "read_day({0})",
    timedelta: "durations[{0}]",
    float: "float({0}) if type({0}) is int else {1}",
    Id: "{0} if type({0}) is str or type({0}) is int else {1}",
    list[str]: "{0} if type({0}) is list and join({0}) is not None else {1}",  # join raises a TypeError but for texts
}
"""How a value that is not None is read of parsed JSON, {1} being its hook; all other kinds go through that."""

_NAMES: Mapping[str, object] = {
    "from_iso": datetime.fromisoformat,
    "read_moment": dates.read_moment,
    "read_day": dates.read_day,
    "durations": dates.DURATIONS,
    "midnights": dates.MIDNIGHTS,
    "clocks": dates.CLOCKS,
    "in_utc": dates.in_utc,
    "join": "".join,
    "UTC": UTC,
    "NO_EXTRA": NO_EXTRA,
}


def twin_of(model: type) -> type | None:
    """Return a class whose objects can be set and can become the model's; None where there is none."""
    # Of the same bases, since CPython asks for the same slots added to the same base.
    namespace = {
        "__slots__": model.__dict__.get("__slots__", ()),
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    twin = type(model.__name__, model.__bases__, namespace)
    try:
        cast("Any", twin()).__class__ = model
    except TypeError:
        return None
    return twin


def from_map(model: type, fields: Sequence[Declared], otherwise: Hook) -> Maker:
    """Return what makes models of maps of JSON, by way of ``otherwise`` each that it cannot read itself."""
    writer = _Writer(model, fields)
    if not writer.can:
        return many(otherwise, model)
    body = ["if type(raw) is not dict: raise TypeError"]
    keys = 0
    for each in fields:
        if each.is_always_there:
            keys += len(each.wire.names)
            variables = [writer.variable() for _ in each.wire.names]
            body += [f"{variable} = raw[{key!r}]" for variable, key in zip(variables, each.wire.names, strict=True)]
            body += writer.of_json(each, variables)
    body += writer.rest(keys, [each for each in fields if not each.is_always_there])
    made: Maker = writer.compile(
        "def make(items):",
        "    made = []",
        "    for raw in items:",
        "        try:",
        *writer.making(body, "            "),
        "        except CANNOT: made.append(otherwise(raw))",
        "    return made",
        otherwise=otherwise,
        CANNOT=CANNOT,
    )
    return made


def from_struct(model: type, fields: Sequence[Declared], makers: Mapping[str, Maker]) -> Maker | None:
    """Return what makes models of structs of their keys, the types checked; None where the model has no twin.

    Args:
        model: An attrs class.
        fields: What it declares; the keys are ``v0``, ``v1``.. of the struct, as the fields name them.
        makers: By field, what makes the value, or the items of a list; where there is none the value is as it came.
    """
    writer = _Writer(model, fields)
    if not writer.can:
        return None
    body: list[str] = []
    key = 0
    for each in fields:
        maker = makers.get(each.name)
        is_plain = maker is None and each.is_always_there and _is_plain(each)
        variables = [f"self.{each.name}"] if is_plain else [writer.variable() for _ in each.wire.names]
        body += [f"{variable} = struct.v{number}" for number, variable in enumerate(variables, key)]
        key += len(variables)
        if not each.is_always_there:
            body += writer.choose(each, variables)
        if not is_plain:
            body += writer.of_typed(each, variables, maker)
    made: Maker = writer.compile(
        "def make(items):",
        "    made = []",
        "    for struct in items:",
        *writer.making(body, "        "),
        "    return made",
    )
    return made


def _is_plain(declared: Declared) -> bool:
    return not declared.wire.as_text and (declared.kind in EXACT or declared.kind in (float, Id, list[str]))


def _is_known(declared: Declared) -> bool:
    """Tell whether the lines below fit: they take the default that null holds for None."""
    if declared.wire.clock is not None:
        return declared.default is None and not declared.wire.only_when_set
    return declared.default is None or declared.required or not declared.optional


def _indented(lines: Iterable[str], by: str = "    ") -> list[str]:
    return [by + line for line in lines]


class _Writer:
    """Writes the lines of one maker and keeps the values they name."""

    def __init__(self, model: type, fields: Sequence[Declared]) -> None:
        self._model = model
        self._twin = twin_of(model)
        self.can = self._twin is not None and all(_is_known(each) for each in fields)
        self._values: dict[str, object] = {}
        self._variables = 0

    def variable(self) -> str:
        """Return a new variable."""
        self._variables += 1
        return f"v{self._variables}"

    def value(self, value: object) -> str:
        """Return the name a value has in the code."""
        name = f"value{len(self._values)}"
        self._values[name] = value
        return name

    def choose(self, declared: Declared, variables: Sequence[str]) -> list[str]:
        """Leave in the first variable the one value of several keys."""
        first, *others = variables
        lines = [f"if {first} is None: {first} = {each}\nelif {each} is not None: raise ValueError" for each in others]
        if not declared.optional or declared.required:
            lines.append(f"if {first} is None: raise ValueError")
        return [line for each in lines for line in each.split("\n")]

    def of_json(self, declared: Declared, variables: Sequence[str]) -> list[str]:
        """Set the field from parsed JSON."""
        first = variables[0]
        if declared.wire.clock is not None:
            return self._joined(declared, variables)
        hook = f"{self.value(declared.hook)}({first}, {self.value(declared.kind)})"
        read = _READ.get(declared.kind, hook).format(first, hook)
        if read is hook and declared.read_items is not None:
            read = (
                f"({self.value(declared.read_items)}({first}) if {first} else []) if type({first}) is list else {hook}"
            )
        elif isinstance(declared.hook, ModelHook):
            read = f"{self.value(declared.hook.many)}(({first},))[0]"
        test = f"type({first}) is not {declared.kind.__name__}" if declared.kind in EXACT else ""
        return self._set(declared, first, read, test)

    def rest(self, keys: int, rare: Sequence[Declared]) -> list[str]:
        """Set the fields whose keys may be left out, and refuse a map that has keys beside ``keys`` and theirs."""
        # One key more is one nobody declared, or a null where the vendor leaves the key out.
        if not rare:
            return [f"if len(raw) != {keys}: raise ValueError"]
        lines = [f"keys = {keys}"]
        for each in rare:
            variables = [self.variable() for _ in each.wire.names]
            lines += [
                f"{variable} = raw.get({key!r})" for variable, key in zip(variables, each.wire.names, strict=True)
            ]
            lines += [*self.choose(each, variables), f"if {variables[0]} is not None: keys += 1"]
            lines += self.of_json(each, variables)
        lines.append("if len(raw) != keys: raise ValueError")
        if any(each.required or not each.optional for each in rare):
            return lines
        none = [f"self.{each.name} = None" for each in rare]
        return [f"if len(raw) == {keys}:", *_indented(none), "else:", *_indented(lines)]

    def of_typed(self, declared: Declared, variables: Sequence[str], maker: Maker | None) -> list[str]:
        """Set the field from a value whose type was checked."""
        first = variables[0]
        if declared.wire.clock is not None:
            return self._joined(declared, variables)
        if maker is not None:
            is_list = declared.read_items is not None
            made = (
                f"{self.value(maker)}({first}) if {first} else []" if is_list else f"{self.value(maker)}(({first},))[0]"
            )
            return self._set(declared, first, made)
        if declared.kind is datetime:
            return self._set(declared, first, f"in_utc({first})", f"{first}.tzinfo is not UTC")
        if _is_plain(declared):
            return [f"self.{declared.name} = {first}"]
        return self.of_json(declared, variables)

    def _set(self, declared: Declared, variable: str, read: str, test: str = "") -> list[str]:
        is_there = f"{variable} is not None" if declared.optional else ""
        # A type is checked first, since it mostly fits; an attribute of None is not looked for.
        tests = [test, is_there] if test.startswith("type") else [is_there, test]
        condition = " and ".join(each for each in tests if each)
        if declared.wire.as_text and declared.kind in NUMERIC:
            number = f"{self.value(NUMERIC[declared.kind])}[{variable}]"
            lines = [f"if type({variable}) is str: {variable} = {number}"]
            lines.append(f"elif {condition}: {variable} = {read}" if condition else f"else: {variable} = {read}")
        else:
            lines = [f"if {condition}: {variable} = {read}" if condition else f"{variable} = {read}"]
        return [*lines, f"self.{declared.name} = {variable}"]

    def _joined(self, declared: Declared, variables: Sequence[str]) -> list[str]:
        day, clock = variables
        return [
            f"if {day} is not None and {clock} is not None: {day} = midnights[{day}] + clocks[{clock}]",
            f"elif {day} is not {clock}: raise ValueError",
            f"self.{declared.name} = {day}",
        ]

    def making(self, body: Sequence[str], indent: str) -> list[str]:
        """Return the lines that make one model of what ``body`` sets."""
        lines = ["self = twin()", *body, "self.extra = NO_EXTRA", "self.__class__ = model", "made.append(self)"]
        return _indented(lines, indent)

    def compile(self, *lines: str, **values: object) -> Any:  # Any: the lines tell what it takes
        """Return the function the lines define."""
        names: dict[str, Any] = {**_NAMES, **self._values, **values, "twin": self._twin, "model": self._model}
        exec("\n".join(lines), names)  # noqa: S102  # made of nothing but the names of our own fields and keys
        return names["make"]
