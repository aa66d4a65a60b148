"""What to do about a program that is not installed, told where it is missed."""

import errno
from collections.abc import Callable

advice: dict[str, Callable[[], str | None]] = {}
"""Name of a program -> what gives the words that are added, None for none."""


def why_not_started(error: OSError) -> str:
    """Return why a program can't be started, and what to do about it if that is known."""
    told = advice.get(str(error.filename)) if error.errno == errno.ENOENT else None
    words = None if told is None else told()
    return str(error) if words is None else f"{error}: {words}"
