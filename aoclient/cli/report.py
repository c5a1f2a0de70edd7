"""``aoclient report``: a page of charts and tables from an export."""

from __future__ import annotations

import sys
from pathlib import Path

from aoclient.cli.exits import UsageError
from aoclient.cli.exported import Exported
from aoclient.report import JOBS, page, summarize


def report(
    folder: Path,
    /,
    *,
    out: Path = Path("report.html"),
    title: str = "Learning report",
    anonymous: bool = False,
) -> None:
    """Make one page of HTML from an export, with charts and tables, to be looked at without a network.

    Parameters
    ----------
    folder
        What the export wrote: a folder, or the file of a database.
    out
        File for the page.
    title
        Heading of the page.
    anonymous
        Leave out the names and addresses of learners.
    """
    exported = Exported.open(folder)
    if not exported.jobs & set(JOBS):
        raise UsageError(f"{folder} has nothing to report; export one of the jobs {', '.join(JOBS)}")
    summary = summarize(exported.rows, until=exported.day, is_anonymous=anonymous)
    text = page(summary, title=title, remark=_remark(exported, is_anonymous=anonymous))
    content = text.encode(errors="replace")  # a title from a terminal that is not UTF-8
    out.write_bytes(content)
    print(f"{out}: {len(content) // 1000} kB, {summary['learners']} learners", file=sys.stderr)


def _remark(exported: Exported, *, is_anonymous: bool) -> str:
    manifest = exported.manifest
    left = manifest.planned - len(manifest.shards)
    parts = [
        f"Exported on {exported.day.day} {exported.day:%B %Y}",
        f"not whole: {left} of {manifest.planned} parts are missing" if left else "",
        "without names and addresses" if is_anonymous else "",
    ]
    return f"{'; '.join(filter(None, parts))}."
