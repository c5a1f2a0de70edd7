"""Traffic on a file: nobody can be found in it, its shape is whole, and it plays back."""

import asyncio
import json
import re
import resource

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aoclient
from aoclient import actions, forms
from aoclient.actions import ACTIONS
from aoclient.cassettes import NotRecordedError, Recording, Replayed, read
from aoclient.cassettes.lines import line
from aoclient.cassettes.masking import Masking
from aoclient.cassettes.vocabulary import data_levels, known_keys, plain_keys
from aoclient.convert import unstructure
from aoclient.emulator import Emulator, Registered
from aoclient.emulator.quirks import PHP_WARNING, Quirks
from aoclient.wire import Request, Response, encode
from tests.kit.scripted import Scripted, response
from tests.samples import SAMPLES

PEOPLE = [
    Registered(
        "ann.o'neil@firm.example", name="Annabelle O'Neil", variables={"phone": 380441234567, "born": "1990-02-03"}
    ),
    Registered("jürgen@firm.example", name="Jürgen Łukasiewicz-Ó Briain", variables={"department": "Secret plans"}),
]
CANARIES = [
    "firm.example",
    "neil",
    "annabelle",
    "jürgen",
    "j\\u00fcrgen",
    "ukasiewicz",
    "briain",
    "380441234567",
    "1990-02-03",
    "secret plans",
    "very-secret",
    "client-7f",
    "academy.academyocean.com",
    "auth/token",
    "eyj0exa",  # the head of a token
    "onboarding",
    "learner1@",
]
SECRETS = {"client_id": "client-7f", "client_secret": "very-secret"}


def academy(**settings):
    emulator = Emulator(learners=12, **SECRETS, **settings)
    emulator.given(*PEOPLE)
    return emulator


async def everything(ao):
    """Call what reads, each with what an earlier answer told, and a link that logs somebody in."""
    learners = await ao.learners(with_teams=True, with_academy=True)
    emails = [each.email for each in learners]
    course = (await ao.courses())[0].id
    contents = [content for each in await ao.course_progress(email=emails[0]) for content in each.content_progress]
    quizzes = [content.id for content in contents if content.type == "quiz"]
    rows = [row async for row in ao.learners_progress_by_course(course_id=course)]
    academy_id = (await ao.academies())[0].id
    return {
        "learners": emails,
        "rows": [row.email for row in rows],
        "certificates": await ao.certificates(email=emails[0]),
        "statistic": await ao.get_learners_quiz_statistic(records={emails[0]: quizzes, emails[1]: quizzes}),
        "invites": await ao.check_learner_invite(emails=emails[:2]),
        "teams": await ao.get_teams(records="course"),
        "countries": await ao.learners_amount_from_countries(),
        "abroad": [await ao.learners_from_country(country_iso_code="DE")],
        "completed": await ao.learners_course_complete(course_id=course),
        "churn": await ao.learners_churn_at_content(course_id=course, content_id=contents[0].id),
        "passive": await ao.passive_learners(),
        "repeated": await ao.learners_repeated_log_ins(),
        "link": await ao.create_login_token(academy_id=academy_id, email=emails[0]),
        "names": await ao.get_learner_variable(records={email: ["phone", "born", "department"] for email in emails}),
    }


def recorded(path, emulator, use, **settings):
    async def main():
        async with (
            Recording(path, sender=emulator, **settings) as recording,
            aoclient.Session(emulator.client_id, emulator.client_secret, sender=recording) as ao,
        ):
            return await use(ao)

    return asyncio.run(main())


def replayed(path, use, **settings):
    async def main():
        async with aoclient.Session("anybody", "anything", sender=Replayed(path, **settings)) as ao:
            return await use(ao)

    return asyncio.run(main())


