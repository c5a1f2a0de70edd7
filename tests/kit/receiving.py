"""Signed deliveries for receivers, and handlers that keep what they were called with."""

from __future__ import annotations

import json

from attrs import define, field

from aoclient.webhooks import Event, sign

SECRET = "whsec-1"


def body(id: str = "e1", name: str = "quiz.finished", **more: object) -> bytes:
    return json.dumps({"id": id, "event": name, **more}).encode()


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
