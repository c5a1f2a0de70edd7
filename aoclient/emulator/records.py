"""What an academy keeps apart from learning: invitations, login links, mails; and how it says no."""

from __future__ import annotations

from attrs import define, field, frozen


class Refusal(Exception):  # noqa: N818  # an answer of the academy, not a fault of the emulator
    """The academy says no; the text is what it says."""


@define(eq=False)
class Invite:
    """An invitation. Times are unix seconds.

    Attributes:
        email: Whom it is for.
        name: Full name, empty where none was given.
        type: ``learner`` or ``manager``.
        teams: Numbers of the teams that will be joined.
        used_at: When it was accepted, or None.
    """

    email: str
    name: str = ""
    type: str = "learner"
    teams: list[int] = field(factory=list[int])
    used_at: int | None = None


@define(eq=False)
class LoginLink:
    """A link that logs one learner in, once.

    Attributes:
        email: Whom it logs in.
        first_name: For a learner who is not registered yet.
        last_name: For a learner who is not registered yet.
        teams: Numbers of the teams that are joined.
        target: Path it leads to.
        is_used: Whether it was opened.
    """

    email: str
    first_name: str
    last_name: str
    teams: tuple[int, ...]
    target: str
    is_used: bool = False


@frozen
class Mail:
    """A mail the academy would have sent: to whom, and what it is."""

    to: str
    what: str
