"""Whoever signs up is put into a team: webhooks and one session inside an aiohttp application.

AOCLIENT_WEBHOOK_SECRET=... TEAM=... python aiohttp_webhooks.py
"""

import os
from collections.abc import AsyncIterator

from aiohttp import web

import aoclient
from aoclient.receivers import Receiver, routes
from aoclient.webhooks import AcademyLearnerSignUp

AO = web.AppKey("ao", aoclient.Session)
TEAM = os.environ["TEAM"]

# wait=True: the sender has its answer when the learner is in the team. No answer, and it sends the event again.
receiver = Receiver(os.environ["AOCLIENT_WEBHOOK_SECRET"], wait=True)


async def session(app: web.Application) -> AsyncIterator[None]:
    async with aoclient.Session.from_env() as app[AO]:
        yield


@receiver.on(AcademyLearnerSignUp)
async def join_team(event: AcademyLearnerSignUp) -> None:
    await app[AO].add_learners_to_teams(teams=[TEAM], learners=[event.learner.email])


app = web.Application()
app.add_routes(routes(receiver, "/webhooks"))
app.cleanup_ctx.append(session)  # first in, last out: the receiver is closed before the session its handlers use
app.cleanup_ctx.append(receiver.lifespan)

if __name__ == "__main__":
    web.run_app(app, port=int(os.environ.get("PORT", "8080")), shutdown_timeout=30.0)
