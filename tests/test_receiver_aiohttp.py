"""The aiohttp adapter on a real socket, mostly for what no client library would send."""

import asyncio
import gzip
import logging

import aiohttp
import pytest
from aiohttp import web

from aoclient.receivers import Receiver, handler, routes, serve
from aoclient.receivers import aiohttp as adapter
from aoclient.receivers.intake import Intake
from aoclient.webhooks import Event
from tests.kit.receiving import SECRET, Keeping, body, exchange, heard, request, signature, signed

BODY = body()
GOOD = signature(BODY)


def on_socket(main, **settings):
    """Run a coroutine function with the URL of a receiver; return what it returns and the ids that were handled."""

    async def whole():
        receiver = Receiver(SECRET, **settings)
        keeping = Keeping()
        receiver.on(Event)(keeping)
        async with serve(receiver) as url:
            result = await main(url)
        return result, keeping.ids

    return asyncio.run(whole())


def answer_to(*pieces, **settings):
    async def main(url):
        async with asyncio.timeout(20):
            return await exchange(url, *pieces)

    answer, ids = on_socket(main, **settings)
    return answer, ids


def test_a_good_delivery_is_accepted_and_handled():
    answer, ids = answer_to(request(BODY, GOOD, "Content-Type: application/json"))
    assert (answer.status, answer.body, ids) == (200, b"accepted\n", ["e1"])


def test_a_client_library_gets_the_same():
    async def main(url):
        async with aiohttp.ClientSession() as http, http.post(url, data=BODY, headers=signed(BODY)) as response:
            return response.status

    assert on_socket(main) == (200, ["e1"])


def short(given):
    return repr(b"".join(given)[-40:]) if isinstance(given, list) else str(given)


def chunked(*chunks):
    return b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([request(BODY)], 401),
        ([request(BODY, "Signature:")], 401),
        ([request(BODY, "Signature: " + "0" * 64)], 401),
        ([request(BODY, "Signature: " + "\xfc" * 64)], 401),
        ([request(BODY, GOOD, GOOD)], 401),
        ([request(BODY, GOOD, "signature: x")], 401),
        ([request(BODY, f"{GOOD}, {GOOD.split()[1]}")], 401),
        ([request(BODY, f"{GOOD} x")], 401),
        ([request(b"", GOOD)], 401),
        ([request(BODY, GOOD, "Content-Encoding: gzip")], 415),
        ([request(gzip.compress(BODY), signature(gzip.compress(BODY)), "Content-Encoding: gzip")], 415),
        ([request(gzip.compress(BODY), GOOD, "Content-Encoding: gzip")], 415),
        ([request(BODY, GOOD, "Content-Encoding: identity")], 415),
        ([request(BODY, GOOD, "Content-Encoding: br")], 415),
        ([request(BODY, GOOD, "Content-Encoding:", "Content-Encoding: gzip")], 415),
        ([request(b"x" * 300_000)], 413),
        ([request(b"", "Content-Length: 99999999", length=False)], 413),
        ([request(b"", "Transfer-Encoding: chunked", length=False), chunked(*[b"x" * 65_536] * 5)], 413),
        ([request(b"", GOOD, "Transfer-Encoding: chunked", length=False), chunked(BODY[:9], BODY[9:])], 200),
        ([request(BODY, GOOD, "Expect: 100-continue")], 200),
        ([request(BODY, GOOD, "Expect: coffee")], 417),
        ([request(BODY, GOOD, method="PUT")], 405),
        ([request(b"", method="GET")], 405),
        ([request(b"", method="OPTIONS")], 405),
        ([request(b"", method="BREW")], {400, 405}),
        ([request(BODY, GOOD, path="/webhooks/")], 404),
        ([request(BODY, GOOD, path="//webhooks")], 404),
        ([request(BODY, GOOD, path="/")], 404),
        ([request(BODY, GOOD, path="/webhooks?a=%ff")], 200),
        ([request(BODY, GOOD, path="/%ff%00")], {400, 404}),
    ],
    ids=short,
)
def test_a_stranger_gets_a_4xx_and_never_a_redirect_or_a_500(pieces, status, caplog, monkeypatch):
    if b"99999999" in pieces[0]:
        monkeypatch.setattr(adapter, "_LINGERS", 0.01)  # what is announced does not come
    caplog.set_level(logging.WARNING, "aiohttp")
    answer, _ = answer_to(*pieces)
    assert answer.status in (status if isinstance(status, set) else {status})
    assert caplog.text == "" or answer.status == 400


