"""What an import adds to a start of the interpreter, and what it starts."""

import statistics
import subprocess
import sys
import time

from bench.peers.common import NOTHING_STARTED, Job, Timed, main

_STARTED = """
import os, threading
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    children = "no children"
else:
    children = "children"
print(threading.active_count(), "thread,", children)
"""


def imports(job: Job, timed: Timed) -> list[object]:
    statement = f"import {job['import']}"
    walls: dict[str, list[float]] = {"pass": [], statement: []}
    with timed:
        for _ in range(job["n"]):
            for source, runs in walls.items():
                begin = time.perf_counter()
                subprocess.run([sys.executable, "-c", source], check=True)
                runs.append(time.perf_counter() - begin)
    interpreter, whole = (statistics.median(runs) for runs in walls.values())
    timed.also(added=1000 * (whole - interpreter), interpreter=1000 * interpreter)
    if job.get("starts_nothing"):
        source = statement + _STARTED
        started = subprocess.run([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)
        return [started.stdout.strip()]
    return [NOTHING_STARTED]


if __name__ == "__main__":
    main({"imports": imports})
