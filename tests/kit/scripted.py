"""The inner sender of a test: it plays a script and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from attrs import define, field

from aoclient.wire import Request, Response

Step: TypeAlias = "Response | BaseException | Callable[[Request], Response]"


def response(body: object = None, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a response; a body that is not bytes is written as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {"content-type": "application/json", **(headers or {})}, raw)


@define(eq=False)
class Scripted:
    """Answer each request with the next step of the script, the last step for ever.

    Attributes:
        steps: Responses, errors to raise, or functions of the request.
        takes: Seconds each answer takes, of the loop's time.
        requests: What was asked, with the loop's time of each in ``times``.
    """

    steps: list[Step] = field(converter=lambda steps: list(steps) if isinstance(steps, Iterable) else [steps])
    takes: float = 0.0
    requests: list[Request] = field(factory=list)
    times: list[float] = field(factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    async def send(self, request: Request) -> Response:
        self.requests.append(request)
        self.times.append(asyncio.get_running_loop().time())
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.takes)
        finally:
            self.in_flight -= 1
        if isinstance(step, BaseException):
            raise step
        return step(request) if callable(step) else step
