"""Durations, dates and deadlines.

Durations come in as seconds, timedelta or text, dates as unix timestamps, datetime or text; inside,
durations are seconds and dates unix timestamps.
"""

import logging
import re
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from execo._unset import UNSET, Unset

logger = logging.getLogger("execo")

Duration = int | float | timedelta | str
"""Seconds, a timedelta, or text: "H:M:S", "M:S", "S", "D:H:M:S", "1d2h3m4s", "2 days, 3:00:00"."""

Date = int | float | datetime | str
"""A unix timestamp, a datetime (local if naive), or text: "YYYY-MM-DD [HH:MM:SS[.fff][+hh:mm]]",
"HH:MM:SS" (today)."""

Timeout = Duration | None | Literal[False] | Unset
"""A duration; None for no limit; UNSET, or False as of old, for the configured one."""

_DURATION = re.compile(
    r"^(?:(?P<days>\d+) days?, )?(?P<numbers>(?:\d+:){0,3})(?P<seconds>\d+(?:\.\d*)?|\.\d+)$"
)
_WITH_UNITS = re.compile(
    r"^(?=.)(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+(?:\.\d*)?)s)?$"
)
_UNITS = (60, 3600, 86400)
_TIME_OF_DAY = re.compile(r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$")
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}(?:[ T]|$)")
_BLANK_BEFORE_ZONE = re.compile(r" (?=[+-]\d{2}:?\d{2}$)")
_DURATION_FORMS = 'seconds, a timedelta, or text such as "1:30:00" (H:M:S)'
_DATE_FORMS = 'a unix timestamp, a datetime, or text such as "2030-01-31 20:00:00"'


def get_seconds(duration: Duration) -> float:
    """Return a duration in seconds; a whole number stays an int.

    A duration is a number of seconds (int or float), a timedelta, or text: "H:M:S", "M:S", "S",
    "D:H:M:S", "1d2h3m4s", or what `str(timedelta)` gives, "2 days, 3:00:00". Numbers have any
    number of digits, and seconds may have a fraction. Beware: "1:30" is 90 seconds here; OAR reads
    it as 1 h 30.

    Raises:
        TypeError: it is of another type.
        ValueError: it is negative, infinite, or text of another form.
    """
    return _seconds(duration, "duration")


def _seconds(duration: object, argument: str) -> float:
    seconds = duration
    if isinstance(duration, timedelta):
        seconds = duration.total_seconds()
    elif isinstance(duration, str):
        seconds = _parsed_duration(duration, argument)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise TypeError(f"{argument}: {duration!r} is no duration: expected {_DURATION_FORMS}")
    if not 0 <= seconds <= sys.float_info.max:
        raise ValueError(f"{argument}: {duration!r} is no duration: expected 0 or more seconds")
    return seconds


def _parsed_duration(text: str, argument: str) -> float:
    if (units := _WITH_UNITS.match(text.strip())) is not None:
        days, hours, minutes = (int(units[name] or 0) for name in "dhm")
        return _sum(days * 86400 + hours * 3600 + minutes * 60, units["s"] or "0")
    match = _DURATION.match(text.strip())
    if match is None:
        raise ValueError(f"{argument}: {text!r} is no duration: expected {_DURATION_FORMS}")
    numbers = [int(number) for number in match["numbers"].split(":")[:-1]]
    whole = sum(n * unit for n, unit in zip(reversed(numbers), _UNITS, strict=False))
    return _sum(whole + int(match["days"] or 0) * 86400, match["seconds"])


def _sum(whole: int, seconds: str) -> float:
    """Return a number of seconds and those of a text, whose fraction an addition would round."""
    number, point, fraction = seconds.partition(".")
    total = whole + int(number or 0)
    return float(f"{total}.{fraction}") if point else total


def get_unixts(date: Date) -> float:
    """Return a date as a unix timestamp, in seconds; a whole number stays an int.

    A date is a unix timestamp (int or float), a datetime, or text: "YYYY-MM-DD HH:MM:SS", with a T
    in place of the blank too, "YYYY-MM-DD HH:MM", "YYYY-MM-DD" (at 0:00), "HH:MM:SS" or "HH:MM"
    (today). Seconds may have a fraction. A zone may follow: "+01:00", "Z". A datetime or a text
    without a zone is in local time.

    Raises:
        TypeError: it is of another type.
        ValueError: it is text of another form, or no day of the calendar.
    """
    if isinstance(date, datetime):
        return date.timestamp()
    if isinstance(date, str):
        return _parsed_date(date.strip()).timestamp()
    if isinstance(date, bool) or not isinstance(date, int | float):
        raise TypeError(f"date: {date!r} is no date: expected {_DATE_FORMS}")
    if not abs(date) <= sys.float_info.max:
        raise ValueError(f"date: {date!r} is no date: expected {_DATE_FORMS}")
    return date


def _parsed_date(text: str) -> datetime:
    if _TIME_OF_DAY.match(text):
        text = f"{datetime.now():%Y-%m-%d} {'0' if text[1] == ':' else ''}{text}"
    if not _DAY.match(text):
        raise ValueError(f"date: {text!r} is no date: expected {_DATE_FORMS}")
    try:
        return datetime.fromisoformat(_BLANK_BEFORE_ZONE.sub("", text))
    except ValueError as error:
        raise ValueError(f"date: {text!r} is no date: {error}; expected {_DATE_FORMS}") from error


