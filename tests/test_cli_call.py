"""``aoclient call``: every action as a command, its options and its help from the declaration."""

import json

import pytest
from cyclopts import App

from aoclient import options
from aoclient.actions import ACTIONS, Effect, Paged
from aoclient.cli import call
from aoclient.cli.commands import command
from aoclient.cli.docstrings import describe
from aoclient.cli.shapes import options_of
from aoclient.emulator import Emulator
from aoclient.wire import API_PATH
from tests.kit.command_line import aoclient, served
from tests.samples import SAMPLES, name_of

EMAIL = "learner1@example.com"


@pytest.fixture(scope="module")
def academy():
    emulator = Emulator(learners=250, courses=2)
    with served(emulator) as env:
        yield emulator, env


def flag(name):
    return f"--{name.replace('_', '-')}"


def arguments_of(action):
    """Return an action as somebody would write it on the command line."""
    shapes = {each.name: each.shape for each in options_of(type(action))}
    for name, value in options.write(action).items():
        yield from written(name, value, shapes[name])


def written(name, value, shape):
    match shape.kind:
        case "flag":
            return [flag(name if value else f"no_{name}")]
        case "word" if isinstance(value, bool):
            return [flag(name), "yes" if value else "no"]
        case "list":
            entries = [json.dumps(value)] if shape.item.kind == "nested" else value
            return [part for each in entries for part in (flag(name), each)]
        case "map" if shape.item.item.kind != "nested":
            return [part for key, each in value.items() for part in (flag(name), f"{key}={','.join(each)}")]
        case "map":
            return [part for key, each in value.items() for part in (flag(name), f"{key}={json.dumps(each)}")]
        case _:
            return [flag(name), str(value)]


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_every_option_of_every_action_can_be_written_on_the_command_line(sample):
    made = []
    app = App(result_action="return_value")
    app.default(command(type(sample), lambda action, *_: made.append(action)))
    app(list(arguments_of(sample)), exit_on_error=False, print_error=False)
    assert made == [sample]


@pytest.mark.parametrize("name", ACTIONS)
def test_help_names_every_option_and_says_what_it_is(name):
    ended = aoclient("call", name, "--help")
    assert ended.code == 0
    words = " ".join(ended.out.replace("│", " ").split())
    text = describe(ACTIONS[name])
    assert text.summary in words
    assert text.answer in words
    for option in options_of(ACTIONS[name]):
        assert flag(option.name) in words
        assert text.options[option.name][:40] in words
    assert ("--yes" in words) == name.startswith("delete")
    assert "--dry-run" in words
    assert "client-secret " not in words


def test_help_of_call_lists_every_action_once():
    listed = [line.split()[1] for line in aoclient("call", "--help").out.splitlines() if line.startswith("│ ")]
    assert set(ACTIONS) | {"createLessonVariables", "other"} <= set(listed)
    assert "set-lesson-variables" not in listed


