"""Invitations that are made once: look who is missing, invite only them, and look again when an answer was lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen

from aoclient.errors import InvalidOptionError, OutcomeUnknownError, ResponseSchemaError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aoclient.actions import Invitee
    from aoclient.session import Session


@frozen(kw_only=True)
class Invitations:
    """Who is invited now. Each address that was given stands in one of the three, once.

    Attributes:
        found: Invited before this call.
        made: Invited by it.
        missing: The academy answered well and yet made no invitation, for somebody who is registered already perhaps.
    """

    found: tuple[str, ...]
    made: tuple[str, ...]
    missing: tuple[str, ...]


async def invite_missing(
    session: Session,
    *,
    learners: Iterable[Invitee],
    is_send_email: bool | str | None = None,
    sends: int = 4,
    settle: float = 2.0,
) -> Invitations:
    """Invite those who are not invited yet: nobody is invited twice, nobody is left out.

    Looks with ``checkLearnerInvite`` and invites only who is missing; a lost answer is followed by another look instead
    of an error. After an error the same call goes on where this one ended, since it looks first. Programs that do this
    at the same time for the same people do not see each other.

    Args:
        session: Sends the calls.
        learners: Whom to invite, at least one; of several with one address the first.
        is_send_email: Also mail the invitations.
        sends: How often to invite at most, where answers are lost; at least 1.
        settle: Seconds between a lost answer and the look, for a request the server may still be working on.

    Returns:
        `Invitations`.

    Raises:
        InvalidOptionError: An argument cannot be used, and nothing was sent.
        OutcomeUnknownError: Too many answers were lost.
        AoError: The academy refused, or could not be reached.
    """
    from aoclient.actions import InviteLearners  # noqa: PLC0415  # as in aoclient.method

    todo: dict[str, Invitee] = {}
    for each in learners:
        todo.setdefault(_key(each.email), each)
    if not todo or sends < 1:
        wrong = "sends must be at least 1" if todo else "learners must not be empty"
        raise InvalidOptionError(wrong, action=InviteLearners.spec.name)
    absent = missing = await _missing(session, todo)
    left = sends
    while missing:
        action = InviteLearners(learners=list(missing.values()), is_send_email=is_send_email)
        left -= 1
        try:
            answer = await session.send(action)
        except OutcomeUnknownError:
            if not left:
                raise
            await asyncio.sleep(settle)
            missing = await _missing(session, missing)
        else:
            # Fewer than asked for: whoever is missing now was refused, and would be again.
            missing = {} if answer.invited == len(missing) else await _missing(session, missing)
            break
    return Invitations(
        found=tuple(each.email for key, each in todo.items() if key not in absent),
        made=tuple(each.email for key, each in absent.items() if key not in missing),
        missing=tuple(each.email for each in missing.values()),
    )


async def _missing(session: Session, learners: Mapping[str, Invitee]) -> dict[str, Invitee]:
    """Return those who are not invited."""
    from aoclient.actions import CheckLearnerInvite  # noqa: PLC0415  # as in aoclient.method

    action = CheckLearnerInvite(emails=[each.email for each in learners.values()])
    states = {_key(email): state.is_found for email, state in (await session.send(action)).items()}
    unclear = [key for key in learners if states.get(key) is None]
    if unclear:
        raise ResponseSchemaError(
            f"the answer does not tell whether {unclear[0]!r} is invited ({len(unclear)} such)", action=action.spec.name
        )
    return {key: each for key, each in learners.items() if not states[key]}


def _key(email: str) -> str:
    """Return what is the same for one address: the server does not tell capital letters from small ones."""
    return email.strip().lower()
