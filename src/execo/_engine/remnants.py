"""What a killed process leaves behind in its group.

The leader of a group that was sent a signal may exit before its members do. Its exit is told at
once, but it is left to be reaped: as long as it is a zombie, the number of its group can belong to
nobody else, and what remains of the group can still be killed by it.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

_INTERVAL = 0.2


class Remnants:
    """The groups whose leader has exited and is not reaped yet."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._deadlines: dict[int, float] = {}
        self._gone: dict[int, Callable[[], object]] = {}

    def add(self, pid: int, deadline: float, gone: Callable[[], object]) -> None:
        """Keep the group of `pid` until it is empty; kill it at `deadline` (loop time).

        `gone` is called when nothing of it is left.
        """
        if not self._deadlines:
            self._loop.call_soon(self._sweep)
        self._deadlines[pid] = deadline
        self._gone[pid] = gone

    def kill(self) -> None:
        """Kill every group that is left."""
        for pid in list(self._deadlines):
            self._end(pid)

    def _end(self, pid: int) -> None:
        del self._deadlines[pid]
        _kill_and_reap(pid)
        self._gone.pop(pid)()

    def _sweep(self) -> None:
        if not self._deadlines:
            return
        alive = _live_groups()
        now = self._loop.time()
        for pid, deadline in list(self._deadlines.items()):
            if pid not in alive or now >= deadline:
                self._end(pid)
        if self._deadlines:
            self._loop.call_later(_INTERVAL, self._sweep)


def _kill_and_reap(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        pass


def _live_groups() -> set[int]:
    """Return the numbers of the process groups that have a member which is not a zombie."""
    groups = set()
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_bytes()
            except OSError:
                continue
            # after the command's name, in parentheses: state, parent, group
            state, _, group, *_ = stat.rpartition(b")")[2].split(maxsplit=3)
            if state not in (b"Z", b"X"):
                groups.add(int(group))
    return groups
