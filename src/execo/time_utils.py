"""Times, under the name by which scripts reach them."""

from datetime import timedelta

from execo.times import (
    Timer,
    format_date,
    format_duration,
    format_seconds,
    format_unixts,
    get_seconds,
    get_unixts,
    sleep,
)

__all__ = [
    "Timer",
    "format_date",
    "format_duration",
    "format_seconds",
    "format_unixts",
    "get_seconds",
    "get_unixts",
    "sleep",
    "timedelta_to_seconds",
]


def timedelta_to_seconds(delta: timedelta) -> float:
    """Return a timedelta in seconds."""
    return delta.total_seconds()
