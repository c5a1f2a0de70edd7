"""A `Receiver` as an ASGI application: alone under any ASGI server, or inside Starlette and FastAPI.

::

    app = FastAPI(lifespan=receiver.lifespan, routes=[Route("/webhooks", asgi_app(receiver))])

Take `starlette.routing.Route` rather than ``mount``, which answers ``/webhooks`` with a redirect to ``/webhooks/``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from aoclient.receivers.answer import Answer
    from aoclient.receivers.receiver import Receiver

# Any: ASGI messages are maps of text to values of many types, and the servers type them so too.
Scope: TypeAlias = "MutableMapping[str, Any]"
Message: TypeAlias = "MutableMapping[str, Any]"
Receive: TypeAlias = "Callable[[], Awaitable[Message]]"
Send: TypeAlias = "Callable[[Message], Awaitable[None]]"

_log = logging.getLogger("aoclient.receivers")


def asgi_app(receiver: Receiver) -> ASGIApp:
    """Return an ASGI application that takes webhooks on every path.

    Under a server of its own it opens the receiver at start-up. Inside another application that one has to, with
    ``lifespan=receiver.lifespan``.
    """
    return ASGIApp(receiver)


class ASGIApp:
    """What `asgi_app` returns. No function, since Starlette would take that for an endpoint of its own kind."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of an ASGI server."""
        match scope["type"]:
            case "http":
                await self._http(scope, receive, send)
            case "lifespan":
                await self._lifespan(receive, send)
            case "websocket":
                await receive()
                await send({"type": "websocket.close", "code": 1008})  # before it is accepted: the client sees a 403
            case other:
                raise NotImplementedError(f"ASGI scope {other!r}")  # as the specification wants it

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        body = _Body(receive)
        answer = await self._receiver.respond(scope["method"], headers, body.read)
        if not body.is_cut:
            await _send(answer, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        try:
            await self._receiver.__aenter__()
        except Exception as error:  # noqa: BLE001  # told to the server, which stops
            _log.exception("the receiver cannot be opened")
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        try:
            await self._receiver.__aexit__(None, None, None)
        except Exception as error:  # noqa: BLE001  # told to the server, which stops
            _log.exception("the receiver cannot be closed")
            await send({"type": "lifespan.shutdown.failed", "message": str(error)})
            return
        await send({"type": "lifespan.shutdown.complete"})


class _Body:
    """The body of a request, piece by piece.

    Attributes:
        is_cut: The sender hung up before its end.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_more = True
        self.is_cut = False

    async def read(self) -> bytes:
        while self._has_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.is_cut = True
                raise ConnectionError("the sender hung up")
            self._has_more = message.get("more_body", False)
            if chunk := message.get("body", b""):
                return bytes(chunk)
        return b""


async def _send(answer: Answer, send: Send) -> None:
    headers: Mapping[str, str] = {**answer.headers, "Content-Length": str(len(answer.body))}
    pairs = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})