@pytest.mark.parametrize(
    "pieces",
    [
        [request(b"", GOOD, "Transfer-Encoding: chunked", length=False), b"zz\r\nnonsense"],
        [request(BODY, GOOD, "Transfer-Encoding: chunked")],
        [request(BODY, GOOD, "Content-Length: 5")],
        [request(BODY, GOOD, "Content-Length: -5", length=False)],
        [request(BODY, GOOD, "Bad Header: x")],
        [request(BODY, GOOD, "X: " + "x" * 20_000)],
        [request(BODY, GOOD, path="/webhooks?\xfc")],
        [b"POST /webhooks HTTP/9.9\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n" * 4],
    ],
    ids=short,
)
def test_what_is_no_http_is_answered_400_by_the_server_itself(pieces):
    answer, ids = answer_to(*pieces)
    assert (answer.status, ids) == (400, [])


def test_all_401_look_the_same():
    bodies = set()
    for lines in ([], ["Signature: x"], ["Signature: " + "0" * 64], [GOOD, GOOD]):
        answer, _ = answer_to(request(BODY, *lines))
        bodies.add((answer.status, answer.body, answer.headers["content-type"]))
    assert bodies == {(401, b"the signature is missing or wrong\n", "text/plain; charset=utf-8")}


def test_405_tells_which_method_is_right():
    assert answer_to(request(b"", method="GET"))[0].headers["allow"] == "POST"


def test_a_body_that_does_not_come_is_answered_408(monkeypatch):
    monkeypatch.setattr(adapter, "_LINGERS", 0.01)
    answer, ids = answer_to(request(b"{", GOOD, f"Content-Length: {len(BODY)}", length=False), body_timeout=0.05)
    assert (answer.status, answer.headers["connection"], ids) == (408, "close", [])


def test_a_body_that_is_there_with_the_head_needs_no_clock(monkeypatch):
    honest = asyncio.timeout
    clocks = []

    async def main(url):
        started = asyncio.Event()

        def timeout(after):
            if after == 5.0:
                clocks.append(after)
                started.set()
            return honest(after)

        monkeypatch.setattr("aoclient.receivers.intake.asyncio.timeout", timeout)
        whole = await exchange(url, request(BODY, GOOD))
        before = len(clocks)
        host, port = url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request(b"", GOOD, f"Content-Length: {len(BODY)}", length=False))
        await started.wait()
        writer.write(BODY)
        late = await heard(reader)
        writer.transport.abort()
        return whole.status, before, late.status, len(clocks)

    assert on_socket(main, body_timeout=5.0)[0] == (200, 0, 200, 1)


def test_a_body_in_single_bytes_is_put_together():
    pieces = [request(b"", GOOD, f"Content-Length: {len(BODY)}", length=False), *(bytes([each]) for each in BODY)]
    assert answer_to(*pieces)[1] == ["e1"]


def test_a_sender_that_hangs_up_in_the_body_leaves_no_trace(caplog):
    caplog.set_level(logging.WARNING)

    async def main(url):
        host, port = url.split("/")[2].split(":")
        for _ in range(20):
            _, writer = await asyncio.open_connection(host, int(port))
            writer.write(request(b"{", GOOD, "Content-Length: 50", length=False))
            await writer.drain()
            writer.transport.abort()
        return (await exchange(url, request(BODY, GOOD))).status

    assert on_socket(main) == (200, ["e1"])
    assert caplog.text == ""


def test_a_connection_is_used_again_after_a_refusal():
    async def main(url):
        host, port = url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        statuses = []
        for line in ("Signature: x", GOOD, "Content-Encoding: gzip", GOOD):
            writer.write(request(BODY, line))
            statuses.append((await heard(reader)).status)
        writer.transport.abort()
        return statuses

    assert on_socket(main)[0] == [401, 200, 415, 200]


def test_several_requests_at_once_on_one_connection_are_all_answered():
    async def main(url):
        host, port = url.split("/")[2].split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(request(BODY, GOOD) + request(BODY) + request(body("e2"), signature(body("e2"))))
        statuses = [(await heard(reader)).status for _ in range(3)]
        writer.transport.abort()
        return statuses

    assert on_socket(main) == ([200, 401, 200], ["e1", "e2"])


# --- in an application of one's own ------------------------------------------------------------------------------


