"""Run the workloads, ours and the bare loop in turn, and print the table of medians and ratios."""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time

from bench.workloads import WORKLOADS, raise_limits

SIDES = ("ours", "bare")
Measure = dict[str, float]


def measure(name: str, side: str) -> Measure:
    """Run a workload in this process."""
    ours, bare, expected = WORKLOADS[name]
    workload = ours if side == "ours" else bare
    raise_limits()
    start = time.perf_counter()
    result = workload()
    wall = time.perf_counter() - start
    if result != expected:
        raise AssertionError(f"{name} ({side}): wrong result")
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime
    tree = cpu + children.ru_utime + children.ru_stime
    return {"wall": wall, "cpu": cpu, "tree": tree, "rss": own.ru_maxrss / 1024}


def measure_apart(name: str, side: str) -> Measure:
    """Run a workload in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--one", name, side],
        stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    return {key: float(value) for key, value in json.loads(done.stdout).items()}


def table(rounds: int, names: list[str]) -> None:
    """Print a line a workload, as soon as it is known."""
    print("| workload | wall s | bare | ratio | CPU s | bare | ratio | RSS MB | bare |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in names:
        runs: dict[str, list[Measure]] = {side: [] for side in SIDES}
        for _ in range(rounds):
            for side in SIDES:
                runs[side].append(measure_apart(name, side))
        cells = [name]
        for key in ("wall", "cpu"):
            ours, bare = (statistics.median(run[key] for run in runs[side]) for side in SIDES)
            cells += [f"{ours:.2f}", f"{bare:.2f}", f"{ours / bare:.2f}"]
        cells += [f"{statistics.median(run['rss'] for run in runs[side]):.0f}" for side in SIDES]
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measures of each (default: 5)")
    parser.add_argument("--short", action="store_true", help="one round")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIDE"), help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="*", help="beginnings of names of workloads (default: all)")
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    names = [n for n in WORKLOADS if not arguments.names or n.startswith(tuple(arguments.names))]
    table(1 if arguments.short else arguments.rounds, names)


if __name__ == "__main__":
    main()
