"""The emulator over a real socket, met by a plain HTTP client: every fault as a stranger sees it."""

import asyncio
import io
import json
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime

import aiohttp
import pytest

from aoclient import Session, forms
from aoclient.emulator import Emulator
from aoclient.emulator.faults import KINDS, Stage

EMAIL = "learner7@example.com"
CALL = {"action": "learners", "options": {"email": EMAIL}}
CREDENTIALS = {"grant_type": "client_credentials", "client_id": "client-id", "client_secret": "client-secret"}
FORM = "application/x-www-form-urlencoded"


class Client:
    """A plain client: bytes in, status, headers and bytes out."""

    def __init__(self, http, url):
        self.http = http
        self.url = url
        self.token = ""

    async def post(self, tree=CALL, path="/api/v1/", **headers):
        given = {"Accept": "application/json", "Content-Type": FORM, "Authorization": f"Bearer {self.token}"}
        async with self.http.post(
            self.url + path,
            data=io.BytesIO(forms.encode(tree).encode()),
            headers={**given, **headers},
            allow_redirects=False,
        ) as answer:
            return answer.status, answer.headers, await answer.read()

    async def sign_in(self):
        _, _, body = await self.post(CREDENTIALS, "/oauth/token")
        self.token = json.loads(body)["access_token"]


@asynccontextmanager
async def client_of(emulator, *, keeps_alive=False, **settings):
    async with (
        emulator.serve() as url,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=not keeps_alive), **settings) as http,
    ):
        client = Client(http, url)
        await client.sign_in()
        yield client


def meet(faults, **settings):
    """Return what one call meets, and the emulator."""
    emulator = Emulator(faults=faults)

    async def main():
        async with client_of(emulator, **settings) as client:
            return await client.post()

    return asyncio.run(main()), emulator


def names(emulator):
    return [entry.action.spec.name for entry in emulator.journal.applied]


def test_a_call_without_faults_is_answered():
    (status, headers, body), emulator = meet(None)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(body)[0]["email"] == EMAIL
    assert names(emulator) == ["learners"]


@pytest.mark.parametrize(
    ("fault", "status", "content_type", "body"),
    [
        ("401", 401, "application/json", b'{"message":"Unauthenticated."}'),
        ("expired-token", 401, "application/json", b'{"message":"Unauthenticated."}'),
        ("revoked-token", 401, "application/json", b'{"message":"Unauthenticated."}'),
        ("429", 429, "application/json", b'{"message":"Too Many Attempts."}'),
        ("429@body=text", 429, "text/html; charset=UTF-8", b"Too Many Attempts."),
        ("500", 500, "application/json", b'{"message":"Server Error"}'),
        ("500@body=empty", 500, "text/html; charset=UTF-8", b""),
        ("502", 502, "application/json", b'{"message":"Bad Gateway"}'),
        ("503", 503, "application/json", b'{"message":"Service Unavailable"}'),
        ("504", 504, "application/json", b'{"message":"Gateway Timeout"}'),
        ("error-200", 200, "application/json", b'{"error":{"message":"Something went wrong"}}'),
    ],
)
def test_a_refusal_is_answered_and_nothing_is_applied(fault, status, content_type, body):
    answer, emulator = meet(fault)
    assert (answer[0], answer[1]["content-type"], answer[2]) == (status, content_type, body)
    assert names(emulator) == []
    assert emulator.journal.received[-1].status == status
    assert emulator.journal.received[-1].fault == fault


@pytest.mark.parametrize(("fault", "status"), [("502@body=html", 502), ("504@body=html", 504), ("html-200", 200)])
def test_a_page_comes_instead_of_json(fault, status):
    answer, emulator = meet(fault)
    assert (answer[0], answer[1]["content-type"]) == (status, "text/html; charset=UTF-8")
    assert answer[2].startswith(b"<!DOCTYPE html>")
    assert names(emulator) == []


