"""Tables of what happened to actions and processes."""

from collections.abc import Iterable, Sequence
from typing import Any, Self

from execo import _html
from execo.action import Action, merge_stats
from execo.composed import ParallelActions
from execo.process import ProcessBase
from execo.times import format_date, format_duration

Reported = Action | ProcessBase

_COLUMNS = (
    ("Name", "name"),
    ("start", "start_date"),
    ("end", "end_date"),
    ("length", "length"),
    ("started", "num_started"),
    ("ended", "num_ended"),
    ("errors", "num_errors"),
    ("timeouts", "num_timeouts"),
    ("f.killed", "num_forced_kills"),
    ("badretval", "num_non_zero_exit_codes"),
    ("ok", "num_ok"),
    ("total", "num_processes"),
)
_TITLES = [title for title, _ in _COLUMNS]
_SHORT_NAME = 48
_TOTAL = "all"


class Report:
    """A table with a line for each action or process, and one for all of them.

    Actions made of actions are followed by a line for each of these, indented. The columns:

    - Name: that of the action or process.
    - start, end: dates in local time; empty when nothing started, or when something has not ended.
    - length: duration from start to end.
    - started, ended: processes that were started, and that have ended.
    - errors: processes that could not be started, or whose host was lost.
    - timeouts: processes that were killed because their `timeout` was over.
    - f.killed: processes that did not end at SIGTERM, and were ended by SIGKILL.
    - badretval: processes whose exit code is not 0.
    - ok: processes that are `ok`; those that have not ended are.
    - total: processes.
    """

    def __init__(
        self, objects: Iterable[Reported] | Reported | None = None, name: str = "Report"
    ) -> None:
        """`objects`: one or several actions and processes; more can be added. `name`: the title."""
        self.name = name
        self._objects: list[Reported] = []
        self.add(objects if objects is not None else ())

    def add(self, objects: Iterable[Reported] | Reported) -> Self:
        """Add one or many actions and processes; return the report.

        Raises:
            TypeError: one is neither.
        """
        several = [objects] if isinstance(objects, Action | ProcessBase) else objects
        if not isinstance(several, Iterable):
            raise TypeError(f"objects: {objects!r}: expected actions and processes")
        several = list(several)
        for item in several:
            if not isinstance(item, Action | ProcessBase):
                raise TypeError(f"objects: {item!r} is neither an action nor a process")
        self._objects += several
        return self

    def stats(self) -> dict[str, Any]:
        """Return the sums of all counts, the first start date and the last end date.

        Keys are those of `Process.stats`. Dates are unix timestamps, None when nothing started, or
        when something has not ended.
        """
        return merge_stats(self.name, [item.stats() for item in self._objects])

    def to_string(self, wide: bool = False, brief: bool = False) -> str:
        """Return the table.

        `wide` gives names in full; `brief` leaves out all lines but that of the total.
        """
        table = [[_cell(row, key, wide) for _, key in _COLUMNS] for row in self._rows(brief)]
        return "\n".join([f"{self.name}", *_aligned([_TITLES, *table])])

    __str__ = to_string

    def _rows(self, brief: bool) -> list[dict[str, Any]]:
        rows = [] if brief else [row for item in self._objects for row in _rows(item, 0)]
        return [*rows, {**self.stats(), "name": _TOTAL}]

    def _repr_html_(self) -> str:
        rows = self._rows(brief=False)
        table = [[_cell(row, key, False) for _, key in _COLUMNS] for row in rows]
        failed = {number for number, row in enumerate(rows) if row["num_ok"] < row["num_ended"]}
        return _html.table(_TITLES, table, title=self.name, failed=failed)


def _rows(item: Reported, depth: int) -> list[dict[str, Any]]:
    stats = item.stats()
    stats["name"] = "  " * depth + stats["name"]
    rows = [stats]
    if isinstance(item, ParallelActions):
        for action in item.actions:
            rows += _rows(action, depth + 1)
    return rows


def _cell(row: dict[str, Any], key: str, wide: bool) -> str:
    start, end = row["start_date"], row["end_date"]
    if key == "name":
        name = str(row[key]).replace("\n", " ")
        return name if wide or len(name) <= _SHORT_NAME else name[: _SHORT_NAME - 3] + "..."
    if key == "length":
        return "" if start is None or end is None else format_duration(end - start)
    if key in ("start_date", "end_date"):
        return "" if row[key] is None else format_date(row[key])
    return str(row[key])


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in table
    ]
    rule = "-" * max(map(len, lines))
    return [rule, lines[0], rule, *lines[1:-1], rule, lines[-1], rule]
