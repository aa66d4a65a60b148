"""What the scripts of peers share: a job comes as JSON, measures leave as JSON.

A script runs in the interpreter of its peer, with nothing of the project but this package.
"""

import contextlib
import hashlib
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

Job = Mapping[str, Any]
"""What to do: its kind, its size, the hosts, and what only some peers read."""

COMMAND_ON_HOSTS = "printenv SSH_CONNECTION"
"""Prints four words, the third of which is the address of the server."""

NOTHING_STARTED = "1 thread, no children"
"""What an import should say of itself."""


class Timed:
    """A block that is measured; what is before and behind it is not."""

    def __init__(self) -> None:
        self.measures: dict[str, float] = {}

    def __enter__(self) -> None:
        # the peak of what came before is not ours
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self._memory = memory("VmRSS")
        self._own, self._children = _cpu(resource.RUSAGE_SELF), _cpu(resource.RUSAGE_CHILDREN)
        self._start = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        wall = time.perf_counter() - self._start
        own = _cpu(resource.RUSAGE_SELF) - self._own
        children = _cpu(resource.RUSAGE_CHILDREN) - self._children
        peak = memory("VmHWM")
        self.also(wall=wall, cpu=own, tree=own + children, rss=peak, grown=peak - self._memory)

    def also(self, **measures: float) -> None:
        """Add measures of other kinds."""
        self.measures.update(measures)


def memory(what: str) -> float:
    """Return a size of this process in MB: VmRSS now, VmHWM at most."""
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"^{what}:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def _cpu(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


Workload = Callable[[Job, Timed], Sequence[object]]
"""Does a job, and returns its results in the order of what is expected."""


def main(workloads: Mapping[str, Workload]) -> None:
    """Do the job on the command line, and print its measures."""
    job = json.loads(sys.argv[1])
    timed = Timed()
    try:
        workload = workloads[job["kind"]]
    except KeyError:
        sys.exit(f"it can't do that: {job['kind']}")
    results = workload(job, timed)
    wanted = expected(job)
    for result, right in zip(results, wanted, strict=False):
        if result != right:
            print(f"{str(result)[:200]!r} instead of {str(right)[:200]!r}", file=sys.stderr)
    print(json.dumps({**timed.measures, "wrong": wrong(results, wanted), "of": len(wanted)}))


def expected(job: Job) -> list[object]:
    """Return the right results of a job; none where only measures count."""
    kind = job["kind"]
    if kind in ("start", "window", "big"):
        return [f"{number}\n" for number in range(job["n"])]
    if kind in ("memory", "lines"):
        return [job["each"]] * job["n"]
    if kind in ("hosts", "again"):
        return list(job["hosts"])
    if kind == "copy":
        return [digest(job["file"])] * len(job["hosts"])
    if kind == "polling":
        return [True] * job["n"]
    if kind == "imports":
        return [NOTHING_STARTED]
    return []


def wrong(results: Sequence[object], wanted: Sequence[object]) -> int:
    """Return how many results are wrong, or not there."""
    right = sum(map(lambda one, other: one == other, results, wanted))
    return max(len(wanted), len(results)) - right


def echoes(job: Job) -> list[list[str]]:
    """Return the commands of a job that starts processes: each prints its number."""
    return [["/bin/echo", str(number)] for number in range(job["n"])]


def server_address(output: str) -> str:
    """Return the host on which `COMMAND_ON_HOSTS` printed this."""
    found = output.split()
    return found[2] if len(found) == 4 else output


def digest(file: str | Path) -> str:
    """Return a sum over a file, or why there is none."""
    try:
        return hashlib.sha256(Path(file).read_bytes()).hexdigest()
    except OSError as error:
        return str(error)


def copies(job: Job) -> list[str]:
    """Return the sums of what arrived on the hosts."""
    return [digest(place(job, host) / Path(job["file"]).name) for host in job["hosts"]]


def place(job: Job, host: str) -> Path:
    """Return the directory of a host, to which a job copies."""
    return Path(job["folder"], host)