def test_retry_after_comes_in_seconds_or_as_a_date():
    (_, headers, _), _ = meet("503@retry_after=7")
    assert headers["retry-after"] == "7"
    (_, headers, _), _ = meet("429@date=30")
    waits = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    assert waits.total_seconds() == 30
    (_, headers, _), _ = meet("429")
    assert "retry-after" not in headers


@pytest.mark.parametrize(
    ("fault", "location"),
    [
        ("301", "https://other.example.com/api/v1/"),
        ("307", "https://other.example.com/api/v1/"),
        ("308@to=https://elsewhere.example.com/", "https://elsewhere.example.com/"),
        ("302@to=https://elsewhere.example.com/", "https://elsewhere.example.com/"),
    ],
)
def test_a_redirect_points_to_another_host(fault, location):
    (status, headers, _), emulator = meet(fault)
    assert (str(status), headers["location"]) == (fault[:3], location)
    assert names(emulator) == []


def test_a_302_points_to_the_login_page_which_is_a_page():
    emulator = Emulator(faults="302")

    async def main():
        async with client_of(emulator) as client:
            _, headers, _ = await client.post()
            assert headers["location"] == f"{client.url}/login"
            async with client.http.get(headers["location"]) as page:
                assert (page.status, "Log in" in await page.text()) == (200, True)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("fault", "is_applied"),
    [("refuse", False), ("close-before-read", False), ("drop-after", True), ("stall@seconds=0.0", True)],
)
def test_a_connection_is_closed_with_no_byte_sent(fault, is_applied):
    emulator = Emulator()

    async def main():
        async with client_of(emulator) as client:
            emulator.faults = fault
            with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
                await client.post()

    asyncio.run(main())
    assert names(emulator) == (["learners"] if is_applied else [])
    assert (emulator.journal.received[-1].fault, emulator.journal.received[-1].status) == (fault, 0)


def test_half_a_body_is_cut_in_its_middle():
    emulator = Emulator(faults="half-body")

    async def main():
        # A connection that is kept shows that the emulator cuts it: else the client would wait for the other half.
        timeout = aiohttp.ClientTimeout(sock_read=5)
        async with client_of(emulator, keeps_alive=True, timeout=timeout) as client:
            with pytest.raises(aiohttp.ClientPayloadError):
                await client.post()

    asyncio.run(main())
    assert names(emulator) == ["learners"]


def test_a_stalled_call_was_applied_and_never_answered():
    emulator = Emulator(faults="stall")

    async def main():
        async with client_of(emulator, timeout=aiohttp.ClientTimeout(sock_read=0.05)) as client:
            with pytest.raises(TimeoutError):
                await client.post()

    asyncio.run(main())
    assert names(emulator) == ["learners"]


def test_a_drip_is_whole_in_the_end():
    (status, _, body), _ = meet("drip@seconds=0.02")
    assert (status, json.loads(body)[0]["email"]) == (200, EMAIL)


def test_a_failure_after_the_fact_was_applied():
    (status, _, body), emulator = meet("500-after")
    assert (status, body) == (500, b'{"message":"Server Error"}')
    assert names(emulator) == ["learners"]


@pytest.mark.parametrize(
    ("fault", "status", "looks"),
    [
        ("empty-200", 200, lambda body: body == b""),
        ("204", 204, lambda body: body == b""),
        ("truncated", 200, lambda body: body.startswith(b'[{"email"') and not body.endswith(b"]")),
        ("broken", 200, lambda body: body.startswith(b'{"learners": [,')),
        ("charset", 200, lambda body: body.decode("utf-16").startswith('[{"email"')),
        ("warning", 200, lambda body: body.startswith(b"<br />\n<b>Warning</b>")),
        ("bom", 200, lambda body: body.startswith(b'\xef\xbb\xbf[{"email"')),
        ("content-type", 200, lambda body: body.startswith(b'[{"email"')),
        ("gzip-bomb@size=3", 200, lambda body: body == b" " * 3 * 2**20),
    ],
)
def test_an_answer_is_spoilt_after_the_action_was_applied(fault, status, looks):
    answer, emulator = meet(fault)
    assert answer[0] == status
    assert looks(answer[2])
    assert names(emulator) == ["learners"]
    if fault == "content-type":
        assert answer[1]["content-type"].startswith("text/html")


