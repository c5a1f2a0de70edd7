"""P2: the one who reads back ends with everybody invited, once. The journal of the emulator is the judge."""

from __future__ import annotations

from collections import Counter

import pytest

from aoclient import RetryPolicy
from aoclient.actions import Invitee
from aoclient.emulator import Emulator
from aoclient.errors import ApiError, InvalidOptionError, OutcomeUnknownError, ResponseSchemaError
from aoclient.inviting import Invitations
from aoclient.wire import Request, Response
from tests.kit.clock import run
from tests.kit.trial import Figures, academy, ended, lost, mixed, names, session, sized

CALLS = sized(2_500, 10_000)
ROUGH = ("close-before-read", "drop-after", "500-after", "429", "503", "refuse")


def person(number: int) -> Invitee:
    return Invitee(email=f"New{number}@example.com", name=f"New {number}", type="learner")


def invited(emulator: Emulator) -> Counter[str]:
    return Counter(each.email for entry in emulator.journal.of("inviteLearners") for each in entry.action.learners)


def test_thousands_of_calls_invite_everybody_once(request):
    async def main() -> tuple[Emulator, dict[int, Invitations]]:
        emulator = academy(learners=0)
        # Reads need more attempts than four for all of so many calls to end well.
        async with session(emulator, max_concurrency=50, retries=RetryPolicy(attempts=10)) as ao:
            await ao.academies()
            emulator.faults = mixed(*ROUGH, part=0.2, seed=3)
            ends = await ended(
                range(CALLS),
                lambda number: ao.invite_missing(learners=[person(number)], is_send_email=True, sends=10),
            )
        return emulator, ends

    emulator, ends = run(main())
    journal = invited(emulator)
    mails = Counter(mail.to for mail in emulator.world.mails)
    assert names(ends) == {"ok": CALLS}
    assert all(end.made == (person(number).email,) for number, end in ends.items())
    assert sorted(journal) == sorted(person(number).email for number in range(CALLS))
    assert max(journal.values()) == max(mails.values()) == 1
    losses = lost(entry for entry in emulator.journal.received if entry.action == "inviteLearners")
    assert losses > 0.05 * CALLS
    Figures(request, "P2")(
        f"{CALLS} calls of invite_missing, 20 % faults: {CALLS} ok, 0 invited or mailed twice, 0 left out;"
        f" {losses} answers lost on the way"
    )


def test_a_long_list_goes_out_in_parts_and_only_the_lost_part_is_looked_for():
    async def main() -> tuple[Emulator, Invitations]:
        emulator = academy(learners=0)
        async with session(emulator) as ao:
            emulator.faults = "drop-after@action=inviteLearners;at=2"
            people = [person(number) for number in range(1000)]
            return emulator, await ao.invite_missing(learners=[*people, person(5)])

    emulator, result = run(main())
    assert set(invited(emulator).values()) == {1}
    assert len(result.made) == len(invited(emulator)) == 1000
    assert (result.found, result.missing) == ((), ())


def test_who_is_invited_is_left_alone_and_a_second_call_sends_nothing():
    async def main() -> tuple[Emulator, list[Invitations]]:
        emulator = academy(learners=0)
        async with session(emulator) as ao:
            await ao.invite_learners(learners=[person(1)])
            once = await ao.invite_missing(learners=[person(1), person(2)])
            sent = emulator.journal.count("inviteLearners")
            again = await ao.invite_missing(learners=[person(1), person(2)])
            assert emulator.journal.count("inviteLearners") == sent == 2
        return emulator, [once, again]

    emulator, (once, again) = run(main())
    assert once == Invitations(found=("New1@example.com",), made=("New2@example.com",), missing=())
    assert again == Invitations(found=("New1@example.com", "New2@example.com"), made=(), missing=())
    assert max(invited(emulator).values()) == 1


class Deaf:
    """An academy that makes no invitation for some people, and counts it so; ``forgets`` answers without them."""

    def __init__(self, emulator: Emulator, *, forgets: bool = False) -> None:
        self.emulator, self.forgets = emulator, forgets

    async def send(self, request: Request) -> Response:
        response = await self.emulator.send(request)
        if request.name == "inviteLearners":
            self.emulator.world.invites.pop("new2@example.com", None)
            response.body = b'{"invited": 1}'
        elif self.forgets and request.name == "checkLearnerInvite":
            response.body = b'{"new1@example.com": {"is_found": false}}'
        return response


def test_whom_the_academy_does_not_invite_is_said_and_not_sent_again():
    async def main() -> None:
        emulator = academy(learners=0)
        async with session(emulator, sender_of=Deaf) as ao:
            result = await ao.invite_missing(learners=[person(1), person(2)])
        assert result == Invitations(found=(), made=("New1@example.com",), missing=("New2@example.com",))
        assert emulator.journal.count("inviteLearners") == 1

    run(main())


def test_nobody_is_invited_on_an_answer_that_does_not_tell():
    async def main() -> None:
        emulator = academy(learners=0)
        async with session(emulator, sender_of=lambda inner: Deaf(inner, forgets=True)) as ao:
            with pytest.raises(ResponseSchemaError, match=r"new2@example\.com"):
                await ao.invite_missing(learners=[person(1), person(2)])
        assert emulator.journal.count("inviteLearners") == 0

    run(main())


def test_it_gives_up_after_so_many_lost_answers_and_can_be_called_again():
    async def main() -> None:
        emulator = academy(learners=0)
        async with session(emulator) as ao:
            emulator.faults = "close-before-read@action=inviteLearners"
            with pytest.raises(OutcomeUnknownError):
                await ao.invite_missing(learners=[person(1)], sends=3)
            assert [entry.action for entry in emulator.journal.received].count("inviteLearners") == 3
            emulator.faults = None
            assert (await ao.invite_missing(learners=[person(1)])).made == ("New1@example.com",)

    run(main())


def test_a_redirect_to_the_login_page_is_a_lost_answer_and_ends_with_everybody_invited():
    async def main() -> None:
        emulator = academy(learners=0)
        async with session(emulator) as ao:
            emulator.faults = "302@action=inviteLearners;times=1"
            assert (await ao.invite_missing(learners=[person(1)])).made == ("New1@example.com",)
        assert set(invited(emulator).values()) == {1}

    run(main())


def test_a_refusal_is_raised_as_it_is():
    async def main() -> None:
        emulator = academy(learners=0)
        async with session(emulator) as ao:
            emulator.faults = "error-200@action=inviteLearners"
            with pytest.raises(ApiError, match="Something went wrong"):
                await ao.invite_missing(learners=[person(1)])

    run(main())


@pytest.mark.parametrize("given", [{"learners": []}, {"learners": [person(1)], "sends": 0}], ids=["nobody", "never"])
def test_nothing_is_sent_for_what_cannot_be_meant(given):
    async def main() -> None:
        emulator = academy()
        async with session(emulator) as ao:
            with pytest.raises(InvalidOptionError, match=r"inviteLearners: (sends|learners) must"):
                await ao.invite_missing(**given)
        assert emulator.journal.requests() == 0

    run(main())
