"""Type the quickstart into a fresh environment, as somebody does who has the pages and nothing else.

    python .ci/newcomer.py WHEEL FOLDER

FOLDER is made: a virtual environment and the files of the page. The wheel stands in for the clone that
``pip install .`` takes; all else is typed as it stands.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import venv
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "guide" / "quickstart.md"
EXPECTED = {
    "A first call": r"learner100@example\.com [\d.]+",
    "An export": r"\d{3,} rows",
    "Webhooks": r"ann@example\.com 5\.0",
    "A test of your own code": "1 passed",
}
"""What shows that each part did what it says."""


def run(commands: list[str], folder: Path, wheel: Path) -> str:
    """Type commands into one shell and return what is printed; a port is waited for as a person would."""
    typed = [re.sub(r"pip install '\.(\[\w+\])'", rf"pip install -q '{wheel}\1'", each) for each in commands]
    wait = "for _ in $(seq 100); do (exec 3<>/dev/tcp/127.0.0.1/9000) 2>/dev/null && break; sleep 0.1; done"
    script = "\n".join(f"{each}\n{wait}" if each.endswith("&") else each for each in typed)
    path = f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": str(folder), **{k: v for k, v in os.environ.items() if k.startswith("PIP_")}}
    process = subprocess.Popen(
        ["bash", "-euc", f"{script}\nsleep 1"],  # the receiver prints after it answered
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        code = process.wait(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # what was put behind with &
    out = process.stdout.read() if process.stdout else ""
    if code:
        sys.exit(f"{commands} ended with {code}:\n{out}")
    return out


wheel, folder = (Path(each).absolute() for each in sys.argv[1:])
folder.mkdir()
venv.create(folder / "venv", with_pip=True)
page = PAGE.read_text(encoding="utf-8")
for title, part in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL):
    if title not in EXPECTED:
        continue
    for name, text in re.findall(r"^% file: (\S+)\n\n```python\n(.*?)^```", part, re.MULTILINE | re.DOTALL):
        (folder / name).write_text(text, encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", part, re.MULTILINE)
    out = run(commands, folder, wheel)
    if not re.search(EXPECTED[title], out):
        sys.exit(f"{title}: {EXPECTED[title]!r} is not in\n{out}")
    print(f"{title}: {len(commands)} commands, as expected")
    del EXPECTED[title]
if EXPECTED:
    sys.exit(f"the page has no {', '.join(EXPECTED)}")
