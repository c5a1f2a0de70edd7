"""Where the service is and who calls: argument, environment, profile, default, in this order."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Mapping
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, cast

from attrs import field, frozen
from cyclopts import Group, Parameter

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.settings import Rate, Timeouts

if TYPE_CHECKING:
    from aoclient.session import Session

_GROUP = Group("Connection", sort_key=10)


@Parameter(group=_GROUP)
@frozen(kw_only=True)
class Connection:
    """What can be said about the connection on the command line; the secret itself cannot."""

    profile: Annotated[str | None, Parameter(help="Profile in config.toml; or AOCLIENT_PROFILE.")] = None
    base_url: Annotated[str | None, Parameter(help="Where the service is; or AOCLIENT_BASE_URL.")] = None
    client_id: Annotated[str | None, Parameter(help="Of the OAuth application; or AOCLIENT_CLIENT_ID.")] = None
    client_secret_file: Annotated[
        str | None,
        Parameter(
            help="File with its secret, - for stdin; or AOCLIENT_CLIENT_SECRET_FILE, AOCLIENT_CLIENT_SECRET, a prompt.",
            allow_leading_hyphen=True,
        ),
    ] = None
    rate: Annotated[str | None, Parameter(help="Calls/seconds, 60/60; or AOCLIENT_RATE.")] = None
    timeout: Annotated[float | None, Parameter(help="Seconds for each call, all its attempts together.")] = None
    allow_insecure: Annotated[
        bool | None, Parameter(help="Take http:// for another machine; the secret then travels in clear text.")
    ] = None


class Given(Protocol):
    """What is said on the command line: options that are named as the settings are, not all of them."""

    @property
    def profile(self) -> str | None:
        """The profile that is asked for."""
        ...


ConnectionOptions = Annotated[Connection, Parameter(name="*")]
NO_CONNECTION = Connection()
"""What a command has where nothing is said."""


@frozen
class Setting:
    """One setting in force.

    Attributes:
        value: None where it is not set.
        source: Where it comes from, in words.
    """

    value: Any  # Any: text, number or flag as the setting has it
    source: str


@frozen
class Settings:
    """All settings in force, by name."""

    path: Path
    profile: Setting
    found: Mapping[str, Setting] = field(factory=dict[str, Setting])

    def __getitem__(self, name: str) -> Any:  # Any: see Setting
        return self.found[name].value


NAMES = (
    "client_id",
    "client_secret_file",
    "base_url",
    "rate",
    "timeout",
    "token_file",
    "allow_insecure",
    "webhook_secret_file",
)
"""What a profile may hold; ``token_file`` keeps the token between runs."""

SecretName = Literal["client_secret", "webhook_secret"]
_SECRETS: tuple[SecretName, ...] = ("client_secret", "webhook_secret")

_VARIABLES = {"timeout": None, "allow_insecure": None}
_NOT_SET = "not set"


def config_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where the file with the profiles is."""
    given = environ.get("XDG_CONFIG_HOME")
    folder = Path(given) if given else _expanded(Path("~/.config"))
    return folder / "aoclient" / "config.toml"


def _expanded(path: Path) -> Path:
    """Return a path with ``~`` and ``~name`` resolved, or as it is where nobody has that home, as in a container."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def settle(given: Given, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings in force.

    Raises:
        ConfigurationError: The file or the profile cannot be used.
    """
    path = config_path(environ)
    document = _document(path)
    chosen = _choose_profile(given, environ, document, path)
    profile = _profile(document, chosen, path)
    found: dict[str, Setting] = {}
    for name in NAMES:
        variable = _VARIABLES.get(name, f"AOCLIENT_{name.upper()}")
        argument = getattr(given, name, None)
        if argument is not None:
            found[name] = Setting(argument, f"argument --{name.replace('_', '-')}")
        elif variable and environ.get(variable):
            found[name] = Setting(environ[variable], f"environment {variable}")
        elif name in profile:
            value = profile[name]
            in_file = cast("str", value)
            found[name] = Setting(
                str(path.parent / _expanded(Path(in_file))) if name.endswith("_file") else value,
                f"profile {chosen.value}",
            )
        else:
            found[name] = Setting(None, _NOT_SET)
    if environ.get("AOCLIENT_REDIS_URL"):  # it may hold a password, so no argument and no profile has it
        found["redis_url"] = Setting(Secret(environ["AOCLIENT_REDIS_URL"]), "environment AOCLIENT_REDIS_URL")
    else:
        found["redis_url"] = Setting(None, _NOT_SET)
    secrets: dict[str, Setting] = {name: _secret(name, given, environ, found) for name in _SECRETS}
    return Settings(path, chosen, secrets | found)


