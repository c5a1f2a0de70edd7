"""A model of many processes on one budget: events on a clock of its own, the rules of the package, no I/O.

`Budget` does what the script ``TAKE`` of `aoclient.contrib.redis.scripts` does, `Process` what `RedisGate` and the
token store do. Events come from a heap; chance is seeded.
"""

from __future__ import annotations

import math
import random
from bisect import insort
from collections import deque
from heapq import heappop, heappush
from itertools import count
from typing import Any

from attrs import define, field

FLIGHT = 10.0  # seconds after which a request of a process that died counts as arrived
OTHER_CLOCK = 1.001
REPORT_AFTER, LOOK_EVERY, ALL_BACK_AFTER = 0.02, 0.5, 1.0
REDIS = 0.001  # seconds of a command
TOKEN = 0.1  # seconds a request for a token takes


@define(kw_only=True)
class Scenario:
    """What is simulated; times are seconds.

    Attributes:
        workers: Processes.
        pages: Requests of the whole job; None for as many as fit into ``seconds``.
        shard: Pages that are committed together.
        calls: Requests in any window of ``per``.
        concurrency: Requests of one process on their way at once.
        latency: Of an answer, in the mean; it is never under half of that.
        life: Of a process in the mean; it comes back after ``restart``, and its shard is given away after ``noticed``.
        away: When Redis goes away, and for how long; it comes back empty.
        share: Part of the rate of a process while Redis is away.
    """

    workers: int
    pages: int | None = None
    seconds: float = math.inf
    shard: int = 100
    calls: int = 100
    per: float = 1.0
    concurrency: int = 10
    latency: float = 0.3
    life: float = math.inf
    restart: float = 5.0
    noticed: float = 10.0
    away: tuple[float, float] | None = None
    share: float = 0.25
    token_life: float = 600.0
    seed: int = 1


@define
class Budget:
    """The permits of an account: out, and back until they are free again."""

    calls: int
    per: float
    out: dict[int, float] = field(factory=dict)  # turns by permit, the soonest first
    back: list[float] = field(factory=list)
    even: float = 0.0
    later: float = 0.0

    def take(self, now: float, permit: int, *, comes_back: bool, calmly: bool) -> tuple[bool, float]:
        """Return whether there is a turn, and the seconds until it, or until to ask again."""
        while self.out and (turn := next(iter(self.out.values()))) + FLIGHT <= now:
            del self.out[next(iter(self.out))]
            insort(self.back, turn + FLIGHT + self.per)
        while self.back and self.back[0] <= now:
            del self.back[0]
        gap = self.per / self.calls
        free = self.calls - len(self.out) - len(self.back)
        is_idle = free >= 1 and self.even <= now
        if self.later > now and not comes_back and not is_idle:
            return False, self._come_back(now, now, gap)
        at = now
        if free < 1:
            if -free >= len(self.back):
                return False, self._come_back(now, next(iter(self.out.values())) + self.per, gap)
            at = self.back[-free]
        tolerance = max(0.0, self.calls / 10 - 1) * gap
        even = max(self.even, now + tolerance) if calmly else self.even
        at = max(at, even - tolerance)
        self.even = max(even, at) + gap
        self.out[permit] = at
        return True, at - now

    def answered(self, permit: int, at: float) -> None:
        """Have a permit come back a window after its answer."""
        if self.out.pop(permit, None) is not None:
            insort(self.back, at + self.per)

    def _come_back(self, now: float, soonest: float, gap: float) -> float:
        longest = max(self.per, FLIGHT)
        place = max(self.later, soonest, now + max(0.005, gap / 4))
        self.later = min(place, now + longest) + gap
        return min(place - now, longest)


@define(eq=False)
class Process:
    """One worker: its shard, its turn at the gate, its token, its pace while Redis is away."""

    born: int = 0  # events of an earlier life do not count
    at_gate: bool = False
    asks_at: float = -math.inf
    comes_back: bool = False
    in_flight: int = 0
    shard: int | None = None
    left: int = 0  # pages of the shard not sent yet
    missing: int = 0  # pages of the shard not answered yet
    answers: list[tuple[int, float]] = field(factory=list)  # not reported yet
    reporting: bool = False
    token_until: float = -math.inf
    fails_until: float = -math.inf
    own_turn: float | None = None  # next one, while it goes by itself
    own_until: float = math.inf


