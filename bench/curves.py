"""The curves: seconds over the number of processes, or of hosts."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.install import MissingError, interpreter
from bench.report import Found
from bench.run import ROOT
from bench.sides import Side
from bench.workloads import Workload

_TITLES = {
    "processes": "local processes at once, both outputs captured",
    "hosts": "one command on hosts by ssh, cold",
}
Curves = dict[str, list[tuple[int, float]]]
"""Side -> points."""


def curves(name: str, workloads: Sequence[Workload], found: Found) -> Curves:
    """Return the points of each side that did at least two sizes."""
    points: Curves = {}
    for workload in workloads:
        if workload.curve is not None and workload.curve[0] == name:
            for side, summary in found.get(workload.name, {}).items():
                if summary.medians is not None:
                    seconds = summary.medians["wall"]
                    points.setdefault(side, []).append((workload.curve[1], seconds))
    return {side: sorted(line) for side, line in points.items() if len(line) > 1}


def draw(workloads: Sequence[Workload], found: Found, folder: Path) -> None:
    """Draw all curves that have points into a folder; say so when that can't be."""
    for name, title in _TITLES.items():
        lines = curves(name, workloads, found)
        if not lines:
            continue
        try:
            python = interpreter(Side("plot", "matplotlib"))
        except MissingError as error:
            print(f"no curves: matplotlib {error}", file=sys.stderr)
            return
        plot = {
            "file": str(folder / f"speed-{name}.svg"), "title": title, "x": name, "curves": lines,
        }  # fmt: skip
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        words = [python, "-m", "bench.plot", json.dumps(plot)]
        subprocess.run(words, cwd=ROOT, env=environment, check=True)
