"""What scripts of several peers measure in the same way."""

import statistics
import time
from collections.abc import Callable

from bench.peers.common import Job, Timed, memory

STAMP = ["sh", "-c", "sleep 0.02; exec date +%s.%N"]
"""Ends as soon as it has printed the date."""

SLEEPER = ["sleep", "1000"]

_MEGABYTE = 1 << 20


def latencies(run: Callable[[], str], timed: Timed, job: Job) -> list[object]:
    """Measure how long after the end of `STAMP` a call that waits for it returns."""
    late = []
    with timed:
        for _ in range(job["n"]):
            printed = run()
            late.append(time.time() - float(printed))
    timed.also(p50=1000 * statistics.median(late))
    return []


def sleepers(start: Callable[[int], object], timed: Timed, job: Job) -> list[object]:
    """Measure what live processes need; `start` starts so many more, and returns when they run."""
    start(100)
    before = memory("VmRSS")
    start(job["n"])
    grown = memory("VmRSS") - before
    with timed:
        time.sleep(job["seconds"])
    timed.also(
        kilobytes=1024 * grown / job["n"],
        idle=1000 * timed.measures["cpu"] / job["seconds"],
    )
    return []


def ballast(job: Job) -> bytearray:
    """Return memory that makes this process big."""
    size: int = job["megabytes"] * _MEGABYTE
    return bytearray(b"x") * size


def cost_of_each(timed: Timed, job: Job) -> None:
    """Note the time a process."""
    timed.also(each=1000 * timed.measures["wall"] / job["n"])
