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
_KINDS = 4
_LONG = 400


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

    def __reduce__(self) -> tuple[Any, ...]:
        # arguments of a subclass are not those of Exception: a pool of processes sends errors
        return (_remade, (type(self), self.args, self.__dict__))


def _remade(kind: type[Error], args: tuple[Any, ...], fields: dict[str, Any]) -> Error:
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error


class ConfigError(Error, ValueError):
    """A setting can't be used. It is a ValueError too."""

    key: str
    """Name of the setting."""
    origin: str
    """Where the value comes from, such as a file and its line."""
    reason: str
    """Why it can't be used."""

    def __init__(self, key: str, origin: str, reason: str) -> None:
        super().__init__(f"{key} ({origin}): {reason}")
        self.key = key
        self.origin = origin
        self.reason = reason


class TimedOut(Error, TimeoutError):
    """The time given is over. It is a TimeoutError too."""


class ProcessesFailed(Error):
    """Some processes are not ok; the message names hosts, exits and last lines, folded.

    A pickled one keeps its message only: the processes belong to the program that started them.
    """

    processes: list[Failed]
    """The processes that are not ok."""

    def __init__(self, processes: Iterable[Failed]) -> None:
        self.processes = list(processes)
        super().__init__(_told(self.processes))

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remade, (type(self), self.args, {"processes": []}))


class ActionsFailed(Error):
    """Some actions are not ok; a pickled one keeps its message only."""

    actions: list[Any]
    """The actions that are not ok."""

    def __init__(self, actions: Iterable[Any]) -> None:
        self.actions = list(actions)
        processes = [p for action in self.actions for p in action.processes if not p.ok]
        names = ", ".join(str(action.name) for action in self.actions[:_SAMPLES])
        more = len(self.actions) - _SAMPLES
        several = f"{names} and {more} more" if more > 0 else names
        count = _counted(len(self.actions), "action")
        super().__init__(f"{count} failed ({several}): {_told(processes)}")

    def __reduce__(self) -> tuple[Any, ...]:
        return (_remade, (type(self), self.args, {"actions": []}))


def _told(processes: Sequence[Failed]) -> str:
    hosts = _shortened(fold_hosts(p.host for p in processes if p.host is not None), _LONG)
    where = f" on {hosts}" if hosts else ""
    counted = _counted(len(processes), "process")
    lines = [f"{counted} failed ({_told_kinds(processes)}){where}"]
    for process in processes[:_SAMPLES]:
        at = f"{process.host}: " if process.host is not None else ""
        lines.append(f"  {at}{process.name}: {_kind(process)}")
        last = (process.stderr or process.stdout).splitlines()[-_LAST_LINES:]
        lines += [f"    {_shortened(line, _LONG)}" for line in last]
    if len(processes) > _SAMPLES:
        lines.append(f"  and {len(processes) - _SAMPLES} more")
    return "\n".join(lines)


def _told_kinds(processes: Sequence[Failed]) -> str:
    kinds = Counter(_shortened(_kind(process), _LONG) for process in processes).most_common()
    told = [f"{count} x {kind}" for kind, count in kinds[:_KINDS]]
    others = sum(count for _, count in kinds[_KINDS:])
    return ", ".join([*told, f"{others} x other"] if others else told)


def _counted(count: int, what: str) -> str:
    if count == 1:
        return f"1 {what}"
    return f"{count} {what}es" if what.endswith("s") else f"{count} {what}s"


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 3]}..."


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
