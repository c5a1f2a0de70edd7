"""``aoclient token``: sign in, and say what came of it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aoclient.cli.connection import NO_CONNECTION, ConnectionOptions, settle
from aoclient.cli.output import NO_OUTPUT, OutputOptions, write_one

if TYPE_CHECKING:
    from aoclient.cli.probe import Probe


def token(
    *,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> None:
    """Sign in and say the type of the token and when it ends; the token itself is never shown."""
    from aoclient.cli.probe import Probe

    form = output.format
    probe = Probe(settle(connection))  # before there is a loop: it may ask for the secret, and Ctrl-C must end that
    write_one(asyncio.run(_sign_in(probe)), form)


async def _sign_in(probe: Probe) -> dict[str, Any]:  # Any: JSON
    async with probe:
        signed = await probe.sign_in()
    return {
        "type": signed.type,
        "expires_at": _moment(signed.expires_at),
        "expires_in": round(signed.left(time.time())),
        "base_url": probe.base_url,
    }


def _moment(seconds: float) -> str | None:
    """Return a unix time as ISO text; None where it lies behind the last year there is."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return None
