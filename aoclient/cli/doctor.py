"""``aoclient doctor``: is everything in place, and are the answers what the models say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import asdict, frozen

from aoclient.cli.connection import NO_CONNECTION, ConnectionOptions, Settings, settle
from aoclient.cli.drift import Tally, look
from aoclient.cli.exits import DONE, code_of
from aoclient.cli.output import NO_OUTPUT, OutputOptions, write_rows
from aoclient.cli.survey import survey
from aoclient.errors import AoError
from aoclient.settings import Rate

if TYPE_CHECKING:
    from aoclient.cli.probe import Probe

_SKEW = 5.0  # seconds


@frozen
class Finding:
    """One thing that was looked at."""

    check: str
    state: Literal["ok", "warn", "fail"]
    detail: str


def doctor(
    *,
    cassette: Path | None = None,
    output: OutputOptions = NO_OUTPUT,
    connection: ConnectionOptions = NO_CONNECTION,
) -> int:
    """Check what can be checked; the exit code is that of the first check that fails.

    Parameters
    ----------
    cassette
        Compare the answers in a file of aoclient record with the models instead; nothing is sent.
    """
    from aoclient.cli.probe import Probe

    form = output.format
    if cassette is not None:
        findings, code = _read(cassette)
        write_rows(map(asdict, findings), form)
        return code
    settings = settle(connection)
    probe = Probe(settings)  # before there is a loop: it may ask for the secret, and Ctrl-C must end that
    findings, code = asyncio.run(_examine(settings, probe))
    write_rows(map(asdict, findings), form)
    return code


async def _examine(settings: Settings, probe: Probe) -> tuple[list[Finding], int]:
    findings = [*_secret_file(settings)]
    async with probe:
        findings.append(_transport(probe.base_url))
        try:
            token = await probe.sign_in()
        except AoError as error:
            return [*findings, Finding("sign-in", "fail", str(error))], code_of(error)
        findings.append(Finding("sign-in", "ok", f"a token for {token.lifetime:.0f} s"))
        findings.append(_clock(probe))
        tallies: dict[str, Tally] = {}
        code = DONE
        async for called in survey(probe.session, whole=False):
            name = called.action.spec.name
            if called.error is None:
                look(called.answer, tallies)
                findings.append(Finding(name, "ok", "answered"))
            else:
                findings.append(Finding(name, "fail", str(called.error)))
                code = code or code_of(called.error)
        findings.append(_rate(probe, settings))
    return [*findings, *_models(tallies)], code


def _models(tallies: Mapping[str, Tally]) -> Iterator[Finding]:
    for name, tally in sorted(tallies.items()):
        yield Finding(f"model {name}", "ok" if tally.is_clean else "warn", str(tally))


def _read(cassette: Path) -> tuple[list[Finding], int]:
    """Judge the answers in a cassette; nothing is sent."""
    from aoclient import wire
    from aoclient.cassettes import read

    tallies: dict[str, Tally] = {}
    findings: list[Finding] = []
    code = DONE
    for exchange in read(cassette):
        if exchange.path == wire.TOKEN_PATH or exchange.response is None:
            findings.append(Finding(exchange.name, "warn" if exchange.error else "ok", exchange.error or "recorded"))
            continue
        try:
            look(wire.decode(wire.parse_tree(exchange.form), exchange.response), tallies)
        except AoError as error:
            findings.append(Finding(exchange.name, "fail", str(error)))
            code = code or code_of(error)
        else:
            findings.append(Finding(exchange.name, "ok", "read"))
    return [*findings, *_models(tallies)], code


def _secret_file(settings: Settings) -> Iterator[Finding]:
    path = settings["client_secret_file"]
    source = settings.found["client_secret"].source
    if settings["client_secret"] or not path or path == "-":
        yield Finding("secret", "ok", source)
    elif Path(path).exists() and Path(path).stat().st_mode & 0o077:
        yield Finding("secret", "warn", f"others on this machine may read {path}: chmod 600 it")
    else:
        yield Finding("secret", "ok", f"{path}, {source}")


def _transport(base_url: str) -> Finding:
    if base_url.startswith("https:"):
        return Finding("connection", "ok", f"{base_url}, certificate checked")
    return Finding("connection", "warn", f"{base_url} is not encrypted")


def _clock(probe: Probe) -> Finding:
    try:
        # A header has whole seconds, cut off.
        ahead = probe.at - parsedate_to_datetime(probe.headers.get("date", "")).timestamp() - 0.5
    except ValueError:
        return Finding("clock", "warn", "the server says no time")
    state: Literal["ok", "warn"] = "ok" if abs(ahead) <= _SKEW else "warn"
    return Finding("clock", state, f"{abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server")


def _rate(probe: Probe, settings: Settings) -> Finding:
    limit, remaining = (probe.headers.get(f"x-ratelimit-{name}") for name in ("limit", "remaining"))
    own = Rate.parse(settings["rate"]) if settings["rate"] else None
    mine = f"; set here: {own.calls} calls in {own.per:g} s" if own else ""
    if limit is None:
        return Finding("rate", "ok" if own else "warn", f"the server says no limit{mine}")
    return Finding("rate", "ok", f"{remaining} of {limit} calls are left in this window{mine}")
