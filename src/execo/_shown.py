"""Processes in words and as HTML: how each ended, and what it said last."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from execo import _html

if TYPE_CHECKING:
    from execo._record import ProcessRecord


def failure(process: "ProcessRecord") -> str:
    """Return how a process failed, such as "exit 3"; "" if it is ok."""
    if process.ok:
        return ""
    if process.error:
        return f"error: {process.error_reason}"
    if process.timeouted:
        return "timeout"
    if process.killed:
        return "killed"
    return "running" if process.exit_code is None else f"exit {process.exit_code}"


def table_of(processes: Sequence["ProcessRecord"], title: str) -> str:
    """Return a table with a row for each process."""
    rows = [[_name(process), _state(process), _last_line(process)] for process in processes]
    failed = {number for number, process in enumerate(processes) if not process.ok}
    return _html.table(("", "state", "last line"), rows, title=title, failed=failed)


def _name(process: "ProcessRecord") -> str:
    return process.name if process.host is None else str(process.host)


def _state(process: "ProcessRecord") -> str:
    if not process.started:
        return "new"
    return failure(process) or ("ok" if process.ended else "running")


def _last_line(process: "ProcessRecord") -> str:
    lines = (process.stdout + process.stderr).rstrip().splitlines()
    return lines[-1] if lines else ""
