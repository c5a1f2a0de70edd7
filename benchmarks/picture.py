"""Draw one export with several clients, as ``results.json`` has it, into ``docs/images``, for light and dark pages."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from attrs import frozen
from measure import HERE, ROOT

IMAGES = ROOT / "docs" / "images"
# Blue and grey differ in lightness too, so that they differ for everybody; the words at the bars say the same.
THEMES = {
    "light": {"text": "#1f2328", "ours": "#0072b2", "others": "#8c959f"},
    "dark": {"text": "#e6edf3", "ours": "#56b4e9", "others": "#7d8590"},
}
_RATIO = re.compile(r"export(?: of (?P<rows>\d+) rows)?, (?P<client>.+) / aoclient, wall")
_PACKAGES = ("aiohttp", "httpx", "pydantic", "requests", "dlt")


@frozen
class Bar:
    """How long one client took, aoclient being 1."""

    client: str
    ratio: float

    @property
    def is_ours(self) -> bool:
        return self.client.startswith("aoclient")


def bars(results: Mapping[str, Any]) -> list[Bar]:
    """Return whatever clients were measured, fastest first."""
    found = [Bar("aoclient", 1.0)]
    for _, client, ratio in _ratios(results):
        name = "aoclient without the extra speed" if client == "core" else _with_versions(client, results)
        found.append(Bar(name, ratio))
    return sorted(found, key=lambda bar: bar.ratio)


def _ratios(results: Mapping[str, Any]) -> Iterator[tuple[str | None, str, float]]:
    for each in results["scripts"]["exports"]["figures"]:
        if match := _RATIO.fullmatch(each["figure"]):
            yield match["rows"], match["client"], each["measured"]


def _with_versions(client: str, results: Mapping[str, Any]) -> str:
    for name in _PACKAGES:
        version = results["packages"].get(name, "")
        if version[:1].isdigit():
            client = re.sub(rf"\b{name}\b", f"{name} {version}", client)
    return client


def title(results: Mapping[str, Any]) -> str:
    rows = next((int(rows) for rows, *_ in _ratios(results) if rows), None)
    return "The same export to JSON lines" + (f": {rows:,} rows".replace(",", "\N{NO-BREAK SPACE}") if rows else "")


def taken(results: Mapping[str, Any], scripts: Collection[str]) -> str:
    """Return when and where these scripts measured."""
    days = sorted(results["scripts"][name]["at"][:10] for name in scripts)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    return f"{when}, Python {results['python']}, {results['cores']} cores"


def described(results: Mapping[str, Any]) -> str:
    """Return the picture in words, for who cannot see it."""
    each = "; ".join(f"{bar.client} {bar.ratio:.1f}" for bar in bars(results))
    return f"{title(results)}. Wall time, aoclient is 1: {each}. {taken(results, ['exports'])}."


def draw(results: Mapping[str, Any], theme: str) -> None:
    """Draw one of the two pictures. Letters are 11 px where the picture is 390 px wide."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    colours = THEMES[theme]
    found = bars(results)
    mpl.rcParams.update({"svg.hashsalt": theme, "svg.fonttype": "path", "font.size": 12, "font.family": "DejaVu Sans"})
    figure = Figure(figsize=(5.8, 0.9 + 0.62 * len(found)))
    axes = figure.add_axes((0.02, 0.1, 0.96, 0.72))
    longest = found[-1].ratio
    for place, bar in enumerate(found):
        colour = colours["ours" if bar.is_ours else "others"]
        axes.barh(place, bar.ratio, height=0.42, color=colour)
        axes.text(
            0, place - 0.3, bar.client, color=colours["text"], va="bottom", weight="bold" if bar.is_ours else None
        )
        axes.text(
            bar.ratio + longest / 90,
            place,
            f"{bar.ratio:.1f}\N{MULTIPLICATION SIGN}",
            color=colours["text"],
            va="center",
        )
    axes.set_xlim(0, longest * 1.13)
    axes.set_ylim(len(found) - 0.6, -0.8)
    axes.axis("off")
    figure.text(0.02, 0.985, title(results), color=colours["text"], va="top", size=13.5, weight="bold")
    figure.text(0.02, 0.905, "wall time, aoclient = 1; shorter is better", color=colours["text"], va="top")
    figure.text(0.02, 0.03, taken(results, ["exports"]), color=colours["text"])
    about = {"Title": title(results), "Description": described(results), "Date": None, "Creator": None}
    figure.savefig(IMAGES / f"benchmarks-{theme}.svg", transparent=True, metadata=about)


def main() -> None:
    results = json.loads((HERE / "results.json").read_text())
    for theme in THEMES:
        draw(results, theme)
    print(described(results))


if __name__ == "__main__":
    main()
