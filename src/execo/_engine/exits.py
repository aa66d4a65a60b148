"""How the exit of a child is seen: by a pidfd, or by a thread where the kernel has none."""

import asyncio
import os
import threading
import time
from collections.abc import Callable

_POLL = 0.02


class PidfdExits:
    """The kernel makes a file descriptor readable when the process exits (Linux 5.3)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def watch(self, pid: int, exited: Callable[[], object]) -> int:
        """Call `exited` on the loop once `pid` can be reaped; return what `forget` takes."""
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            # reaped by somebody else
            self._loop.call_soon(exited)
            return -1
        self._loop.add_reader(pidfd, exited)
        return pidfd

    def forget(self, watch: int) -> None:
        """End a watch."""
        if watch >= 0:
            self._loop.remove_reader(watch)
            os.close(watch)


class ThreadExits:
    """One thread that asks for the exit of each child in turn, without reaping it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: dict[int, Callable[[], object]] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def watch(self, pid: int, exited: Callable[[], object]) -> int:
        """Call `exited` on the loop once `pid` can be reaped; return what `forget` takes."""
        with self._changed:
            self._watched[pid] = exited
            if self._thread is None:
                self._thread = threading.Thread(target=self._main, name="execo-exits", daemon=True)
                self._thread.start()
            self._changed.notify()
        return -1

    def forget(self, watch: int) -> None:
        """Do nothing: a watch ends by itself."""

    def _main(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._watched)
                pids = list(self._watched)
            for pid in pids:
                if has_exited(pid):
                    with self._changed:
                        exited = self._watched.pop(pid)
                    self._loop.call_soon_threadsafe(exited)
            # no condition tells of the exit of a child without pidfd
            time.sleep(_POLL)


def has_exited(pid: int) -> bool:
    """Tell whether a child has exited, and leave it to be reaped."""
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return found is not None


def pidfd_works() -> bool:
    """Tell whether the kernel has pidfd."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True