def test_nobody_and_no_secret_is_in_the_file(tmp_path):
    path = tmp_path / "academy.jsonl"
    emulator = academy()
    found = recorded(path, emulator, everything)
    text = path.read_text().casefold()
    names = {part for each in emulator.world.everyone for part in emulator.world.learner(each).name.casefold().split()}
    assert len(found["learners"]) == 14
    assert len(names) > 10
    # A name of three or four letters stands in a pseudonym now and then, so that these are looked for as whole words.
    ends = {each: "(?![a-z0-9])" if len(each) < 5 else "" for each in names}
    begins = {each: "(?<![a-z0-9])" if len(each) < 5 else "(?<![a-z])" for each in names}
    patterns = [f"{begins[each]}{re.escape(json.dumps(each)[1:-1])}{ends[each]}" for each in names]
    patterns += [f"(?<![a-z]){re.escape(word)}" for word in CANARIES]
    assert [each for each in patterns if re.search(each, text)] == []
    assert found["link"].link not in text
    assert path.stat().st_mode & 0o077 == 0


def test_what_was_recorded_plays_back_with_the_same_shape(tmp_path):
    path = tmp_path / "academy.jsonl"
    first = recorded(path, academy(), everything)
    again = replayed(path, everything, match="action")
    assert shape(again) == shape(first)
    assert len(set(again["learners"])) == len(set(first["learners"])) == 14
    order = [first["learners"].index(email) for email in first["rows"]]
    assert [again["learners"].index(email) for email in again["rows"]] == order  # the same person under one pseudonym


def shape(value):
    """Return what of an answer does not depend on who is in it."""
    plain = unstructure(value) if not isinstance(value, dict | list) else value
    if isinstance(plain, dict):
        is_ours = "learners" in plain or plain.keys() <= known_keys()
        return {key: shape(each) for key, each in plain.items()} if is_ours else [*map(shape, plain.values())]
    if isinstance(plain, list):
        return [shape(each) for each in plain]
    return type(plain).__name__


def test_code_that_goes_by_the_answers_finds_the_very_forms(tmp_path):
    async def progress(ao):
        return [await ao.course_progress(email=each.email) for each in await ao.learners()]

    path = tmp_path / "academy.jsonl"
    first = recorded(path, academy(), progress)
    again = replayed(path, progress)
    times = [[(row.progress, row.start_date) for row in each] for each in first]
    assert [[(row.progress, row.start_date) for row in each] for each in again] == times


def test_the_answers_to_one_form_come_in_their_order_and_the_last_for_ever(tmp_path):
    async def twice(ao):
        with_fault = ao.with_options(retries=aoclient.RetryPolicy(attempts=1))
        try:
            await with_fault.courses()
        except aoclient.AoError as error:
            return [type(error), len(await ao.courses()), len(await ao.courses())]

    for faults, cls in [("429@at=1;retry_after=0", aoclient.RateLimitError), ("drop-after@at=1", aoclient.ReadError)]:
        path = tmp_path / f"{cls.__name__}.jsonl"
        assert recorded(path, academy(faults=faults), twice) == [cls, 4, 4]
        assert replayed(path, twice) == [cls, 4, 4]


def test_what_was_not_recorded_is_told_with_what_was(tmp_path):
    path = tmp_path / "academy.jsonl"
    recorded(path, academy(), lambda ao: ao.learners(with_teams=True))
    with pytest.raises(NotRecordedError, match=r'this action with other options only: \{"with_teams": "1"\}') as caught:
        replayed(path, lambda ao: ao.learners())
    assert caught.value.attempts == 1
    with pytest.raises(NotRecordedError, match="no call of this action"):
        replayed(path, lambda ao: ao.courses())


def test_a_recording_above_the_session_needs_no_token_on_playing_back(tmp_path):
    path = tmp_path / "calls.jsonl"

    async def main():
        async with aoclient.Session("client-7f", "very-secret", sender=academy()) as ao:
            recordings = []
            view = ao.with_sender(lambda inner: recordings.append(Recording(path, sender=inner)) or recordings[0])
            await view.courses()
            await recordings[0].aclose()
            await view.courses()  # goes on, and nothing is written

    asyncio.run(main())
    assert [each.name for each in read(path)] == ["courses"]
    assert len(replayed(path, lambda ao: ao.courses())) == 4


