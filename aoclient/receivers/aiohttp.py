"""A `Receiver` behind aiohttp: routes for an application there is, and a server for those who have none.

::

    app.add_routes(routes(receiver, "/webhooks"))
    app.cleanup_ctx.append(receiver.lifespan)
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

    from aoclient.receivers.receiver import Receiver

_LINGERS = 1.0  # seconds what is left of a refused body is read and dropped, so that the sender gets to read the answer
_GOODBYE = 0.5  # seconds for answers that are known, and then for what reads them; to aiohttp 0 is for ever


def handler(receiver: Receiver) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a request handler. Give it all methods of its path: it answers 405 to those that are not POST."""

    async def handle(request: web.Request) -> web.Response:
        if _is_whole(request):
            answer = await receiver.take(request.content.read_nowait(), request.headers.getall("Signature", ()))
        else:
            answer = await receiver.respond(request.method, request.headers, _reader(request))
        return web.Response(status=answer.status, body=answer.body, headers=answer.headers)

    return handle


def routes(receiver: Receiver, path: str = "/webhooks") -> Sequence[web.RouteDef]:
    """Return the routes of a path, for `Application.add_routes`; the application must also open the receiver."""
    return [web.route("*", path, handler(receiver))]


@asynccontextmanager
async def serve(
    receiver: Receiver, host: str = "127.0.0.1", port: int = 0, *, path: str = "/webhooks"
) -> AsyncGenerator[str, None]:
    """Open a receiver, serve it, and give the URL to send to.

    Args:
        receiver: Opened and closed by this.
        host: Address to listen on.
        port: 0 takes any that is free.
        path: Of the URL; all others are answered 404.

    Raises:
        OSError: The address is taken, or cannot be listened on.
    """
    app = web.Application()
    app.add_routes(routes(receiver, path))
    runner = web.AppRunner(
        app, access_log=None, auto_decompress=False, lingering_time=_LINGERS, shutdown_timeout=_GOODBYE
    )
    await runner.setup()
    try:
        # Closed before the connections are: who waits for an event that is given up is told so.
        async with receiver:
            site = web.TCPSite(runner, host, port)
            await site.start()
            bound_host, bound_port = runner.addresses[0][:2]
            try:
                yield f"http://{f'[{bound_host}]' if ':' in bound_host else bound_host}:{bound_port}{path}"
            finally:
                await site.stop()
    finally:
        await runner.cleanup()


def _is_whole(request: web.Request) -> bool:
    """Return whether the body came along with the head, as it mostly does: then nothing waits, and needs a clock."""
    content = request.content
    return (
        content.is_eof()
        and not content.at_eof()
        and content.exception() is None
        and request.method == "POST"
        and "Content-Encoding" not in request.headers
    )


def _reader(request: web.Request) -> Callable[[], Awaitable[bytes]]:
    if not request.content.at_eof():
        return request.content.readany

    # A middleware has read the body, which then stands in the request; or there is none.
    is_read = False

    async def read() -> bytes:
        nonlocal is_read
        body = b"" if is_read else await request.read()
        is_read = True
        return body

    return read
