"""Dates and durations as OAR writes them.

OAR speaks wall time of Paris, without a zone: "2026-11-23 01:02:38". Its durations are "H:M:S" with
any number of digits: "0:10:0".
"""

import math
import re
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from execo.times import Date, Duration, get_seconds, get_unixts

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_FORMAT = "%Y-%m-%d %H:%M:%S"
_DATE = re.compile(r"^\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}$")
_DURATION = re.compile(r"^(\d+)(?::(\d+))?(?::(\d+))?$")


def format_oar_date(date: Date) -> str:
    """Return a date as OAR takes it: "YYYY-MM-DD HH:MM:SS", wall time of Paris.

    Fractions of a second are cut off.

    Raises:
        TypeError: it is no date; see `execo.get_unixts`.
        ValueError: the same.
    """
    try:
        moment = datetime.fromtimestamp(math.floor(get_unixts(date)), UTC)
        return moment.astimezone(_paris()).strftime(_FORMAT)
    except OverflowError as error:
        raise ValueError(f"date: {date!r} is out of the calendar: {error}") from error


def oar_date_to_unixts(date: str) -> int:
    """Return a date of OAR, "YYYY-MM-DD HH:MM:SS" in wall time of Paris, as a unix timestamp.

    In the hour that happens twice in October, the first of the two is meant: OAR gives no way to
    tell them apart, and a reservation must not be awaited too late. In the hour that is skipped
    in March, the date is counted from before the skip: 02:30 is 03:30.

    Raises:
        ValueError: it is no date of OAR.
    """
    if not isinstance(date, str) or not _DATE.match(date.strip()):
        raise ValueError(f"{date!r} is no date of OAR: expected YYYY-MM-DD HH:MM:SS")
    try:
        moment = datetime.strptime(date.strip(), _FORMAT)
    except ValueError as error:
        raise ValueError(f"{date!r} is no date of OAR: {error}") from error
    return int(moment.replace(tzinfo=_paris(), fold=0).timestamp())


def format_oar_duration(duration: Duration) -> str:
    """Return a duration as OAR takes it: "H:M:S"; a part of a second counts as a second.

    Raises:
        TypeError: it is no duration; see `execo.get_seconds`.
        ValueError: the same.
    """
    minutes, seconds = divmod(math.ceil(get_seconds(duration)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}"


def oar_duration_to_seconds(duration: str) -> int:
    """Return a duration of OAR, "H:M:S", "H:M" or "H", in seconds.

    Beware: "1:30" is 1 h 30 here, as OAR reads it; `execo.get_seconds` reads 90 seconds.

    Raises:
        ValueError: it is no duration of OAR.
    """
    match = _DURATION.match(duration.strip()) if isinstance(duration, str) else None
    if match is None:
        raise ValueError(f"{duration!r} is no duration of OAR: expected H:M:S")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


@cache
def _paris() -> "ZoneInfo":
    from zoneinfo import ZoneInfo

    return ZoneInfo("Europe/Paris")