def test_long_lists_can_be_cut(tmp_path):
    path = tmp_path / "academy.jsonl"
    recorded(path, academy(), lambda ao: ao.learners(), rows=3)
    assert len(replayed(path, lambda ao: ao.learners())) == 3


# --- masking -----------------------------------------------------------------------------------------------------


KEYS = ["email", "name", "error", "message", "errors", "extra", "learners", "score", "new_field", "id", "0"]


def mask(value, name="newAction"):
    return Masking(key=b"k").answer(name, json.dumps(value).encode())


def test_one_text_has_one_pseudonym_in_a_cassette_and_another_in_the_next():
    one, two = Masking(), Masking()
    assert one.pseudonym("Ann@Example.com") == one.pseudonym("ann@example.com") != two.pseudonym("ann@example.com")
    assert one.pseudonym("ann@example.com").endswith("@example.invalid")
    assert "key" not in repr(one)


def test_numbers_times_and_words_of_the_vendor_stay():
    kept = {
        "score": "12.5",
        "registered_at": "2024-01-02 03:04:05",
        "type": "quiz",
        "duration": "01:15:00",
        "new": 5,
        "startTime": "7:41 AM",
        "a": None,
        "b": True,
        "city": "",
    }
    assert mask(kept) == kept


def test_what_may_name_somebody_keeps_its_shape_only():
    masked = mask({"fax": "+380441234567", "mobile": 380441234567, "born": "1990-02-03", "id": "IG9DoD8WsxGIdBu7Cqdv"})
    for key, pattern in [
        ("fax", r"\+[1-9]{12}"),
        ("born", r"[1-9]{4}-[1-9]{2}-[1-9]{2}"),
        ("id", r"[A-Z]{2}\d[A-Z][a-z][A-Z]\d\w{13}"),
    ]:
        assert re.fullmatch(pattern, masked[key])
    assert isinstance(masked["mobile"], int)
    assert masked["mobile"] != 380441234567
    assert len(str(masked["mobile"])) == 12


def test_numbers_that_are_not_declared_keep_their_digits_count_only():
    masked = mask({"badge": 10345, "rate": 1234.5, "id": 10345, "spent_time_in_academy": 10345, "tiny": 1e-9, "n": -12})
    assert {key: masked[key] for key in ("id", "spent_time_in_academy", "tiny", "n")} == {
        "id": 10345,
        "spent_time_in_academy": 10345,
        "tiny": 1e-9,
        "n": -12,
    }
    assert len(str(masked["badge"])) == 5
    assert masked["badge"] != 10345
    assert isinstance(masked["rate"], float)
    assert masked["rate"] != 1234.5
    variables = mask({"a@b.org": {"id": 10345, "score": "10345"}}, "getLearnerVariable")
    assert "10345" not in json.dumps(variables)


def test_names_of_fields_stay_and_keys_that_are_data_do_not():
    masked = mask({"brandNewField": {"ann@example.com": 1, "Ann Smith": 2, "0": 3}})
    assert list(masked) == ["brandNewField"]
    assert not {"ann@example.com", "Ann Smith"} & masked["brandNewField"].keys()
    assert masked["brandNewField"]["0"] == 3
    variables = mask({"ann@example.com": {"nickname": "Annie"}}, "getLearnerVariable")
    assert "nickname" not in json.dumps(variables)


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("Learner not found", "Learner not found"),
        ("Too Many Attempts.", "Too Many Attempts."),
        ("Annabelle is already in team 3", r"masked-\w+ is already in team 3"),
        (
            "No learner ann@example.com, see https://a.example.org/x?y=1",
            r"No learner person-\w+@example.invalid, see https://masked.invalid/\w+",
        ),
        ("call 380441234567", r"call \d{12}"),
    ],
)
def test_the_words_of_messages_stay_and_who_is_named_in_them_does_not(words, kept):
    assert re.fullmatch(kept, mask({"error": {"message": words}})["error"]["message"])
    assert re.fullmatch(
        kept, mask({"message": "x", "errors": {"learners.0.email": [words]}})["errors"]["learners.0.email"][0]
    )


