"""``aoclient webhooks``: take them and print them, verify one, send a sample."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from attrs import frozen
from cyclopts import App, Group, Parameter, validators

from aoclient.cli.connection import secret_of, settle
from aoclient.cli.exits import UsageError
from aoclient.cli.listening import Host, on_sigterm, said
from aoclient.cli.output import NO_OUTPUT, OutputOptions, Writer, write_one
from aoclient.secret import Secret
from aoclient.webhooks import EVENTS, Encoding, Event, dumps, parse, sign, verify

if TYPE_CHECKING:
    from aoclient.cli.output import Format
    from aoclient.emulator.webhooks import Post, Webhooks
    from aoclient.receivers import Receiver

app = App(name="webhooks")


@Parameter(group=Group("Secret", sort_key=10))
@frozen(kw_only=True)
class SecretOptions:
    """Where the secret of the webhook is; it cannot be said itself."""

    profile: Annotated[str | None, Parameter(help="Profile in config.toml; or AOCLIENT_PROFILE.")] = None
    webhook_secret_file: Annotated[
        str | None,
        Parameter(
            help="File with the secret, - for stdin; or AOCLIENT_WEBHOOK_SECRET_FILE, AOCLIENT_WEBHOOK_SECRET, "
            "a prompt.",
            allow_leading_hyphen=True,
        ),
    ] = None


Secrets = Annotated[SecretOptions, Parameter(name="*")]
NO_SECRET = SecretOptions()


def _secret(options: SecretOptions) -> Secret:
    secret = secret_of(settle(options), name="webhook_secret")
    sign(b"", secret)  # refuses a blank one
    return secret


# --- listen ------------------------------------------------------------------------------------------------------


@app.command
def listen(
    *,
    host: Host = "127.0.0.1",
    port: Annotated[int, Parameter(validator=validators.Number(gte=0, lte=65535))] = 9000,
    path: str = "/webhooks",
    store: Path | None = None,
    output: OutputOptions = NO_OUTPUT,
    secret: Secrets = NO_SECRET,
) -> None:
    """Take webhooks and print each event once, until it is interrupted.

    An event is answered with 200 once it is printed. What is refused is said on stderr.

    Parameters
    ----------
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one.
    path
        Path of the URL.
    store
        SQLite file that remembers which events were printed; without one that is forgotten at the end.
    """
    from aoclient.receivers import Receiver, SQLiteStore

    form = output.format
    if not _PATH.fullmatch(path):
        raise UsageError(f"--path: expected a path such as /webhooks, got {path!r}")
    # Answered after it is printed: what this process cannot print is sent again.
    receiver = Receiver(_secret(secret), store=None if store is None else SQLiteStore(store), wait=True)
    with said("aoclient.receivers", logging.INFO), said("aiohttp.server", logging.ERROR):
        asyncio.run(_listen(receiver, host, port, path, form))


_PATH = re.compile(r"/[^\s{}?#]*")  # braces would make it a pattern


async def _listen(receiver: Receiver, host: str, port: int, path: str, form: Format) -> None:
    from aoclient.cli.eventlines import EventWriter
    from aoclient.receivers import serve

    stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    writer = EventWriter(form)

    @receiver.on(Event)
    async def write(event: Event) -> None:
        try:
            writer.write(event)
        except OSError as error:  # nobody reads any more, or the disk is full
            if not stopped.done():
                stopped.set_exception(error)
            raise

    try:
        async with serve(receiver, host, port, path=path) as url:
            with on_sigterm(stopped.cancel):
                print(f"Webhooks are taken at {url}, Ctrl-C ends it.", file=sys.stderr, flush=True)
                await asyncio.wait([stopped])
    finally:
        writer.close()  # after the last of those that were being taken
    if not stopped.cancelled():
        stopped.result()


# --- verify ------------------------------------------------------------------------------------------------------


@app.command(name="verify")
def verify_file(
    file: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    signature: Annotated[str, Parameter(allow_leading_hyphen=True)],
    encoding: Encoding = "hex",
    output: OutputOptions = NO_OUTPUT,
    secret: Secrets = NO_SECRET,
) -> int:
    """Tell whether a body has the right signature, with exit code 0 or 1.

    Parameters
    ----------
    file
        The body, byte for byte as it came; - for stdin.
    signature
        What the Signature header held.
    encoding
        How the signature is spelt.
    """
    form = output.format
    if file == secret.webhook_secret_file == "-":
        raise UsageError("the body and the secret cannot both come from stdin")
    key = _secret(secret)
    payload = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    is_right = verify(payload, signature, key, encodings=[encoding])
    write_one({"verified": is_right, **(_named(payload) if is_right else {})}, form)
    if not is_right and verify(payload.rstrip(b"\r\n"), signature, key, encodings=[encoding]):
        print("aoclient: without the line break at its end the body would be right", file=sys.stderr)
    return 0 if is_right else 1


def _named(payload: bytes) -> dict[str, str]:
    event = parse(payload)
    return {"event": event.event, "id": event.id, "class": type(event).__name__}


# --- send --------------------------------------------------------------------------------------------------------


@app.command
def send(
    event: Annotated[str, Parameter(help=f"Name of the event, or all: {', '.join(EVENTS)}.")],
    url: str,
    *,
    id: str | None = None,  # noqa: A002  # what the option is called
    timeout: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 3.0,
    output: OutputOptions = NO_OUTPUT,
    secret: Secrets = NO_SECRET,
) -> int:
    """Send a signed sample of an event, as the vendor would, and tell what was answered.

    The exit code is 0 where every answer is 2xx. Each is sent once: nothing is tried again.

    Parameters
    ----------
    url
        Where your receiver is.
    id
        Id of the event; a new one when left out. The same id makes the same body, so it should be handled once.
    timeout
        Seconds to wait for the answer; the vendor seems to wait 3.
    """
    from aoclient.cli.samples import sample
    from aoclient.emulator.webhooks import Webhooks

    form = output.format
    events = [sample(each, str(uuid.uuid4()) if id is None else id) for each in _classes(event)]
    webhooks = Webhooks(url, _secret(secret), timeout=timeout)
    writer = Writer(form)
    all_taken = asyncio.run(_send(webhooks, events, writer))
    writer.close()
    return 0 if all_taken else 1


def _classes(name: str) -> list[type[Event]]:
    found = [each for each in EVENTS.values() if name in (*each.names(), "all")]
    if not found:
        raise UsageError(f"there is no event {name!r}, only {', '.join(EVENTS)}")
    return found


async def _send(webhooks: Webhooks, events: Sequence[Event], writer: Writer) -> bool:
    """Send events one after the other and tell whether each was answered 2xx."""
    from aoclient.emulator.webhooks import opened

    statuses: list[int] = []
    async with opened(webhooks.to) as post:
        for event in events:
            status, words = await _status(webhooks, post, dumps(event))
            statuses.append(status)
            writer.write({"event": event.event, "id": event.id, "status": status or None, "error": words})
    return all(200 <= status < 300 for status in statuses)  # noqa: PLR2004  # HTTP


async def _status(webhooks: Webhooks, post: Post, body: bytes) -> tuple[int, str | None]:
    """Return the status of an answer, or 0 and why there is none."""
    try:
        async with asyncio.timeout(webhooks.timeout):
            return await post(body, webhooks.headers(body)), None
    except TimeoutError:
        return 0, f"no answer within {webhooks.timeout:g} s"
    except OSError as error:
        return 0, str(error)
