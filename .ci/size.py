"""Measure what ``pip install aoclient`` brings: ``size.py SITE_PACKAGES`` of an environment that has only it."""

import sys
from importlib.metadata import distributions
from pathlib import Path

(folder,) = map(Path, sys.argv[1:])
installed = sorted(
    (each for each in distributions(path=[str(folder)]) if each.name not in ("pip", "setuptools")),
    key=lambda each: each.name.lower(),
)
bytes_of = {
    each.name: sum(path.stat().st_size for path in map(Path, map(each.locate_file, each.files or ())) if path.is_file())
    for each in installed
}
for name, size in bytes_of.items():
    print(f"{size / 1e6:7.2f} MB  {name}")
total = sum(bytes_of.values()) / 1e6
print(f"{total:7.2f} MB  {len(bytes_of)} packages, aoclient included; compiled files are not counted")
