"""dlt with its REST client, as its manual shows it: a resource for each course, all parallelized, to JSON lines."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs import form_of_page
from measure import Stopwatch

HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer benchmark"}


def load(job: dict[str, Any]) -> dict[str, float]:
    # Before dlt is imported: no telemetry, as many threads as the others have calls, files as the others write them.
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "EXTRACT__WORKERS": str(job["concurrency"]),
        "EXTRACT__MAX_PARALLEL_ITEMS": str(2 * job["concurrency"]),
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    }
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.paginators import BasePaginator

    class Pages(BasePaginator):
        """Puts the number of the page into the form; an empty page is the end."""

        def __init__(self, course: str) -> None:
            super().__init__()
            self._course = course
            self._page = 1

        def init_request(self, request: Any) -> None:
            request.data = form_of_page(self._course, self._page)

        def update_state(self, _: Any, data: list[Any] | None = None) -> None:
            self._has_next_page = bool(data)
            self._page += 1

        update_request = init_request

    client = RESTClient(job["base"], headers=HEADERS)

    def rows_of(course: str) -> Iterator[Any]:
        yield from client.paginate("/api/v1/", "POST", paginator=Pages(course), data_selector="$[*].learners[*]")

    courses = [f"c{number}-{job['rows']}" for number in range(job["courses"])]
    resources = [
        dlt.resource(rows_of, name=f"course_{number}", table_name="progress", parallelized=True)(course)
        for number, course in enumerate(courses)
    ]
    with tempfile.TemporaryDirectory() as folder:
        with Stopwatch() as watch:
            pipeline = dlt.pipeline(
                "benchmark",
                pipelines_dir=f"{folder}/pipelines",
                destination=dlt.destinations.filesystem(bucket_url=f"{folder}/out"),
                dataset_name="academy",
            )
            pipeline.run(resources, loader_file_format="jsonl")
        files = Path(folder, "out", "academy", "progress").glob("*.jsonl")
        assert sum(len(each.read_text().splitlines()) for each in files) == job["courses"] * job["rows"]
    return watch.report()


if __name__ == "__main__":
    print(json.dumps(load(json.loads(sys.argv[1]))))
