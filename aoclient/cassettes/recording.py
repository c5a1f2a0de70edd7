"""A sender that writes down what passes, masked."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Self

from aoclient import __version__
from aoclient.cassettes import lines
from aoclient.cassettes.masking import Masking
from aoclient.errors import AoError, ConfigurationError
from aoclient.senders.http import Http

if TYPE_CHECKING:
    from typing import TextIO

    from aoclient.wire import Request, Response, Sender

_ONLY_MINE = 0o600


class Recording:
    """Send requests and write each with its answer into a file, masked.

    ``async with Recording("academy.jsonl") as recording`` and ``Session(.., sender=recording)``: so every attempt is
    written, repeats, refusals and requests for a token included. Secrets, tokens and links become ``masked`` or a link
    that leads nowhere; addresses, names and all other texts become pseudonyms, the same one for the same text; numbers,
    times, names of fields and the words of messages stay. Look through the file before you give it away.

    Args:
        path: A file that does not exist yet; only its owner may read it.
        sender: What sends; the network when left out, which is closed with the recording.
        base_url: Of the network, as the session has it.
        rows: Most entries of each list that are kept; None keeps all.
        allow_insecure: Take ``http://`` for hosts other than this machine.

    Attributes:
        count: Exchanges written.

    Raises:
        ConfigurationError: The file exists or cannot be made, or the address cannot be used.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        sender: Sender | None = None,
        base_url: str = "https://app.academyocean.com",
        rows: int | None = None,
        allow_insecure: bool = False,
    ) -> None:
        self._http: Http | None = None
        if sender is None:
            user_agent = f"aoclient/{__version__} aoclient-recording"
            sender = self._http = Http(base_url, user_agent=user_agent, allow_insecure=allow_insecure)
        self._sender = sender
        self._masking = Masking(rows=rows)
        self.count = 0
        self._file = _new_file(path)
        self._file.write(lines.first_line() + "\n")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def send(self, request: Request) -> Response:
        """Send a request and write it down, whatever comes of it; one that is cancelled leaves no line.

        Raises:
            AoError: There is no answer.
        """
        began = time.monotonic()
        try:
            response = await self._sender.send(request)
        except AoError as error:
            self._write(request, type(error).__name__, began)
            raise
        self._write(request, response, began)
        return response

    async def aclose(self) -> None:
        """Close the file, and the network where it is the recording's own."""
        try:
            self._file.close()  # writes what is left, which a full disk refuses
        finally:
            if self._http is not None:
                await self._http.aclose()

    def _write(self, request: Request, response: Response | str, began: float) -> None:
        if self._file.closed:  # an answer that came after the end is nobody's
            return
        self._file.write(lines.line(request, response, time.monotonic() - began, self._masking) + "\n")
        self._file.flush()
        self.count += 1


def _new_file(path: str | os.PathLike[str]) -> TextIO:
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_MINE), "w", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"the cassette {str(path)!r} cannot be made: {error.strerror}") from None
