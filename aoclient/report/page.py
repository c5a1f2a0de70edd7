"""The page: what was counted, as JSON, with the style, the charts and the scripts inside."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aoclient.report.summary import Summary

LIBRARY = "chart.umd.min.js"
SCRIPTS = ("facts.js", "charts.js", "tables.js", "main.js")
"""The scripts of the page, in their order; together they are one."""


def page(summary: Summary, *, title: str = "Learning report", remark: str = "") -> str:
    """Return the page as HTML.

    It loads nothing: its policy lets it run its own scripts alone, each known by its hash, and connect to nowhere.

    Args:
        summary: What `summarize` counted.
        title: Heading of the page.
        remark: A line below it.
    """
    library = re.sub(r"\n//# sourceMappingURL=.*\s*$", "\n", asset(LIBRARY))  # there is no map to be loaded
    script = "".join(map(asset, SCRIPTS))
    return Template(asset("page.html")).substitute(
        title=html.escape(title),
        remark=html.escape(remark),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src {_hash(library)} {_hash(script)}",
        style=asset("page.css"),
        data=embedded(summary),
        library=library,
        script=script,
    )


def asset(name: str) -> str:
    """Return the text of a file that belongs to the page."""
    return resources.files("aoclient.report").joinpath("assets", name).read_text(encoding="utf-8")


def embedded(value: object) -> str:
    """Return JSON that may stand inside a script element: no text in it can end the element or begin another."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
