"""Signed deliveries for receivers, and handlers that keep what they were called with."""

from __future__ import annotations

import asyncio
import json

from attrs import define, field

from aoclient.webhooks import Event, sign

SECRET = "whsec-1"


def body(event_id: object = "e1", name: object = "quiz.finished", **more: object) -> bytes:
    return json.dumps({"id": event_id, "event": name, **more}).encode()


def signed(payload: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"Content-Type": "application/json", "Signature": sign(payload, secret)}


async def deliver(receiver, payload: bytes) -> int:
    return (await receiver.receive(payload, signed(payload))).status


@define(eq=False)
class Keeping:
    """A handler that keeps ids of events, after it has raised what it is told to.

    Attributes:
        errors: Raised one after the other by the first calls.
        calls: Ids it was called with.
        ids: Ids it handled.
    """

    errors: list[BaseException] = field(factory=list)
    calls: list[str] = field(factory=list)
    ids: list[str] = field(factory=list)

    async def __call__(self, event: Event) -> None:
        self.calls.append(event.id)
        if self.errors:
            raise self.errors.pop(0)
        self.ids.append(event.id)


@define
class Heard:
    """An answer as it came over a socket; status 0 where the connection ended without one."""

    status: int
    headers: dict[str, str]
    body: bytes


async def heard(reader) -> Heard:
    """Read one answer, past any ``100 Continue``."""
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except (EOFError, ConnectionError):
            return Heard(0, {}, b"")
        status = int(head[0].split()[1])
        if status != 100:
            break
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    return Heard(status, headers, await reader.readexactly(int(headers.get("content-length", 0))))


async def exchange(url: str, *pieces: bytes) -> Heard:
    """Send bytes on a connection of their own, one write each, and read one answer."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await heard(reader)
    except ConnectionError:
        return Heard(0, {}, b"")
    finally:
        writer.transport.abort()


def request(payload: bytes, *headers: str, method: str = "POST", path: str = "/webhooks", length: bool = True) -> bytes:
    """Return the bytes of a request, with no header but these, Host and, if wanted, Content-Length."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    if length:
        lines.append(f"Content-Length: {len(payload)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + payload


def signature(payload: bytes, secret: str = SECRET) -> str:
    return f"Signature: {sign(payload, secret)}"
