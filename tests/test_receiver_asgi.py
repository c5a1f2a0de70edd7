"""The ASGI adapter, driven by hand as a server would, message by message."""

import asyncio

import pytest

from aoclient.receivers import MemoryStore, Receiver, SQLiteStore, asgi_app
from aoclient.webhooks import Event
from tests.kit.clock import run
from tests.kit.receiving import SECRET, Keeping, body, signed

BODY = body()


def scope_of(headers, method="POST", **more):
    pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return {"type": "http", "asgi": {"version": "3.0"}, "method": method, "path": "/", "headers": pairs, **more}


def pieces(*chunks):
    return [
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks)}
        for number, chunk in enumerate(chunks, start=1)
    ]


async def call(app, scope, messages):
    """Return what an application sends; after the last message it waits for ever, as a slow sender makes it."""
    left = list(messages)
    sent = []

    async def receive():
        if not left:
            await asyncio.sleep(3600)
        return left.pop(0)

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return sent


def answer_to(messages, headers=None, *, method="POST", **settings):
    """Return status, headers and body of the answer, the ids that were handled, and the time it took."""

    async def main():
        receiver = Receiver(SECRET, **settings)
        keeping = Keeping()
        receiver.on(Event)(keeping)
        async with receiver:
            scope = scope_of(signed(BODY).items() if headers is None else headers, method)
            sent = await call(asgi_app(receiver), scope, messages)
            time = asyncio.get_running_loop().time()
        if not sent:
            return None, {}, b"", keeping.ids, time
        start, end = sent
        assert (start["type"], end["type"]) == ("http.response.start", "http.response.body")
        got = {name.decode(): value.decode() for name, value in start["headers"]}
        assert int(got["content-length"]) == len(end["body"])
        assert all(name == name.lower() for name in got)
        return start["status"], got, end["body"], keeping.ids, time

    return run(main())


@pytest.mark.parametrize(
    "chunks",
    [[BODY], [BODY[:5], BODY[5:]], [b"", BODY, b""], [bytes([each]) for each in BODY]],
    ids=["whole", "halves", "empty pieces", "bytes"],
)
def test_a_good_delivery_is_accepted_and_handled(chunks):
    status, _, text, ids, _ = answer_to(pieces(*chunks))
    assert (status, text, ids) == (200, b"accepted\n", ["e1"])


def test_a_message_may_leave_out_what_has_a_default():
    assert answer_to([{"type": "http.request", "body": BODY}])[0] == 200
    assert answer_to([{"type": "http.request"}])[0] == 401


GOOD = ("signature", signed(BODY)["Signature"])


@pytest.mark.parametrize(
    "headers",
    [[], [("signature", "")], [("signature", "\xfc" * 64)], [GOOD, GOOD], [GOOD, ("signature", "x")]],
    ids=["none", "empty", "not ascii", "twice", "one good one bad"],
)
def test_all_that_is_not_authentic_gets_the_same_401(headers):
    status, _, text, ids, _ = answer_to(pieces(BODY), headers)
    assert (status, text, ids) == (401, b"the signature is missing or wrong\n", [])


def test_another_method_is_answered_405():
    status, headers, *_ = answer_to(pieces(BODY), method="GET")
    assert (status, headers["allow"]) == (405, "POST")


def test_a_content_encoding_is_answered_415_and_the_body_not_read():
    assert answer_to([], [GOOD, ("content-encoding", "gzip")])[0] == 415


def test_a_length_that_is_too_much_is_answered_413_and_the_body_not_read():
    assert answer_to([], [GOOD, ("content-length", "262145")])[0] == 413


def test_a_body_that_turns_out_too_large_is_answered_413():
    assert answer_to(pieces(b"x" * 60, b"x" * 60, b"x" * 60), max_body_bytes=100)[0] == 413


def test_a_body_that_does_not_come_is_answered_408():
    message = {"type": "http.request", "body": b"{", "more_body": True}
    status, *_, time = answer_to([message])
    assert (status, time) == (408, 10.0)


def test_a_sender_that_hangs_up_is_not_answered():
    message = {"type": "http.request", "body": b"{", "more_body": True}
    assert answer_to([message, {"type": "http.disconnect"}])[0] is None


def test_without_a_lifespan_it_says_that_it_is_not_open():
    async def main():
        return await call(asgi_app(Receiver(SECRET)), scope_of(signed(BODY).items()), pieces(BODY))

    assert run(main())[0]["status"] == 503


# --- lifespan and other scopes -----------------------------------------------------------------------------------

LIFE = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]


def test_the_lifespan_of_a_server_opens_and_closes_the_receiver():
    async def main():
        receiver = Receiver(SECRET)
        keeping = Keeping()

        @receiver.on(Event)
        async def handle(event):
            await asyncio.sleep(3)
            await keeping(event)

        app = asgi_app(receiver)
        messages = asyncio.Queue()
        sent = []

        async def send(message):
            sent.append(message["type"])

        life = asyncio.create_task(app({"type": "lifespan"}, messages.get, send))
        await messages.put(LIFE[0])
        await asyncio.sleep(0.1)
        before = list(sent)
        status = (await call(app, scope_of(signed(BODY).items()), pieces(BODY)))[0]["status"]
        await messages.put(LIFE[1])
        await life
        return before, status, keeping.ids, sent

    assert run(main()) == (
        ["lifespan.startup.complete"],
        200,
        ["e1"],
        ["lifespan.startup.complete", "lifespan.shutdown.complete"],
    )


def test_a_receiver_that_cannot_open_fails_the_start_up(tmp_path):
    async def main():
        app = asgi_app(Receiver(SECRET, store=SQLiteStore(tmp_path / "missing" / "once.db")))
        return await call(app, {"type": "lifespan"}, LIFE)

    [message] = asyncio.run(main())
    assert message["type"] == "lifespan.startup.failed"
    assert "once.db" in message["message"]


def test_a_receiver_that_cannot_close_fails_the_shutdown():
    class Stuck(MemoryStore):
        async def aclose(self):
            raise OSError("stuck")

    async def main():
        return await call(asgi_app(Receiver(SECRET, store=Stuck())), {"type": "lifespan"}, LIFE)

    assert run(main())[1] == {"type": "lifespan.shutdown.failed", "message": "stuck"}


def test_a_web_socket_is_closed_before_it_is_accepted():
    async def main():
        return await call(asgi_app(Receiver(SECRET)), {"type": "websocket"}, [{"type": "websocket.connect"}])

    assert run(main()) == [{"type": "websocket.close", "code": 1008}]


def test_another_kind_of_scope_is_refused_as_the_specification_wants():
    with pytest.raises(NotImplementedError, match="telepathy"):
        run(call(asgi_app(Receiver(SECRET)), {"type": "telepathy"}, []))
