"""A plain asyncio daemon: whoever fails a quiz gets one more attempt, once. SIGTERM ends it cleanly.

AOCLIENT_WEBHOOK_SECRET=... python daemon.py
"""

import asyncio
import logging
import os
import signal

import aoclient
from aoclient.receivers import Receiver, SQLiteStore, serve
from aoclient.webhooks import Event, QuizFinished

log = logging.getLogger("attempts")


async def main() -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    # Calls end before drain_timeout does, so that SIGTERM cuts off none of them.
    async with aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=20.0)) as ao:
        receiver = Receiver(
            os.environ["AOCLIENT_WEBHOOK_SECRET"],
            store=SQLiteStore("attempts.db"),
            drain_timeout=30.0,
            on_error=given_up,
        )

        @receiver.on(QuizFinished)
        async def add_attempt(event: QuizFinished) -> None:
            if event.quiz.is_passed:
                return
            try:
                await ao.add_learner_quiz_attempts(quiz_id=event.quiz.id, email=event.learner.email)
            except aoclient.OutcomeUnknownError as error:
                given_up(event, error)  # not raised: the receiver would try it again

        async with serve(receiver, port=int(os.environ.get("PORT", "9000"))) as url:
            log.info("listening at %s", url)
            await stopped.wait()
            log.info("stopping, %d events at work", receiver.at_work)


def given_up(event: Event, error: Exception) -> None:
    """Note what somebody has to look at."""
    log.error("event %s: %s", event.id, error)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
