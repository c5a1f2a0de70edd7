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


async def startup(ctx: Context) -> None:
    ctx["ao"] = aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=60.0))


async def shutdown(ctx: Context) -> None:
    await ctx["ao"].aclose()


async def invite(ctx: Context, *, email: str, name: str) -> None:
    """Invite somebody, once: it looks who is invited first, so that a job that comes again does nothing."""
    person = actions.Invitee(email=email, name=name, type="learner")
    await ctx["ao"].invite_missing(learners=[person], is_send_email=True)


async def add_attempt(ctx: Context, *, quiz_id: str, email: str) -> None:
    """Add an attempt, once: SAQ puts a job that SIGTERM ended back into the queue, whatever its ``retries`` say."""
    job = ctx["job"]
    if "sent" in job.meta:
        raise RuntimeError(f"an attempt at {quiz_id} was perhaps added for {email} already; somebody has to look")
    await job.update(meta={"sent": True})
    try:
        await ctx["ao"].add_learner_quiz_attempts(quiz_id=quiz_id, email=email)
    except aoclient.AoError as error:
        if error.outcome is not aoclient.Outcome.UNKNOWN:
            await job.update(meta={})  # it was certainly not added, so that the job may be sent again
        raise  # the job stays as FAILED, for whoever looks
    except asyncio.CancelledError as cancelled:
        if not hasattr(cancelled, "__notes__"):  # the session notes on it that the call was sent
            await job.update(meta={})
        raise


queue = Queue.from_url(os.environ["REDIS_URL"])
settings = {
    "queue": queue,
    "functions": [invite, add_attempt],
    "concurrency": 50,
    "startup": startup,
    "shutdown": shutdown,
    # A SIGTERM that comes while SAQ sweeps is noticed when it would sweep again: by default 60 s later.
    "timers": {"sweep": 5},
}
