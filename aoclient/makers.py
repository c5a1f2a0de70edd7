"""Code that makes models quickly, written for each model out of what it declares, as attrs itself writes ``__init__``.

It makes a model of an answer that is as the vendor describes it, and raises one of `CANNOT` for any other, which the
tolerant reader of `aoclient.convert` then reads. Both give equal models; a property test holds them to it.

A frozen class pays for each field twice: its ``__init__`` goes through ``object.__setattr__``. So the object is made as
its *twin*, a subclass without the freeze, and becomes the model when it is complete (``__class__``).
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aoclient import dates
from aoclient.model import NO_EXTRA, Id
from aoclient.quirks import EXACT, NUMERIC, ItemsHook, ModelHook

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
    **{each.__name__: each for each in (type, len, str, int, float, bool, list)},
}


def twin_of(model: type) -> type | None:
    """Return a class whose objects can be set and can become the model's; None where there is none."""
    # One that adds no slots, since CPython compares those name by name: 3 % of quiz questions, 10 % with msgspec.
    namespace = {
        "__slots__": (),
        "__init__": object.__init__,
        "__setattr__": object.__setattr__,
        "__delattr__": object.__delattr__,
    }
    try:
        twin = type(model.__name__, (model,), namespace)
        cast("Any", twin()).__class__ = model
    except TypeError:
        return None
    return twin


def from_map(model: type, fields: Sequence[Declared], otherwise: Hook) -> ModelHook:
    """Return what makes models of maps of JSON, by way of ``otherwise`` each that it cannot read itself."""
    writer = _Writer(model, fields)
    if not writer.can:
        return ModelHook(lambda: otherwise, lambda: lambda items: [otherwise(item, model) for item in items])
    keys = [key for each in fields if each.is_always_there for key in each.wire.names]
    values: dict[str, object] = {"otherwise": otherwise, "CANNOT": CANNOT, "get": _getter(keys)}
    body = writer.of_map(fields, keys)

    def one() -> Hook:
        lines = ["try:", *writer.making(body, "return self"), "except CANNOT: return otherwise(item)"]
        made: Hook = writer.compile("item, _=None", lines, **values)
        return made

    def many() -> ItemsHook:
        lines = ["try:", *writer.making(body, "items[at] = self"), "except CANNOT: items[at] = otherwise(item)"]
        lines = [
            f"if len(items) > {_MANY}: get = get_own(items[0])",
            "at = 0",  # for a list of one, as most lists in rows are, `enumerate` would take longer than the row
            "for item in items:",
            *_indented([*lines, "at += 1"]),
            "return items",
        ]
        made: ItemsHook = writer.compile("items", lines, get_own=partial(_getter, keys), **values)
        return made

    return ModelHook(one, many)


def _getter(keys: Sequence[str], like: object = None) -> Callable[[Any], Any] | None:  # Any: maps, and their values
    """Return what gets the values of some keys, of maps of the same text as ``like``.

    Equal keys of one text are one object: a map finds that without comparing characters, 30 to 150 ns sooner a row.
    """
    own = {key: key for key in cast("dict[str, object]", like)} if type(like) is dict else {}
    return itemgetter(*[own.get(key, key) for key in keys]) if keys else None


_MANY = 50  # rows for which a getter of their own pays


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
    lines = ["made = []", "for struct in items:", *writer.making(body, "made.append(self)"), "return made"]
    made: Maker = writer.compile("items", lines)
    return made


def _is_plain(declared: Declared) -> bool:
    return not declared.wire.as_text and (declared.kind in EXACT or declared.kind in (float, Id, list[str]))


def _is_known(declared: Declared) -> bool:
    """Tell whether the lines below fit: they take the default that null holds for None."""
    if declared.wire.clock is not None:
        return declared.default is None and not declared.wire.only_when_set
    return declared.default is None or declared.required or not declared.optional


def _can_be_sent(declared: Declared) -> bool:
    """Tell whether the default of a field could as well stand in an answer: null, or a plain value."""
    default: object = declared.default
    return default is None or (type(default) in EXACT and declared.kind in (type(default), Id))


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
            read = (  # an empty one serves as well
                f"({self.value(declared.read_items)}([*{first}]) if {first} else {first})"
                f" if type({first}) is list else {hook}"
            )
        elif isinstance(declared.hook, ModelHook):
            read = f"{self.value(declared.hook.one)}({first})"
        test = f"type({first}) is not {declared.kind.__name__}" if declared.kind in EXACT else ""
        return self._set(declared, first, read, test)

    def of_map(self, fields: Sequence[Declared], keys: Sequence[str]) -> list[str]:
        """Set all fields from ``item``, a map of JSON, and ``get``, which gets what is always there by its keys."""
        usual = [each for each in fields if each.is_always_there]
        variables = [self.variable() for _ in keys]
        lines = ["raw = item"]
        if keys:
            # Quicker than a subscript for each key, by half in CPython 3.11. Nothing else in JSON has such items.
            targets = ", ".join(variables)
            missing = self.value({key: each.default for each in usual if _can_be_sent(each) for key in each.wire.names})
            lines += [
                f"try: {targets} = get(raw)",
                "except KeyError:",  # half of what the tolerant reader costs
                f"    raw = {missing} | raw",
                f"    {targets} = get(raw)",
            ]
        else:
            lines.append("if type(raw) is not dict: raise TypeError")
        for each in usual:
            its = [variables.pop(0) for _ in each.wire.names]
            lines += self.of_json(each, its)
        return [*lines, *self.rest(len(keys), [each for each in fields if not each.is_always_there])]

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
        if maker is not None and declared.read_items is not None:
            # In place: the list is nobody else's, and one object less for each makes the garbage collector run less.
            return [f"if {first}: {first}[:] = {self.value(maker)}({first})", f"self.{declared.name} = {first}"]
        if maker is not None:
            return self._set(declared, first, f"{self.value(maker)}(({first},))[0]")
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

    def making(self, body: Sequence[str], then: str) -> list[str]:
        """Return the lines that make one model of what ``body`` sets, indented."""
        return _indented(["self = twin()", *body, "self.extra = NO_EXTRA", "self.__class__ = model", then])

    def compile(self, arguments: str, lines: Sequence[str], **values: object) -> Any:  # Any: as the lines say
        """Return the function of these arguments and lines."""
        names: dict[str, Any] = {**_NAMES, **self._values, **values, "twin": self._twin, "model": self._model}
        used = Counter(re.findall(r"\w+", "\n".join(lines)))
        # A local costs half of a global, but each call copies it: so it is one that is read more than once.
        local = (f"{name}={name}" for name in names if used[name] > 1)
        text = "\n".join([f"def make({', '.join([arguments, *local])}):", *_indented(lines)])
        exec(text, names)  # noqa: S102  # made of nothing but the names of our own fields and keys
        return names["make"]
