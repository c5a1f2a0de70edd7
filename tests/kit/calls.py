"""Calls through the senders that retry and limit, over whatever inner sender a test has."""

from __future__ import annotations

import random

from aoclient import refusals
from aoclient.action import Effect
from aoclient.senders.limited import Limited
from aoclient.senders.retry_rule import Quota
from aoclient.senders.retrying import Retrying
from aoclient.settings import Rate, RetryPolicy, Timeouts
from aoclient.wire import Request, Response


def request(effect: Effect = Effect.READS, name: str = "learners", total: float = 120.0) -> Request:
    def read(answer: Response) -> object:
        return refusals.parse(answer.status, answer.headers, answer.body, name=name)

    return Request(name=name, effect=effect, body=b"", read=read, timeouts=Timeouts(total=total))


def retrying(inner: object, policy: RetryPolicy | None = None, quota: Quota | None = None, seed: int = 1) -> Retrying:
    return Retrying(inner, policy=policy or RetryPolicy(), quota=quota or Quota(), rng=random.Random(seed))


def over_limiter(inner: object, *, rate: Rate | None = None, max_concurrency: int = 10, **given: object) -> Retrying:
    return retrying(Limited(inner, rate=rate, max_concurrency=max_concurrency), **given)
