"""One shard filled in another process: an order goes out as plain data, a small report comes back.

The file gets a private name that no two runs of an order share, in a folder that stands as long as the export that
gave the order. It is committed by the process that holds the target and by nobody else, so a shard that is run twice,
or by two workers at once, is in the output once.
"""

from __future__ import annotations

import copy
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from anyio import to_thread
from attrs import frozen

from aoclient.action import Action, Effect
from aoclient.actions import ACTIONS
from aoclient.errors import AoError, ClientClosedError, ConfigurationError, ExportError
from aoclient.export.columns import table_of
from aoclient.export.events import Committed, Event, FailedShard, PageWritten
from aoclient.export.filling import Filling
from aoclient.export.folder import FileSink
from aoclient.export.formats import FileFormat
from aoclient.export.records import Shard, ShardRecord, form_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from aoclient.export.columns import Row, Table
    from aoclient.export.store import Sink
    from aoclient.session import Session


@frozen(kw_only=True)
class Order:
    """All that is to be known to fill a shard; it holds no secret.

    Attributes:
        shard: With the forms to send, smaller ones where an answer was too big.
        query_hash: Over the forms as they were planned.
        folder: Where the private file goes, an absolute path.
        format: Of the file.
        action: Vendor's name of the action whose answers the columns are made of.
        added: Options that become columns in front.
        schema_hash: Of the columns.
        account: `aoclient.Session.account` of the export.
        settings: Of the session that sends the forms; the rest it takes from its environment.
    """

    shard: Shard
    query_hash: str
    folder: str
    format: FileFormat
    action: str
    added: tuple[str, ...]
    schema_hash: str
    account: str
    settings: Mapping[str, Any]  # Any: arguments of Session


@frozen(kw_only=True)
class Report:
    """What became of an order.

    Attributes:
        pages: Rows of each answer that was written.
        record: Of the shard, where its file is whole.
        private: Name of the file, in the folder of the order.
        error: Why there is none, if so.
        place: Which form was answered with the error.
        is_final: Whether all other orders would end so too.
    """

    pages: tuple[int, ...] = ()
    record: ShardRecord | None = None
    private: str = ""
    error: AoError | None = None
    place: int | None = None
    is_final: bool = False


async def fill(order: Order, session: Callable[[], Awaitable[Session]]) -> Report:
    """Fill the shard of an order; what goes wrong stands in the report.

    Args:
        order: What to fill.
        session: Gives the session of this process.

    Raises:
        ClientClosedError: The session was closed; another process may fill the shard.
    """
    try:
        if not await to_thread.run_sync(Path(order.folder).is_dir):
            raise ExportError(f"there is no {order.folder}; the target must be a folder that all workers see")
        content, ao = _Content(order), await session()
        if ao.account != order.account:
            raise ConfigurationError("AOCLIENT_BASE_URL and AOCLIENT_CLIENT_ID name another account than the export's")
    except AoError as error:
        return Report(error=ExportError(f"worker {socket.gethostname()}:{os.getpid()}: {error}"), is_final=True)
    annex, events = _Annex(order), list[Event]()
    fatal = await Filling(ao, {order.shard.job: content}, annex, events.append, None).run([order.shard])
    if isinstance(fatal, ClientClosedError):
        raise fatal
    pages = tuple(event.rows for event in events if isinstance(event, PageWritten))
    end = events[-1]
    if isinstance(end, Committed):
        return Report(pages=pages, record=end.record, private=annex.private)
    assert isinstance(end, FailedShard)  # noqa: S101  # a shard ends in one of the two
    failure = copy.copy(end.error)  # without frames and contexts, which need not be picklable
    return Report(pages=pages, error=failure, place=content.place, is_final=fatal is not None)


class _Content:
    """What is known of a job here: its columns. What to do about an answer that is too big is asked of who ordered."""

    def __init__(self, order: Order) -> None:
        for action in order.shard.actions():
            if action.effect is not Effect.READS:
                raise ConfigurationError(f"{action.spec.name} does more than read; it is not sent from a worker")
        self.table: Table = table_of(ACTIONS[order.action], order.added)
        if self.table.schema_hash != order.schema_hash:
            raise ConfigurationError(f"{order.shard.job} has other columns than the export; is aoclient as new here?")
        self.place: int | None = None
        self._query = order.shard.query

    def smaller(self, action: Action[Any], error: AoError) -> Sequence[Action[Any]]:  # Any: whatever it answers
        """Note which action failed."""
        del error
        self.place = self._query.index(form_of(action))
        return ()


class _Annex:
    """Where the one file of an order is written."""

    committers = 1

    def __init__(self, order: Order) -> None:
        self.private = ""
        self._order = order

    def sink(self, shard: Shard, table: Table) -> Sink:
        """Return where to write the shard."""
        sink = _AnnexSink(Path(self._order.folder), shard, table, self._order.format, mark=f"{uuid4().hex}.")
        self.private = sink.private.name
        return sink


class _AnnexSink(FileSink):
    def write(self, rows: Sequence[Row]) -> None:
        if not self.private.exists():
            raise FileNotFoundError("the export that ordered this shard is over")
        super().write(rows)