class Model:
    """One run of a scenario; `run` returns its figures."""

    def __init__(self, scenario: Scenario) -> None:
        self.at = scenario
        self.rng = random.Random(scenario.seed)
        self.budget = Budget(scenario.calls, scenario.per * OTHER_CLOCK)
        self.processes = [Process() for _ in range(scenario.workers)]
        shards = math.inf if scenario.pages is None else math.ceil(scenario.pages / scenario.shard)
        self.todo: deque[int] = deque(range(int(shards)) if shards < math.inf else [])
        self.open = shards  # shards not committed yet
        self.events: list[tuple[float, int, Any, Process | None, int, Any]] = []
        self.order, self.permits = count(), count()
        self.now = 0.0
        self.sent: list[float] = []
        self.commands = self.tokens = self.losses = self.sent_in_vain = 0
        self.shared_token = -math.inf
        self.asking_until = -math.inf

    def run(self) -> dict[str, float]:
        for process in self.processes:
            self.later(self.rng.random() * 0.01, self.ask, process)
            self.live(process)
        if self.at.away is not None:
            self.later(sum(self.at.away), self.failed_over, None)
        while self.events and self.open and self.now < self.at.seconds:
            self.now, _, what, process, born, more = heappop(self.events)
            if process is None or process.born == born:
                what(process, *more)
        return self.figures()

    def later(self, seconds: float, what: Any, process: Process | None, *more: Any) -> None:
        born = 0 if process is None else process.born
        heappush(self.events, (self.now + seconds, next(self.order), what, process, born, more))

    # --- a request ---

    def ask(self, process: Process) -> None:
        """Come to the gate if there is something to send, and nobody of this process stands there."""
        if process.at_gate or process.in_flight >= self.at.concurrency or not self.has_page(process):
            return
        process.at_gate = True
        self.ask_gate(process)

    def ask_gate(self, process: Process) -> None:
        now = self.now
        if process.own_turn is not None and process.own_until <= now:
            process.own_turn, process.own_until = None, math.inf
        by_itself = process.own_turn is not None
        if by_itself and process.own_turn > now and (process.own_until < math.inf or self.is_away(now)):
            return self.sleep(min(process.own_turn - now, LOOK_EVERY), self.ask_gate, process)
        if self.is_away(now) or now < process.fails_until:
            return self.go_alone(process)
        if by_itself:
            if process.own_until == math.inf:
                process.own_until = now + self.budget.per + ALL_BACK_AFTER
            process.own_turn = now + self.own_gap()
        self.report(process)
        permit = next(self.permits)
        has_turn, seconds = self.budget.take(now, permit, comes_back=process.comes_back, calmly=by_itself)
        process.comes_back = not has_turn
        return self.sleep(seconds + REDIS, *((self.go, process, permit) if has_turn else (self.ask_gate, process)))

    def go_alone(self, process: Process) -> None:
        now, gap = self.now, self.own_gap()
        if self.is_away(now) and now >= process.fails_until:
            process.fails_until = now + LOOK_EVERY
        process.own_until = math.inf
        if process.own_turn is None:
            process.own_turn = now + gap
        if process.own_turn > now:
            return self.sleep(min(process.own_turn - now, LOOK_EVERY), self.ask_gate, process)
        process.own_turn = now + gap
        return self.go(process, None)

    def sleep(self, seconds: float, what: Any, process: Process, *more: Any) -> None:
        process.asks_at = self.now + seconds
        self.later(seconds, what, process, *more)

    def go(self, process: Process, permit: int | None) -> None:
        wait = self.token(process)
        process.at_gate, process.asks_at = False, -math.inf
        process.in_flight += 1
        process.left -= 1
        self.sent.append(self.now + wait)
        took = wait + self.at.latency * (0.5 + 0.5 * self.rng.expovariate(1.0))
        self.later(took, self.answer, process, permit)
        self.ask(process)

    def answer(self, process: Process, permit: int | None) -> None:
        process.in_flight -= 1
        process.missing -= 1
        if permit is not None:
            process.answers.append((permit, self.now))
            if not process.reporting:
                process.reporting = True
                self.later(REPORT_AFTER, self.report_if_due, process)
        if process.missing == 0:
            process.shard = None
            self.open -= 1
        self.ask(process)

    def report_if_due(self, process: Process) -> None:
        process.reporting = False
        ahead = process.asks_at - self.now
        if process.answers and 0 < ahead < min(self.budget.per / 2, FLIGHT):
            process.reporting = True
            self.later(ahead + REPORT_AFTER, self.report_if_due, process)
        elif process.answers and not self.is_away(self.now):
            self.report(process)

    def report(self, process: Process) -> None:
        """Count a command, and the answers it takes along."""
        self.commands += 1
        for permit, at in process.answers:
            self.budget.answered(permit, at)
        process.answers = []

    # --- what is shared ---

    def has_page(self, process: Process) -> bool:
        if process.left > 0:
            return True
        if process.missing > 0 or (not self.todo and self.at.pages is not None):
            return False
        process.shard = self.todo.popleft() if self.todo else 0
        process.left = process.missing = self.at.shard
        return True

    def token(self, process: Process) -> float:
        """Return the seconds until there is a token; one process asks for all where Redis is there."""
        now = self.now
        if now < process.token_until:
            return 0.0
        life = self.at.token_life * 0.9
        if self.is_away(now):
            self.tokens += 1
            process.token_until = now + life
            return TOKEN
        wait = max(0.0, self.asking_until - now)
        if now >= self.shared_token:
            self.tokens += 1
            self.shared_token, self.asking_until, wait = now + life, now + TOKEN, TOKEN
        process.token_until = self.shared_token
        return wait

    def is_away(self, now: float) -> bool:
        return self.at.away is not None and self.at.away[0] <= now < sum(self.at.away)

    def own_gap(self) -> float:
        return self.at.per / (self.at.calls * self.at.share)

    def failed_over(self, _: None) -> None:
        self.budget = Budget(self.at.calls, self.budget.per)
        self.shared_token = -math.inf

    # --- death ---

    def live(self, process: Process) -> None:
        if self.at.life < math.inf:
            self.later(self.rng.expovariate(1 / self.at.life), self.die, process)

    def die(self, process: Process) -> None:
        self.losses += 1
        if process.shard is not None:
            self.sent_in_vain += self.at.shard - process.left
            self.later(self.at.noticed, self.give_away, None, process.shard)
        number = process.born + 1
        process.__init__(born=number)  # type: ignore[misc]  # a new life under the old number
        self.later(self.at.restart, self.ask, process)
        self.live(process)

    def give_away(self, _: None, shard: int) -> None:
        self.todo.append(shard)
        for process in self.processes:
            if not process.at_gate and not process.in_flight:
                self.later(0.0, self.ask, process)
                break

    def figures(self) -> dict[str, float]:
        at, times = self.at, sorted(self.sent)
        rate = at.calls / at.per
        end = min(self.now, at.seconds)
        first, last = at.per, max(end * 0.9, at.per + 1)
        bound = at.seconds if at.pages is None else at.pages / rate
        return {
            "time / bound": end / bound,
            "used": sum(first <= each < last for each in times) / (last - first) / rate,
            "most in any window / n": most_in_any(at.per, times) / at.calls,
            "commands for a permit": self.commands / max(1, len(times)),
            "token requests": self.tokens,
            "sent twice": self.sent_in_vain / max(1, len(times)),
            "processes lost": self.losses,
            "requests": len(times),
        }


def most_in_any(window: float, times: list[float]) -> int:
    """Return the largest count in any closed window of sorted times."""
    most = first = 0
    for last, moment in enumerate(times):
        while times[first] < moment - window:
            first += 1
        most = max(most, last - first + 1)
    return most
