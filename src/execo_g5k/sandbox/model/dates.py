"""Dates as the tools of a site write and read them: local time, without a zone."""

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = "Europe/Paris"
"""Time zone of the sites."""

_DATE = re.compile(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s+(\d{1,2}):(\d{1,2}):(\d{1,2})\s*")


def told_date(date: float, zone: str = ZONE) -> str:
    """Return a unix timestamp as "2030-01-31 20:00:00"."""
    return datetime.fromtimestamp(int(date), _zone(zone)).strftime("%Y-%m-%d %H:%M:%S")


def read_date(text: str, zone: str = ZONE) -> int | None:
    """Return the unix timestamp of "2030-01-31 20:00:00"; None if the text is no date.

    Days that a month lacks count into the next one, as OAR 2.5.9 takes them.
    """
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(number) for number in match.groups())
    try:
        first = datetime(year, month, 1, tzinfo=_zone(zone))
        date = first + timedelta(days=day - 1, hours=hour, minutes=minute, seconds=second)
    except (ValueError, OverflowError):
        return None
    return int(date.timestamp())


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        return ZoneInfo("UTC")
