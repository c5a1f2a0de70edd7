"""The fault plan as data: what can be written, what is refused, and when a rule strikes."""

import pytest

from aoclient import ConfigurationError
from aoclient.emulator import Emulator, Fault, Faults
from aoclient.emulator.faults import KINDS, Plan, Stage


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", []),
        ("503", [Fault(kind="503")]),
        ("503@every=20", [Fault(kind="503", every=20)]),
        ("429@share=0.05;retry_after=2", [Fault(kind="429", share=0.05, retry_after=2)]),
        (
            "drop-after@action=addLearnerQuizAttempts;times=1, 500@at=3;after=2;body=html",
            [
                Fault(kind="drop-after", action="addLearnerQuizAttempts", times=1),
                Fault(kind="500", at=3, after=2, body="html"),
            ],
        ),
        (
            "307@to=https://other.example.com/x?y=1,stall@seconds=2.5,gzip-bomb@size=3,429@date=30",
            [
                Fault(kind="307", to="https://other.example.com/x?y=1"),
                Fault(kind="stall", seconds=2.5),
                Fault(kind="gzip-bomb", size=3),
                Fault(kind="429", date=30),
            ],
        ),
    ],
    ids=str,
)
def test_a_plan_is_read_and_written(text, rules):
    faults = Faults.parse(text, seed=4)
    assert faults == Faults(rules, 4)
    assert Faults.parse(str(faults), seed=4) == faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("509", "there is no fault '509'; expected one of refuse, close-before-read"),
        ("503@", "expected name=value with one of action, every, share"),
        ("503@every", "got 'every'"),
        ("503@often=3", "got 'often=3'"),
        ("503@every=x", "every must be a number, got 'x'"),
        ("503@every=0", "every must be a whole number from 1, got 0"),
        ("503@share=2", "share must be from 0 to 1, got 2.0"),
        ("503@retry_after=-1", "retry_after must not be below 0, got -1"),
        ("stall@seconds=nan", "seconds must not be below 0, got nan"),
        ("503@body=xml", "body must be one of json, html, text, empty, got 'xml'"),
        ("refuse@action=learners", "refuse: there is no action yet"),
    ],
)
def test_a_plan_that_cannot_be_read_is_refused_with_what_was_expected(text, message):
    with pytest.raises(ConfigurationError) as caught:
        Emulator(faults=text)
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["learners", "courses", "teams", "latency"])
def test_an_emulator_of_less_than_nothing_is_refused(name):
    with pytest.raises(ConfigurationError, match=rf"Emulator\({name}=...\) must not be below 0, got -1"):
        Emulator(**{name: -1})


def struck(text, calls=12, action="learners", seed=0):
    plan = Plan(Faults.parse(text, seed=seed))
    return [number for number in range(1, calls + 1) if plan.on_request(action) is not None]


def test_a_rule_strikes_when_it_says():
    assert struck("503") == list(range(1, 13))
    assert struck("503@every=5") == [5, 10]
    assert struck("503@at=4") == [4]
    assert struck("503@after=10") == [11, 12]
    assert struck("503@after=2;every=4") == [6, 10]
    assert struck("503@times=2") == [1, 2]
    assert struck("503@action=learners;at=2") == [2]
    assert struck("503@action=courses") == []


def test_requests_for_a_token_are_met_only_when_aimed_at():
    assert struck("503", action="token") == []
    assert struck("503@action=token", 2, action="token") == [1, 2]
    assert struck("503@action=any", 2, action="token") == struck("503@action=any", 2) == [1, 2]


def test_a_share_is_drawn_from_the_seed():
    hits = struck("503@share=0.2", 10_000)
    assert 1850 < len(hits) < 2150
    assert struck("503@share=0.2", 10_000) == hits
    assert struck("503@share=0.2", 10_000, seed=1) != hits
    assert struck("503@share=0") == []


def test_the_first_rule_that_fires_wins():
    plan = Plan(Faults.parse("429@every=2,503"))
    assert [plan.on_request("learners").kind for _ in range(4)] == ["503", "429", "503", "429"]


def test_connections_and_requests_have_rules_of_their_own():
    plan = Plan(Faults.parse("refuse@at=2,503@at=1"))
    assert [plan.on_accept() is not None for _ in range(3)] == [False, True, False]
    assert plan.on_request("learners").kind == "503"


def test_every_kind_says_where_it_strikes():
    assert {Fault(kind=kind).stage for kind in KINDS} == set(Stage)


def test_an_emulator_shows_its_faults_and_the_seed_that_repeats_them():
    assert repr(Emulator(seed=9)) == "Emulator(learners=100, seed=9)"
    emulator = Emulator(seed=9, faults="503@share=0.5")
    assert repr(emulator) == "Emulator(learners=100, seed=9, faults='503@share=0.5' with seed 9)"
    emulator.faults = Faults([Fault(kind="429")], seed=7)
    assert "'429' with seed 7" in repr(emulator)
    emulator.faults = None
    assert emulator.faults == Faults()