@pytest.mark.shows_secrets("output of the command line", "the answer of createLoginToken is a link")
def test_all_28_actions_are_called_from_the_command_line(academy):
    emulator, env = academy

    def ao(*arguments):
        ended = aoclient("call", *arguments, env=env)
        assert ended.code == 0, ended.err
        assert ended.err == ""
        return ended.rows

    def done(name):
        return emulator.journal.count(name)

    before = {name: done(name) for name in ACTIONS}
    course = ao("courses")[0]
    (academy_id,) = [each["id"] for each in ao("academies")]
    team = ao("getTeams", "--records", "course")[0]["id"]
    progress = ao("courseProgress", "--email", EMAIL, "--course-type", "all", "--with-teams")
    contents = [each for row in progress for each in row["content_progress"]]
    quizzes = [each["id"] for each in contents if each["type"] == "quiz"]
    assert ao("learners", "--email", EMAIL, "--with-academy")[0]["email"] == EMAIL
    assert len(ao("learnersProgressByCourse", "--course-slug", course["slug"], "--show-not-started-learners")) == 250
    assert ao("learnersWithScore", "--score", "40", "--operator", ">=")
    assert ao("learnersRegisteredAt", "--dates", "2000-01-01 00:00:00,2100-01-01 00:00:00")
    assert ao("learnersRepeatedLogIns")
    assert ao("passiveLearners")
    country = ao("learnersAmountFromCountries")[0]["country_iso_code"]
    assert ao("learnersFromCountry", "--country-iso-code", country)[0]["learners"]
    assert ao("learnersCourseComplete", "--course-id", course["id"])
    ao("learnersChurnAtContent", "--course-id", course["slug"], "--content-id", "lesson-1")
    assert ao("certificates", "--email", EMAIL)
    invitee = {"email": "new@example.com", "name": "New One", "type": "learner", "teams": [team]}
    assert ao("inviteLearners", "--learners", json.dumps(invitee), "--is-send-email", "no") == [{"invited": 1}]
    assert ao("checkLearnerInvite", "--emails", "new@example.com")[0]["is_found"] is True
    ao("deleteLearnerInvite", "--emails", "new@example.com")
    statistics = ao("getLearnersQuizStatistic", "--records", f"{EMAIL}={','.join(quizzes)}")
    assert statistics[0]["email"] == EMAIL
    assert {each["quiz_id"] for each in statistics} <= set(quizzes)
    ao("addLearnerQuizAttempts", "--quiz-id", quizzes[0], "--email", EMAIL)
    variable = json.dumps([{"key": "level", "value": 7, "type": 2}])
    ao("create-lesson-variables", "--academy-id", academy_id, "--records", f"{EMAIL}={variable}")
    ao("setLessonVariables", "--academy-id", academy_id, "--records", f"{EMAIL}={variable}")
    (shown,) = ao("getLearnerVariable", "--records", f"{EMAIL}=level")
    assert (shown["email"], shown["name"], str(shown["value"])) == (EMAIL, "level", "7")
    ao("addLearnersToTeams", "--teams", team, "--learners", EMAIL)
    ao("removeLearnersFromTeams", "--learners", json.dumps({"email": EMAIL, "teams": [team]}))
    ao("revokeLearnersAccess", "--learners", EMAIL)
    ao("returnLearnersAccess", "--learners", EMAIL)
    assert ao("create-login-token", "--academy-id", academy_id, "--email", EMAIL)[0]["link"].startswith("http")
    assert ao("deleteLearners", "--emails", "learner9@example.com", "--yes") == [{"deleted": 1}]
    assert [name for name in ACTIONS if done(name) == before[name]] == []


def test_a_paged_action_gives_the_rows_of_all_pages_or_of_the_one_asked_for(academy):
    _, env = academy
    course = aoclient("call", "courses", env=env).rows[0]["id"]
    line = ["call", "learnersProgressByCourse", "--course-id", course, "--show-not-started-learners"]
    everybody = aoclient(*line, "--amount", "40", "--json", env=env).document
    assert len(everybody) == len({row["email"] for row in everybody}) > 200
    page = aoclient(*line, "--page", "2", "--amount", "40", env=env).rows
    assert page == everybody[40:80]


def test_a_listing_that_breaks_off_says_so_with_its_exit_code():
    with served(Emulator(learners=200, courses=1, faults="error-200@action=learnersProgressByCourse;at=2")) as env:
        course = aoclient("call", "courses", env=env).rows[0]["id"]
        line = ["call", "learnersProgressByCourse", "--course-id", course, "--show-not-started-learners"]
        ended = aoclient(*line, env=env)
        assert ended.code == 6
        assert len(ended.rows) == 100
        assert "100 rows were written, the rest is missing" in ended.err


@pytest.mark.parametrize("name", ACTIONS)
def test_a_dry_run_prints_the_form_and_sends_nothing(academy, name):
    emulator, env = academy
    before = emulator.journal.requests()
    sample = next(each for each in SAMPLES if each.spec.name == name)
    ended = aoclient("call", name, *arguments_of(sample), "--dry-run", env=env)
    assert ended.code == 0
    assert ended.out.splitlines()[0] == f"action={name}"
    assert f"effect: {sample.effect.value}" in ended.err
    assert emulator.journal.requests() == before


def test_a_dry_run_needs_no_credentials():
    assert aoclient("call", "courses", "--dry-run", env={}).out == "action=courses\n"


