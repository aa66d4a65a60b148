"""What to do about a program that is not installed, told where it is missed."""

import errno
from collections.abc import Callable

advice: dict[str, Callable[[], str | None]] = {}
"""Name of a program -> what gives the words that are added, None for none."""


def why_not_started(error: OSError) -> str:
    """Return why a program can't be started, and what to do about it if that is known."""
    words = what_to_do_about(str(error.filename)) if error.errno == errno.ENOENT else None
    return str(error) if words is None else f"{error}: {words}"


def what_to_do_about(program: str) -> str | None:
    """Return what to do about a program that may be missing; None when nothing is known."""
    told = advice.get(program)
    return None if told is None else told()
