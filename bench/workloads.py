"""What is measured: workloads, who does them, and what is to be reached."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MEGABYTE = 1 << 20
_WHOLE_LINES = MEGABYTE // 40 * 40


@dataclass(frozen=True)
class Target:
    """A measure of ours that is to be at most so much: a multiple of a side's, or a value."""

    most: float
    of: str | None = None
    """Whose measure is the unit; None for a value."""
    measure: str = "wall"


@dataclass(frozen=True)
class Workload:
    """Something to do that is measured on several sides."""

    name: str
    title: str
    kind: str
    sides: tuple[str, ...]
    """The first one is what targets are for."""
    job: Mapping[str, Any] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    measure: str = "wall"
    """What its curve and its summary show."""
    hosts: int = 0
    stage: str | None = None
    """What has to be there: files or a sandbox."""
    files: int | None = None
    """Limit of open files; None for the hard limit of the caller."""
    curve: tuple[str, int] | None = None
    """The curve to which it belongs, and where."""
    script: str | None = None
    """The script that all sides run, instead of their own."""
    short: bool = False
    """Whether it belongs to the everyday bench."""


_LOOP = "bare loop"
_POPEN = "subprocess"
_LOCAL = ("ours", "execo", "ClusterShell", "asyncio", _POPEN, _LOOP)
_FAST = Target(1.5, _LOOP)
_EIGHT_TIMES = Target(1 / 8, "execo")


def _starts(count: int, *targets: Target, short: bool = False) -> Workload:
    return Workload(
        f"W1 N={count}",
        f"start {count} processes at once, both outputs captured",
        "start",
        ("ours", "ours, one by one", *_LOCAL[1:]),
        {"n": count},
        targets,
        curve=("processes", count),
        short=short,
        # three a process for the loop, and a few more
        files=50000 if count > 5000 else None,
    )


def _limited(count: int, *sides: str) -> Workload:
    title = f"the same with {count} processes and 1024 open files"
    name = f"W1 N={count}, ulimit -n 1024"
    return Workload(name, title, "start", sides, {"n": count}, files=1024)


PROCESSES = (
    _starts(10),
    _starts(100, _FAST, short=True),
    _starts(1000, _FAST, _EIGHT_TIMES, short=True),
    _starts(3000, _FAST, _EIGHT_TIMES),
    _starts(10000),
    _limited(1000, *_LOCAL),
    _limited(10000, "ours"),
    Workload(
        "W2",
        "1500 processes, at most 64 alive",
        "window",
        (*_LOCAL, "pdsh", "GNU parallel", "xargs"),
        {"n": 1500, "window": 64},
        (_FAST,),
        short=True,
    ),
)


def _output(
    name: str, title: str, kind: str, command: list[str], count: int, each: int, *targets: Target
) -> Workload:
    job = {"command": command, "n": count, "each": each}
    wanted = (Target(1.5, _POPEN), *targets)
    return Workload(name, title, kind, _LOCAL, job, wanted, short=True)


_ZEROS = ["head", "-c", str(200 * MEGABYTE), "/dev/zero"]
_LINES = ["sh", "-c", 'yes "$1" | head -n "$2"', "sh", "x" * 39, "5000000"]
_MEGABYTE_OF_LINES = ["sh", "-c", f'yes "$1" | head -c {_WHOLE_LINES}', "sh", "x" * 39]
_GIGABYTE = 1024 * MEGABYTE
_STEADY_LINES = [
    "perl", "-e", '$| = 1; for (1 .. 40) { print((("x" x 39) . "\n") x 1000);'
    " select undef, undef, undef, 0.1 }",
]  # fmt: skip
# the data, and a tenth
_IN_MEMORY = Target(220, measure="grown")

OUTPUT = (
    _output(
        "W3a", "one process, 200 MB into memory", "memory",
        _ZEROS, 1, 200 * MEGABYTE, _IN_MEMORY,
    ),
    _output(
        "W3b", "one process, 5 million lines of 40 bytes to a handler of lines", "lines",
        _LINES, 1, 5_000_000,
    ),
    _output(
        "W3c", "200 processes of 1 MB each, handlers of lines", "lines",
        _MEGABYTE_OF_LINES, 200, _WHOLE_LINES // 40,
    ),
    _output(
        "W3d", "200 processes of 1 MB each, into memory", "memory",
        _MEGABYTE_OF_LINES, 200, _WHOLE_LINES, _IN_MEMORY,
    ),
    Workload(
        "W3e",
        "100 processes of 10000 lines a second each, for 4 seconds, handlers of lines",
        "lines",
        ("ours", "execo", "asyncio", _LOOP),
        {"command": _STEADY_LINES, "n": 100, "each": 40_000},
        # whoever keeps up takes as long as the lines do
        (Target(1.2, _LOOP),),
    ),
    Workload(
        "W3f",
        "one process, 1 GB into memory",
        "memory",
        ("ours", "asyncio", _POPEN, _LOOP),
        {"command": ["head", "-c", str(_GIGABYTE), "/dev/zero"], "n": 1, "each": _GIGABYTE},
        (Target(1.5, _POPEN), Target(1.1 * _GIGABYTE / MEGABYTE, measure="grown")),
    ),
)  # fmt: skip

