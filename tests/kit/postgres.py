"""A real PostgreSQL in a folder of its own, reached over a socket of the file system."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.kit.programs import Program

_PORT = "5432"  # a part of the name of the socket; nothing listens on the network
_PROGRAMS = ("initdb", "postgres")
_SETTINGS = {"listen_addresses": "", "fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB"}


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL that runs, or None.

    Debian keeps each version in a folder of its own and puts none of them on the path. What is on the path may be a
    link that leads nowhere, so each is asked for its version.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("postgres")
    folders += [Path(on_path).resolve().parent] if on_path else []
    return next((folder for folder in folders if all(map(_runs, (folder / name for name in _PROGRAMS)))), None)


def _version(folder: Path) -> tuple[int, ...]:
    return tuple(int(part) for part in folder.parent.name.split(".") if part.isdigit())


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _nobody_special() -> dict[str, Any]:
    """Return as whom to run the server, for `subprocess`: it refuses to be run by root."""
    if os.geteuid() != 0:
        return {}
    known = {each.pw_name for each in pwd.getpwall()}
    name = "postgres" if "postgres" in known else "nobody"
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


class PostgresServer:
    """A cluster that nobody but this process knows of.

    Attributes:
        url: For libpq, of the database ``postgres``.
    """

    def __init__(self, folder: Path) -> None:
        self.url = f"postgresql:///postgres?host={folder}&port={_PORT}&user=postgres"

    def ask(self, statement: str) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a statement, none where it has none."""
        import psycopg  # noqa: PLC0415  # it needs libpq, which is there if the server is

        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def running(binaries: Path) -> Iterator[PostgresServer]:
    """Make a cluster, run its server, and remove both at the end."""
    # Not below the folder of pytest, which is closed to others; and a short path, since a socket has 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account = _nobody_special()
    if account:
        os.chown(folder, pwd.getpwnam(account["user"]).pw_uid, account["group"])
    data = folder / "data"
    try:
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            cwd=folder,
            capture_output=True,
            check=True,
            **account,
        )
        settings = [word for name, value in _SETTINGS.items() for word in ("-c", f"{name}={value}")]
        command = [binaries / "postgres", "-D", data, "-k", folder, "-p", _PORT, *settings]
        with Program(*command, cwd=folder, **account) as server:
            server.until("ready to accept connections")
            yield PostgresServer(folder)
            assert server.stop(signal.SIGINT) == 0  # which does not wait for clients to leave
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module", name="one_postgres")
def one_postgres_of_a_module() -> Iterator[PostgresServer]:
    binaries = programs()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    with running(binaries) as server:
        yield server


@pytest.fixture(name="postgres")
def empty_postgres(one_postgres: PostgresServer) -> PostgresServer:
    """The PostgreSQL of this file, with nothing in it."""
    one_postgres.ask("DROP SCHEMA public CASCADE")
    one_postgres.ask("CREATE SCHEMA public")
    return one_postgres