CANARY = "Xquzzy"
TEXTS = st.text(max_size=8).map(lambda text: f"{text}{CANARY}{text[::-1]}")
NAMES = TEXTS.map(lambda text: f"{text} Smith")  # what is spelt as the name of a field stays
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(value=VALUES, name=st.sampled_from(["newAction", *ACTIONS]))
def test_no_text_gets_through_wherever_it_stands(value, name):
    masked = mask(value, name)
    assert CANARY.casefold() not in json.dumps(masked, ensure_ascii=False).casefold()
    assert skeleton(masked) == skeleton(value)


def skeleton(value):
    if isinstance(value, dict):
        return [skeleton(each) for each in value.values()]
    return [skeleton(each) for each in value] if isinstance(value, list) else type(value)


def test_secrets_are_gone_wherever_they_stand():
    masked = mask(
        {"access_token": "abc", "apiKey": "abc", "nested": [{"client_secret": "abc", "token_type": "Bearer"}]}
    )
    assert masked == {
        "access_token": "masked",
        "apiKey": "masked",
        "nested": [{"client_secret": "masked", "token_type": "Bearer"}],
    }


def test_a_body_that_is_no_json_keeps_what_kind_of_page_it_was():
    body = b"<html><body><h1>Hello Annabelle</h1><a href='https://firm.example/x'>login</a></body></html>"
    text = Masking().text(body)
    assert text.startswith("<html><body><h1>")
    assert "Annabelle" not in text
    assert "firm" not in text


def test_headers_that_tell_nothing_of_the_account_stay():
    headers = {
        "content-type": "application/json",
        "set-cookie": "session=abc",
        "location": "https://firm.example/login",
        "x-ratelimit-limit": "60",
    }
    masked = Masking().headers(headers)
    assert masked.keys() == {"content-type", "location", "x-ratelimit-limit"}
    assert re.fullmatch(r"https://masked\.invalid/\w+/login", masked["location"])


@pytest.mark.parametrize("action", SAMPLES, ids=lambda each: each.spec.name)
def test_the_form_of_every_action_is_masked_and_is_still_one_of_it(action):
    tree = Masking(key=b"k").form(encode(action))
    again = forms.decode(forms.encode(tree))
    assert again == tree
    assert tree["action"] == action.spec.name
    assert "example.com" not in json.dumps(tree)
    assert set(tree.get("options", {})) == set(forms.decode(encode(action).body).get("options", {}))


def test_a_form_nobody_modelled_is_masked_too():
    def form(tree):
        request = Request(name="x", effect=actions.Effect.READS, body=forms.encode(tree).encode(), read=lambda _: None)
        return Masking(key=b"k").form(request)

    assert form({"action": "ann@example.com", "options": "Ann", "mail": "ann@example.com"}).keys() == {
        "action",
        "options",
        "mail",
    }
    assert "nn" not in json.dumps(form({"action": "Ann Smith", "options": "Ann", "mail": "Ann"})).replace("action", "")
    assert form({"action": "x", "options": ["Ann"]})["options"][0].startswith("masked-")


def test_the_vocabulary_comes_from_the_declarations():
    assert {"registered_at", "score", "startTime", "page"} <= plain_keys()
    assert not {"name", "email", "id", "value", "city"} & plain_keys()
    assert {name: data_levels(name) for name in ACTIONS if data_levels(name)} == {
        "checkLearnerInvite": 1,
        "getLearnerVariable": 2,
        "getLearnersQuizStatistic": 2,
    }


