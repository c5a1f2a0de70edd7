"""One session for each process of a FastAPI application, opened and closed with its lifespan.

uvicorn fastapi_service:app --port 8000 --workers 2
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

import aoclient


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, aoclient.Session]]:
    # A call ends before the client of this service gives up.
    async with aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=20.0), join_reads=True) as ao:
        yield {"ao": ao}


def session(request: Request) -> aoclient.Session:
    ao: aoclient.Session = request.state.ao
    return ao


Ao = Annotated[aoclient.Session, Depends(session)]
app = FastAPI(lifespan=lifespan)


@app.get("/learners/{email}/courses")
async def progress(email: str, ao: Ao) -> dict[str, float | None]:
    """Show how far a learner is in each course, in percent."""
    return {str(course.course_id): course.progress for course in await ao.course_progress(email=email)}


@app.post("/learners/{email}/attempts/{quiz_id}", status_code=201)
async def add_attempt(email: str, quiz_id: str, ao: Ao) -> None:
    await ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=email)


@app.exception_handler(aoclient.AoError)
async def refuse(request: Request, error: aoclient.AoError) -> JSONResponse:
    """Tell a client whether it may ask again: after ``unknown`` it has to look first."""
    if isinstance(error, aoclient.ApiError) and error.outcome is aoclient.Outcome.REFUSED:
        return JSONResponse({"error": error.message, "outcome": "refused"}, status_code=422)
    if error.outcome is aoclient.Outcome.NOT_EXECUTED:
        return JSONResponse({"error": str(error), "outcome": "not executed"}, 503, {"Retry-After": "30"})
    return JSONResponse({"error": str(error), "outcome": "unknown"}, status_code=504)
