"""``python -m aoclient`` is ``aoclient``."""

from aoclient.cli import main

main()
