"""P29: what deletes people does not happen by accident. The journal of the emulator is the judge."""

from __future__ import annotations

import asyncio

import attrs
import pytest

from aoclient import Session, actions
from aoclient.action import ACTIONS, Effect
from aoclient.actions import Action
from aoclient.emulator import Emulator
from aoclient.errors import InvalidOptionError
from tests.kit.command_line import aoclient, served
from tests.kit.trial import Figures
from tests.samples import SAMPLES, name_of

LISTS = [
    (sample, field.name)
    for sample in {type(each): each for each in SAMPLES}.values()
    for field in attrs.fields(type(sample))
    if isinstance(getattr(sample, field.name), list | tuple | dict) and field.name != "extra"
]


def test_the_lists_of_people_are_among_what_is_tried():
    tried = {(name_of(sample), field) for sample, field in LISTS}
    assert {
        ("deleteLearners", "emails"),
        ("deleteLearnerInvite", "emails"),
        ("addLearnersToTeams", "learners"),
    } <= tried
    assert len(tried) > 10


def test_an_empty_list_is_refused_before_anything_is_sent(request):
    """Written as a form it would vanish, and the server would see no restriction where the caller meant nobody."""
    emulator = Emulator()

    async def main() -> None:
        async with Session("client-id", "client-secret", sender=emulator) as ao:
            for sample, field in LISTS:
                given = {each.name: getattr(sample, each.name) for each in attrs.fields(type(sample))}
                empty = type(given[field])()
                with pytest.raises(InvalidOptionError, match=field):
                    await ao.send(type(sample)(**{**given, field: empty}))
            for given in ({"emails": []}, {"ids": []}, {"emails": [], "ids": []}, {}):
                with pytest.raises(InvalidOptionError):
                    await ao.delete_learners(**given)
            with pytest.raises(InvalidOptionError):
                await ao.delete_learner_invite(emails=[], is_delete_users=True)

    asyncio.run(main())
    assert emulator.journal.requests() == 0
    Figures(request, "P29")(
        f"{len(LISTS)} lists of {len({name_of(each) for each, _ in LISTS})} actions left empty: 0 sent"
    )


def test_what_deletes_for_good_is_a_keyword_and_off():
    for call in (
        lambda: actions.DeleteLearners(["a@example.com"], None, True),  # type: ignore[misc]
        lambda: actions.DeleteLearnerInvite(["a@example.com"], True),  # type: ignore[misc]
    ):
        with pytest.raises(TypeError):
            call()
    assert actions.DeleteLearners(emails=["a@example.com"]).is_permanently_delete is None
    invite = actions.DeleteLearnerInvite(emails=["a@example.com"])
    assert (invite.is_delete_users, invite.effect) == (None, Effect.SETS)


DELETING = [
    ["deleteLearners", "--emails", "learner1@example.com"],
    ["deleteLearners", "--emails", "learner1@example.com", "--is-permanently-delete"],
    ["deleteLearnerInvite", "--emails", "learner1@example.com", "--is-delete-users", "True"],
]


@pytest.mark.parametrize("line", DELETING, ids=lambda line: " ".join(line[:1] + line[3:4]))
def test_the_command_line_deletes_nobody_without_a_yes(line, request):
    emulator = Emulator(learners=5)
    with served(emulator) as env:
        nobody_there = aoclient("call", *line, env=env)
        answers = [aoclient("call", *line, env=env, terminal=True, stdin=text) for text in ("", "y\n", "yes\n", "Y\n")]
        dry = aoclient("call", *line, "--dry-run", env=env)
        assert [nobody_there.code, *(each.code for each in answers), dry.code] == [2, 2, 2, 2, 2, 0]
        assert "action=" in dry.out
        assert emulator.journal.requests() == 0
        assert aoclient("call", *line, "--yes", env=env).code == 0
        typed = aoclient("call", *line, env=env, terminal=True, stdin=f"{line[0]}\n")
    assert emulator.journal.count(line[0]) == 2, typed.err
    Figures(request, "P29")(
        f"{' '.join(line[:1] + line[3:])}: 0 requests without a yes, with 4 wrong answers and as a dry run;"
        " 1 each with --yes and with the name typed"
    )


def test_every_action_that_deletes_people_is_known_as_one():
    deleting = {name for name, cls in ACTIONS.items() if cls.spec.deletes_people}
    assert deleting == {name for name in ACTIONS if name.startswith("delete")}
    assert all(issubclass(ACTIONS[name], Action) for name in deleting)