def format_unixts(secs: float | None, showms: bool = False, showzone: bool = False) -> str:
    """Return a unix timestamp as local "YYYY-MM-DD HH:MM:SS"; None gives "None".

    `showms` adds milliseconds (".250"), `showzone` the zone ("+0100").

    Raises:
        ValueError: the calendar does not reach so far.
    """
    if secs is None:
        return "None"
    try:
        date = datetime.fromtimestamp(secs).astimezone()
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"date: {secs!r} is no date: {error}") from error
    text = date.strftime("%Y-%m-%d %H:%M:%S")
    if showms:
        text += f".{date.microsecond // 1000:03}"
    return text + date.strftime("%z") if showzone else text


def format_date(d: Date | None, showms: bool = False, showzone: bool = False) -> str:
    """Return a date as local "YYYY-MM-DD HH:MM:SS"; see `format_unixts`. None gives "None".

    Raises:
        TypeError: it is no date; see `get_unixts`.
        ValueError: the same.
    """
    return format_unixts(None if d is None else get_unixts(d), showms, showzone)


def format_seconds(secs: float | None, showms: bool = False) -> str:
    """Return seconds as "1d2h3m4s", without the units that are 0; None gives "None".

    Seconds are rounded; `showms` keeps milliseconds: "1m4.250s".
    """
    if secs is None:
        return "None"
    if secs < 0:
        return f"-{format_seconds(-secs, showms)}"
    milliseconds = round(secs * 1000) if showms else round(secs) * 1000
    whole, rest = divmod(milliseconds, 1000)
    units = (("d", 86400), ("h", 3600), ("m", 60))
    text = ""
    for name, size in units:
        count, whole = divmod(whole, size)
        text += f"{count}{name}" if count else ""
    if rest:
        return f"{text}{whole}.{rest:03}s"
    return f"{text}{whole}s" if whole or not text else text


def format_duration(d: Duration | None, showms: bool = False) -> str:
    """Return a duration as "1d2h3m4s"; see `format_seconds`. None gives "None".

    Raises:
        TypeError: it is no duration; see `get_seconds`.
        ValueError: the same.
    """
    return format_seconds(None if d is None else get_seconds(d), showms)


def sleep_seconds(delay: Duration | None = None, until: Date | None = None) -> float:
    """Return how long `sleep` sleeps with these arguments.

    Raises:
        ValueError: none or both are given.
    """
    if (delay is None) == (until is None):
        raise ValueError("sleep: give either delay or until")
    if delay is not None:
        return get_seconds(delay)
    return max(0.0, get_unixts(until if until is not None else 0) - time.time())


def sleep(delay: Duration | None = None, until: Date | None = None) -> float:
    """Sleep for `delay`, a duration, or until `until`, a date; one that is past needs no sleep.

    Returns the seconds slept.

    Raises:
        TypeError: it is no duration, or no date.
        ValueError: the same; or none or both are given.
    """
    seconds = sleep_seconds(delay, until)
    logger.info("sleeping %s", format_seconds(seconds))
    start = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - start


class Timer:
    """Measures time from its creation, and what remains of a timeout."""

    def __init__(self, timeout: Timeout = None) -> None:
        """`timeout`: a duration; None for no limit."""
        self._timeout = resolve_timeout(timeout)
        self._start_date = time.time()
        self._start = time.monotonic()

    def start_date(self) -> float:
        """Return when it was created, as a unix timestamp."""
        return self._start_date

    def elapsed(self) -> float:
        """Return the seconds since it was created."""
        return time.monotonic() - self._start

    def remaining(self) -> float | None:
        """Return the seconds that remain, 0 when the time is over, None without a limit."""
        return None if self._timeout is None else max(0.0, self._timeout - self.elapsed())

    def wait_elapsed(self, elapsed: Duration) -> Self:
        """Sleep until `elapsed`, a duration, has passed since it was created; return the timer."""
        time.sleep(max(0.0, get_seconds(elapsed) - self.elapsed()))
        return self


def resolve_timeout(
    timeout: Timeout, default: Timeout = None, argument: str = "timeout"
) -> float | None:
    """Return a timeout in seconds, None for no limit; `default` when it was not given.

    `argument`: what an error calls it.

    Raises:
        TypeError: it is of another type.
        ValueError: it is negative, infinite, or text of another form.
    """
    if timeout is UNSET or timeout is False:
        unlimited = default is UNSET or default is False
        return None if unlimited else resolve_timeout(default, argument=argument)
    return None if timeout is None else _seconds(timeout, argument)


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, passed down so that nested calls share one timeout."""

    at: float | None
    """Value of `time.monotonic`; None for never."""

    @classmethod
    def of(cls, timeout: Timeout, default: Timeout = None) -> "Deadline":
        """Return the deadline that is `timeout` from now; `default` when it was not given."""
        seconds = resolve_timeout(timeout, default)
        return cls(None if seconds is None else time.monotonic() + seconds)

    def remaining(self) -> float | None:
        """Return the seconds that remain, 0 when it has passed, None for never."""
        return None if self.at is None else max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether it has passed."""
        return self.at is not None and time.monotonic() >= self.at
