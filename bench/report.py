"""The tables, in Markdown; pure but for `write_between`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.summary import Judged, Summary, Verdict, judge
from bench.workloads import Workload

Found = Mapping[str, Mapping[str, Summary]]
"""Name of a workload -> side -> what its runs come to."""

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

UNITS = {
    "wall": "wall s", "cpu": "CPU s", "tree": "tree CPU s", "rss": "RSS MB", "grown": "growth MB",
    "added": "added ms", "interpreter": "bare ms", "p50": "p50 ms", "kilobytes": "KB a process",
    "idle": "idle CPU ms/s", "each": "ms a process", "calls": "oarstat a second",
    "late": "start seen after s",
}  # fmt: skip
_ALWAYS = ("wall", "cpu", "tree", "rss")


def number(value: float) -> str:
    """Return a number with as many digits as mean something."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def row(cells: Iterable[str]) -> str:
    """Return a line of a table."""
    return f"| {' | '.join(cells)} |"


def targets_table(workloads: Sequence[Workload], found: Found) -> list[str]:
    """Return the lines of the table of targets."""
    lines = [row(["workload", "measure", "ours", "beside", "reached", "target", ""])]
    lines.append("|---|---|---|---|---|---|---|")
    for workload in workloads:
        sides = found.get(workload.name, {})
        for target in workload.targets:
            judged = judge(target, workload.sides[0], sides)
            lines.append(row(_judged_cells(workload, judged, sides)))
    return lines


def _judged_cells(workload: Workload, judged: Judged, sides: Mapping[str, Summary]) -> list[str]:
    target = judged.target
    beside = "" if target.of is None else f"{target.of}: {_cell(sides, target.of, target.measure)}"
    return [
        f"{workload.name}: {workload.title}",
        UNITS[target.measure],
        _cell(sides, workload.sides[0], target.measure),
        beside,
        _reached(judged),
        f"<= {_times(target.most, target.of)}",
        "**missed**" if judged.verdict is Verdict.MISSED else judged.verdict.value,
    ]


def _reached(judged: Judged) -> str:
    if judged.reached is None:
        return "-"
    return ("< " if judged.bound else "") + _times(judged.reached, judged.target.of)


def _times(value: float, of: str | None) -> str:
    return number(value) if of is None else f"{number(value)} x"


def _cell(sides: Mapping[str, Summary], side: str, measure: str) -> str:
    summary = sides.get(side)
    if summary is None:
        return "not measured"
    if summary.medians is None:
        return summary.failure or "-"
    return number(summary.medians[measure]) if measure in summary.medians else "-"


def details(workload: Workload, sides: Mapping[str, Summary]) -> list[str]:
    """Return the lines of the table of one workload, a line a side."""
    measures = _measures(workload, sides.values())
    lines = ["", f"### {workload.name}: {workload.title}", ""]
    lines.append(row(["", *(UNITS[measure] for measure in measures), "runs"]))
    lines.append("|---" * (len(measures) + 2) + "|")
    for side, summary in sides.items():
        if summary.medians is None:
            cells = [summary.failure or "-", *[""] * (len(measures) - 1)]
        else:
            cells = [_cell(sides, side, measure) for measure in measures]
        lines.append(row([side, *cells, str(summary.rounds)]))
    return lines


def _measures(workload: Workload, summaries: Iterable[Summary]) -> list[str]:
    if workload.measure == "wall":
        return [*_ALWAYS, "grown"]
    there = {name for summary in summaries for name in summary.medians or ()}
    return [name for name in UNITS if name in there and name not in (*_ALWAYS, "grown")]


def document(workloads: Sequence[Workload], found: Found, machine: str) -> str:
    """Return all tables."""
    lines = [machine, "", *targets_table(workloads, found)]
    for workload in workloads:
        if workload.name in found:
            lines += details(workload, found[workload.name])
    return "\n".join(lines) + "\n"


def write_between(path: Path, text: str) -> None:
    """Replace what is between the two marks of a file.

    Raises:
        ValueError: they are not there.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: no {BEGIN} and {END}")
    path.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}")
