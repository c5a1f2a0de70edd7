"""One session for each worker process of procrastinate, shared by all its jobs, over PostgreSQL.

The jobs stand in procrastinate_tasks.py.

DATABASE_URL=postgresql:///academy python procrastinate_worker.py
"""

import asyncio
import logging
import os

from procrastinate_tasks import app

import aoclient

GRACE = float(os.environ.get("GRACE", "30"))  # seconds jobs at work are given to end after SIGTERM


async def main() -> None:
    async with aoclient.Session.from_env(timeouts=aoclient.Timeouts(total=20.0)) as ao, app.open_async():
        await app.run_worker_async(
            concurrency=50, additional_context={"ao": ao}, shutdown_graceful_timeout=GRACE, delete_jobs="successful"
        )


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
