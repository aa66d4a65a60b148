from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.dates import (
    format_oar_date,
    format_oar_duration,
    oar_date_to_unixts,
    oar_duration_to_seconds,
)

repeatable = settings(derandomize=True, database=None, deadline=None)

# in Europe/Paris: 2026-03-29 02:00 is skipped, 2026-10-25 02:00 to 03:00 happens twice
SPRING = int(datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp())
AUTUMN = int(datetime(2026, 10, 25, 0, 0, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("date", "text"),
    [
        (1795392158, "2026-11-23 01:02:38"),
        (1795392158.999, "2026-11-23 01:02:38"),
        (datetime(2026, 7, 1, 12, tzinfo=UTC), "2026-07-01 14:00:00"),
        (datetime(2026, 12, 1, 12, tzinfo=timezone(timedelta(hours=-5))), "2026-12-01 18:00:00"),
        ("2026-07-01 12:00:00+00:00", "2026-07-01 14:00:00"),
        (SPRING - 1, "2026-03-29 01:59:59"),
        (SPRING, "2026-03-29 03:00:00"),
        (AUTUMN, "2026-10-25 02:00:00"),
        (AUTUMN + 3600, "2026-10-25 02:00:00"),
    ],
)
def test_a_date_is_told_to_oar_in_the_wall_time_of_paris(
    date: float | datetime | str, text: str
) -> None:
    assert format_oar_date(date) == text


def test_a_date_without_a_zone_is_of_this_machine() -> None:
    naive = datetime(2026, 7, 1, 12)
    expected = format_oar_date(naive.timestamp())
    assert format_oar_date(naive) == format_oar_date("2026-07-01 12:00:00") == expected


@pytest.mark.parametrize(
    "date", ["2030-02-31 10:00:00", "2030-02-31", "tomorrow", "", 1e20, -1e11, float("nan")]
)
def test_a_date_that_is_in_no_calendar_is_refused(date: float | str) -> None:
    with pytest.raises(ValueError, match="date|year"):
        format_oar_date(date)


@pytest.mark.parametrize("date", [None, True, [1]])
def test_what_is_no_date_at_all_is_a_type_error(date: object) -> None:
    with pytest.raises(TypeError, match="date"):
        format_oar_date(date)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2026-11-23 01:02:38", 1795392158),
        (" 2026-11-23 01:02:38\n", 1795392158),
        ("2026-03-29 01:59:59", SPRING - 1),
        ("2026-03-29 03:00:00", SPRING),
        ("2026-10-25 01:59:59", AUTUMN - 1),
        ("2026-10-25 03:00:00", AUTUMN + 7200),
    ],
)
def test_dates_of_oar_are_of_paris(text: str, date: int) -> None:
    assert oar_date_to_unixts(text) == date


def test_the_hour_that_happens_twice_is_the_first_of_the_two() -> None:
    assert oar_date_to_unixts("2026-10-25 02:30:00") == AUTUMN + 1800


def test_the_hour_that_never_happens_is_counted_from_before_it() -> None:
    assert oar_date_to_unixts("2026-03-29 02:30:00") == SPRING + 1800
    assert format_oar_date(SPRING + 1800) == "2026-03-29 03:30:00"


@pytest.mark.parametrize(
    "text",
    ["no prediction", "", "2030-02-31 10:00:00", "2030-01-01 10:00", "2030-01-01 24:00:00", None],
)
def test_what_is_no_date_of_oar_is_refused_in_its_own_words(text: object) -> None:
    with pytest.raises(ValueError, match="is no date of OAR"):
        oar_date_to_unixts(text)  # type: ignore[arg-type]


@repeatable
@given(st.integers(min_value=0, max_value=2**32))
def test_a_date_comes_back_except_in_the_second_of_two_equal_hours(date: int) -> None:
    text = format_oar_date(date)
    back = oar_date_to_unixts(text)
    assert back in (date, date - 3600)
    assert format_oar_date(back) == text


@repeatable
@given(st.integers(min_value=-2 * 3600, max_value=4 * 3600))
def test_around_the_change_of_october_only_the_second_hour_moves(offset: int) -> None:
    second = 3600 <= offset < 7200
    assert oar_date_to_unixts(format_oar_date(AUTUMN + offset)) == AUTUMN + offset - 3600 * second


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (0, "0:00:00"),
        (1, "0:00:01"),
        (0.2, "0:00:01"),
        (59.01, "0:01:00"),
        (3600, "1:00:00"),
        (timedelta(days=3, seconds=5), "72:00:05"),
        ("0:10:0", "0:10:00"),
        ("10:0", "0:10:00"),
        (3_600_000, "1000:00:00"),
    ],
)
def test_a_duration_is_told_to_oar_in_whole_seconds_never_shorter(
    duration: float | timedelta | str, text: str
) -> None:
    assert format_oar_duration(duration) == text


@pytest.mark.parametrize("duration", [-1, float("inf"), float("nan"), "abc", "-1:0:0"])
def test_a_duration_that_is_none_is_refused(duration: float | str) -> None:
    with pytest.raises(ValueError, match="duration"):
        format_oar_duration(duration)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:10:0", 600), ("1:0:0", 3600), ("1000:0:0", 3_600_000), ("0:01", 60), ("2", 7200),
        (" 0:0:5 ", 5), ("0:90:90", 5490),
    ],
)  # fmt: skip
def test_a_duration_of_oar_begins_with_hours(text: str, seconds: int) -> None:
    assert oar_duration_to_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "abc", "1:2:3:4", "-1:0:0", "1:", "1.5", None, 3600])
def test_what_is_no_duration_of_oar_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration of OAR"):
        oar_duration_to_seconds(text)  # type: ignore[arg-type]


@repeatable
@given(st.integers(min_value=0, max_value=2**40))
def test_a_duration_in_whole_seconds_comes_back(seconds: int) -> None:
    assert oar_duration_to_seconds(format_oar_duration(seconds)) == seconds
