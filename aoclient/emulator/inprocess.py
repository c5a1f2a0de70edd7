"""The emulator as a sender: requests answered with no socket, and faults as the errors a session would get from one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aoclient.emulator.application import Application, Incoming
from aoclient.emulator.damage import Delivery
from aoclient.errors import ConnectError, DeadlineError, ReadError, ResponseTooLargeError

if TYPE_CHECKING:
    from aoclient.wire import Request, Response

_FORM_HEADERS = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}


async def send(application: Application, request: Request, *, latency: float) -> Response:
    """Answer a request in process; see `Emulator.send`."""
    name = request.name
    request.progress.phase = "connect"
    if application.refuses_connection():
        raise ConnectError("the emulator refused the connection", action=name)
    request.progress.phase = "answer"
    headers = _FORM_HEADERS | {key.lower(): value for key, value in request.headers.items()}
    outgoing = application.handle(Incoming(method="POST", path=request.path, headers=headers, body=request.body))
    await _wait(latency, request)
    match outgoing.delivery:
        case Delivery.NOTHING | Delivery.HALF:
            raise ReadError("the emulator cut the connection", action=name)
        case Delivery.STALL:
            await _wait(outgoing.seconds, request)
            raise ReadError("the emulator cut the connection", action=name)
        case Delivery.DRIP:
            await asyncio.sleep(outgoing.seconds)  # bytes keep coming, so that no wait for the next one is long
        case Delivery.WHOLE:
            pass
    if "content-encoding" in outgoing.response.headers:
        raise ResponseTooLargeError("the body is too long, inflated", action=name, status=outgoing.response.status)
    return outgoing.response


async def _wait(seconds: float, request: Request) -> None:
    patience = request.timeouts.read
    await asyncio.sleep(min(seconds, patience))  # 0 too: a call is never over before others had their turn
    if seconds > patience:
        raise DeadlineError(f"no further byte of the answer within {patience:g} s", phase="answer", action=request.name)
