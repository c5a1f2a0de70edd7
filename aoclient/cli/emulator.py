"""``aoclient emulator``: an academy on a port."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from aoclient.emulator import Emulator


async def serve(emulator: Emulator, host: str, port: int, console: Console) -> None:
    """Serve until SIGTERM, or until it is cancelled."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    async with emulator.serve(host=host, port=port) as url:
        console.print(f"An academy is at [bold]{url}[/], Ctrl-C ends it. To use it:\n")
        console.print(
            f"  export AOCLIENT_BASE_URL={url} AOCLIENT_CLIENT_ID=client-id AOCLIENT_CLIENT_SECRET=client-secret",
            soft_wrap=True,
        )
        await stopped.wait()
