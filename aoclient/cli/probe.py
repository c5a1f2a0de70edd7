"""A look at the server from below the session: the headers it sends, and a sign-in that calls no action."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self, cast

from aoclient import __version__, wire
from aoclient.actions import Courses
from aoclient.cli.connection import Settings, open_session
from aoclient.errors import AoError
from aoclient.senders.http import Http
from aoclient.session import BASE_URL
from aoclient.tokens import MemoryTokenStore, Token, account_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aoclient.session import Session


class Probe:
    """A session and what its server's last answer said.

    Attributes:
        session: Signs in anew, whatever a token file holds.
        base_url: Where it calls.
        headers: Of the last answer, by lower-case name.
        at: Unix time in the middle of that exchange, by this machine's clock.
    """

    def __init__(self, settings: Settings) -> None:
        self.base_url: str = settings["base_url"] or BASE_URL
        self.headers: Mapping[str, str] = {}
        self.at = 0.0
        self._http = Http(
            self.base_url,
            user_agent=f"aoclient/{__version__} aoclient-cli",
            allow_insecure=bool(settings["allow_insecure"]),
        )
        self._store = MemoryTokenStore()
        self._account = account_of(self.base_url, settings["client_id"] or "")
        self._stays_home = False
        self.session: Session = open_session(settings, sender=self, token_store=self._store)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.aclose()
        await self._http.aclose()

    async def send(self, request: wire.Request) -> wire.Response:
        """Send a request and note its answer; during a sign-in only the one for the token leaves."""
        if self._stays_home and request.path != wire.TOKEN_PATH:
            return wire.Response(200, {}, b"[]")
        began = time.time()
        response = await self._http.send(request)
        self.headers, self.at = response.headers, (began + time.time()) / 2
        return response

    async def sign_in(self) -> Token:
        """Get a token, and call nothing with it.

        Raises:
            AoError: There is none.
        """
        self._stays_home = True
        try:
            await self.session.send(Courses())
        except AoError as error:
            error.action = None  # it is about no action
            raise
        finally:
            self._stays_home = False
        return cast("Token", await self._store.load(self._account))
