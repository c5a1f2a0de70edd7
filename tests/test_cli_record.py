"""`aoclient record` and `aoclient doctor --cassette`: what a live account answers, shown to somebody who has none."""

import json

import pytest

from aoclient.action import Effect
from aoclient.actions import ACTIONS
from aoclient.emulator import Emulator, Registered
from aoclient.emulator.quirks import Quirks
from tests.kit.command_line import NOWHERE, aoclient, served


@pytest.fixture(scope="module")
def cassette(tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "academy.jsonl"
    emulator = Emulator(learners=60, courses=4)
    emulator.given(Registered("annabelle@firm.example", name="Annabelle Łukasiewicz"))
    with served(emulator) as env:
        ended = aoclient("record", str(path), "--rows", "7", env=env)
    return path, ended, emulator


def test_every_action_that_reads_is_called(cassette):
    _, ended, emulator = cassette
    assert ended.code == 0
    reads = {name for name, cls in ACTIONS.items() if cls.spec.effect is Effect.READS}
    assert {row["call"]: row["state"] for row in ended.rows} == dict.fromkeys(reads, "ok")
    assert all(entry.action.effect is Effect.READS for entry in emulator.journal.applied)
    assert f"{len(reads) + 1} exchanges are in" in ended.err


def test_nobody_is_in_the_file(cassette):
    path, ended, _ = cassette
    text = path.read_text().casefold()
    for canary in ("example.com", "annabelle", "ukasiewicz", "client-secret", "client-id", "learner1", "eyj0"):
        assert canary not in text + ended.out


def test_long_answers_are_cut(cassette):
    path, _, _ = cassette
    entries = {entry["name"]: entry for entry in map(json.loads, path.read_text().splitlines()[1:])}
    assert len(entries["learnersRegisteredAt"]["json"]) == 7


def test_the_doctor_reads_it_without_a_network(cassette):
    path, _, _ = cassette
    ended = aoclient("doctor", "--cassette", str(path), env={"XDG_CONFIG_HOME": "nowhere"})
    assert ended.code == 0
    assert {row["state"] for row in ended.rows} == {"ok"}
    found = {row["check"]: row["detail"] for row in ended.rows}
    assert found["model LearnerProgress"] == "5 read"
    assert "model Page" not in found


def test_the_doctor_finds_what_differs_from_the_models(tmp_path):
    path = tmp_path / "academy.jsonl"
    with served(Emulator(learners=9, quirks=Quirks())) as env:
        lines = ["courses", "learners --email learner1@example.com", "learners --email nobody@example.com"]
        aoclient("record", str(path), *[word for line in lines for word in ("--call", line)], env=env)
    text = path.read_text().replace('"is_scorm": false', '"is_scorm": "maybe", "brand_new": 5')
    lines = text.splitlines()
    lines.append(lines[2].replace('"status": 200', '"status": 403'))
    lines.append('{"name": "courses", "path": "/api/v1/", "form": {"action": "courses"}, "error": "ReadError"}')
    path.write_text("\n".join([*lines, ""]))
    ended = aoclient("doctor", "--cassette", str(path))
    found = [(row["check"], row["state"], row["detail"]) for row in ended.rows]
    assert ("model Course", "warn", "4 read; unknown: brand_new (4); unreadable: is_scorm (4)") in found
    assert ("courses", "warn", "ReadError") in found
    assert ("courses", "fail", "courses: Forbidden (status 403)") in found
    assert ended.code == 1


def test_calls_can_be_named(tmp_path):
    path = tmp_path / "calls.jsonl"
    emulator = Emulator(learners=9)
    with served(emulator) as env:
        line = [
            "--call",
            "learners --email learner1@example.com",
            "--call",
            "learners-with-score --score 0 --operator '>'",
        ]
        ended = aoclient("record", str(path), *line, env=env)
    assert [row["call"] for row in ended.rows] == ["learners", "learnersWithScore"]
    assert [entry.action.spec.name for entry in emulator.journal.applied] == ["learners", "learnersWithScore"]
    assert '"operator": ">"' in path.read_text()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('inviteLearners --learners \'{"email":"a@b.c","name":"A","type":"learner"}\'', "--any-effect lets it"),
        ("nothing", "there is no action 'nothing'"),
        ("", "expected an action and its options"),
        ("learners '", "expected an action and its options"),
        ("learners --json", "only options of learners stand there"),
        ("learners --mail a@b.c", "Unknown option"),
        ("learnersWithScore --score many", "--score: "),
    ],
)
def test_what_cannot_be_recorded_is_refused_before_anything_is_made(tmp_path, line, words):
    path = tmp_path / "calls.jsonl"
    ended = aoclient("record", str(path), "--call", line)
    assert ended.code == 2
    assert words in ended.err
    assert not path.exists()


def test_what_changes_something_is_called_on_request_and_what_deletes_never(tmp_path):
    emulator = Emulator(learners=3)
    team = emulator.world.catalogue.teams[0].id
    adds = f"addLearnersToTeams --teams {team} --learners learner1@example.com"
    with served(emulator) as env:
        added = aoclient("record", str(tmp_path / "a"), "--any-effect", "--call", adds, env=env)
        line = "deleteLearners --emails learner1@example.com"
        deleted = aoclient("record", str(tmp_path / "b"), "--any-effect", "--call", line, env=env)
    assert (added.code, deleted.code) == (0, 2)
    assert "deleteLearners deletes and is never recorded" in deleted.err
    assert [entry.action.spec.name for entry in emulator.journal.applied] == ["addLearnersToTeams"]


def test_a_sign_in_that_is_refused_ends_it(tmp_path):
    with served(Emulator(learners=3)) as env:
        ended = aoclient("record", str(tmp_path / "a"), env={**env, "AOCLIENT_CLIENT_SECRET": "wrong"})
    assert ended.code == 3
    assert len(ended.rows) == 1
    assert "wrong" not in (tmp_path / "a").read_text()


def test_no_file_is_left_where_a_setting_is_missing(tmp_path):
    path = tmp_path / "a"
    ended = aoclient("record", str(path), env={**NOWHERE, "AOCLIENT_CLIENT_ID": ""})
    assert (ended.code, path.exists()) == (2, False)
    path.write_text("mine")
    ended = aoclient("record", str(path))
    assert (ended.code, path.read_text()) == (2, "mine")