def test_a_dry_run_reaches_no_server(academy):
    emulator, env = academy
    before = emulator.journal.requests()
    ended = aoclient("call", "deleteLearners", "--emails", "a+b@example.com,c@example.com", "--dry-run", env=env)
    assert ended.out == "action=deleteLearners\noptions[emails][0]=a+b@example.com\noptions[emails][1]=c@example.com\n"
    assert aoclient("call", "other", "anything", "--option", 'list=["1", "2"]', "--dry-run", env=env).out == (
        "action=anything\noptions[list][0]=1\noptions[list][1]=2\n"
    )
    assert emulator.journal.requests() == before


def test_a_dry_run_counts_the_requests_of_a_long_call():
    emails = ",".join(f"{number}@example.com" for number in range(1500))
    ended = aoclient("call", "revokeLearnersAccess", "--learners", emails, "--dry-run")
    assert "1501 pairs in 2 requests" in ended.err


def test_an_action_that_is_not_modelled_can_be_called(academy):
    _, env = academy
    rows = aoclient("call", "other", "courses", "--effect", "reads", env=env).rows
    assert len(rows) == 2
    one = aoclient("call", "other", "learnersFromCountry", "--option", "country_iso_code=US", "--json", env=env)
    assert one.document["country_iso_code"] == "US"
    assert aoclient("call", "other", "courses", "--option", "nonsense", env=env).code == 2


def test_an_option_nobody_declared_is_sent():
    ended = aoclient("call", "courseProgress", "--email", EMAIL, "--extra", "only_displayed_courses=TRUE", "--dry-run")
    assert "options[only_displayed_courses]=TRUE" in ended.out
    assert aoclient("call", "courses", "--extra", "=x", "--dry-run").code == 2


def test_there_is_no_such_command():
    with pytest.raises(AttributeError):
        call.anything  # noqa: B018


# --- deleting ----------------------------------------------------------------------------------------------------

DELETIONS = [
    (["deleteLearners", "--emails", "learner5@example.com"], True),
    (["deleteLearners", "--ids", "x", "--is-permanently-delete"], True),
    (["deleteLearnerInvite", "--emails", "a@example.com", "--is-delete-users", "yes"], True),
    (["deleteLearnerInvite", "--emails", "a@example.com", "--is-delete-users", "True"], True),
    (["deleteLearnerInvite", "--emails", "a@example.com"], False),
    (["deleteLearnerInvite", "--emails", "a@example.com", "--is-delete-users", "no"], False),
]


@pytest.mark.parametrize(("line", "asks"), DELETIONS, ids=lambda each: " ".join(each) if isinstance(each, list) else "")
def test_what_deletes_people_needs_a_yes(academy, line, asks):
    emulator, env = academy
    before = emulator.journal.requests(API_PATH)
    ended = aoclient("call", *line, env=env)
    if not asks:
        assert ended.code == 0
        return
    assert ended.code == 2
    assert "--yes" in ended.err
    for answer in ("", "y\n", "yes\n"):
        ended = aoclient("call", *line, env=env, terminal=True, stdin=answer)
        assert ended.code == 2
        assert "nothing was sent" in ended.err
        assert f"Type {line[0]} to go on" in ended.err
        assert "options[" in ended.err
    assert emulator.journal.requests(API_PATH) == before


def test_the_name_of_the_action_is_the_yes_on_a_terminal(academy):
    emulator, env = academy
    before = emulator.journal.count("deleteLearners")
    emails = ",".join(f"learner{number}@example.com" for number in range(20, 50))
    ended = aoclient(
        "call", "deleteLearners", "--emails", emails, "--json", env=env, terminal=True, stdin="deleteLearners\n"
    )
    assert ended.document == {"deleted": 30}
    assert "and 11 more" in ended.err
    assert emulator.journal.count("deleteLearners") == before + 1


def test_which_actions_can_ask():
    asking = {name for name in ACTIONS if name.startswith("delete")}
    assert asking == {"deleteLearners", "deleteLearnerInvite"}
    assert all(ACTIONS[name].spec.effect is not Effect.READS for name in asking)
    assert [name for name, cls in ACTIONS.items() if issubclass(cls, Paged)] == ["learnersProgressByCourse"]