_KEEP_OPEN = ("parallel-ssh", "paramiko", "asyncssh")
_CLIENTS = ("execo", "ClusterShell", "pdsh")
_OWN_CHOICE = "bare loop, ssh's own choice"


def _cold(count: int, *targets: Target, short: bool = False) -> Workload:
    return Workload(
        f"W4 N={count}",
        f"a command on {count} hosts, by ssh",
        "hosts",
        ("ours", "ours, connexion_reuse", *_CLIENTS, "taktuk", *_KEEP_OPEN, _OWN_CHOICE, _LOOP),
        targets=targets,
        hosts=count,
        curve=("hosts", count),
        short=short,
    )


def _again(count: int, *, short: bool = False) -> Workload:
    return Workload(
        f"W4 again N={count}",
        f"a second command on the same {count} hosts",
        "again",
        ("ours, connexion_reuse", "ours", *_CLIENTS, "taktuk", *_KEEP_OPEN, _LOOP),
        targets=(Target(1 / 10, "execo"),),
        hosts=count,
        short=short,
    )


def _in_process(count: int, *, again: bool = False, short: bool = False) -> Workload:
    name, title = ("W4 again", "a second command on the same") if again else ("W4", "a command on")
    return Workload(
        f"{name} in-process N={count}",
        f"{title} {count} hosts, by asyncssh in the process of the script",
        "again" if again else "hosts",
        ("ours, asyncssh", "asyncssh"),
        {"reuse": True} if again else {},
        (Target(1.3, "asyncssh"),),
        hosts=count,
        short=short,
    )


def _copies(count: int, *, short: bool = False) -> Workload:
    return Workload(
        f"W6 N={count}",
        f"10 MB to {count} hosts",
        "copy",
        (
            "ours", "execo", "ClusterShell", "parallel-ssh", "asyncssh", _OWN_CHOICE, _LOOP,
            "ours, TaktukPut", "ours, ChainPut", "execo, TaktukPut", "execo, ChainPut",
        ),
        {"megabytes": 10},
        (Target(1.2, _LOOP),),
        hosts=count,
        stage="files",
        short=short,
    )  # fmt: skip


_COLD = (Target(1.2, _LOOP), Target(1 / 3, "execo"), Target(1 / 6, "execo", "tree"))

HOSTS = (
    _cold(1),
    _cold(4),
    _cold(16, *_COLD, short=True),
    _cold(64, *_COLD),
    _cold(256, *_COLD),
    _cold(1024),
    _again(16, short=True),
    _again(64),
    _in_process(64, short=True),
    _in_process(256),
    _in_process(64, again=True),
    _copies(16, short=True),
    _copies(64),
)

COSTS = (
    Workload(
        "W7",
        "what an import adds to a start of the interpreter, ms",
        "imports",
        ("ours", "execo", "ClusterShell", *_KEEP_OPEN, "asyncio", _POPEN),
        {"n": 10},
        (Target(1.0, "execo", "added"),),
        measure="added",
        script="imports",
        short=True,
    ),
    Workload(
        "W8",
        "from the end of a process to the return of the call that waits, median, ms",
        "latency",
        ("ours", "execo", "asyncio", _POPEN, _LOOP),
        {"n": 100},
        # the loop had 0.5 ms on the machine where targets were set
        (Target(0.7, measure="p50"), Target(1.4, _LOOP, "p50")),
        measure="p50",
        short=True,
    ),
    Workload(
        "W9",
        "memory of a live process, KB",
        "sleepers",
        ("ours", "execo", "asyncio", _POPEN, _LOOP),
        {"n": 1000, "seconds": 3},
        (Target(4, measure="kilobytes"), Target(1, measure="idle")),
        measure="kilobytes",
        short=True,
    ),
    Workload(
        "spawn",
        "start a process from a controller of 300 MB, ms",
        "big",
        ("ours", "execo", "asyncio", _POPEN, _LOOP),
        {"n": 200, "megabytes": 300},
        # and 0.7 ms
        (Target(0.8, measure="each"), Target(1.15, _LOOP, "each")),
        measure="each",
        short=True,
    ),
)


def _polling(count: int, *, short: bool = False) -> Workload:
    return Workload(
        f"polling N={count}",
        f"wait for {count} jobs: oarstat a round of polling",
        "polling",
        ("ours", "execo"),
        {"n": count, "seconds": 8},
        # one more, at once
        (Target(1.2, measure="calls"), Target(0.5, measure="late")),
        measure="calls",
        stage="sandbox",
        short=short,
    )


WORKLOADS: tuple[Workload, ...] = (
    *PROCESSES, *OUTPUT, *HOSTS, *COSTS, _polling(1), _polling(10, short=True), _polling(100),
)  # fmt: skip
