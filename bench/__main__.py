"""Measure this project beside its peers and the least that can be done; print tables of medians.

Workloads are given by the beginnings of their names; omitted: all.
"""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from bench.curves import draw
from bench.install import WORK
from bench.report import details, document, number, write_between
from bench.results import Results
from bench.run import ROOT, Run, rounds
from bench.stage import Stage
from bench.summary import Summary, summary
from bench.workloads import WORKLOADS, Workload

_QUICK = (
    "ours", "ours, connexion_reuse", "ours, asyncssh", "ours, ChainPut",
    "asyncssh", "subprocess", "bare loop",
)  # fmt: skip
_RESULTS = WORK / "results.json"


def chosen(names: Sequence[str], *, short: bool) -> list[Workload]:
    """Return the workloads whose names begin so."""
    return [
        workload
        for workload in WORKLOADS
        if (workload.name.startswith(tuple(names)) if names else workload.short or not short)
    ]


def sides_of(workload: Workload, wanted: Sequence[str], *, short: bool) -> list[str]:
    """Return who does a workload."""
    if wanted:
        return [side for side in workload.sides if side.startswith(tuple(wanted))]
    return [side for side in workload.sides if not short or side in _QUICK]


def measure(workloads: Sequence[Workload], arguments: argparse.Namespace) -> Results:
    """Run workloads, and print a table of each as soon as it is known."""
    results = Results(WORK / "short.json" if arguments.short else _RESULTS)
    with Stage(workloads) as stage:
        for workload in workloads:
            sides = sides_of(workload, arguments.side, short=arguments.short)
            for side, run in rounds(workload, sides, arguments.rounds, arguments.limit, stage):
                print(f"{workload.name}: {side}: {_said(workload, run)}", file=sys.stderr)
                results.add(workload.name, side, run)
            if workload.name in results.runs:
                print("\n".join(details(workload, summaries(results)[workload.name])), flush=True)
    return results


def _said(workload: Workload, run: Run) -> str:
    return run.failure or number(run.measures[workload.measure])


def summaries(results: Results) -> dict[str, Mapping[str, Summary]]:
    """Return what all runs come to."""
    return {
        name: {side: summary(runs) for side, runs in sides.items()}
        for name, sides in results.runs.items()
    }


def machine() -> str:
    """Return what the numbers hold for."""
    return (
        f"Python {platform.python_version()}, {os.cpu_count()} processors, Linux"
        f" {platform.release()}. Medians."
    )


def write(results: Results) -> None:
    """Write the tables and the curves into the documentation."""
    found = summaries(results)
    write_between(ROOT / "docs" / "speed.md", document(WORKLOADS, found, machine()))
    draw(WORKLOADS, found, ROOT / "docs")


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="runs of each (default: 5; with --short: 1)")
    parser.add_argument("--short", action="store_true", help="what is quick, without most peers")
    parser.add_argument("--limit", type=float, default=60, help="seconds a run (default: 60)")
    parser.add_argument(
        "--side", action="append", default=[], help="only sides whose names begin so"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into docs/")
    parser.add_argument("--from", type=Path, dest="file", help="measure nothing, read results")
    parser.add_argument("names", nargs="*", help="beginnings of names of workloads")
    arguments = parser.parse_args()
    arguments.rounds = arguments.rounds or (1 if arguments.short else 5)
    signal.signal(signal.SIGTERM, _stop)
    workloads = chosen(arguments.names, short=arguments.short)
    try:
        results = Results.load(arguments.file) if arguments.file else measure(workloads, arguments)
    except KeyboardInterrupt:
        sys.exit(130)
    if arguments.write:
        write(results)
    else:
        print("\n" + document(workloads, summaries(results), machine()).split("\n###")[0])


if __name__ == "__main__":
    main()
