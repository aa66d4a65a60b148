"""What a check says."""

import enum
from dataclasses import dataclass

CONFIGURE = "execo-g5k configure --yes"
"""Writes what is missing of the set-up, and leaves the rest."""


class State(enum.StrEnum):
    """How a thing is."""

    OK = "ok"
    WARNING = "warning"
    """Something will surprise, or be slow."""
    WRONG = "wrong"
    """Something does not work."""
    SKIPPED = "skipped"
    """It could not be looked at, or need not be."""


@dataclass(frozen=True)
class Finding:
    """The answer of one check."""

    check: str
    """What was looked at, such as "ssh" or "nancy: job key"."""
    state: State
    what: str
    """What was found, with the values and where they are."""
    mend: str | None = None
    """Command line, for a shell of this machine, that mends it; None where no command does."""


def ok(check: str, what: str) -> Finding:
    """Return that all is well."""
    return Finding(check, State.OK, what)


def warning(check: str, what: str, mend: str | None = None) -> Finding:
    """Return that something will surprise."""
    return Finding(check, State.WARNING, what, mend)


def wrong(check: str, what: str, mend: str | None = None) -> Finding:
    """Return that something does not work."""
    return Finding(check, State.WRONG, what, mend)


def skipped(check: str, what: str) -> Finding:
    """Return that it was not looked at, and why."""
    return Finding(check, State.SKIPPED, what)
