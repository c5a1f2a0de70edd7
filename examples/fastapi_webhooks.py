"""Webhooks inside a FastAPI application.

AOCLIENT_WEBHOOK_SECRET=... uvicorn fastapi_webhooks:app --port 9000
"""

import os
from collections import Counter

from fastapi import FastAPI
from starlette.routing import Route

from aoclient.receivers import Receiver, SQLiteStore, asgi_app
from aoclient.webhooks import CourseFinished, QuizFinished

# The file remembers what was handled, so that it is handled once, whatever is sent again after a restart.
receiver = Receiver(os.environ["AOCLIENT_WEBHOOK_SECRET"], store=SQLiteStore("webhooks.db"))
finished: Counter[str] = Counter()


@receiver.on(QuizFinished, CourseFinished)
async def note(event: QuizFinished | CourseFinished) -> None:
    finished[event.learner.email] += 1


app = FastAPI(lifespan=receiver.lifespan, routes=[Route("/webhooks", asgi_app(receiver))])


@app.get("/finished")
async def show() -> dict[str, int]:
    return finished
