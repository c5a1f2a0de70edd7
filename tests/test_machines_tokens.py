"""A machine of Hypothesis against the token sender: calls, expiry, 401, cancels, a store that fails, other processes.

The model is the server's: which tokens it has given out, until when each works, and which it refuses. Time is virtual.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from aoclient.action import Effect
from aoclient.errors import AoError, ClientClosedError, ReadError
from aoclient.secret import Secret
from aoclient.senders.authorized import Authorized
from aoclient.settings import Timeouts
from aoclient.tokens import MemoryTokenStore, Token
from aoclient.wire import TOKEN_PATH, Request, Response
from tests.kit.clock import VirtualLoop
from tests.kit.scripted import response
from tests.kit.trial import EPOCH, Figures, sized

LIFE = 600.0
ANSWERS_AFTER = 0.2  # seconds
ROUNDING = 1e-6  # seconds; unix times are kept to a quarter of that
SESSIONS = (0, 1)
"""Two sessions of one account on one store, as two processes would be."""


class Store(MemoryTokenStore):
    """A store that may be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = False

    def _reach(self) -> None:
        if self.fails:
            raise OSError("no route to the store")

    async def load(self, account: str) -> Token | None:
        self._reach()
        await asyncio.sleep(0.01)
        return await super().load(account)

    async def save(self, account: str, token: Token) -> None:
        self._reach()
        await asyncio.sleep(0.01)
        await super().save(account, token)

    async def discard(self, account: str, token: Token) -> None:
        self._reach()
        await super().discard(account, token)

    @asynccontextmanager
    async def refreshing(self, account: str):
        self._reach()
        async with super().refreshing(account):
            yield


class Server:
    """The two routes.

    Attributes:
        ends_at: By the loop's clock, of each token that was given out; its order is that of their making.
        revoked: Tokens that are no longer taken before their end.
        refused: The token each session was last refused with.
        asking: Sessions whose request for a token is under way.
        lost_track: The store failed once, so that it may hold a token that was to be discarded, or lack one.
    """

    def __init__(self, loop: VirtualLoop, store: Store) -> None:
        self.loop = loop
        self.store = store
        self.token_route = "ok"
        self.ends_at: dict[str, float] = {}
        self.revoked: set[str] = set()
        self.asking: list[Authorized] = []
        self.asked = 0
        self.refused: dict[Authorized, str] = {}
        self.lost_track = False

    def give(self, life: float = LIFE) -> Token:
        value = f"token-{len(self.ends_at)}"
        self.ends_at[value] = self.loop.time() + life
        return Token(value=value, lifetime=life, expires_at=EPOCH + self.ends_at[value])

    async def token(self, sender: Authorized) -> Response:
        held = sender._held
        now = self.loop.time()
        is_due = held is None or now >= min(held.renew_at, held.ends_at)
        assert is_due, "a token is asked for while one works and is not due"
        kept = self.store._tokens.get(sender._account)
        if kept is not None and not kept.expired(EPOCH + now) and not self.lost_track:
            assert kept.value in (held.token.value if held else None, sender._refused), "the store has one that works"
        self.asking.append(sender)
        assert self.asking.count(sender) == 1, "two token requests of one session at once"
        self.asked += 1
        answer = self.token_route
        try:
            await asyncio.sleep(ANSWERS_AFTER if answer != "slow" else 100.0)
            if answer == "cut":
                raise ReadError("the connection broke")
            if answer == "500":
                return response({"message": "Server Error"}, 500)
            if answer == "garbage":
                return response(b"<html>")
            return response({"token_type": "Bearer", "expires_in": LIFE, "access_token": self.give().value.reveal()})
        finally:
            self.asking.remove(sender)

    async def call(self, sender: Authorized, request: Request) -> Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        assert self.ends_at[token] > self.loop.time() - ROUNDING, "a token was sent after its end"
        assert self.refused.get(sender) != token, "a token was sent again that had been refused"
        await asyncio.sleep(ANSWERS_AFTER)
        if token in self.revoked or self.ends_at[token] <= self.loop.time():
            return response({"message": "Unauthenticated."}, 401, {"x-token": token})
        return response([])


