"""The connection to Redis: scripts go out, and trouble comes back as `OSError`, quickly."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from aoclient.errors import ConfigurationError, MissingExtraError
from aoclient.secret import Secret
from aoclient.senders.interrupt import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from types import ModuleType

Word: TypeAlias = "str | bytes | float | Secret"

_log = logging.getLogger("aoclient")

_TIMEOUT = 1.0  # seconds for connecting, and for an answer
_AGAIN_AFTER = 0.5  # seconds after a failure until Redis is asked again
_TIMES_AS_LONG = 4  # as the failure took: a Redis that swallows requests must not hold up every call
_AT_ONCE = 50  # commands; for each there is a connection
_LISTENS_FOR = 3600.0  # seconds at a time: with no time given, redis 5 takes that of the connection


class Script:
    """A Lua script; Redis runs it in one step.

    Attributes:
        text: What it does.
        sha: What Redis calls it by.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class Link:
    """A pool of connections to one Redis, opened at the first use, and again after it was closed.

    A command that was begun is carried through although its caller is cancelled, so that no connection is left with
    an answer nobody reads. While Redis is away, commands fail at once, and one of them looks again now and then.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``; or a client of `redis.asyncio`, which may be one for a cluster
            and is not closed here. Keys that go into one command carry the same hash tag.

    Attributes:
        pause: Seconds Redis was left alone after the last failure.

    Raises:
        MissingExtraError: The package redis is not installed.
        ConfigurationError: The URL cannot be used, or it is no client of `redis.asyncio`.
    """

    def __init__(self, url: str | Secret | Any) -> None:  # Any: redis.asyncio.Redis or RedisCluster
        self._exceptions = _exceptions()
        self._is_own = isinstance(url, str | Secret)
        self._client: Any = _client(url) if self._is_own else _asyncio(url)
        self._running: set[asyncio.Task[Any]] = set()
        self._listening: set[asyncio.Task[None]] = set()
        pool = getattr(self._client, "connection_pool", None)  # a client for a cluster has one for each node
        self._most: int = getattr(pool, "max_connections", _AT_ONCE + 1)
        self._room = self._new_room()
        self._away_until = -math.inf
        self.pause = _AGAIN_AFTER

    async def call(self, *words: Word) -> Any:  # Any: what Redis answers hangs on the command
        """Send a command.

        Raises:
            OSError: Redis cannot be reached, or refuses.
        """
        return await asyncio.shield(self.start(self._sent(words)))

    async def run(self, script: Script, keys: Sequence[str], *values: Word) -> Any:
        """Run a script.

        Raises:
            OSError: Redis cannot be reached, or refuses.
        """
        return await asyncio.shield(self.begin(script, keys, *values))

    def begin(self, script: Script, keys: Sequence[str], *values: Word) -> asyncio.Task[Any]:
        """Begin to run a script; who awaits it shields it, and it may be left to itself.

        The task raises `OSError` where Redis cannot be reached, or refuses.
        """
        return self.start(self._run(script, len(keys), (*keys, *values)))

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start work that `aclose` waits for."""
        task = asyncio.create_task(work, name="aoclient redis")
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def listen(self, channel: str, heard: Callable[[bytes], None], joined: Callable[[], None]) -> asyncio.Task[None]:
        """Hear what is published, on a connection of its own, until that breaks.

        Args:
            channel: Its name.
            heard: Called with each message.
            joined: Called each time from which on nothing is missed.

        Returns:
            A task, which may be cancelled. It raises nothing, and ends at once where the client cannot subscribe.
        """
        task = asyncio.create_task(self._listen(channel, heard, joined), name="aoclient redis news")
        self._listening.add(task)
        task.add_done_callback(self._listening.discard)
        return task

    async def aclose(self) -> None:
        """Wait for what was begun, which takes no longer than its timeouts, and close the connections."""
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)
        while self._running:
            await asyncio.wait(self._running)
        if self._is_own:
            await self._client.aclose()
        self._room = self._new_room()  # the next loop may be another one

    def _new_room(self) -> asyncio.Semaphore:
        # One of the pool's connections listens; a command that finds none would count as an absence of Redis.
        return asyncio.Semaphore(max(1, min(_AT_ONCE, self._most - 1)))

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it

    async def _run(self, script: Script, count: int, words: tuple[Word, ...]) -> Any:
        try:
            return await self._sent(("EVALSHA", script.sha, count, *words))
        except _UnknownScriptError:
            return await self._sent(("EVAL", script.text, count, *words))

    async def _listen(self, channel: str, heard: Callable[[bytes], None], joined: Callable[[], None]) -> None:
        if self._most < 2:  # noqa: PLR2004  # commands need the one there is
            return
        try:
            listener = self._client.pubsub()
        except AttributeError:  # not all versions can, where the client is one for a cluster
            return
        try:
            await listener.subscribe(channel)
            # Looked at, since `asyncio.wait_for`, which the package connects with, may swallow it in 3.11.
            while not is_cancelled():
                message = await listener.get_message(timeout=_LISTENS_FOR)
                if message is None:
                    continue
                if message["type"] == "subscribe":  # also after the package has connected again by itself
                    joined()
                elif message["type"] == "message":
                    heard(message["data"])
        except (self._exceptions.RedisError, OSError) as error:
            _log.debug("the news from Redis broke off: %s", type(error).__name__)
        finally:
            await listener.aclose()

    async def _sent(self, words: tuple[Word, ...]) -> Any:
        async with self._room:
            return await self._sent_now(words)

    async def _sent_now(self, words: tuple[Word, ...]) -> Any:
        loop = asyncio.get_running_loop()
        began = loop.time()
        if began < self._away_until:
            raise OSError("Redis is away")
        try:
            answer = await self._client.execute_command(
                *(word.reveal() if isinstance(word, Secret) else word for word in words)
            )
        except self._exceptions.NoScriptError:
            failure: Exception = _UnknownScriptError()
        except (self._exceptions.RedisError, OSError) as error:
            now = loop.time()
            self.pause = _AGAIN_AFTER + _TIMES_AS_LONG * (now - began)
            self._away_until = now + self.pause
            failure = OSError(f"Redis: {error}")
        else:
            self._away_until = -math.inf
            return answer
        raise failure  # not in the handler: the package's own error holds what was sent, and the password


class _UnknownScriptError(Exception):
    """Redis was restarted, or never had the script."""


def milliseconds(seconds: float) -> int:
    """Return seconds as Redis takes them, at least one millisecond."""
    return max(1, math.ceil(seconds * 1000))


def link_to(redis: str | Link | Any) -> Link:  # Any: a client of redis.asyncio
    """Return the link itself, or one to a URL or over a client."""
    return redis if isinstance(redis, Link) else Link(redis)


def _client(url: str | Secret) -> Any:
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as BrokenConnectionError
    from redis.exceptions import ReadOnlyError

    # Once more, on a new connection: those in the pool break when Redis is restarted, and after a failover they may
    # lead to what is a replica now, which answers and refuses as long as the connection lasts.
    again = (BrokenConnectionError, ReadOnlyError)
    try:
        client: Any = Redis.from_url(  # pyright: ignore[reportUnknownMemberType]  # its **kwargs have no type
            url.reveal() if isinstance(url, Secret) else url,
            socket_timeout=_TIMEOUT,
            socket_connect_timeout=_TIMEOUT,
            retry=Retry(NoBackoff(), 1, supported_errors=again),
            retry_on_error=list(again),  # without it redis 5 raises what it could retry
        )
        client.connection_pool.make_connection()  # it knows which settings behind the "?" there are
    except Exception as error:  # noqa: BLE001  # the package's are many: ValueError, TypeError, AttributeError..
        kind = type(error).__name__
    else:
        return client
    # Not in the handler: the frames of the package's own error have the address, password and all.
    raise ConfigurationError(
        "the address of Redis must be a redis://, rediss:// or unix:// URL, with settings redis-py knows behind the ?:"
        f" it raised {kind}"
    )


def _asyncio(client: Any) -> Any:
    """Return a client, unless it is one that blocks, which is easily confused, or something else."""
    import redis

    if isinstance(client, redis.Redis | redis.RedisCluster) or not hasattr(client, "execute_command"):
        kind = type(cast("object", client))
        raise ConfigurationError(
            f"redis must be a URL, a Link or a client of redis.asyncio, got {kind.__module__}.{kind.__qualname__}"
        )
    return client


def _exceptions() -> ModuleType:
    try:
        return import_module("redis.exceptions")
    except ImportError:
        raise MissingExtraError("redis is not installed: pip install 'aoclient[redis]'") from None
