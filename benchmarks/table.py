"""Write the figures of ``results.json`` as tables into ``README.md`` beside it, between the two markers."""

from __future__ import annotations

import json

from measure import HERE

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
WORDS = {True: "met", False: "**missed**", None: ""}


def table() -> str:
    results = json.loads((HERE / "results.json").read_text())
    packages = ", ".join(f"{name} {version}" for name, version in results["packages"].items())
    lines = [f"Python {results['python']}, {results['cores']} cores; {packages}.", ""]
    for script, found in results["scripts"].items():
        lines += [f"### {script}", "", f"{found['at'][:10]}, load of the machine at the end {found['load']:g}.", ""]
        lines += ["| figure | measured | quartiles | goal | |", "| --- | ---: | --- | --- | --- |"]
        for each in found["figures"]:
            cells = each["figure"], f"{each['measured']:g}", each["quartiles"], each["goal"], WORDS[each["met"]]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    readme = HERE / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n\n{table()}\n{END}{after}")


if __name__ == "__main__":
    main()
