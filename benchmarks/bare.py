"""aiohttp by hand, as a careful user writes it: the floor that everything is measured against. One job a process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp
from jobs import FORM, course_pages, export_lines, form_of_page, listed_pages
from measure import Stopwatch

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer benchmark"}
Post = Callable[[bytes], Awaitable[bytes]]


async def workers(post: Post, forms: Iterable[bytes], concurrency: int, use: Callable[[bytes], object]) -> None:
    """Send all forms with so many workers over one iterator."""
    todo = iter(forms)

    async def work() -> None:
        for form in todo:
            use(await post(form))

    await asyncio.gather(*(work() for _ in range(concurrency)))


async def small(job: dict[str, Any], post: Post) -> dict[str, float]:
    concurrency = job["concurrency"]
    await workers(post, [FORM] * concurrency, concurrency, json.loads)
    with Stopwatch() as watch:
        await workers(post, [FORM] * job["calls"], concurrency, json.loads)
    return watch.report()


async def pages(job: dict[str, Any], post: Post) -> dict[str, float]:
    """Fetch the pages of all courses with as many requests as an export makes, and copy or convert them."""
    forms = [form_of_page(course, page) for course, page in course_pages(job["courses"], job["rows"])]
    with Stopwatch() as watch, open(job["out"], "wb") as out:
        if job["program"] == "raw":
            await workers(post, forms, job["concurrency"], out.write)
        else:
            slots = asyncio.Semaphore(job["concurrency"])

            async def one(form: bytes) -> bytes:
                async with slots:
                    return export_lines(json.loads(await post(form)))

            out.writelines(await asyncio.gather(*map(one, forms)))
    return watch.report()


async def listing(job: dict[str, Any], post: Post) -> dict[str, float]:
    """Fetch the pages of courses of different length: their number is known, so none is looked for or asked in vain."""
    forms = [form_of_page(course, page) for course, page in listed_pages(job["lengths"])]
    await workers(post, forms[:1], 1, json.loads)
    rows: list[int] = []
    with Stopwatch() as watch:
        await workers(post, forms, job["concurrency"], lambda body: rows.append(len(json.loads(body)[0]["learners"])))
    assert sum(rows) == sum(job["lengths"])
    return watch.report()


JOBS = {"small": small, "pages": pages, "listing": listing}


async def main(job: dict[str, Any]) -> dict[str, float]:
    connector = aiohttp.TCPConnector(limit=job["concurrency"])
    async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
        url = f"{job['base']}/api/v1/"

        async def post(form: bytes) -> bytes:
            async with session.post(url, data=form, headers=HEADERS) as answer:
                answer.raise_for_status()
                return await answer.read()

        return await JOBS[job["job"]](job, post)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    if given.get("uvloop"):
        import uvloop

        print(json.dumps(uvloop.run(main(given))))
    else:
        print(json.dumps(asyncio.run(main(given))))
