"""Certificates for tests, made by the `openssl` command: one authority, and servers that are right or wrong."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path

_CONFIG = """\
[ca]
default_ca = authority
[authority]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
"""


class Authority:
    """An authority of its own.

    Args:
        folder: Where its files are kept; empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "openssl.cnf").write_text(_CONFIG)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        self._run("req", "-x509", *_NEW_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Tests", "-days", "9")

    def server(self, name: str, *, host: str, ends: str = "20991231235959Z") -> ssl.SSLContext:
        """Return the context of a server with a certificate for ``host`` (``IP:..`` or ``DNS:..``) until ``ends``."""
        self._run(
            "req", *_NEW_KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}",
            "-addext", f"subjectAltName={host}",
        )  # fmt: skip
        self._run(
            "ca", "-batch", "-notext", "-keyfile", "ca.key", "-cert", "ca.pem", "-in", f"{name}.csr", "-out",
            f"{name}.pem", "-startdate", "20200101000000Z", "-enddate", ends,
        )  # fmt: skip
        return self._context(name)

    def self_signed(self, *, host: str) -> ssl.SSLContext:
        """Return the context of a server whose certificate nobody signed but itself."""
        self._run(
            "req", "-x509", *_NEW_KEY, "-keyout", "self.key", "-out", "self.pem", "-subj", "/CN=self",
            "-addext", f"subjectAltName={host}", "-days", "9",
        )  # fmt: skip
        return self._context("self")

    def client(self) -> ssl.SSLContext:
        """Return the context of a client that trusts this authority."""
        return ssl.create_default_context(cafile=str(self.folder / "ca.pem"))

    def _context(self, name: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        return context

    def _run(self, command: str, *arguments: str) -> None:
        config = [] if command == "req" and "-x509" in arguments else ["-config", "openssl.cnf"]
        subprocess.run(
            ["openssl", command, *config, *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30
        )


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
