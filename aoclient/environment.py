"""Settings from environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aoclient.errors import ConfigurationError
from aoclient.secret import Secret
from aoclient.settings import Rate

if TYPE_CHECKING:
    from collections.abc import Mapping


class Environment:
    """Environment variables. Other than a map it shows none of them where reports print the variables of frames."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.get = variables.get

    def settings(self) -> dict[str, Any]:  # Any: those of Session
        """Return the settings of a session, other than the two that say who it is, whose variables are set.

        Raises:
            ConfigurationError: ``AOCLIENT_RATE`` cannot be read.
        """
        found: dict[str, Any] = {}
        if base_url := self.get("AOCLIENT_BASE_URL"):
            found["base_url"] = base_url
        if rate := self.get("AOCLIENT_RATE"):
            found["rate"] = Rate.parse(rate)
        if redis := Secret(self.get("AOCLIENT_REDIS_URL") or ""):
            found["redis"] = redis
        return found

    def client_secret(self) -> Secret:
        """Return the text of ``AOCLIENT_CLIENT_SECRET``, or of the file ``AOCLIENT_CLIENT_SECRET_FILE``.

        Raises:
            ConfigurationError: There is neither, or the file cannot be read.
        """
        secret = Secret(self.get("AOCLIENT_CLIENT_SECRET") or "")
        if secret:
            return secret
        path = self.get("AOCLIENT_CLIENT_SECRET_FILE")
        if not path:
            raise ConfigurationError("neither AOCLIENT_CLIENT_SECRET nor AOCLIENT_CLIENT_SECRET_FILE is set")
        try:
            return Secret(Path(path).read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise ConfigurationError(f"AOCLIENT_CLIENT_SECRET_FILE={path!r} cannot be read: {reason}") from None
