"""Where the command line gets its settings from, and what it does with the secret."""

import asyncio
import io
import sys

import pytest

from aoclient.cli.connection import Connection, config_path, secret_of, settle
from aoclient.emulator import Emulator
from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.wire import TOKEN_PATH
from tests.kit.command_line import Stream, aoclient, served
from tests.kit.redis import empty_redis, one_redis_of_a_module  # noqa: F401  # fixtures

CANARY = "canary-7fd2c1"


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "aoclient"
    folder.mkdir()
    (folder / "secret.txt").write_text(f"{CANARY}\n")
    (folder / "secret.txt").chmod(0o600)
    (folder / "config.toml").write_text(
        """
        default_profile = "work"

        [profiles.work]
        client_id = "work-id"
        client_secret_file = "secret.txt"
        base_url = "https://work.example.com"
        rate = "10/1"
        timeout = 30
        token_file = "token.json"

        [profiles.play]
        client_id = "play-id"
        allow_insecure = true

        [profiles.leaky]
        client_secret = "canary-7fd2c1"

        [profiles.odd]
        colour = "red"

        [profiles.mistyped]
        timeout = true
        """
    )
    return {"XDG_CONFIG_HOME": str(tmp_path), "COLUMNS": "200"}


def shown(env, *arguments):
    ended = aoclient("config", "show", *arguments, env=env)
    assert ended.code == 0, ended.err
    assert CANARY not in ended.out + ended.err
    return {row["setting"]: (row["value"], row["source"]) for row in ended.rows}


# --- settings ----------------------------------------------------------------------------------------------------


def test_an_argument_goes_before_the_environment_before_the_profile_before_the_default(home):
    assert shown(home)["base_url"] == ("https://work.example.com", "profile work")
    env = {**home, "AOCLIENT_BASE_URL": "https://env.example.com"}
    assert shown(env)["base_url"] == ("https://env.example.com", "environment AOCLIENT_BASE_URL")
    argument = shown(env, "--base-url", "https://argument.example.com")
    assert argument["base_url"] == ("https://argument.example.com", "argument --base-url")
    assert shown({"XDG_CONFIG_HOME": "nowhere"})["base_url"] == ("https://app.academyocean.com", "default")


def test_a_profile_is_named_by_argument_environment_or_the_file(home):
    assert shown(home)["profile"][0] == "work"
    assert shown({**home, "AOCLIENT_PROFILE": "play"})["profile"] == ("play", "environment AOCLIENT_PROFILE")
    play = shown({**home, "AOCLIENT_PROFILE": "work"}, "--profile", "play")
    assert play["profile"] == ("play", "argument --profile")
    assert play["client_id"] == ("play-id", "profile play")
    assert play["allow_insecure"] == (True, "profile play")
    assert play["rate"] == (None, "not set")


def test_config_show_says_where_the_file_is(home, tmp_path):
    assert shown(home)["config"] == (str(tmp_path / "aoclient" / "config.toml"), "found")
    assert config_path({}).parts[-3:] == (".config", "aoclient", "config.toml")


@pytest.mark.shows_secrets("file", "the test wrote the secret there")
def test_the_secret_is_masked_wherever_it_comes_from(home):
    assert shown({**home, "AOCLIENT_CLIENT_SECRET": CANARY})["client_secret"][0] == "********"
    in_file = shown(home)
    assert in_file["client_secret"] == (None, "profile work")
    assert in_file["client_secret_file"][0].endswith("secret.txt")


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("nobody", "there is no profile 'nobody'"),
        ("leaky", "write client_secret_file"),
        ("odd", "there is no setting 'colour'"),
        ("mistyped", "timeout has the wrong type"),
    ],
)
def test_a_profile_that_cannot_be_used_is_said_in_words(home, profile, words):
    ended = aoclient("config", "show", "--profile", profile, env=home)
    assert ended.code == 2
    assert words in ended.err
    assert CANARY not in ended.err


@pytest.mark.parametrize(("home", "path"), [("/home/ann", "/home/ann"), (None, "~")], ids=["a home", "no home"])
def test_who_has_no_home_has_no_profiles(monkeypatch, home, path):
    def nobody(_):
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)  # as for the user of a container that is a number and nothing else
    found = shown({"HOME": home} if home else {})
    assert found["config"] == (f"{path}/.config/aoclient/config.toml", "not there")


def test_a_home_of_nobody_stays_as_it_is_written(home, tmp_path):
    (tmp_path / "aoclient" / "config.toml").write_text('[profiles.odd]\ntoken_file = "~no-such-user/token.json"\n')
    assert shown(home, "--profile", "odd")["token_file"][0] == str(tmp_path / "aoclient/~no-such-user/token.json")


@pytest.mark.parametrize("text", [b"nonsense", b"\xff"])
def test_a_file_that_is_no_toml_is_said_in_words(home, tmp_path, text):
    (tmp_path / "aoclient" / "config.toml").write_bytes(text)
    ended = aoclient("config", "show", env=home)
    assert ended.code == 2
    assert "it is no TOML" in ended.err


def test_a_file_that_cannot_be_opened_is_said_in_words(home, tmp_path):
    (tmp_path / "aoclient" / "config.toml").unlink()
    (tmp_path / "aoclient" / "config.toml").mkdir()
    assert "Is a directory" in aoclient("config", "show", env=home).err


def test_profiles_that_are_no_table_are_none(home, tmp_path):
    (tmp_path / "aoclient" / "config.toml").write_text("profiles = 1")
    assert "there is none" in aoclient("config", "show", "--profile", "x", env=home).err


