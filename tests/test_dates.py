"""The date, time and duration texts of the vendor."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aoclient import dates
from aoclient.model import Clock

AT = datetime(2017, 7, 24, 10, 26, 23, tzinfo=UTC)
KYIV = timezone(timedelta(hours=3))
MOMENTS = st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("clock", "hour", "minute"),
    [
        ("7:41 AM", 7, 41),
        ("07:41 AM", 7, 41),
        ("12:00 AM", 0, 0),
        ("12:30 PM", 12, 30),
        ("11:59 pm", 23, 59),
        (None, 0, 0),
    ],
)
def test_a_slashed_date_is_joined_with_its_time_of_day(clock: str | None, hour: int, minute: int):
    assert dates.read_slashed("01/31/2022", clock) == datetime(2022, 1, 31, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("2022-01-31", "7:41 AM"),
        ("13/01/2022", "7:41 AM"),
        ("02/30/2022", None),
        ("01/31/22", None),
        ("01/31/2022", "0:10 AM"),
        ("01/31/2022", "13:00 PM"),
        ("01/31/2022", "7:60 AM"),
        ("01/31/2022", "7:41"),
        ("01/31/2022", "\u0667:41 AM"),
    ],
)
def test_another_spelling_of_a_slashed_date_is_refused(day: str, clock: str | None):
    with pytest.raises(ValueError, match=r"expected|month|day"):
        dates.read_slashed(day, clock)


@pytest.mark.parametrize(
    ("clock", "moment", "texts"),
    [
        (Clock.BARE, AT, ("07/24/2017", "10:26 AM")),
        (Clock.BARE, AT.replace(hour=0), ("07/24/2017", "12:26 AM")),
        (Clock.BARE, AT.replace(hour=19), ("07/24/2017", "7:26 PM")),
        (Clock.PADDED, AT.replace(hour=19), ("07/24/2017", "07:26 PM")),
        (Clock.PADDED, AT.replace(year=987, hour=12), ("07/24/0987", "12:26 PM")),
        (Clock.BARE, AT.astimezone(KYIV), ("07/24/2017", "10:26 AM")),
        (Clock.BARE, AT.replace(tzinfo=None), ("07/24/2017", "10:26 AM")),
    ],
)
def test_a_moment_is_written_as_a_slashed_date(clock: Clock, moment: datetime, texts: tuple[str, str]):
    assert dates.write_slashed(moment, clock) == texts


@settings(database=None, deadline=None)
@given(MOMENTS, st.sampled_from(Clock))
def test_slashed_dates_come_back_to_the_minute(moment: datetime, clock: Clock):
    assert dates.read_slashed(*dates.write_slashed(moment, clock)) == moment.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    "text",
    [
        "2017-07-24T10:26:23+00:00",
        "2017-07-24T13:26:23+03:00",
        "2017-07-24 10:26:23",
        "2017-07-24T10:26:23Z",
        "2017-07-24T10:26:23.000000Z",
    ],
)
def test_every_spelling_of_a_moment_is_read_in_utc(text: str):
    assert dates.read_moment(text) == AT
    assert dates.read_moment(text).tzinfo is UTC
    assert dates.read_day(text) == AT


def test_a_date_alone_is_a_day_and_no_moment():
    assert dates.read_day("2021-12-08") == date(2021, 12, 8)
    assert type(dates.read_day("2021-12-08")) is date
    with pytest.raises(ValueError, match="expected a date with a time"):
        dates.read_moment("2021-12-08")


@pytest.mark.parametrize("text", ["", "x", "2021-13-08", "24.07.2017 10:26", "0000-00-00 00:00:00"])
def test_what_is_no_date_is_refused(text: str):
    with pytest.raises(ValueError):
        dates.read_day(text)


@settings(database=None, deadline=None)
@given(MOMENTS)
def test_atom_and_the_spelling_of_options_come_back_to_the_second(moment: datetime):
    seconds = moment.replace(microsecond=0)
    assert dates.read_day(dates.write_day(moment)) == seconds
    assert dates.read_day(dates.write_sent(moment)) == seconds


def test_moments_are_written_in_utc_and_days_as_they_are():
    assert dates.write_day(AT.astimezone(KYIV)) == "2017-07-24T10:26:23+00:00"
    assert dates.write_day(AT.replace(tzinfo=None, microsecond=5)) == "2017-07-24T10:26:23+00:00"
    assert dates.write_day(date(2021, 12, 8)) == "2021-12-08"
    assert dates.write_sent(AT.astimezone(KYIV)) == "2017-07-24 10:26:23"
    assert dates.write_sent(AT.replace(year=17)) == "0017-07-24 10:26:23"
    assert dates.write_sent(date(2021, 12, 8)) == "2021-12-08"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:10:50", 650), ("24:00:00", 86400), ("100:00:01", 360001), ("1:05:00", 3900), ("00:00:00", 0)],
)
def test_a_duration_may_pass_a_day_and_a_hundred_hours(text: str, seconds: int):
    assert dates.read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "10:50", "00:60:00", "00:00:60", "-1:00:00", "aa:00:00", "1" * 10 + ":00:00"])
def test_what_is_no_duration_is_refused(text: str):
    with pytest.raises(ValueError, match="expected a duration"):
        dates.read_duration(text)


@settings(database=None, deadline=None)
@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=99999)))
def test_durations_come_back_to_the_second(duration: timedelta):
    assert dates.read_duration(dates.write_duration(duration)) == timedelta(duration.days, duration.seconds)


def test_short_durations_are_padded():
    assert dates.write_duration(timedelta(seconds=61.9)) == "00:01:01"


def test_only_so_many_texts_are_kept():
    read: list[str] = []
    kept = dates.Kept(lambda text: read.append(text) or len(text), most=1)
    assert [kept["a"], kept["a"], kept["bb"], kept["bb"]] == [1, 1, 2, 2]
    assert (read, dict(kept)) == (["a", "bb", "bb"], {"a": 1})
