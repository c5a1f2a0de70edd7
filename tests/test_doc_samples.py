"""The samples of the vendor's page, word for word in tests/doc, against what was retyped from them by hand."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from aoclient import actions, forms, phpjson, wire
from aoclient.secret import Secret
from aoclient.senders.authorized import Authorized
from aoclient.tokens import MemoryTokenStore
from aoclient.webhooks import EVENTS
from tests.kit import printed
from tests.kit.scripted import Scripted, response
from tests.test_doc import SECOND_KEY, headings, page

GOLDEN = Path(__file__).parent / "golden"
INTRODUCTION = "introduction"
EVENT_NAMES = {cls.HEADING or name: name for name, cls in EVENTS.items()}


class Sample(NamedTuple):
    name: str  # the vendor's, of the action or the event
    value: Any
    file: str  # in the folder of the golden files, without its end


def printed_samples(*, are_requests: bool) -> Iterator[Sample]:
    names = dict(headings()) | EVENT_NAMES
    for heading, text in printed.samples():
        if heading == INTRODUCTION or printed.is_request(text) != are_requests:
            continue
        name, value = names[heading], printed.form_in(text) if are_requests else printed.read(text)
        yield Sample(name, value, file_of(name, value))


def file_of(name: str, value: Any) -> str:
    if name in EVENTS:
        return f"webhooks/{name}" if value["event"] == name else f"webhooks/{name}.as_printed"
    return f"{name}.course" if name == "getTeams" and "course" in str(value) else name


REQUESTS = list(printed_samples(are_requests=True))
ANSWERS = list(printed_samples(are_requests=False))


def pairs_of(form: bytes | str) -> list[str]:
    return sorted((form if isinstance(form, str) else form.decode("ascii")).replace("\n", "").split("&"))


def test_every_heading_with_samples_stands_in_the_order_of_the_page():
    found = [heading for heading, _ in groupby(heading for heading, _ in printed.samples())]
    order = [INTRODUCTION, *(heading for heading, _ in headings()), *EVENT_NAMES]
    assert found == [heading for heading in order if heading in found]
    assert found[-len(EVENT_NAMES) :] == list(EVENT_NAMES)
    assert (len(REQUESTS), len(ANSWERS)) == (14, 10 + len(EVENTS))


@pytest.mark.parametrize("sample", REQUESTS, ids=lambda sample: sample.file)
def test_a_printed_form_is_the_retyped_one(sample):
    assert sample.value["action"] == sample.name
    assert pairs_of((GOLDEN / f"{sample.file}.request").read_bytes()) == pairs_of(forms.encode(sample.value))


@pytest.mark.parametrize("sample", ANSWERS, ids=lambda sample: sample.file)
def test_a_printed_answer_or_event_is_the_retyped_one(sample):
    end = ".json" if sample.name in EVENTS else ".answer.json"
    retyped = json.loads((GOLDEN / f"{sample.file}{end}").read_bytes())
    assert phpjson.dumps(retyped) == phpjson.dumps(sample.value)


def test_the_requests_of_the_introduction_are_those_that_are_sent():
    (_, for_token), (_, for_learners) = [each for each in printed.samples() if each[0] == INTRODUCTION]
    call = printed.read(f"[{for_learners}]")
    inner = Scripted([response({"access_token": "t"}), response([])])
    sender = Authorized(
        inner,
        client_id="CLIENT_ID",
        client_secret=Secret("CLIENT_SECRET"),
        store=MemoryTokenStore(),
        rng=random.Random(7),
    )
    asyncio.run(sender.send(wire.encode(actions.Learners(dates=call["options"]["dates"]))))
    sent = [pairs_of(request.body) for request in inner.requests]
    assert sent == [pairs_of(forms.encode(printed.read(for_token))), pairs_of(forms.encode(call))]


# --- the rows that come from samples -----------------------------------------------------------------------------

TYPES = {str: "string", int: "int", float: "int", bool: "bool", type(None): "null", list: "array"}
NOT_AS_IN_ITS_TABLE = {("courseProgress", "content_progress[][score]"): "string"}


def leaves(value: Any, path: str, second_key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            step = "email" if key in printed.PEOPLE else second_key if path == "[email]" and second_key else key
            yield from leaves(item, f"{path}[{step}]" if path or step != key else key, second_key)
    elif isinstance(value, list) and not (path and all(isinstance(each, str) for each in value)):
        for item in value:
            yield from leaves(item, f"{path}[]" if path or isinstance(item, str) else "", second_key)
    else:
        yield path, TYPES[type(value)]


def printed_rows(action: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for sample in ANSWERS:
        if sample.name == action:
            for field, kind in leaves(sample.value, "", SECOND_KEY.get(action, "")):
                found.setdefault(field, set()).add(kind)
    return {field: " / ".join(sorted(kinds - {"null"} or kinds)) for field, kinds in found.items()}


@pytest.mark.parametrize("action", sorted({sample.name for sample in ANSWERS} - EVENTS.keys()))
def test_the_table_has_the_keys_of_a_sample_with_their_types(action):
    rows = {row.field: row.type for row in page() if (row.action, row.direction) == (action, "out")}
    for field, kind in printed_rows(action).items():
        assert kind == NOT_AS_IN_ITS_TABLE.get((action, field), rows[field])


SAMPLE_ONLY = [
    "learnersProgressByCourse",
    "checkLearnerInvite",
    "getLearnerVariable",
    "getLearnersQuizStatistic",
    "deleteLearnerInvite",
]


@pytest.mark.parametrize("action", SAMPLE_ONLY)
def test_where_the_page_has_a_sample_only_the_table_has_nothing_else(action):
    rows = {row.field for row in page() if (row.action, row.direction) == (action, "out")}
    leaf_rows = {field for field in rows if not any(other.startswith(f"{field}[") for other in rows)}
    assert leaf_rows == printed_rows(action).keys()