# --- the file ----------------------------------------------------------------------------------------------------


def test_quirks_of_the_server_survive(tmp_path):
    path = tmp_path / "academy.jsonl"
    recorded(path, academy(quirks=Quirks(numbers_as_text=True, filtered_lists=True)), lambda ao: ao.learners())
    assert isinstance(json.loads(path.read_text().splitlines()[2])["json"], list | dict)
    assert '"lessons_opened": "' in path.read_text()
    warned = line(encode(actions.Courses()), Response(200, {}, PHP_WARNING + b"[]"), 0.1, Masking())
    assert "Warning" in json.loads(warned)["text"]


def test_a_file_that_is_there_is_not_written_over(tmp_path):
    path = tmp_path / "academy.jsonl"
    path.write_text("mine")
    with pytest.raises(aoclient.ConfigurationError, match=r"academy\.jsonl' cannot be made: File exists"):
        Recording(path, sender=Scripted(response([])))
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"\xff", "no UTF-8"),
        (b"", "is no cassette of format 1"),
        (b'{"cassette": 2}\n', "is no cassette of format 1"),
        (b"[]\n", "is no cassette of format 1"),
        (b'{"cassette": 1}\n{"name": "x"}\n', "line 2 of the cassette .* is no exchange"),
        (b'{"cassette": 1}\nx\n', "line 2 of the cassette .* is no exchange"),
    ],
    ids=["missing", "bytes", "empty", "format", "list", "entry", "json"],
)
def test_what_is_no_cassette_is_refused(tmp_path, text, words):
    path = tmp_path / "academy.jsonl"
    if text is not None:
        path.write_bytes(text)
    with pytest.raises(aoclient.ConfigurationError, match=words):
        Replayed(path)


def test_a_line_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "academy.jsonl"
    recorded(path, academy(), lambda ao: ao.courses())
    path.write_text(path.read_text() + '{"name": "lear')
    assert [each.name for each in read(path)] == ["oauth/token", "courses"]


@pytest.mark.parametrize(
    ("raised", "cls"),
    [
        (aoclient.ConnectError("no"), aoclient.ConnectError),
        (aoclient.DeadlineError("no", phase="connect"), aoclient.DeadlineError),
        (aoclient.ResponseTooLargeError("no"), aoclient.AoError),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else "",
)
def test_an_error_is_raised_again(tmp_path, raised, cls):
    path = tmp_path / "academy.jsonl"

    async def main():
        recording = Recording(path, sender=Scripted(raised))
        with pytest.raises(type(raised)):
            await recording.send(encode(actions.Courses()))
        await recording.aclose()
        with pytest.raises(cls, match="as it was recorded"):
            await Replayed(path).send(encode(actions.Courses()))

    asyncio.run(main())


def test_the_network_is_the_recordings_own(tmp_path):
    async def main():
        emulator = academy()
        async with (
            emulator.serve() as url,
            Recording(tmp_path / "a.jsonl", base_url=url) as recording,
            aoclient.Session("client-7f", "very-secret", base_url=url, sender=recording) as ao,
        ):
            assert len(await ao.courses()) == 4
        assert recording.count == 2
        with pytest.raises(aoclient.ClientClosedError):
            await recording.send(encode(actions.Courses()))

    asyncio.run(main())
    for each in (tmp_path / "a.jsonl").read_text().splitlines()[1:]:
        assert json.loads(each)["headers"]["content-type"] == "application/json"


def test_on_a_full_disk_the_network_is_closed_all_the_same(tmp_path):
    async def main():
        recording = Recording(tmp_path / "c.jsonl", base_url="http://127.0.0.1:9")
        kept = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, kept[1]))
        try:
            with pytest.raises(OSError, match="too large"):
                await recording.aclose()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, kept)
        with pytest.raises(aoclient.ClientClosedError):
            await recording.send(encode(actions.Courses()))

    asyncio.run(main())