def in_application(main, *, middlewares=(), **settings):
    async def whole():
        receiver = Receiver(SECRET, **settings)
        keeping = Keeping()
        receiver.on(Event)(keeping)
        app = web.Application(middlewares=middlewares)
        app.add_routes(routes(receiver, "/webhooks"))
        app.router.add_post("/alone", handler(receiver))
        app.cleanup_ctx.append(receiver.lifespan)
        runner = web.AppRunner(app)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            result = await main(f"http://127.0.0.1:{runner.addresses[0][1]}/")
        finally:
            await runner.cleanup()
        return result, keeping.ids

    return asyncio.run(whole())


def test_routes_and_handler_work_in_an_application():
    async def main(url):
        paths = ["/webhooks", "/alone", "/nowhere"]
        return [(await exchange(url, request(BODY, GOOD, path=path))).status for path in paths]

    assert in_application(main) == ([200, 200, 404], ["e1"])


@pytest.mark.parametrize("payload", [BODY, b""], ids=["body", "empty"])
def test_a_middleware_that_reads_the_body_first_does_no_harm(payload):
    @web.middleware
    async def reading(request, handler):
        await request.read()
        return await handler(request)

    async def main(url):
        return (await exchange(url, request(payload, signature(payload), path="/webhooks"))).status

    status, ids = in_application(main, middlewares=[reading])
    assert (status, ids) == ((200, ["e1"]) if payload else (400, []))


def test_an_application_that_ends_waits_for_what_is_at_work():
    async def whole():
        receiver = Receiver(SECRET)
        ended = asyncio.Event()
        may_end = asyncio.Event()

        @receiver.on(Event)
        async def handle(event):
            await may_end.wait()
            ended.set()

        async with serve(receiver) as url:
            status = (await exchange(url, request(BODY, GOOD))).status
            asyncio.get_running_loop().call_later(0.05, may_end.set)
            before = ended.is_set()
        return status, before, ended.is_set()

    assert asyncio.run(whole()) == (200, False, True)


@pytest.mark.parametrize("drain_timeout", [0, 0.05])
def test_who_waits_for_an_event_that_is_given_up_is_told_so(drain_timeout):
    async def main():
        receiver = Receiver(SECRET, wait=True, drain_timeout=drain_timeout)
        begun = asyncio.Event()

        @receiver.on(Event)
        async def never_ends(_):
            begun.set()
            await asyncio.Event().wait()

        async with asyncio.timeout(20):
            async with serve(receiver) as url:
                answer = asyncio.create_task(exchange(url, request(BODY, GOOD)))
                await begun.wait()
            return (await answer).status

    assert asyncio.run(main()) == 503


def test_the_server_says_where_it_listens_also_on_ipv6():
    async def whole():
        async with serve(Receiver(SECRET), "::1", path="/x") as url:
            return url

    try:
        url = asyncio.run(whole())
    except OSError:
        pytest.skip("no IPv6 here")
    assert url.startswith("http://[::1]:")
    assert url.endswith("/x")


def test_a_port_that_is_taken_is_an_os_error_and_the_receiver_is_closed():
    async def whole():
        receiver = Receiver(SECRET)
        async with serve(receiver) as url:
            taken = int(url.split("/")[2].split(":")[1])
            second = Receiver(SECRET)
            with pytest.raises(OSError, match="address"):
                async with serve(second, port=taken):
                    raise AssertionError
            return second._deliveries

    assert asyncio.run(whole()) is None


@pytest.mark.parametrize("runs", [on_socket, in_application], ids=["served", "in an application"])
def test_a_bomb_is_refused_before_it_is_read(runs, monkeypatch):
    receiver_saw = []
    read, take = Intake.read, Receiver.take

    async def reading(self, read_piece):
        payload = await read(self, read_piece)
        receiver_saw.append(payload)
        return payload

    def taking(self, payload, signatures):
        receiver_saw.append(payload)
        return take(self, payload, signatures)

    monkeypatch.setattr(Intake, "read", reading)
    monkeypatch.setattr(Receiver, "take", taking)
    good, ids = runs(lambda url: exchange(url, request(BODY, GOOD, path="/webhooks")))
    assert (good.status, ids, receiver_saw) == (200, ["e1"], [BODY])
    receiver_saw.clear()
    bomb = gzip.compress(bytes(20_000_000))
    assert len(bomb) < 262_144
    status, _ = runs(lambda url: exchange(url, request(bomb, "Content-Encoding: gzip", path="/webhooks")))
    assert status.status == 415
    assert receiver_saw == []
