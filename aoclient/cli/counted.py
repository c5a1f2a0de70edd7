"""The network with a counter: how many calls left, how long they took, and how many the server lets through."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, field

from aoclient import __version__, wire
from aoclient.cli.connection import open_session
from aoclient.senders.http import Http
from aoclient.senders.pace import SERVER_WINDOW
from aoclient.session import BASE_URL
from aoclient.settings import Rate

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aoclient.cli.connection import Settings
    from aoclient.session import Session


@define(eq=False)
class Counted:
    """Sends requests and counts those that call an action.

    Attributes:
        rate: What limits the calls: what was set, else what the server's last answer said, else None.
        calls: Calls that left, repeats included.
        quickest: Seconds the quickest of them took to be answered, or None.
    """

    inner: wire.Sender
    rate: Rate | None
    calls: int = field(default=0, init=False)
    quickest: float | None = field(default=None, init=False)

    async def send(self, request: wire.Request) -> wire.Response:
        """Send a request."""
        is_call = request.path != wire.TOKEN_PATH
        self.calls += is_call
        began = time.monotonic()
        response = await self.inner.send(request)
        if is_call:
            took = time.monotonic() - began
            self.quickest = took if self.quickest is None else min(self.quickest, took)
        limit = response.headers.get("x-ratelimit-limit", "")
        if self.rate is None and limit.isdecimal() and int(limit) > 0:
            self.rate = Rate(int(limit), per=SERVER_WINDOW)
        return response


def counted_session(settings: Settings, **further: Any) -> tuple[Session, Counted, Http]:  # Any: arguments of Session
    """Return a session with the settings in force, its counter, and the network, which is closed after the session.

    Raises:
        ConfigurationError: A setting is missing or cannot be used.
    """
    http = Http(
        settings["base_url"] or BASE_URL,
        user_agent=f"aoclient/{__version__} aoclient-cli",
        allow_insecure=bool(settings["allow_insecure"]),
        max_concurrency=further.get("max_concurrency", 10),
    )
    counted = Counted(http, Rate.parse(settings["rate"]) if settings["rate"] else None)
    return open_session(settings, sender=counted, **further), counted, http


@asynccontextmanager
async def opened(session: Session, http: Http) -> AsyncGenerator[Session]:
    """Give a session and close both at the end."""
    try:
        async with session as ao:
            yield ao
    finally:
        await http.aclose()
