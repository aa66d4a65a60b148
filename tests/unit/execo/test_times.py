"""Durations, dates, timers and deadlines."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo import (
    Timer,
    format_date,
    format_duration,
    format_seconds,
    format_unixts,
    get_seconds,
    get_unixts,
    sleep,
)
from execo._unset import UNSET
from execo.times import Deadline, resolve_timeout, sleep_seconds

ONE_HOUR = 3600


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        (0, 0),
        (12, 12),
        (1.5, 1.5),
        (timedelta(days=1, seconds=1), 86401),
        ("90", 90),
        (" 90 ", 90),
        ("0.25", 0.25),
        (".5", 0.5),
        ("2:30", 150),
        ("1:00:00", ONE_HOUR),
        ("0:10:0", 600),
        ("100:00:00", 100 * ONE_HOUR),
        ("0:0:1.5", 1.5),
        ("0:120:0", 2 * ONE_HOUR),
        ("2:0:0:1", 2 * 86400 + 1),
        ("1 day, 0:00:01", 86401),
        ("2 days, 3:00:00", 2 * 86400 + 3 * ONE_HOUR),
        ("0:00:00.250000", 0.25),
    ],
)
def test_a_duration_is_understood_in_every_form(duration, seconds):
    assert get_seconds(duration) == seconds


def test_whole_seconds_stay_whole():
    assert isinstance(get_seconds(12), int)
    assert isinstance(get_seconds("1:0:0"), int)
    assert isinstance(get_unixts(1700000000), int)


@pytest.mark.parametrize(
    "text",
    ["", "x", "1:2:3:4:5", "-1", "1h2", "h", "1:-2:3", "1::2", ":", "1 day", "inf", "nan", "1:30:"],
)
def test_text_that_is_no_duration_is_refused_with_the_forms_that_are(text):
    with pytest.raises(ValueError, match="is no duration: expected seconds, a timedelta, or text"):
        get_seconds(text)


@pytest.mark.parametrize("value", [-1, -0.5, float("inf"), float("nan"), timedelta(seconds=-1)])
def test_a_duration_is_neither_negative_nor_infinite(value):
    with pytest.raises(ValueError, match="expected 0 or more seconds"):
        get_seconds(value)


@pytest.mark.parametrize("value", [None, True, False, [], b"12", object()])
def test_what_is_no_duration_at_all_is_a_type_error(value):
    with pytest.raises(TypeError, match="duration: .* is no duration"):
        get_seconds(value)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100_000)))
def test_what_str_prints_of_a_timedelta_is_read_back(delta):
    assert get_seconds(str(delta)) == pytest.approx(delta.total_seconds(), abs=1e-5)


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_hours_minutes_and_seconds_of_any_size_add_up(hours, minutes, seconds):
    text = f"{hours}:{minutes}:{seconds}"
    assert get_seconds(text) == hours * 3600 + minutes * 60 + seconds


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2030-01-31", datetime(2030, 1, 31)),
        ("2030-01-31 20:00:00", datetime(2030, 1, 31, 20)),
        ("2030-01-31 20:00:00.125", datetime(2030, 1, 31, 20, 0, 0, 125000)),
        ("2030-01-31T20:00:00", datetime(2030, 1, 31, 20)),
        ("2030-01-31 20:00:00+02:00", datetime(2030, 1, 31, 18, tzinfo=UTC)),
        ("2030-01-31 20:00:00 +0200", datetime(2030, 1, 31, 18, tzinfo=UTC)),
        ("2030-01-31 20:00:00 -05:00", datetime(2030, 2, 1, 1, tzinfo=UTC)),
        ("2030-01-31 20:00:00.5+00:00", datetime(2030, 1, 31, 20, 0, 0, 500000, tzinfo=UTC)),
        (datetime(2030, 1, 31, 20), datetime(2030, 1, 31, 20)),
        (datetime(2030, 1, 31, 20, tzinfo=UTC), datetime(2030, 1, 31, 20, tzinfo=UTC)),
    ],
)
def test_a_date_is_understood_in_every_form(date, expected):
    assert get_unixts(date) == expected.timestamp()


@pytest.mark.parametrize(
    ("text", "hour", "minute", "second"), [("20:15:30", 20, 15, 30), ("8:05", 8, 5, 0)]
)
def test_a_time_of_the_day_is_today(text, hour, minute, second):
    found = datetime.fromtimestamp(get_unixts(text))
    assert (found.hour, found.minute, found.second) == (hour, minute, second)
    assert abs(found - datetime.now()) < timedelta(days=2)


@pytest.mark.parametrize("text", ["", "tomorrow", "2030-02-30", "25:00:00", "2030-01-31 20:0:0 X"])
def test_text_that_is_no_date_is_refused_with_the_forms_that_are(text):
    with pytest.raises(ValueError, match=r'expected a unix timestamp, .*"2030-01-31 20:00:00"'):
        get_unixts(text)


@pytest.mark.parametrize("value", [None, True, timedelta(1), []])
def test_what_is_no_date_at_all_is_a_type_error(value):
    with pytest.raises(TypeError, match="is no date"):
        get_unixts(value)


@given(st.integers(0, 4_000_000_000))
def test_a_date_with_its_zone_is_read_back(seconds):
    assert get_unixts(format_unixts(seconds, showzone=True)) == seconds


@given(st.integers(0, 4_000_000_000_000))
def test_a_date_with_its_milliseconds_is_read_back(milliseconds):
    text = format_date(milliseconds / 1000, showms=True, showzone=True)
    assert get_unixts(text) == pytest.approx(milliseconds / 1000, abs=0.0011)


@pytest.mark.parametrize(
    ("seconds", "showms", "text"),
    [
        (0, False, "0s"),
        (59, False, "59s"),
        (60, False, "1m"),
        (3661, False, "1h1m1s"),
        (86400, False, "1d"),
        (86405.4, False, "1d5s"),
        (1.25, True, "1.250s"),
        (59.9999, True, "1m"),
        (-61, False, "-1m1s"),
        (None, False, "None"),
    ],
)
def test_seconds_are_told_without_the_units_that_are_zero(seconds, showms, text):
    assert format_seconds(seconds, showms) == text


def test_durations_and_dates_are_formatted_from_every_form():
    assert format_duration("1:0:0") == format_duration(timedelta(hours=1)) == "1h"
    assert format_date("2030-01-31") == "2030-01-31 00:00:00"
    assert format_date(None) == format_duration(None) == format_unixts(None) == "None"


def test_sleep_takes_a_delay_or_a_date_and_not_both():
    with pytest.raises(ValueError, match="either delay or until"):
        sleep()
    with pytest.raises(ValueError, match="either delay or until"):
        sleep(1, until=time.time())


def test_sleeping_until_a_date_that_is_past_takes_no_time():
    assert sleep_seconds(until=0) == 0
    assert sleep(until=time.time() - 5) < 5


def test_sleep_gives_the_seconds_that_it_slept():
    assert 0.005 <= sleep(timedelta(milliseconds=5)) < 10


def test_a_timer_measures_from_its_creation():
    before = time.time()
    timer = Timer("1:0:0")
    assert before - 1 <= timer.start_date() <= time.time() + 1
    assert 0 <= timer.elapsed() < 60
    assert 3500 < timer.remaining() <= 3600
    assert timer.wait_elapsed(0) is timer


def test_a_timer_without_limit_has_nothing_remaining_to_tell():
    assert Timer().remaining() is None


def test_a_timer_that_is_over_has_zero_remaining():
    assert Timer(0).remaining() == 0


@pytest.mark.parametrize(
    ("timeout", "default", "seconds"),
    [
        (UNSET, 900, 900),
        (False, 900, 900),
        (UNSET, None, None),
        (False, UNSET, None),
        (None, 900, None),
        (0, 900, 0),
        (0.0, 900, 0),
        ("0:1:0", 900, 60),
        (timedelta(minutes=2), 900, 120),
        (UNSET, "0:15:0", 900),
    ],
)
def test_a_timeout_is_the_default_only_where_it_was_not_given(timeout, default, seconds):
    assert resolve_timeout(timeout, default) == seconds


@pytest.mark.parametrize(
    ("value", "kind"), [(True, TypeError), (-1, ValueError), ("x", ValueError)]
)
def test_a_wrong_timeout_is_refused_by_name(value, kind):
    with pytest.raises(kind, match=r"^timeout: "):
        resolve_timeout(value, 900)


def test_a_deadline_without_limit_never_expires():
    deadline = Deadline.of(None, 900)
    assert deadline.at is None
    assert deadline.remaining() is None
    assert not deadline.expired


def test_a_deadline_of_zero_has_expired_and_has_nothing_left():
    deadline = Deadline.of(0, 900)
    assert deadline.expired
    assert deadline.remaining() == 0


def test_a_deadline_is_on_the_monotonic_clock():
    deadline = Deadline.of(UNSET, 900)
    assert 890 < deadline.at - time.monotonic() <= 900
    assert 890 < deadline.remaining() <= 900
    assert not deadline.expired


@given(st.integers(0, 10**9), st.booleans())
def test_durations_are_read_as_they_are_written(milliseconds, showms):
    seconds = milliseconds / 1000 if showms else milliseconds
    assert get_seconds(format_seconds(seconds, showms)) == seconds