def _secret(name: SecretName, given: Given, environ: Mapping[str, str], found: Mapping[str, Setting]) -> Setting:
    # A secret in the environment stands between the argument and a file the environment or the profile names.
    file, variable = f"{name}_file", f"AOCLIENT_{name.upper()}"
    if environ.get(variable) and getattr(given, file, None) is None:
        return Setting(Secret(environ[variable]), f"environment {variable}")
    return Setting(None, found[file].source)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # ValueError: no TOML, no UTF-8
        reason = error.strerror if isinstance(error, OSError) else "it is no TOML"
        raise ConfigurationError(f"{path} cannot be read: {reason}") from None


def _choose_profile(given: Given, environ: Mapping[str, str], document: Mapping[str, Any], path: Path) -> Setting:
    if given.profile is not None:
        return Setting(given.profile, "argument --profile")
    if environ.get("AOCLIENT_PROFILE"):
        return Setting(environ["AOCLIENT_PROFILE"], "environment AOCLIENT_PROFILE")
    if "default_profile" in document:
        return Setting(document["default_profile"], f"default_profile in {path}")
    return Setting(None, _NOT_SET)


def _profile(document: Mapping[str, Any], chosen: Setting, path: Path) -> Mapping[str, Any]:
    if chosen.value is None:
        return {}
    profiles = document.get("profiles")
    known = cast("dict[str, Any]", profiles) if isinstance(profiles, dict) else {}
    profile = known.get(str(chosen.value))
    if not isinstance(profile, dict):
        names = ", ".join(known) or "none"
        raise ConfigurationError(f"there is no profile {chosen.value!r} in {path}; there is {names}")
    fields = cast("dict[str, Any]", profile)
    for name, value in fields.items():
        if name in _SECRETS:
            raise ConfigurationError(f"{path}: a secret does not belong there; write {name}_file")
        if name not in NAMES:
            raise ConfigurationError(f"{path}: there is no setting {name!r}, only {', '.join(NAMES)}")
        if not isinstance(value, _TYPES.get(name, str)) or (name == "timeout" and isinstance(value, bool)):
            raise ConfigurationError(f"{path}: {name} has the wrong type")
    return fields


_TYPES: Mapping[str, type | tuple[type, ...]] = {"timeout": (int, float), "allow_insecure": bool}


# --- the secret --------------------------------------------------------------------------------------------------


def secret_of(settings: Settings, ask: Callable[..., str] = getpass, *, name: SecretName = "client_secret") -> Secret:
    """Return a secret: of the environment, of a file, of stdin, or of the person at the terminal.

    Raises:
        ConfigurationError: There is none.
    """
    if settings[name]:
        return cast("Secret", settings[name])
    words, file = name.replace("_", " "), f"{name}_file"
    if settings[file]:
        return Secret(_read_secret(words, settings[file]))
    if sys.stdin.isatty() and sys.stderr.isatty():
        try:
            return Secret(ask(f"{words.capitalize()}: ", stream=sys.stderr))
        except EOFError:
            raise ConfigurationError(f"no {words} was typed") from None
    variable, flag = f"AOCLIENT_{name.upper()}", f"--{file.replace('_', '-')}"
    raise ConfigurationError(
        f"there is no {words}: set {variable} or {variable}_FILE, give {flag}, or write {file} into a profile"
    )


def _read_secret(words: str, path: str) -> str:
    try:
        return (sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"the {words} file {path!r} cannot be read: {reason}") from None


def open_session(settings: Settings, **further: Any) -> Session:  # Any: arguments of Session
    """Return a session with the settings in force; ``further`` go before them.

    Raises:
        ConfigurationError: A setting is missing or cannot be used.
    """
    from aoclient.filestore import FileTokenStore
    from aoclient.session import Session

    if not settings["client_id"]:
        raise ConfigurationError("there is no client id: set AOCLIENT_CLIENT_ID, give --client-id, or use a profile")
    given: dict[str, Any] = {"app_name": "aoclient-cli"}
    if settings["base_url"]:
        given["base_url"] = settings["base_url"]
    if settings["rate"]:
        given["rate"] = Rate.parse(settings["rate"])
    if settings["timeout"] is not None:
        given["timeouts"] = Timeouts(total=settings["timeout"])
    if settings["redis_url"]:
        given["redis"] = settings["redis_url"]
    if settings["token_file"]:
        given["token_store"] = FileTokenStore(settings["token_file"])
    given["allow_insecure"] = bool(settings["allow_insecure"])
    return Session(settings["client_id"], secret_of(settings), **(given | further))
