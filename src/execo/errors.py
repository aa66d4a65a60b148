"""All that this library raises.

Error
  ProcessesFailed    an action or some processes are not ok, and the caller asked to know
  ActionsFailed      the same, for actions
  ConfigError        a setting can't be used (also a ValueError)
  TimedOut           the time given is over (also a TimeoutError)
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from execo.host import fold_hosts

_SAMPLES = 3
_LAST_LINES = 3


class Failed(Protocol):
    """What a message says of a process."""

    @property
    def host(self) -> Any:
        """Host, or None for this machine."""

    @property
    def name(self) -> str:
        """Name, by default the command."""

    @property
    def exit_code(self) -> int | None:
        """Exit status."""

    @property
    def error_reason(self) -> str | None:
        """Why it could not be started."""

    @property
    def stdout(self) -> str:
        """What it printed."""

    @property
    def stderr(self) -> str:
        """What it printed on standard error."""


class Error(Exception):
    """Base of all errors of this library."""


class ConfigError(Error, ValueError):
    """A setting can't be used."""

    def __init__(self, key: str, origin: str, reason: str) -> None:
        """`origin`: where the value comes from, such as a file and its line."""
        super().__init__(f"{key} ({origin}): {reason}")
        self.key = key
        self.origin = origin
        self.reason = reason


class TimedOut(Error, TimeoutError):
    """The time given is over."""


class ProcessesFailed(Error):
    """Some processes are not ok; the message names hosts, exits and last lines, folded."""

    def __init__(self, processes: Iterable[Failed]) -> None:
        self.processes: list[Failed] = list(processes)
        super().__init__(_told(self.processes))


class ActionsFailed(Error):
    """Some actions are not ok."""

    def __init__(self, actions: Iterable[Any]) -> None:
        self.actions = list(actions)
        processes = [p for action in self.actions for p in action.processes if not p.ok]
        names = ", ".join(str(action.name) for action in self.actions[:_SAMPLES])
        more = len(self.actions) - _SAMPLES
        several = f"{names} and {more} more" if more > 0 else names
        super().__init__(f"{len(self.actions)} actions failed ({several}): {_told(processes)}")


def _told(processes: Sequence[Failed]) -> str:
    kinds = Counter(_kind(process) for process in processes)
    counts = ", ".join(f"{count} x {kind}" for kind, count in kinds.most_common())
    hosts = fold_hosts(p.host for p in processes if p.host is not None)
    where = f" on {hosts}" if hosts else ""
    lines = [f"{len(processes)} processes failed ({counts}){where}"]
    for process in processes[:_SAMPLES]:
        at = f"{process.host}: " if process.host is not None else ""
        lines.append(f"  {at}{process.name}: {_kind(process)}")
        last = (process.stderr or process.stdout).splitlines()[-_LAST_LINES:]
        lines += [f"    {line}" for line in last]
    if len(processes) > _SAMPLES:
        lines.append(f"  and {len(processes) - _SAMPLES} more")
    return "\n".join(lines)


def _kind(process: Failed) -> str:
    if process.error_reason is not None:
        return process.error_reason
    if getattr(process, "timeouted", False):
        return "timed out"
    if process.exit_code:
        return f"exit {process.exit_code}"
    if getattr(process, "expect_fail", False):
        return "did not print what was expected"
    if getattr(process, "write_error", False):
        return "did not read its input"
    return "failed"
