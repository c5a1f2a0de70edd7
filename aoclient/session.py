"""The session: 28 actions as coroutines, over one pool, one token and one rate."""

from __future__ import annotations

import copy
import os
import platform
import random
from contextlib import AsyncExitStack
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import aiohttp

from aoclient import __version__, wire
from aoclient.action import Action, Effect
from aoclient.environment import Environment
from aoclient.errors import ConfigurationError, InvalidOptionError
from aoclient.forms import MAX_PAIRS, FormValue
from aoclient.inviting import invite_missing
from aoclient.later import Later
from aoclient.method import method
from aoclient.paging import PageSizes
from aoclient.secret import Secret
from aoclient.senders.authorized import Authorized
from aoclient.senders.gate import Commons, commons_of
from aoclient.senders.home import HomeLoop
from aoclient.senders.http import Http
from aoclient.senders.limited import Limited
from aoclient.senders.retry_rule import Quota
from aoclient.senders.retrying import Retrying
from aoclient.senders.sharing import Shared, Sharing
from aoclient.settings import Rate, RetryPolicy, Timeouts, check
from aoclient.tokens import MemoryTokenStore, TokenStore, account_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping
    from types import TracebackType

    from aoclient import actions, agenda, fanout, splitting
    from aoclient.fanout import FanOut, OnError
    from aoclient.model import JsonValue
else:  # what a session may never need, or not before its first call
    actions = Later("aoclient.actions", globals())
    agenda = Later("aoclient.agenda", globals())
    fanout = Later("aoclient.fanout", globals())
    splitting = Later("aoclient.splitting", globals())

T = TypeVar("T")
BASE_URL = "https://app.academyocean.com"
EffectText = Literal["reads", "sets", "adds"]


