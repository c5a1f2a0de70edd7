"""One session for each worker process of SAQ, shared by all its jobs, over Redis.

Shows a job that looks before it does anything, and one that nobody can look at. Needs saq and redis. Put jobs in with a
timeout above that of a call: ``await queue.enqueue("invite", timeout=90, email="ann@example.com", name="Ann")``.

REDIS_URL=redis://localhost:6379/0 saq saq_worker.settings
"""

import asyncio
import os
from typing import Any

from saq import Queue

import aoclient
from aoclient import actions

Context = dict[str, Any]
queue = Queue.from_url(os.environ["REDIS_URL"])


async def startup(ctx: Context) -> None:
    ctx["ao"] = aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=60.0))
    # SAQ looks for stuck jobs as it starts, and takes those for stuck that it is taking in that moment. Let it wait.
    await queue.redis.set(queue.namespace("sweep"), 1, nx=True, ex=60)


async def shutdown(ctx: Context) -> None:
    await ctx["ao"].aclose()


async def invite(ctx: Context, *, email: str, name: str) -> None:
    """Invite somebody, once: it looks who is invited first, so that a job that comes again does nothing."""
    person = actions.Invitee(email=email, name=name, type="learner")
    await ctx["ao"].invite_missing(learners=[person], is_send_email=True)


async def add_attempt(ctx: Context, *, quiz_id: str, email: str) -> None:
    """Add an attempt, once: SAQ puts a job that SIGTERM ended back into the queue, whatever its ``retries`` say."""
    mark = f"attempt:{ctx['job'].key}"
    if not await queue.redis.set(mark, "sent", nx=True, ex=30 * 86_400):
        raise RuntimeError(f"an attempt at {quiz_id} was perhaps added for {email} already; somebody has to look")
    try:
        await ctx["ao"].add_learner_quiz_attempts(quiz_id=quiz_id, email=email)
    except aoclient.AoError as error:
        if error.outcome is not aoclient.Outcome.UNKNOWN:
            await queue.redis.delete(mark)  # it was certainly not added, so that the job may be sent again
        raise  # the job stays as FAILED, for whoever looks
    except asyncio.CancelledError as cancelled:
        if not hasattr(cancelled, "__notes__"):  # the session notes on it that the call was sent
            await queue.redis.delete(mark)
        raise


settings = {
    "queue": queue,
    "functions": [invite, add_attempt],
    "concurrency": 50,
    "startup": startup,
    "shutdown": shutdown,
    "dequeue_timeout": 2.0,  # a wait for the next job may miss that it was cancelled; so none is long
}
