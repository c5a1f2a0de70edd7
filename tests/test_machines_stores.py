"""Machines of Hypothesis against the budget of repeats, and against the stores that have each webhook handled once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from aoclient.receivers import MemoryStore, SQLiteStore, State
from aoclient.senders.retry_rule import Quota
from tests.kit.clock import VirtualLoop
from tests.kit.trial import Figures, sized

FORM = settings(max_examples=sized(30, 2_000), stateful_step_count=sized(25, 60), deadline=None, print_blob=True)

# --- the budget of repeats ---------------------------------------------------------------------------------------


class Budget(RuleBasedStateMachine):
    """Calls take and give back in any order; whatever they do, an outage ends after a hundred repeats."""

    def __init__(self) -> None:
        super().__init__()
        self.quota = Quota()
        self.taken: list[int] = []  # by calls that have not ended yet
        self.spent = self.returned = 0

    @rule(cost=st.sampled_from([0, 5, 5, 5, 7, 500]))
    def a_call_asks_for_a_repeat(self, cost: int) -> None:
        before = self.quota.level
        if self.quota.take(cost):
            self.taken.append(cost)
            self.spent += cost
            assert self.quota.level == before - cost
        else:
            assert cost > before
            assert self.quota.level == before

    @rule(successes=st.integers(1, 30))
    def calls_succeed_at_once(self, successes: int) -> None:
        before = self.quota.level
        for _ in range(successes):
            self.quota.give_back(0)
        assert self.quota.level == min(self.quota.most, before + successes)
        self.returned += self.quota.level - before

    @rule(succeeds=st.booleans())
    def a_repeated_call_ends(self, succeeds: bool) -> None:
        if self.taken:
            cost, before = self.taken.pop(), self.quota.level
            if succeeds:
                self.quota.give_back(cost)
                self.returned += self.quota.level - before

    @rule()
    def an_outage_ends_in_a_hundred_repeats(self) -> None:
        repeats = 0
        while self.quota.take(5):
            repeats += 1
            self.spent += 5
        assert repeats <= 100
        assert self.quota.level < 5

    @invariant()
    def it_is_between_nothing_and_the_most_and_nothing_is_made_of_nothing(self) -> None:
        assert 0 <= self.quota.level <= self.quota.most
        assert self.quota.level == self.quota.most - self.spent + self.returned


# --- deliveries --------------------------------------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c"])
OWNERS = st.sampled_from(["one", "two"])
FORGET_AFTER = 100.0
LEASES = st.sampled_from([1.0, 10.0, 50.0])


@frozen
class Known:
    """What a delivery is to the model.

    Attributes:
        owner: Who holds the lease; empty once it is done.
        until: When the lease ends, or when it is forgotten that it is done.
    """

    owner: str
    until: float


class Deliveries(RuleBasedStateMachine):
    """Receivers begin, renew, finish and give up deliveries while time passes; the model is a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.known: dict[str, Known] = {}
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner(loop_factory=self.loop_factory)
        self.store = self.make()

    # Each kind of store has these three.

    loop_factory: Any = VirtualLoop

    def make(self) -> MemoryStore | SQLiteStore:
        return MemoryStore(forget_after=FORGET_AFTER)

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(work)

    def alive(self, key: str) -> Known | None:
        found = self.known.get(key)
        return found if found is not None and found.until > self.now else None

    @rule(key=KEYS, owner=OWNERS, lease=LEASES)
    def begin(self, key: str, owner: str, lease: float) -> None:
        found = self.alive(key)
        expected = State.NEW if found is None else State.IN_PROGRESS if found.owner else State.DONE
        assert self.run(self.store.begin(key, owner, lease=lease)) is expected
        if expected is State.NEW:
            self.known[key] = Known(owner, self.now + lease)

    @rule(owners=st.lists(OWNERS, min_size=2, max_size=4), key=KEYS)
    def several_begin_at_once(self, key: str, owners: list[str]) -> None:
        async def race() -> list[State]:
            return await asyncio.gather(*(self.store.begin(key, owner, lease=10.0) for owner in owners))

        was_free = self.alive(key) is None
        states = self.run(race())
        assert states.count(State.NEW) == was_free
        if was_free:
            self.known[key] = Known(owners[states.index(State.NEW)], self.now + 10.0)

    @rule(key=KEYS, owner=OWNERS, lease=LEASES)
    def renew(self, key: str, owner: str, lease: float) -> None:
        found = self.known.get(key)  # also after its end, as long as nobody else took it
        renewed = self.run(self.store.renew(key, owner, lease=lease))
        if found is None or found.owner != owner:
            assert not renewed
        elif found.until > self.now:
            assert renewed
        if renewed:
            self.known[key] = Known(owner, self.now + lease)

    @rule(key=KEYS)
    def finish(self, key: str) -> None:
        self.run(self.store.done(key))
        self.known[key] = Known("", self.now + FORGET_AFTER)

    @rule(key=KEYS, owner=OWNERS)
    def give_up(self, key: str, owner: str) -> None:
        self.run(self.store.release(key, owner))
        found = self.known.get(key)
        if found is not None and found.owner == owner:
            del self.known[key]

    @rule(seconds=st.sampled_from([0.5, 1.0, 9.0, 40.0, FORGET_AFTER]))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)
        self.now += seconds

    @rule()
    def close(self) -> None:
        self.run(self.store.aclose())

    def teardown(self) -> None:
        self.run(self.store.aclose())
        self.runner.close()
        shutil.rmtree(self.folder)


class DeliveriesInAFile(Deliveries):
    """The same, with restarts: a store that was closed, or whose process was killed, is made anew on its file."""

    loop_factory = None

    def make(self) -> SQLiteStore:
        return SQLiteStore(self.folder / "once.db", forget_after=FORGET_AFTER, clock=lambda: self.now)

    def wait(self, seconds: float) -> None:
        """Time is what the clock of the store says."""

    @rule()
    def restart(self) -> None:
        left = self.store
        self.store = self.make()
        self.run(left.aclose())


FILES = settings(FORM, max_examples=sized(10, 500))


def test_the_budget_holds_in_whatever_order_calls_take_and_give_back(request):
    run_state_machine_as_test(Budget, settings=FORM)
    Figures(request, "P4")(
        f"{FORM.max_examples} stories of calls that take and give back: the budget always within its bounds,"
        " an outage over after 100 repeats"
    )


@pytest.mark.parametrize("machine", [Deliveries, DeliveriesInAFile], ids=["memory", "file"])
def test_a_delivery_is_begun_once_in_whatever_order_receivers_work(machine):
    run_state_machine_as_test(machine, settings=FORM if machine is Deliveries else FILES)
