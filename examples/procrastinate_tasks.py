"""The jobs of procrastinate_worker.py. Programs that put them into the queue import this file.

Shows a nightly export that goes on where it was stopped, and a job that must not be repeated. Needs procrastinate.

DATABASE_URL=postgresql:///academy procrastinate --app procrastinate_tasks.app schema --apply
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from procrastinate import App, BaseRetryStrategy, JobContext, PsycopgConnector, RetryDecision, RetryStrategy
from procrastinate.jobs import Job, Status

import aoclient
from aoclient.export import LearnersJob, ProgressByCourseJob, export

EXPORT_AT = os.environ.get("EXPORT_AT", "0 2 * * *")  # cron, UTC

app = App(connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]))


class IfNotExecuted(BaseRetryStrategy):
    """Try again what certainly was not executed, and nothing else."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, asyncio.CancelledError) and not hasattr(exception, "__notes__"):
            return RetryDecision()  # at once: the session notes on it that a call was sent, and this one was not
        is_safe = isinstance(exception, aoclient.AoError) and exception.outcome is aoclient.Outcome.NOT_EXECUTED
        if is_safe and job.attempts < 5:
            return RetryDecision(retry_in={"minutes": 2**job.attempts})
        return None  # the job stays as failed or aborted, for whoever looks


@app.task(pass_context=True, retry=IfNotExecuted())
async def add_attempt(context: JobContext, quiz_id: str, email: str) -> None:
    ao: aoclient.Session = context.additional_context["ao"]
    await ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=email)


@app.periodic(cron=EXPORT_AT)
@app.task(pass_context=True, retry=RetryStrategy(max_attempts=10, linear_wait=60))
async def export_progress(context: JobContext, timestamp: int) -> None:
    """Write each night into a folder of its own; run again it asks only for what is missing there."""
    night = datetime.fromtimestamp(timestamp, UTC).date()
    ao: aoclient.Session = context.additional_context["ao"]
    await export(ao, [LearnersJob(), ProgressByCourseJob()], Path("exports") / str(night))


@app.periodic(cron="*/10 * * * *")
@app.task
async def take_up_stalled(timestamp: int) -> None:
    """Decide on jobs whose worker was killed: without this they stay as ``doing`` for ever."""
    for job in await app.job_manager.get_stalled_jobs():
        if job.task_name == add_attempt.name:
            await app.job_manager.finish_job(job, Status.FAILED, delete_job=False)  # perhaps it was added: look first
        else:
            await app.job_manager.retry_job(job)