def test_every_kind_of_fault_keeps_the_journal_honest():
    """Whatever is done to a call that adds: it is in the journal if and only if the attempt was added."""
    quiz = next(each for each in Emulator().world.catalogue.courses[0].contents if each.is_quiz)
    call = {"action": "addLearnerQuizAttempts", "options": {"quiz_id": quiz.id, "email": EMAIL}}

    async def main():
        for kind in KINDS:
            emulator = Emulator()
            async with client_of(emulator, timeout=aiohttp.ClientTimeout(sock_read=0.1)) as client:
                emulator.faults = f"{kind}@seconds=0;size=1"
                with suppress(aiohttp.ClientError, TimeoutError):
                    await client.post(call)
                added = emulator.world.attempts(EMAIL, quiz.id)
                assert emulator.journal.count("addLearnerQuizAttempts") == added, kind
                assert added == (KINDS[kind] is Stage.AFTER), kind

    asyncio.run(main())


def test_a_token_request_meets_faults_that_aim_at_it():
    emulator = Emulator()

    async def main():
        async with client_of(emulator) as client:
            emulator.faults = "401@action=token"
            status, _, body = await client.post(CREDENTIALS, "/oauth/token")
            assert (status, json.loads(body)["error"]) == (401, "invalid_client")
            assert (await client.post())[0] == 200

    asyncio.run(main())


def test_a_session_works_over_the_socket_and_login_links_lead_there():
    emulator = Emulator(latency=0.001)

    async def main():
        async with emulator.serve() as url, Session("client-id", "client-secret", base_url=url) as ao:
            assert (await ao.learners(email=EMAIL))[0].email == EMAIL
            link = (await ao.create_login_token(academy_id=emulator.world.academy_id, email="new@example.com")).link
            assert link.startswith(f"{url}/auth/token/")
            async with aiohttp.ClientSession() as http:
                async with http.get(link, allow_redirects=False) as first:
                    assert (first.status, first.headers["location"]) == (302, f"{url}/courses")
                async with http.get(link, allow_redirects=False) as second:
                    assert second.status == 410
            assert (await ao.learners(email="new@example.com"))[0].email == "new@example.com"

    before = emulator.application.base_url
    asyncio.run(main())
    assert emulator.application.base_url == before
    assert emulator.journal.requests("/oauth/token") == 1


def test_a_body_beyond_one_mebibyte_never_reaches_php():
    async def main():
        async with client_of(Emulator()) as client:
            status, headers, _ = await client.post({"action": "x" * 2**20})
            assert (status, headers["content-type"]) == (413, "text/html; charset=UTF-8")

    asyncio.run(main())


def test_it_ends_although_a_client_waits_for_an_answer():
    async def main():
        emulator = Emulator(faults="stall@action=token")
        async with asyncio.timeout(20), aiohttp.ClientSession() as http:
            async with emulator.serve() as url:
                asked = asyncio.create_task(Client(http, url).post(CREDENTIALS, "/oauth/token"))
                while not emulator.journal.received:  # noqa: ASYNC110  # a journal has no event
                    await asyncio.sleep(0)
            with pytest.raises(aiohttp.ServerDisconnectedError):
                await asked

    asyncio.run(main())


def test_a_client_that_hangs_up_in_the_body_leaves_no_trace(caplog):
    async def main():
        async with Emulator().serve() as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            writer.write(b"POST /api/v1/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nacti")
            writer.write_eof()
            await reader.read()
            writer.close()

    asyncio.run(main())
    assert caplog.records == []


def test_an_encoding_of_a_form_is_ignored_as_php_does():
    async def main():
        async with client_of(Emulator()) as client:
            return (await client.post(**{"Content-Encoding": "gzip"}))[0]

    assert asyncio.run(main()) == 200
