"""How people come in: by invitation, or by a link that logs them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aoclient.emulator.ids import Ids
from aoclient.emulator.records import Invite, LoginLink, Refusal

if TYPE_CHECKING:
    from aoclient.emulator.people import Person
    from aoclient.emulator.world import World


class Entrance:
    """Invitations and login links.

    Args:
        world: The academy.
        seed: The same seed makes the same links.

    Attributes:
        invites: By address in lower case; those that were accepted too.
        links: By token.
    """

    def __init__(self, world: World, seed: int) -> None:
        self.invites: dict[str, Invite] = {}
        self.links: dict[str, LoginLink] = {}
        self._world = world
        self._ids = Ids(seed, "link")

    def invite(self, invite: Invite) -> bool:
        """Keep an invitation, unless the address is invited or registered already; tell whether it was kept."""
        key = invite.email.lower()
        if key in self.invites or self._world.find(key) is not None:
            return False
        self.invites[key] = invite
        return True

    def accept(self, email: str) -> Person:
        """Accept the invitation of an address and return the learner it becomes.

        Raises:
            Refusal: There is no invitation, or it was accepted already.
        """
        invite = self.invites.get(email.lower())
        if invite is None:
            raise Refusal("Invite not found")
        if invite.used_at is not None:
            raise Refusal("Invite is used already")
        first, _, last = invite.name.partition(" ")
        return self._world.register(invite.email, first, last)

    def add_link(self, link: LoginLink) -> str:
        """Keep a login link and return its token."""
        token = self._ids.of(len(self.links) + 1)
        self.links[token] = link
        return token

    def open_link(self, token: str) -> LoginLink | None:
        """Log in with the token of a link, which registers a learner who is not yet; None for a token there is not.

        Raises:
            Refusal: The link was used already, or the learner may not enter.
        """
        link = self.links.get(token)
        if link is None:
            return None
        if link.is_used:
            raise Refusal("This link was used already")
        number = self._world.find(link.email)
        if number in self._world.blocked:
            raise Refusal("Access is revoked")
        if number is None:
            number = self._world.register(link.email, link.first_name, link.last_name, link.teams).number
        else:
            self._world.memberships.join([number], link.teams)
        link.is_used = True
        self._world.log_in(number)
        return link
