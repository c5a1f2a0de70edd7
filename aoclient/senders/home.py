"""The event loop a sender belongs to."""

from __future__ import annotations

import asyncio

from attrs import define

from aoclient.errors import WrongEventLoopError


@define(eq=False)
class HomeLoop:
    """The loop of the first call; futures and connections made there are of no use in another one."""

    _loop: asyncio.AbstractEventLoop | None = None

    def enter(self, action: str | None = None) -> asyncio.AbstractEventLoop:
        """Return the running loop.

        Args:
            action: For the error.

        Raises:
            WrongEventLoopError: It is not the one of the first call; the message names both.
        """
        running = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = running
        elif self._loop is not running:
            raise WrongEventLoopError(
                f"the session belongs to {_name_of(self._loop)} and was used in {_name_of(running)}; make one in each",
                action=action,
            )
        return running


def _name_of(loop: asyncio.AbstractEventLoop) -> str:
    return f"{'closed ' if loop.is_closed() else ''}{type(loop).__name__} {id(loop):#x}"