class Route:
    """The way of one session to the server."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.sender: Authorized

    async def send(self, request: Request) -> Response:
        request.progress.phase = "answer"
        if request.path == TOKEN_PATH:
            return await self.server.token(self.sender)
        return await self.server.call(self.sender, request)


class Tokens(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 99))
    def start(self, seed: int) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualLoop)
        loop = self.runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.running: dict[asyncio.Task[None], int] = {}
        self.cancelled: set[asyncio.Task[None]] = set()
        self.failures: list[BaseException | None] = []
        self.ends: list[object] = []
        self.runner.run(self._open(seed))

    async def _open(self, seed: int) -> None:
        self.store = Store()
        self.server = Server(self.loop, self.store)
        self.sessions: list[Authorized] = []
        for number in SESSIONS:
            route = Route(self.server)
            route.sender = Authorized(
                route,
                client_id="client",
                client_secret=Secret("a-client-secret"),
                store=self.store,
                rng=random.Random(seed + number),
                now=lambda: EPOCH + self.loop.time(),
            )
            self.sessions.append(route.sender)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.running.pop(task)
        if task.cancelled() and task not in self.cancelled:
            self.failures.append(AssertionError("a call was cancelled that nobody cancelled"))
        elif not task.cancelled() and task.exception() is not None:
            self.failures.append(task.exception())

    def _let(self, seconds: float) -> None:
        self.runner.run(asyncio.sleep(seconds))

    async def _call(self, sender: Authorized) -> None:
        request = Request(
            name="courses", effect=Effect.READS, body=b"", read=lambda _: None, timeouts=Timeouts(total=60)
        )
        try:
            answer = await sender.send(request)
        except AoError as caught:
            error = caught
        else:
            error = None
        if error is not None:
            assert error.action == "courses"
            assert not isinstance(error, ClientClosedError), "nobody closed it"
            self.ends.append(error)
            return
        if answer.status == 401:
            refused = answer.headers["x-token"]
            self.server.refused[sender] = refused
            kept = self.store._tokens.get(sender._account)
            assert kept is None or kept.value.reveal() != refused or self.store.fails, "the store keeps it for others"
        self.ends.append(answer.status)

    # --- what happens --------------------------------------------------------------------------------------------

    @rule(session=st.sampled_from(SESSIONS), count=st.integers(1, 5))
    def calls(self, session: int, count: int) -> None:
        async def begin() -> None:
            for _ in range(count):
                task = asyncio.create_task(self._call(self.sessions[session]))
                self.running[task] = session
                task.add_done_callback(self._ended)
            await asyncio.sleep(0)

        self.runner.run(begin())

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.3, 1.0, 30.0, 100.0, LIFE * 0.8, LIFE, 2 * LIFE]))
    def time_passes(self, seconds: float) -> None:
        self._let(seconds)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_call_is_cancelled(self, data: st.DataObject) -> None:
        tasks = list(self.running)
        task = tasks[data.draw(st.integers(0, len(tasks) - 1))]
        self.cancelled.add(task)
        task.cancel()
        self._let(0)

    @rule(all_of_them=st.booleans())
    def tokens_are_revoked(self, all_of_them: bool) -> None:
        self.server.revoked.update(list(self.server.ends_at)[0 if all_of_them else -1 :])

    @rule(answer=st.sampled_from(["ok", "ok", "500", "cut", "garbage", "slow"]))
    def the_token_route_changes(self, answer: str) -> None:
        self.server.token_route = answer

    @rule(fails=st.booleans())
    def the_store_comes_and_goes(self, fails: bool) -> None:
        self.store.fails = fails
        self.server.lost_track = self.server.lost_track or fails

    @rule(left=st.sampled_from([1.0, LIFE]))
    def another_process_saves_a_token(self, left: float) -> None:
        self.store._tokens[self.sessions[0]._account] = self.server.give(left)

    @precondition(lambda self: self.server.ends_at)
    @rule()
    def another_process_saves_the_newest_token_not_knowing_that_it_was_refused(self) -> None:
        value, ends_at = list(self.server.ends_at.items())[-1]
        kept = Token(value=value, lifetime=LIFE, expires_at=EPOCH + ends_at)
        self.store._tokens[self.sessions[0]._account] = kept

    @rule(session=st.sampled_from(SESSIONS))
    def a_refused_token_comes_back_by_another_process(self, session: int) -> None:
        """Few stories come to it by chance."""
        for happens in (lambda: None, lambda: self.tokens_are_revoked(all_of_them=True)):
            happens()
            self.calls(session, 1)
            self._let(1.0)
        if self.server.ends_at:
            self.another_process_saves_the_newest_token_not_knowing_that_it_was_refused()
            self.calls(session, 1)

    # --- what must hold ------------------------------------------------------------------------------------------

    @invariant()
    def what_the_server_saw_is_as_it_should_be(self) -> None:
        for failure in getattr(self, "failures", []):
            raise failure

    @invariant()
    def at_most_one_of_the_two_asks_while_the_store_is_there(self) -> None:
        if hasattr(self, "server") and not self.server.lost_track:
            assert len(self.server.asking) <= 1

    @rule()
    def after_a_while_nobody_waits(self) -> None:
        self._let(61)  # the deadline of a renewal
        assert self.running == {}
        assert all(each._renewal is None for each in self.sessions)
        assert self.server.asking == []

    @rule(session=st.sampled_from(SESSIONS))
    def once_all_is_well_a_second_call_gets_through(self, session: int) -> None:
        self.after_a_while_nobody_waits()
        self.server.token_route = "ok"
        self.ends.clear()
        asked = self.server.asked

        async def one_after_the_other() -> None:
            for _ in range(3):  # each session may still hold one that is refused, and the store another
                await self._call(self.sessions[session])

        self.runner.run(one_after_the_other())
        assert self.ends[-1] == 200, self.ends
        assert self.server.asked - asked <= 2

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return

        async def close() -> None:
            for each in self.running:
                self.cancelled.add(each)
                each.cancel()  # else it would be told that the session was closed
            for each in self.sessions:
                await each.aclose()
            left = asyncio.all_tasks() - {asyncio.current_task()}
            if left:
                await asyncio.wait(left)

        try:
            self.runner.run(close())
            assert (self.running, self.failures, self.server.asking) == ({}, [], [])
        finally:
            self.runner.close()


FORM = settings(max_examples=sized(40, 500), stateful_step_count=sized(20, 60), deadline=None, print_blob=True)


def test_tokens_hold_in_whatever_order_things_happen(request):
    run_state_machine_as_test(Tokens, settings=FORM)
    Figures(request, "P7, P9")(
        f"{FORM.max_examples} stories of calls, expiry, revoked tokens, cancels, a failing store and other processes,"
        f" up to {FORM.stateful_step_count} steps each: one request at a time, none too early, no refused token again"
    )
