"""httpx with pydantic, and requests, in threads or one call after the other. One job a process."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jobs import FORM, course_pages, export_lines, form_of_page
from measure import Stopwatch

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer benchmark"}


async def with_httpx(job: dict[str, Any]) -> dict[str, float]:
    import httpx
    import pydantic_models

    slots = asyncio.Semaphore(job["concurrency"])
    limits = httpx.Limits(max_connections=job["concurrency"], max_keepalive_connections=job["concurrency"])
    async with httpx.AsyncClient(limits=limits, headers=HEADERS) as client:
        url = f"{job['base']}/api/v1/"

        async def one(form: bytes) -> bytes:
            async with slots:
                answer = await client.post(url, content=form)
                answer.raise_for_status()
            if job["job"] == "small":
                return answer.content
            pages = pydantic_models.ROWS.validate_json(answer.content)
            return b"".join(row.model_dump_json().encode() + b"\n" for page in pages for row in page.learners)

        if job["job"] == "small":
            await asyncio.gather(*(one(FORM) for _ in range(job["concurrency"])))
        with Stopwatch() as watch, open(job["out"], "wb") as out:
            out.writelines(await asyncio.gather(*map(one, forms_of(job))))
    return watch.report()


def forms_of(job: dict[str, Any]) -> list[bytes]:
    if job["job"] == "small":
        return [FORM] * job["calls"]
    return [form_of_page(course, page) for course, page in course_pages(job["courses"], job["rows"])]


def with_requests(job: dict[str, Any]) -> dict[str, float]:
    import requests

    local = threading.local()
    url = f"{job['base']}/api/v1/"

    def one(form: bytes) -> bytes:
        if not hasattr(local, "session"):
            local.session = requests.Session()
        answer = local.session.post(url, data=form, headers=HEADERS)
        answer.raise_for_status()
        return answer.content if job["job"] == "small" else export_lines(answer.json())

    with Stopwatch() as watch, open(job["out"], "wb") as out, ThreadPoolExecutor(job["concurrency"]) as pool:
        out.writelines(pool.map(one, forms_of(job)))
    return watch.report()


if __name__ == "__main__":
    given = {"out": "/dev/null", **json.loads(sys.argv[1])}
    report = asyncio.run(with_httpx(given)) if given["program"] == "httpx" else with_requests(given)
    print(json.dumps(report))
