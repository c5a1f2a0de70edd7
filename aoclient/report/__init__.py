"""A report of an export as one page of HTML, which needs no network and holds everything it shows.

summary = summarize(rows_of, until=date(2026, 11, 23))
html = page(summary)
"""

from aoclient.report.page import page
from aoclient.report.summary import JOBS, Summary, summarize

__all__ = ["JOBS", "Summary", "page", "summarize"]
