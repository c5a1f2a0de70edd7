"""P1 and P2: what adds is never applied twice, and what was lost is said. The journal of the emulator is the judge."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from aoclient import RetryPolicy, actions
from aoclient.emulator import Emulator
from aoclient.errors import AoError, OutcomeUnknownError
from tests.kit.clock import run
from tests.kit.trial import Figures, academy, ended, lost, mixed, names, quiz_of, session, sized

ROUGH = ("close-before-read", "drop-after", "500-after", "429", "503", "refuse")
CALLS = sized(5_000, 10_000)


def email(number: int) -> str:
    return f"learner{number}@example.com"


async def add_attempts(seed: int, faults: tuple[str, ...], calls: int) -> tuple[Emulator, dict[int, object]]:
    emulator = academy(learners=calls, seed=seed)
    quiz_id = quiz_of(emulator)
    async with session(emulator, max_concurrency=50) as ao:
        await ao.academies()  # a token, before the network gets rough
        emulator.faults = mixed(*faults, part=0.2, seed=seed)
        ends = await ended(
            range(1, calls + 1), lambda number: ao.add_learner_quiz_attempts(quiz_id=quiz_id, email=email(number))
        )
    return emulator, ends


def applied(emulator: Emulator) -> Counter[str]:
    return Counter(entry.action.email for entry in emulator.journal.of("addLearnerQuizAttempts"))


@pytest.mark.parametrize("seed", range(sized(1, 3)))
def test_what_adds_is_never_applied_twice_and_every_loss_is_said(seed, request):
    emulator, ends = run(add_attempts(seed, ROUGH, CALLS))
    journal = applied(emulator)
    times = {number: journal[email(number)] for number in ends}
    twice = sum(count > 1 for count in times.values())
    unknown = sum(isinstance(end, OutcomeUnknownError) for end in ends.values())
    said_wrongly = [
        number
        for number, end in ends.items()
        if not isinstance(end, OutcomeUnknownError) and times[number] != (not isinstance(end, AoError))
    ]
    assert len(ends) == CALLS
    assert twice == 0
    assert said_wrongly == []
    assert unknown == lost(emulator.journal.received) > 0.05 * CALLS
    assert all(
        "may or may not" in str(end) and isinstance(end.__cause__, AoError)
        for end in ends.values()
        if isinstance(end, OutcomeUnknownError)
    )
    figures = Figures(request, "P1, P2")
    figures(
        f"{CALLS} addLearnerQuizAttempts, 20 % faults, seed {seed}: {twice} applied twice; {dict(names(ends))};"
        f" {lost(emulator.journal.received)} answers lost by the journal"
    )


def test_a_wider_range_of_broken_answers_leads_to_no_second_attempt_either(request):
    kinds = (*ROUGH, "half-body", "empty-200", "truncated", "broken", "charset", "gzip-bomb", "html-200", "502", "504")
    calls = sized(2000, 10_000)
    emulator, ends = run(add_attempts(7, kinds, calls))
    journal = applied(emulator)
    assert max(journal.values()) == 1
    assert all(journal[email(number)] == 1 for number, end in ends.items() if not isinstance(end, AoError))
    refused = {
        number for number, end in ends.items() if isinstance(end, AoError) and not isinstance(end, OutcomeUnknownError)
    }
    assert not any(journal[email(number)] for number in refused)
    Figures(request, "P1, P2")(f"{calls} calls, {len(kinds)} kinds of faults: 0 applied twice, {dict(names(ends))}")


def test_a_rule_that_repeats_all_would_apply_twice_so_that_the_judge_can_tell():
    async def main() -> int:
        emulator = academy(learners=400)
        quiz_id = quiz_of(emulator)
        async with session(emulator, max_concurrency=50) as ao:
            await ao.academies()
            emulator.faults = mixed(*ROUGH, part=0.2, seed=1)

            async def call(number: int) -> object:
                options = {"quiz_id": quiz_id, "email": email(number)}
                return await ao.call("addLearnerQuizAttempts", options, effect="reads")

            await ended(range(1, 401), call)
        return max(applied(emulator).values())

    assert run(main()) > 1


@pytest.mark.parametrize("call", ["invite", "delete", "link", "mail"])
def test_other_actions_that_add_are_not_repeated_after_a_lost_answer(call):
    todo = {
        "invite": actions.InviteLearners(learners=[actions.Invitee(email="x@example.com", name="X", type="learner")]),
        "delete": actions.DeleteLearners(emails=[email(1)]),
        "link": actions.CreateLoginToken(academy_id="a1", email=email(1)),
        "mail": actions.AddLearnersToTeams(teams=["1"], learners=[email(1)], send_invites=True),
    }[call]

    async def main() -> None:
        emulator = academy(learners=10)
        async with session(emulator, retries=RetryPolicy(attempts=10)) as ao:
            await ao.academies()
            before = emulator.journal.requests()
            for kind in random.Random(1).sample(["close-before-read", "drop-after", "500-after", "500", "stall"], 5):
                emulator.faults = kind
                with pytest.raises(OutcomeUnknownError):
                    await ao.send(todo)
                assert emulator.journal.requests() == before + 1, kind
                before += 1

    run(main())
