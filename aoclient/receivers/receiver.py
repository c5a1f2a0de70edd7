"""`Receiver`: the body of a webhook in, an answer for its sender out, and the event to its handlers once."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import logging
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, overload

from aoclient.errors import ConfigurationError, WebhookError
from aoclient.receivers import answer as answers
from aoclient.receivers.answer import Answer
from aoclient.receivers.deliveries import Deliveries
from aoclient.receivers.intake import Intake, noted_of
from aoclient.receivers.stores import MemoryStore
from aoclient.webhooks import Event, parse
from aoclient.webhooks.signature import verifier

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
    from types import TracebackType
    from typing import Self

    from aoclient.receivers.deliveries import OnError
    from aoclient.receivers.delivery import Delivery, Handler
    from aoclient.receivers.intake import Headers
    from aoclient.receivers.stores import DeliveryStore
    from aoclient.secret import Secret
    from aoclient.webhooks import Encoding

E = TypeVar("E", bound=Event)
E2 = TypeVar("E2", bound=Event)
E3 = TypeVar("E3", bound=Event)
R = TypeVar("R")

Registering: TypeAlias = "Callable[[Callable[[E], Coroutine[Any, Any, R]]], Callable[[E], Coroutine[Any, Any, R]]]"

_log = logging.getLogger("aoclient.receivers")


class Receiver:
    """Take webhooks: check each, answer its sender, and have every event handled once.

    ::

        receiver = Receiver(secret)

        @receiver.on(QuizFinished)
        async def note(event: QuizFinished) -> None: ...

    It works while it is open: ``async with receiver:``, or `lifespan` of the application it is in.

    A sender waits 3 s for a 2xx, and else tries again after 10 s and after 100 s more, and never again. So by default
    the answer goes out at once and the handlers run in the background, where a failed one is tried again, ``attempts``
    times in all. The sender does not come back for it, and what is in the background when the process is killed is
    lost. With ``wait=True`` the handlers run before the answer, once, and a failure has the sender try again: nothing
    is lost unless all its three tries fail, but handlers should take less than 3 s.

    The same delivery again is answered and not handled again: while it is at work the one at work counts for both, and
    once it is done the store knows. Deliveries are the same if their bodies are, byte for byte; the sender's further
    tries are so. An id that comes with another body is therefore another event: to handle it costs less than to lose
    it. An event at work in another process that shares the store is answered 503, since that one may yet fail.

    Args:
        secrets: Of the webhook, as its settings show it; several while one is being changed for another.
        store: What is remembered of deliveries. It is opened and closed with the receiver. By default a `MemoryStore`.
        wait: Answer after the handlers, not before them.
        queue_size: Most events accepted and not yet handled. Further ones are answered 503, so the sender tries again.
        workers: Events handled at once.
        max_body_bytes: Largest body; larger ones are answered 413 and not read to their end.
        body_timeout: Seconds a body may take to come; slower ones are answered 408.
        attempts: Tries of a handler in the background. Those of the same event that succeeded do not run again.
        retry_after: Seconds before the second try; each further wait is twice the one before.
        lease: Seconds after which an event whose process died may be taken up by another try of its sender. Renewed
            as long as the event is at work, so it says nothing about how long handlers may take.
        drain_timeout: Seconds `aclose` waits for events at work before it gives them up.
        on_error: Called, and awaited if need be, with each event that is given up and the error: the place to keep it.
        encodings: Spellings of the signature to accept; see `aoclient.webhooks.verify`.

    Raises:
        ConfigurationError: There is no secret, or a setting makes no sense.
    """

    def __init__(
        self,
        secrets: Sequence[str | Secret] | str | Secret,
        *,
        store: DeliveryStore | None = None,
        wait: bool = False,
        queue_size: int = 1000,
        workers: int = 10,
        max_body_bytes: int = 262_144,
        body_timeout: float = 10.0,
        attempts: int = 4,
        retry_after: float = 1.0,
        lease: float = 30.0,
        drain_timeout: float = 10.0,
        on_error: OnError | None = None,
        encodings: Sequence[Encoding] = ("hex",),
    ) -> None:
        self._is_authentic = verifier(secrets, encodings=encodings)
        for name, number, least in (
            ("queue_size", queue_size, 1),
            ("workers", workers, 1),
            ("max_body_bytes", max_body_bytes, 1),
            ("attempts", attempts, 1),
            ("retry_after", retry_after, 0),
            ("drain_timeout", drain_timeout, 0),
        ):
            if not number >= least:
                raise ConfigurationError(f"{name} must be at least {least}, got {number!r}")
        for name, seconds in (("body_timeout", body_timeout), ("lease", lease)):
            if not seconds > 0:
                raise ConfigurationError(f"{name} must be above 0 seconds, got {seconds!r}")
        self._wait = wait
        self._queue_size = queue_size
        self._intake = Intake(max_body_bytes, body_timeout)
        self.drain_timeout = drain_timeout
        self._handlers: list[tuple[tuple[type[Event], ...], Handler]] = []
        self._new_deliveries = partial(
            Deliveries,
            MemoryStore() if store is None else store,
            wait=wait,
            workers=workers,
            attempts=1 if wait else attempts,
            retry_after=retry_after,
            lease=lease,
            on_error=on_error,
        )
        self._deliveries: Deliveries | None = None
        self._entered = 0
        self._opening = asyncio.Lock()

    @overload
    def on(self, kind: type[E], /) -> Registering[E, R]: ...
    @overload
    def on(self, kind: type[E], second: type[E2], /) -> Registering[E | E2, R]: ...
    @overload
    def on(self, kind: type[E], second: type[E2], third: type[E3], /) -> Registering[E | E2 | E3, R]: ...
    @overload
    def on(self, *kinds: type[Event]) -> Registering[Event, R]: ...
    def on(self, *kinds: type[Event]) -> Registering[Any, R]:  # Any: one of the kinds
        """Have a coroutine function called with each event of a class or of several.

        `Event` stands for all of them, `UnknownEvent` for those that are not on the vendor's page. Several handlers of
        one event are called one after the other, in the order they were given. One that fails does not keep the next
        from being called; with ``wait=True`` the sender's next try calls all of them again.

        Raises:
            ConfigurationError: It is no coroutine function, or no class of events.
        """
        for kind in kinds or [None]:
            if not (isinstance(kind, type) and issubclass(kind, Event)):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigurationError(f"expected a class of events, got {kind!r}")

        def register(handler: Callable[[Any], Coroutine[Any, Any, R]]) -> Callable[[Any], Coroutine[Any, Any, R]]:
            if not (inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)):
                raise ConfigurationError(f"a handler is an async def, got {handler!r}")
            self._handlers.append((kinds, handler))
            return handler

        return register

    @property
    def at_work(self) -> int:
        """Events accepted and not yet handled."""
        return 0 if self._deliveries is None else len(self._deliveries)

    # --- life ---

    async def __aenter__(self) -> Self:
        async with self._opening:
            if self._deliveries is None:
                deliveries = self._new_deliveries()
                await deliveries.open()
                self._deliveries = deliveries
            self._entered += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered -= 1
        if self._entered == 0:
            await self.aclose()

    @asynccontextmanager
    async def lifespan(self, _: object) -> AsyncGenerator[None, None]:
        """Be open as long as an application is.

        In FastAPI that is ``FastAPI(lifespan=receiver.lifespan)``, in aiohttp
        ``app.cleanup_ctx.append(receiver.lifespan)``.
        """
        async with self:
            yield

    async def aclose(self) -> None:
        """Take nothing more, wait ``drain_timeout`` for what is at work, and close the store.

        What is not handled by then is cancelled, and goes to ``on_error`` with a `ClientClosedError`.
        """
        if self._deliveries is not None:
            deliveries, self._deliveries = self._deliveries, None
            await deliveries.aclose(self.drain_timeout)

    # --- one delivery ---

    async def receive(self, body: bytes, headers: Headers) -> Answer:
        """Take one delivery whose body is there, and return what to tell its sender. It never raises.

        Args:
            body: Byte for byte as it came.
            headers: By name in any case, or as pairs. A header given twice must be there twice.
        """
        try:
            noted = noted_of(headers)
            refused = self._intake.refuse(noted)
        except Exception:  # noqa: BLE001  # whatever it is, a stranger gets no traceback and the vendor tries again
            return _failed()
        return await self.take(body, noted["signature"]) if refused is None else refused

    async def take(self, body: bytes, signatures: Sequence[str]) -> Answer:
        """Take one delivery as `receive` does, for a server that has seen to the encoding and the length of the body.

        Args:
            body: Byte for byte as it came.
            signatures: All values of the header ``Signature``.
        """
        try:
            taken = self._take(body, signatures)
            return taken if isinstance(taken, Answer) else taken.answer or await taken.answered()
        except Exception:  # noqa: BLE001  # as in `receive`
            return _failed()

    async def respond(self, method: str, headers: Headers, read: Callable[[], Awaitable[bytes]]) -> Answer:
        """Take one request, reading its body only as far as it may be an event. It never raises.

        Args:
            method: Of HTTP.
            headers: As `receive` takes them.
            read: Returns the next bytes of the body, and none at its end.
        """
        if method != "POST":
            return answers.WRONG_METHOD
        try:
            noted = noted_of(headers)
            refused = self._intake.refuse(noted)
            body = await self._intake.read(read) if refused is None else refused
        except Exception:  # noqa: BLE001  # as in `receive`
            return _failed()
        return await self.take(body, noted["signature"]) if isinstance(body, bytes) else body

    def _take(self, body: bytes, signatures: Sequence[str]) -> Answer | Delivery:
        if len(body) > self._intake.max_body_bytes:
            return answers.TOO_LARGE
        deliveries = self._deliveries
        if deliveries is None:
            _log.error("a webhook came, and the receiver is not open: see Receiver.lifespan")
            return answers.CLOSED
        signature = signatures[0] if len(signatures) == 1 else None  # two are as wrong as none
        if not self._is_authentic(body, signature):
            _log.info("a webhook was refused: its signature is missing or wrong")
            return answers.NOT_AUTHENTIC
        try:
            event = parse(body)
        except WebhookError as error:
            _log.warning("a webhook with a good signature cannot be read: %s", error)
            return answers.UNREADABLE
        # The id is part of the body, so the hash of the body stands for both.
        key = hashlib.sha256(body).hexdigest()
        return deliveries.get(key) or self._begin(deliveries, key, event)

    def _begin(self, deliveries: Deliveries, key: str, event: Event) -> Answer | Delivery:
        handlers = [handler for kind, handler in self._handlers if isinstance(event, kind)]
        if not handlers:
            return answers.ACCEPTED
        if len(deliveries) >= self._queue_size:
            _log.warning("a webhook was refused: %d are at work, and queue_size is no more", self._queue_size)
            return answers.BUSY
        return deliveries.add(key, event, handlers)


def _failed() -> Answer:
    _log.exception("a webhook could not be taken; its sender is to send it again")
    return answers.FAILED
