"""The emulator on a socket: aiohttp's server, its connections closed and bytes held back as the fault plan wants."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from aiohttp import web

from aoclient.emulator.application import Incoming
from aoclient.emulator.damage import Delivery, Outgoing, html_response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from aoclient.emulator.academy import Emulator

_DRIPS = 20
_GOODBYE = 0.05  # seconds for answers in the making; to aiohttp 0 is for ever
_GLANCE = 0.05  # seconds between two looks whether a client that is kept waiting has gone


@asynccontextmanager
async def serve(emulator: Emulator, *, host: str, port: int) -> AsyncGenerator[str, None]:
    """Serve an emulator on a socket and give its URL; see `Emulator.serve`."""
    application = emulator.application

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await _respond(emulator, request)

    server = web.Server(handle, access_log=None, auto_decompress=False)  # no PHP inflates a form

    def accept() -> asyncio.Protocol:
        return _Closing() if application.refuses_connection() else cast("asyncio.Protocol", server())

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(accept, host, port, backlog=1024)
    links_before = application.base_url
    bound_host, bound_port = listening.sockets[0].getsockname()[:2]
    application.base_url = f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}"
    try:
        async with emulator.delivering():
            yield application.base_url
    finally:
        application.base_url = links_before
        listening.close()
        await server.shutdown(timeout=_GOODBYE)
        await listening.wait_closed()


class _Closing(asyncio.Protocol):
    """A connection that is reset as soon as it is made."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


async def _respond(emulator: Emulator, request: web.BaseRequest) -> web.StreamResponse:
    try:
        body = await request.read()
    except web.HTTPRequestEntityTooLarge:  # 1 MiB, which is nginx's client_max_body_size too
        return await _send(request, Outgoing(html_response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)))
    except (ConnectionError, web.RequestPayloadError):  # cut off in the middle: nobody is there to be answered
        return await _send(request, Outgoing(html_response(HTTPStatus.BAD_REQUEST)))
    outgoing = emulator.application.handle(
        Incoming(
            method=request.method,
            path=request.path,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
            client=request.remote or "",
        )
    )
    if emulator.latency:
        await asyncio.sleep(emulator.latency)
    return await _send(request, outgoing)


async def _send(request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
    response = outgoing.response
    match outgoing.delivery:
        case Delivery.WHOLE:
            return web.Response(status=response.status, headers=response.headers, body=response.body)
        case Delivery.NOTHING:
            return _cut(request)
        case Delivery.STALL:
            await _while_there(request, outgoing.seconds)
            return _cut(request)
        case Delivery.HALF:
            stream = await _begin(request, outgoing)
            await stream.write(response.body[: max(1, len(response.body) // 2)])
            return _cut(request, stream)
        case Delivery.DRIP:
            stream = await _begin(request, outgoing)
            size = max(1, -(-len(response.body) // _DRIPS))
            for start in range(0, len(response.body), size):
                await _while_there(request, outgoing.seconds / _DRIPS)
                await stream.write(response.body[start : start + size])
            return stream


async def _begin(request: web.BaseRequest, outgoing: Outgoing) -> web.StreamResponse:
    stream = web.StreamResponse(status=outgoing.response.status, headers=outgoing.response.headers)
    stream.content_length = len(outgoing.response.body)
    await stream.prepare(request)
    return stream


async def _while_there(request: web.BaseRequest, seconds: float) -> None:
    """Wait, but no longer than the client does."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + seconds
    while (left := ends - loop.time()) > 0 and _is_connected(request):  # noqa: ASYNC110  # aiohttp has no event for that
        await asyncio.sleep(min(left, _GLANCE))


def _is_connected(request: web.BaseRequest) -> bool:
    return request.transport is not None and not request.transport.is_closing()


def _cut(request: web.BaseRequest, begun: web.StreamResponse | None = None) -> web.StreamResponse:
    """Close the connection; what is returned is never sent."""
    if request.transport is not None:
        request.transport.close()
    return web.Response() if begun is None else begun
