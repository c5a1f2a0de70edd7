"""Fail when a test was skipped, or a branch of floors 0 to 3 was not run."""

import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOMS = ("emulator/", "receivers/", "export/", "cassettes/", "contrib/", "cli/", "__main__.py")
UPPER = tuple(f"aoclient/{room}" for room in ROOMS)
"""Floors 4 to 6; everything else must be covered whole."""

tests, coverage = sys.argv[1:]
skipped = [case.get("name") for case in ET.parse(tests).iter("testcase") if case.find("skipped") is not None]
files = json.loads(Path(coverage).read_text(encoding="utf-8"))["files"]
gaps = {
    name: file["summary"]["percent_covered"]
    for name, file in files.items()
    if not name.startswith(UPPER) and file["summary"]["percent_covered"] < 100
}
for name in skipped:
    print(f"skipped: {name}")
for name, percent in gaps.items():
    print(f"{name}: {percent:.1f} % of lines and branches, 100 are needed on floors 0 to 3")
print(f"{len(skipped)} skipped, {len(gaps)} files below 100 %")
sys.exit(bool(skipped or gaps))