def test_commands_share_one_token_over_redis_and_do_not_show_its_url(redis):
    emulator = Emulator(learners=1, courses=1)
    with served(emulator) as env:
        shared = {**env, "AOCLIENT_REDIS_URL": redis.url}
        for _ in range(2):
            assert aoclient("call", "academies", env=shared).code == 0
    assert emulator.journal.requests(TOKEN_PATH) == 1
    row = '{"setting": "redis_url", "value": "********", "source": "environment AOCLIENT_REDIS_URL"}'
    assert row in aoclient("config", "show", env=shared).out


# --- the secret --------------------------------------------------------------------------------------------------


def secret(env, **given):
    return secret_of(settle(Connection(**given), env)).reveal()


@pytest.mark.shows_secrets("file", "the test wrote the secret there")
def test_the_secret_comes_from_the_environment_a_file_or_stdin(home, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.write_text("other\n")
    assert secret(home) == CANARY
    assert secret({**home, "AOCLIENT_CLIENT_SECRET_FILE": str(other)}) == "other"
    both = {**home, "AOCLIENT_CLIENT_SECRET_FILE": str(other), "AOCLIENT_CLIENT_SECRET": "plain"}
    assert secret(both) == "plain"
    assert secret(both, client_secret_file=str(other)) == "other"
    monkeypatch.setattr(sys, "stdin", io.StringIO("piped\n"))
    assert secret(both, client_secret_file="-") == "piped"


def test_a_person_at_a_terminal_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Stream(terminal=True))
    monkeypatch.setattr(sys, "stderr", Stream(terminal=True))
    settings = settle(Connection(), {"XDG_CONFIG_HOME": "nowhere"})
    assert secret_of(settings, lambda prompt, stream: f"{prompt} typed").reveal() == "Client secret:  typed"


def test_a_person_who_types_nothing_is_told(monkeypatch):
    def nothing(prompt, stream):
        raise EOFError

    monkeypatch.setattr(sys, "stdin", Stream(terminal=True))
    monkeypatch.setattr(sys, "stderr", Stream(terminal=True))
    with pytest.raises(ConfigurationError, match="no client secret was typed"):
        secret_of(settle(Connection(), {"XDG_CONFIG_HOME": "nowhere"}), nothing)


def test_nobody_is_asked_while_a_loop_runs(monkeypatch):
    # asyncio takes the first Ctrl-C for itself, so that a prompt inside a loop could not be left.
    def ask(settings):
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        return Secret("client-secret")

    monkeypatch.setattr("aoclient.cli.connection.secret_of", ask)
    with served(Emulator(learners=3, courses=1)) as env:
        assert [aoclient(*line, env=env).code for line in (["token"], ["doctor"], ["call", "courses"])] == [0, 0, 0]


def test_a_missing_secret_or_id_is_a_wrong_usage(tmp_path):
    assert "there is no client id" in aoclient("token", env={"XDG_CONFIG_HOME": "nowhere"}).err
    env = {"XDG_CONFIG_HOME": "nowhere", "AOCLIENT_CLIENT_ID": "x"}
    ended = aoclient("call", "courses", env=env)
    assert (ended.code, "there is no client secret" in ended.err) == (2, True)
    (tmp_path / "binary").write_bytes(b"\xff")
    for path, words in ((tmp_path / "none", "No such file"), (tmp_path / "binary", "no UTF-8 text")):
        ended = aoclient("call", "courses", "--client-secret-file", str(path), env=env)
        assert (ended.code, words in ended.err) == (2, True)


def test_the_secret_is_no_argument():
    for arguments in (["--client-secret", CANARY], [f"--client-secret={CANARY}"]):
        ended = aoclient("call", "courses", *arguments)
        assert ended.code == 2
        assert "Did you mean --client-secret-file?" in ended.err
        assert CANARY not in ended.err


@pytest.mark.shows_secrets("file token.json", "a token file keeps the token, for its owner alone")
def test_the_secret_and_the_token_are_never_printed(tmp_path):
    emulator = Emulator(learners=3, courses=1, client_secret=CANARY)
    kept = tmp_path / "token.json"
    with served(emulator) as there:
        env = {**there, "AOCLIENT_CLIENT_SECRET": CANARY, "AOCLIENT_TOKEN_FILE": str(kept), "AOCLIENT_RATE": "100/1"}
        endings = [
            aoclient(*line, env=env, terminal=terminal)
            for terminal in (False, True)
            for line in (
                ["token"],
                ["doctor"],
                ["config", "show"],
                ["call", "courses"],
                ["call", "learnersProgressByCourse", "--course-id", "x"],
                ["call", "deleteLearners", "--emails", "a@example.com"],
            )
        ]
    token = kept.read_text().split('"value": "')[1].split('"')[0]
    printed = "".join(each.out + each.err for each in endings)
    assert len(token) > 20
    assert CANARY not in printed
    assert token not in printed
    assert token[:20] not in printed


@pytest.mark.shows_secrets("file token.json", "a token file keeps the token, for its owner alone")
def test_a_token_file_saves_the_second_sign_in(tmp_path):
    emulator = Emulator(learners=3, courses=1)
    with served(emulator) as env:
        for _ in range(2):
            aoclient("call", "courses", env={**env, "AOCLIENT_TOKEN_FILE": str(tmp_path / "token.json")})
    assert emulator.journal.requests("/oauth/token") == 1
