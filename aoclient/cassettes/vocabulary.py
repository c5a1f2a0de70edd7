"""What may be read in a cassette: the vendor's own words. All other text is masked."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import cache
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin

import attrs

from aoclient.actions import ACTIONS
from aoclient.model import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_PHRASES = ("in progress", "not started", "no team", "=", ">", "<", ">=", "<=", "<>")
VALUES = frozenset(
    """
    all bearer checkbox client_credentials completed course deleted done false file group html input invited learner
    lesson manager markdown match multiple no null order published quiz radio single text textarea true unpublished yes
    """.split()
).union(_PHRASES)
"""Values that say nothing about anybody, in lower case."""

WORDS = frozenset(
    """
    a about above access account action actions active again all already also an and another any application are array
    as at attempt attempts available bad be because been before below between body boolean both but by call called can
    cannot certificate certificates changed check client closed code complete completed conflict content contents
    correct could country course courses created credentials data date dates day days deleted denied did different
    disabled do does doctype done due duplicate each either email emails empty enabled error errors exceeded exist
    exists expected expired failed false field fields file find finished first for forbidden format found from full
    gateway get given grant group has have head header higher hour hours html http id ids if in includes inactive
    incorrect input integer internal into invalid invitation invite invited invites is it its json key kept large last
    learner learners left length less lesson lessons like limit limited link list log login long longer lower
    maintenance malformed many may mail manager maximum member members message method minimum minutes missing mode
    more most must name names need needed new no not nothing null number of off old on one only open option options or
    order otherwise out page parameter parameters part passed password payload per permission permissions please post
    private progress public published quiz quizzes rate read received redirecting refused registered removed request
    requests required response retry returned revoked route same scope second seconds secret see select selected send
    sent server service session set short should since size slug some something sorry started status still string
    success successfully such supported support take taken team teams text than that the their then there these this
    time timed timeout title to token too true try type types unauthenticated unauthorized unavailable unexpected
    unknown unless unprocessable unsupported until updated url use used user users valid validation value values
    variable variables was week were what when where whether which who with within without wrong yes yet you your
    authorization authentication required_without invalid_client invalid_request invalid_scope unsupported_grant_type
    warning notice fatal line undefined php b br p div h1 h2 meta span
    """.split()
)
"""Words a message of the server may keep, in lower case; a name of a person is among them only by chance."""


@cache
def known_keys() -> frozenset[str]:
    """Return every key of a declared answer and every declared option, nested ones included."""
    return frozenset(name for names, _ in _fields() for name in names) | {"action", "options"}


@cache
def plain_keys() -> frozenset[str]:
    """Return the keys whose values are numbers and times by declaration, never text."""
    return frozenset(name for names, kind in _fields() if _is_plain(kind) for name in names) | {"date", "dates"}


def data_levels(action: str) -> int:
    """Return how many levels of an answer are maps by e-mail, id or name, whose keys are data and no field names."""
    cls = ACTIONS.get(action)
    kind, levels = None if cls is None else cls.answer_type, 0
    while get_origin(kind) is dict:
        kind, levels = get_args(kind)[1], levels + 1
    return levels


def _fields() -> Iterator[tuple[tuple[str, ...], Any]]:  # Any: a declared type, here and below
    seen: set[Any] = set()
    todo: list[Any] = [kind for cls in ACTIONS.values() for kind in (cls, cls.answer_type)]
    while todo:
        kind = todo.pop()
        todo += get_args(kind)
        if not isinstance(kind, type) or not attrs.has(kind) or kind in seen:
            continue
        seen.add(kind)
        for each in attrs.fields(attrs.resolve_types(kind)):
            if each.name != "extra":
                yield wire_of(each).names, each.type
                todo.append(each.type)


def _is_plain(kind: Any) -> bool:
    kinds = set(get_args(kind)) - {NoneType} if get_origin(kind) in (Union, UnionType) else {kind}
    return all(isinstance(each, type) and issubclass(each, bool | int | float | date | timedelta) for each in kinds)


NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?%?", re.ASCII)
TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
    r"|\d{1,2}/\d{1,2}/\d{4}|\d{1,4}:\d\d(?::\d\d)?(?: [AaPp][Mm])?",
    re.ASCII,
)
HEADERS = frozenset(
    """
    cache-control content-type date retry-after server x-powered-by
    x-ratelimit-limit x-ratelimit-remaining x-ratelimit-reset
    """.split()
)
"""Headers of an answer that are kept as they are; ``location`` is kept masked, and no other is."""
