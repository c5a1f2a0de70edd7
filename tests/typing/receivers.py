"""Types of handlers as mypy and pyright see them. Never run."""

from typing import assert_type

from aoclient.receivers import Answer, Receiver, SQLiteStore
from aoclient.webhooks import Event, QuizFinished, QuizStarted, UnknownEvent

receiver = Receiver("secret", store=SQLiteStore("once.db"))


@receiver.on(QuizFinished)
async def exact(event: QuizFinished) -> int:
    return len(event.id)


@receiver.on(UnknownEvent)
async def wider(event: Event) -> None:
    assert_type(event.id, str)


@receiver.on(QuizFinished, QuizStarted)
async def either(event: QuizFinished | QuizStarted) -> str:
    return event.id


@receiver.on(QuizFinished, UnknownEvent)  # type: ignore[arg-type]  # it takes one of the two
async def one_of_two(event: QuizFinished) -> None:  # pyright: ignore[reportArgumentType]
    ...


@receiver.on(Event)  # type: ignore[arg-type]  # it would be called with all events, and takes one kind
async def narrower(event: QuizStarted) -> None:  # pyright: ignore[reportArgumentType]
    ...


@receiver.on(QuizFinished)  # type: ignore[arg-type]  # a plain function
def plain(event: QuizFinished) -> None:  # pyright: ignore[reportArgumentType]
    ...


async def use() -> None:
    assert_type(await exact(QuizFinished(id="e1")), int)
    assert_type(await either(QuizStarted(id="e1")), str)
    async with receiver as opened:
        assert_type(opened, Receiver)
        assert_type(await receiver.receive(b"", {}), Answer)
    await receiver.receive(b"", [("Signature", "x")])
