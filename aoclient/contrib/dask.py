"""An export's shards on the workers of a Dask cluster, extra ``dask``."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

import anyio

from aoclient.errors import ClientClosedError, ConfigurationError, ExportError, MissingExtraError
from aoclient.export.dispatch import Dispatch
from aoclient.export.folder import Folder
from aoclient.export.orders import fill
from aoclient.export.threads import to_its_end
from aoclient.session import Session

try:
    from distributed import Client, Reschedule, Worker, WorkerPlugin, get_worker
except ImportError:  # pragma: no cover  # tested in a process of its own
    raise MissingExtraError("distributed is not installed: pip install 'aoclient[dask]'") from None

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping

    from aoclient.export.executing import Work
    from aoclient.export.orders import Order, Report
    from aoclient.settings import Rate, RetryPolicy, Timeouts

_log = logging.getLogger("aoclient")

T = TypeVar("T")

__all__ = ["DaskExecutor"]

_GOODBYE = 10.0
"""Seconds the workers have to close their sessions."""


class DaskExecutor:
    """Has shards sent and written by the workers of a Dask cluster; for ``export(..., executor=DaskExecutor(client))``.

    The target is a folder that this process and all workers see under the same path. Workers make private files in it,
    and this process alone commits them, so whatever Dask runs twice is in the output once.

    Each worker process opens one session for the export, `aoclient.Session.from_env` with its own environment: the
    secret is there, or in the file the environment names, and never in the task graph. With ``AOCLIENT_REDIS_URL``
    all workers share one token and one rate; without it each keeps ``AOCLIENT_RATE`` for itself, which is then to be
    the rate of the account divided by the number of workers.

    Only actions that read are handed out. The argument ``concurrency`` of the export is that of each worker process.
    An event `Started` comes when a shard is handed to the cluster, and its pages are told when it is done.

    Args:
        client: Of the cluster, asynchronous or not, connected and closed by you.
        rate: Of each worker; that of its environment when None.
        timeouts: Of each worker's calls.
        retries: Of each worker's calls; Dask itself repeats a shard only when its worker is gone.
        in_flight: Shards handed to the cluster at once, at least 1. Twice the threads of all workers keep them busy.

    Raises:
        ConfigurationError: ``in_flight`` is below 1, or ``client`` is no client of Dask.
    """

    needs_a_folder = True

    def __init__(
        self,
        client: Client,
        *,
        rate: Rate | None = None,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        in_flight: int = 64,
    ) -> None:
        if not isinstance(client, Client):  # pyright: ignore[reportUnnecessaryIsInstance]  # a cluster is passed easily
            raise ConfigurationError(f"client must be a distributed.Client, got {client!r}")
        if in_flight < 1:
            raise ConfigurationError(f"in_flight must be at least 1, got {in_flight!r}")
        self._client = client
        self._in_flight = in_flight
        given: dict[str, Any] = {"rate": rate, "timeouts": timeouts, "retries": retries}
        self._settings = {name: value for name, value in given.items() if value is not None}

    async def run(self, work: Work) -> Exception | None:
        """Fill the shards on the cluster and commit them here; see `aoclient.export.ShardExecutor.run`."""
        assert isinstance(work.store, Folder)  # noqa: S101  # `export` sees to it, by `needs_a_folder`
        settings = self._settings
        if work.concurrency is not None:
            if work.concurrency < 1:
                raise ConfigurationError(f"concurrency must be at least 1, got {work.concurrency!r}")
            settings = {**settings, "max_concurrency": work.concurrency}
        async with Dispatch(work, work.store, settings) as dispatch:
            run = _Run(self._client, dispatch)
            try:
                failure = await run.all(self._in_flight)
            finally:
                await to_its_end(run.close())
        if failure is not None:
            raise failure
        return dispatch.fatal


class _Run:
    """One export on a cluster."""

    def __init__(self, client: Any, dispatch: Dispatch) -> None:  # Any: half of the types of a Client are unknown
        self._client = client
        self._dispatch = dispatch
        self._name = f"aoclient-export-{uuid4().hex}"
        self._failure: Exception | None = None
        self._scope = anyio.CancelScope()

    async def all(self, in_flight: int) -> Exception | None:
        """Work through all orders; return what is to be raised, so that no exception group wraps it."""
        orders = self._dispatch.orders()
        with self._scope:
            async with anyio.create_task_group() as group:
                for _ in range(in_flight):
                    group.start_soon(self._serve, orders)
        return self._failure

    async def _serve(self, orders: Iterator[Order]) -> None:
        try:
            for order in orders:
                todo: Order | None = order
                while todo is not None:
                    todo = await self._serve_one(todo)
                if self._dispatch.fatal is not None:
                    self._scope.cancel()
        except Exception as error:  # noqa: BLE001  # of the caller's `progress`, or a defect: raised by `run`
            self._failure = self._failure or error
            self._scope.cancel()

    async def _serve_one(self, order: Order) -> Order | None:
        """Have one order filled; return the one to be given instead, if any."""
        try:
            report = await self._on_its_loop(self._filled(order))
        except ExportError as error:
            self._dispatch.lose(order, error, is_final=self._client.status != "running")
            return None
        return await self._dispatch.take(order, report)

    async def close(self) -> None:
        """Have the workers close their sessions, which ends what they still send; do not wait for ever."""
        try:
            with anyio.move_on_after(_GOODBYE):
                await self._on_its_loop(self._close_sessions())
        except Exception as error:  # noqa: BLE001  # of whatever Dask raises; workers may be gone, and their sessions too
            _log.info("the sessions of the workers could not be closed: %s", type(error).__name__)

    async def _on_its_loop(self, doing: Coroutine[Any, Any, T]) -> T:  # Any: as the type has it
        """Do something in the event loop of the client, which for one that is not asynchronous is in another thread."""
        loop = getattr(self._client.loop, "asyncio_loop", None)  # of a closed client None
        if loop is asyncio.get_running_loop():
            return await doing
        if loop is None or not loop.is_running():
            doing.close()
            raise ExportError("the client of the Dask cluster is closed")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(doing, loop))

    async def _filled(self, order: Order) -> Report:
        future: Any = None  # Any: as above
        try:
            future = self._client.submit(fill_order, order, self._name, key=f"{order.shard.job}-{uuid4().hex}")
            return cast("Report", await future)
        except Exception as error:  # noqa: BLE001  # whatever Dask raises: errors of the export are in reports
            raise ExportError(f"the Dask cluster did not do it: {type(error).__name__}: {error}") from None
        finally:
            if future is not None:
                future.release()  # one that is not done is cancelled by it: nobody else waits for it

    async def _close_sessions(self) -> None:
        await self._client.run(close_session, self._name, on_error="ignore")


# --- on a worker --------------------------------------------------------------------------------------------------


class Sessions(WorkerPlugin):
    """The session of one export on one worker, closed with whichever ends first."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def open(self, settings: Mapping[str, Any]) -> Session:  # Any: arguments of Session
        """Return the session, made when it is first asked for."""
        if self._session is None:
            self._session = Session.from_env(**settings)
        return self._session

    async def teardown(self, worker: Worker) -> None:
        """Close the session."""
        del worker
        if self._session is not None:
            await self._session.aclose()


async def fill_order(order: Order, export: str) -> Report:
    """Fill the shard of an order with the session this worker has for the export."""
    worker = get_worker()

    async def session() -> Session:
        if export not in worker.plugins:
            await worker.plugin_add(plugin=Sessions(), name=export)
        return cast("Sessions", worker.plugins[export]).open(order.settings)

    try:
        return await fill(order, session)
    except ClientClosedError:  # the worker is on its way out
        raise Reschedule from None


async def close_session(export: str, dask_worker: Worker) -> None:
    """Close the session this worker has for an export."""
    if export in dask_worker.plugins:
        await dask_worker.plugin_remove(name=export)
