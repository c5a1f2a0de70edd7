"""Print constraints that pin what the library needs to the oldest versions it says it works with.

    python .ci/lowest.py cli speed > lowest.txt && pip install -c lowest.txt '.[cli,speed]'

The arguments are the extras to be pinned beside the core.
"""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in [*project["dependencies"], *(each for extra in sys.argv[1:] for each in extras[extra])]:
    found = re.fullmatch(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)", requirement)
    if found is None:
        sys.exit(f"{requirement!r} is not written NAME>=VERSION, so its oldest version is not known")
    print(f"{found[1]}=={found[2]}")