class Session:
    """A client of one account. Use it as ``async with Session(...) as ao``, or call `aclose` at the end.

    Nothing is opened before the first call. All tasks of one event loop may share it; another loop, thread or
    forked process needs its own.

    Args:
        client_id: Of the OAuth application, from the API tab of the academy's settings.
        client_secret: Beside it there.
        base_url: Where the service is; ``https`` unless the host is this machine.
        rate: At most so many requests in any window, as the server counts them. None: what the server's own
            ``X-RateLimit`` headers say, and no limit where it sends none.
        max_concurrency: Requests on their way at once, at least 1.
        timeouts: How long to wait, in seconds.
        retries: How often to try again, where the effect of the action allows it.
        token_store: Keeps the token, so that processes can share it; in memory by default.
        redis: URL of a Redis, or a `RedisCommons`, which stays open, to share token, rate, holds and kept answers over.
        sender: Stands in for the network, for tests and recorders; ``base_url`` and ``http`` are then not used.
        http: A `aiohttp.ClientSession` to use; it is not closed with the session.
        app_name: Said in the ``User-Agent`` header, ``nightly-export/2.1``.
        allow_insecure: Take ``http://`` for hosts other than this machine; the secret then travels in clear text.
        trust_env: Obey the proxy settings of the environment.
        max_pairs: Most form pairs in one request; calls with more are split, and PHP keeps 1000 by default.
        join_reads: Send identical reads that are in flight at once as one request.
        cache_for: Seconds to keep the answers of academies, courses and getTeams; an action that is no read ends it.

    Attributes:
        account: Tells accounts apart: a hash of ``base_url`` and ``client_id``.
        limiter: Where calls wait for their turn; tells how many do, and how long the rate holds them.

    Raises:
        ConfigurationError: A setting cannot be used; the message names it.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str | Secret,
        *,
        base_url: str = BASE_URL,
        rate: Rate | None = None,
        max_concurrency: int = 10,
        timeouts: Timeouts = Timeouts(),  # noqa: B008  # frozen
        retries: RetryPolicy = RetryPolicy(),  # noqa: B008  # frozen
        token_store: TokenStore | None = None,
        redis: str | Secret | Commons | None = None,
        sender: wire.Sender | None = None,
        http: aiohttp.ClientSession | None = None,
        app_name: str | None = None,
        allow_insecure: bool = False,
        trust_env: bool = False,
        max_pairs: int = MAX_PAIRS,
        join_reads: bool = False,
        cache_for: float = 0.0,
    ) -> None:
        client_secret = Secret(client_secret)  # under the same name: reports may show the variables of this frame
        redis = Secret(redis) if isinstance(redis, str) else redis  # it may hold a password
        self._closes_redis = isinstance(redis, Secret)
        self._redis = redis = commons_of(redis)
        if not client_id or not client_secret:
            raise ConfigurationError("client_id and client_secret must not be empty")
        check(rate=rate, timeouts=timeouts, retries=retries, max_concurrency=max_concurrency, max_pairs=max_pairs)
        self._http: Http | None = None
        if sender is None:
            sender = self._http = Http(
                base_url,
                max_concurrency=max_concurrency,
                http=http,
                user_agent=_user_agent(app_name),
                allow_insecure=allow_insecure,
                trust_env=trust_env,
            )
        if token_store is None:
            token_store = MemoryTokenStore() if redis is None else redis.tokens
        self._rng = random.Random()  # noqa: S311  # jitter
        self._authorized = Authorized(
            sender,
            client_id=client_id,
            client_secret=client_secret,
            store=token_store,
            rng=self._rng,
            base_url=base_url,
        )
        self.account = account_of(base_url, client_id)
        gate = None if redis is None else redis.gate(self.account)
        self.limiter = self._limited = Limited(self._authorized, rate=rate, max_concurrency=max_concurrency, gate=gate)
        self._quota = Quota()
        self._home = HomeLoop()
        self._remember = redis.remembering(self.account, keep_for=cache_for) if redis and cache_for else None
        own_for = 0.0 if self._remember else cache_for
        self._shared = Shared(join_reads, own_for) if join_reads or own_for else None
        self._around: tuple[Callable[[wire.Sender], wire.Sender], ...] = ()
        self._sender = self._chain(retries)
        self._timeouts = timeouts
        self._priority = 0
        self._max_concurrency = max_concurrency
        self._max_pairs = max_pairs
        self.page_sizes = PageSizes()

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **settings: Any) -> Self:  # Any: those of Session
        """Make a session from ``AOCLIENT_*`` variables; ``settings`` go before them.

        Read are ``AOCLIENT_CLIENT_ID``, ``AOCLIENT_CLIENT_SECRET`` or ``AOCLIENT_CLIENT_SECRET_FILE`` (a path),
        ``AOCLIENT_BASE_URL``, ``AOCLIENT_RATE`` (``60/60`` is 60 calls in 60 s) and ``AOCLIENT_REDIS_URL``.

        Raises:
            ConfigurationError: A variable is missing or cannot be read; the message names it.
        """
        variables = Environment(environ)
        del environ  # reports may show the variables of this frame
        if "client_secret" in settings:
            settings["client_secret"] = Secret(settings["client_secret"] or "")
        given = variables.settings() | settings
        client_id = given.pop("client_id", None) or variables.get("AOCLIENT_CLIENT_ID")
        if not client_id:
            raise ConfigurationError("AOCLIENT_CLIENT_ID is not set")
        return cls(client_id, given.pop("client_secret", None) or variables.client_secret(), **given)

    # --- life ---

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End what is on its way and close the connections. A second time does nothing.

        Calls end with `ClientClosedError`; those that add and were sent with `OutcomeUnknownError`.
        """
        async with AsyncExitStack() as stack:  # whoever is cancelled in one of them goes through the others still
            if self._redis is not None and self._closes_redis:
                stack.push_async_callback(self._redis.aclose)
            if self._http is not None:
                stack.push_async_callback(self._http.aclose)
            stack.push_async_callback(self._authorized.aclose)
            await self._limited.aclose()

    def with_options(
        self, *, timeouts: Timeouts | None = None, retries: RetryPolicy | None = None, priority: int | None = None
    ) -> Self:
        """Return a view on the same pool, token and limiter with settings of its own; it is closed with this session.

        Args:
            timeouts: Of the calls of the view.
            retries: Of the calls of the view.
            priority: Where calls queue, lower numbers go first. A session has 0, its fan-outs 1 more than itself.
        """
        view = copy.copy(self)
        if timeouts is not None:
            check(timeouts=timeouts)
            view._timeouts = timeouts  # noqa: SLF001  # a copy of this very object
        if retries is not None:
            check(retries=retries)
            view._sender = self._chain(retries)  # noqa: SLF001
        if priority is not None:
            view._priority = priority  # noqa: SLF001
        return view

    def with_sender(self, make: Callable[[wire.Sender], wire.Sender]) -> Self:
        """Return a view whose calls go through a sender of your own, above the retries: it sees each call once.

        Args:
            make: Gets the sender that does the call, and returns the one to use instead, which passes requests on.
        """
        view = copy.copy(self)
        view._around = (*self._around, make)  # noqa: SLF001  # a copy of this very object
        view._sender = make(self._sender)  # noqa: SLF001
        return view

    def _chain(self, retries: RetryPolicy) -> wire.Sender:
        retrying = Retrying(self._limited, policy=retries, quota=self._quota, rng=self._rng, home=self._home)
        sender = retrying if self._remember is None else self._remember(retrying)
        sender = sender if self._shared is None else Sharing(sender, self._shared)
        return reduce(lambda inner, make: make(inner), self._around, sender)

    # --- one call ---

    async def send(self, action: Action[T]) -> T:
        """Send an action and return its answer.

        An action whose form has more than ``max_pairs`` pairs is sent in parts and the answers are merged. Parts that
        read go at once, all others one after the other, and nothing more is sent once a part failed.

        Raises:
            InvalidOptionError: The action cannot be sent, and nothing was.
            AoError: There is no answer. Of an action sent in parts, ``error.parts`` tells which were done.
        """
        request = wire.encode(action, timeouts=self._timeouts, priority=self._priority)
        if request.body.count(b"&") < self._max_pairs:
            answer: T = (await self._sender.send(request)).value
            return answer
        parts = splitting.split(action, self._max_pairs)
        is_safe = all(part.effect is Effect.READS for part in parts)
        at_once = self._max_concurrency if is_safe else 1
        return await fanout.send_parts(parts, lambda todo: self._fan_out(todo, concurrency=at_once, ordered=False))

    async def call(
        self, name: str, options: Mapping[str, FormValue] | None = None, *, effect: Effect | EffectText = Effect.ADDS
    ) -> JsonValue:
        """Send an action that is not modelled here and return its parsed JSON; None for an empty body.

        Args:
            name: The vendor's name.
            options: As the vendor takes them.
            effect: What a repeat does; by default the action is never repeated once it may have been executed.

        Raises:
            InvalidOptionError: An option cannot be written as a form, or the form has too many pairs.
            AoError: There is no answer.
        """
        request = wire.encode_plain(name, options, Effect(effect), timeouts=self._timeouts, priority=self._priority)
        pairs = request.body.count(b"&") + 1
        if pairs > self._max_pairs:
            raise InvalidOptionError(f"{pairs} form pairs, and the server keeps {self._max_pairs}", action=name)
        answer: JsonValue = (await self._sender.send(request)).value
        return answer

    # --- many calls ---

    def fan_out(
        self,
        todo: Iterable[Action[T]] | AsyncIterable[Action[T]],
        *,
        concurrency: int | None = None,
        ordered: bool = False,
        on_error: OnError = "collect",
        look_ahead: int = 8,
        retry_failed: int = 0,
    ) -> FanOut[T]:
        """Send many actions, a fixed number at once, and give their outcomes as they come.

        A paged action without ``page`` brings an outcome for each of its pages, in order; one that is too big for a
        request brings one for each part. ``todo`` is read as slots come free, and a slow reader of the outcomes slows
        the calls down, so that memory stays flat.

        Args:
            todo: Actions, as an iterable or an async iterable; may be endless.
            concurrency: Actions on their way at once; ``max_concurrency`` of the session by default.
            ordered: Give the outcomes in the order of ``todo``.
            on_error: ``collect`` gives a `Failed` for what failed, ``raise`` raises the first error.
            look_ahead: Most pages of one listing on their way at once; more than one only while slots are free and no
                call queues.
            retry_failed: How often what failed, after the retries of each call, is put back to be sent later, if it
                may be repeated.

        Returns:
            An async context manager that gives an async iterator of `Done` and `Failed`. Leaving it cancels what is
            still on its way: early, or at the end pages behind the last one of a listing. Or give its `FanOut.each` a
            coroutine function that takes each outcome.
        """
        return self.with_options(priority=self._priority + 1)._fan_out(  # noqa: SLF001  # a view
            todo,
            concurrency=self._max_concurrency if concurrency is None else concurrency,
            ordered=ordered,
            on_error=on_error,
            look_ahead=look_ahead,
            retry_failed=retry_failed,
        )

    def _fan_out(
        self,
        todo: Iterable[Action[T]] | AsyncIterable[Action[T]],
        *,
        concurrency: int,
        ordered: bool,
        on_error: OnError = "collect",
        look_ahead: int = 1,
        retry_failed: int = 0,
    ) -> FanOut[T]:
        for name, number, least in (
            ("concurrency", concurrency, 1),
            ("look_ahead", look_ahead, 1),
            ("retry_failed", retry_failed, 0),
        ):
            if number < least:
                raise ConfigurationError(f"{name} must be at least {least}, got {number!r}")
        if on_error not in ("collect", "raise"):
            raise ConfigurationError(f"on_error must be 'collect' or 'raise', got {on_error!r}")
        planned: agenda.Agenda[T] = agenda.Agenda(
            concurrency=concurrency,
            max_pairs=self._max_pairs,
            sizes=self.page_sizes,
            ordered=ordered,
            look_ahead=look_ahead,
            retry_failed=retry_failed,
        )
        return fanout.FanOut(
            todo,
            send=self.send,
            agenda=planned,
            concurrency=concurrency,
            on_error=on_error,
            is_saturated=lambda: self._limited.waiting > 0,
        )

    invite_missing = invite_missing

    # --- the vendor's actions, in the order of the page ---

    learners = method(lambda: actions.Learners)
    courses = method(lambda: actions.Courses)
    certificates = method(lambda: actions.Certificates)
    learners_progress_by_course = method(lambda: actions.LearnersProgressByCourse)
    course_progress = method(lambda: actions.CourseProgress)
    learners_amount_from_countries = method(lambda: actions.LearnersAmountFromCountries)
    learners_from_country = method(lambda: actions.LearnersFromCountry)
    learners_with_score = method(lambda: actions.LearnersWithScore)
    learners_registered_at = method(lambda: actions.LearnersRegisteredAt)
    learners_course_complete = method(lambda: actions.LearnersCourseComplete)
    passive_learners = method(lambda: actions.PassiveLearners)
    invite_learners = method(lambda: actions.InviteLearners)
    check_learner_invite = method(lambda: actions.CheckLearnerInvite)
    learners_churn_at_content = method(lambda: actions.LearnersChurnAtContent)
    learners_repeated_log_ins = method(lambda: actions.LearnersRepeatedLogIns)
    academies = method(lambda: actions.Academies)
    create_login_token = method(lambda: actions.CreateLoginToken)
    set_lesson_variables = method(lambda: actions.SetLessonVariables)
    create_lesson_variables = method(lambda: actions.SetLessonVariables)  # headed "set/createLessonVariables"
    get_learner_variable = method(lambda: actions.GetLearnerVariable)
    get_teams = method(lambda: actions.GetTeams)
    add_learners_to_teams = method(lambda: actions.AddLearnersToTeams)
    remove_learners_from_teams = method(lambda: actions.RemoveLearnersFromTeams)
    revoke_learners_access = method(lambda: actions.RevokeLearnersAccess)
    return_learners_access = method(lambda: actions.ReturnLearnersAccess)
    get_learners_quiz_statistic = method(lambda: actions.GetLearnersQuizStatistic)
    add_learner_quiz_attempts = method(lambda: actions.AddLearnerQuizAttempts)
    delete_learner_invite = method(lambda: actions.DeleteLearnerInvite)
    delete_learners = method(lambda: actions.DeleteLearners)


def _user_agent(app_name: str | None) -> str:
    products = [f"aoclient/{__version__}", f"python/{platform.python_version()}", f"aiohttp/{aiohttp.__version__}"]
    return " ".join([*products, app_name] if app_name else products)
