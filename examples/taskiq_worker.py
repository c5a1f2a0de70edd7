"""One session for each worker process of taskiq, shared by all its tasks, over a stream of Redis.

Shows a task that may be tried again, and one that must not be. Needs taskiq and taskiq-redis.

REDIS_URL=redis://localhost:6379/0 taskiq worker taskiq_worker:broker
"""

import os
from typing import Annotated

from redis.asyncio import Redis
from taskiq import Context, SimpleRetryMiddleware, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker

import aoclient

REDIS_URL = os.environ["REDIS_URL"]
MONTH = 30 * 86_400
MAY_PASS = (aoclient.TransportError, aoclient.ServerError, aoclient.RateLimitError)

# A message that is not acknowledged after idle_timeout milliseconds goes to another worker: longer than any task takes.
broker = (
    RedisStreamBroker(REDIS_URL, idle_timeout=600_000, unacknowledged_lock_timeout=60)
    .with_result_backend(RedisAsyncResultBackend(REDIS_URL, result_ex_time=MONTH))
    .with_middlewares(SimpleRetryMiddleware(types_of_exceptions=MAY_PASS))
)


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_session(state: TaskiqState) -> None:
    state.ao = aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=60.0))
    state.redis = Redis.from_url(REDIS_URL)


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_session(state: TaskiqState) -> None:
    await state.ao.aclose()
    await state.redis.aclose()


@broker.task(retry_on_error=True, max_retries=5)
async def join_team(team: str, email: str, context: Annotated[Context, TaskiqDepends()]) -> None:
    """Once or five times, the learner is in the team: this may be repeated."""
    await context.state.ao.add_learners_to_teams(teams=[team], learners=[email])


@broker.task
async def add_attempt(quiz_id: str, email: str, context: Annotated[Context, TaskiqDepends()]) -> None:
    """Each run adds one: a message that comes again, after its worker was killed, is not sent again."""
    ao, redis = context.state.ao, context.state.redis
    mark = f"attempt:{context.message.task_id}"
    if not await redis.set(mark, "sent", nx=True, ex=MONTH):
        raise RuntimeError(f"an attempt at {quiz_id} was perhaps added for {email} already; somebody has to look")
    try:
        await ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=email)
    except aoclient.AoError as error:
        if error.outcome is not aoclient.Outcome.UNKNOWN:
            await redis.delete(mark)  # it was certainly not added, so that the same message may be sent again
        raise  # the result backend keeps it, for whoever looks
