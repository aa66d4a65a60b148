"""Ends our processes when this one is killed and can't do it itself.

A shell waits for the end of a pipe that only this process holds open. Then it sends SIGTERM, and
SIGKILL after a moment, to the process groups whose numbers are in a piece of shared memory: keeping
it up to date costs no system call.
"""

import contextlib
import mmap
import os
import signal
import struct

_SLOTS = 1 << 16
_NUMBER = struct.Struct("=i")
_TABLE_FD = 3
_PIPE_FD = 4

# od folds the slots that hold 0 into a *
_SCRIPT = f"""
exec {_PIPE_FD}<&0 </dev/null
{{
    trap '' HUP INT TERM
    read -r _ <&{_PIPE_FD}
    set -f
    pids=$(od -An -td4 -w4 /dev/fd/{_TABLE_FD})
    for sig in TERM KILL; do
        left=
        for pid in $pids; do
            case $pid in '*' | 0) continue ;; esac
            kill -s $sig -- "-$pid" 2>/dev/null && left=yes
        done
        [ -n "$left" ] || exit 0
        [ $sig = KILL ] || sleep 2
    done
}} &
"""


class Keeper:
    """The shell, and the numbers of the groups that it ends."""

    def __init__(self) -> None:
        self._table: mmap.mmap | None = None
        self._pipe = -1
        self._free: list[int] = []
        self._used = 0

    def start(self) -> None:
        """Start the shell, at the first call.

        Raises:
            OSError: descriptors, processes or memory are short.
        """
        if self._table is None:
            self._table = self._start()

    def keep(self, pid: int) -> int:
        """End the group of `pid` if this process dies; return what `release` takes."""
        if self._table is None:
            return -1
        if self._free:
            slot = self._free.pop()
        else:
            slot, self._used = self._used, min(self._used + 1, _SLOTS - 1)
        _NUMBER.pack_into(self._table, slot * _NUMBER.size, pid)
        return slot

    def release(self, slot: int) -> None:
        """Forget a group: its leader is about to be reaped."""
        if self._table is not None and slot >= 0:
            _NUMBER.pack_into(self._table, slot * _NUMBER.size, 0)
            self._free.append(slot)

    def forget(self) -> None:
        """Let go of the pipe in a forked process, which isn't the one to wait for."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1

    def _start(self) -> mmap.mmap:
        read, self._pipe = os.pipe2(os.O_CLOEXEC)
        memory = -1
        try:
            memory = os.memfd_create("execo-children")
            os.ftruncate(memory, _SLOTS * _NUMBER.size)
            starter = os.posix_spawn(
                "/bin/sh",
                ["sh", "-c", _SCRIPT],
                {"PATH": os.defpath},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, read, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, memory, _TABLE_FD),
                ],
                setsid=True,
                setsigdef=(signal.SIGPIPE,),
            )
            # the shell proper is no child of ours: a script may wait for all its children
            with contextlib.suppress(ChildProcessError):
                os.waitpid(starter, 0)
            return mmap.mmap(memory, _SLOTS * _NUMBER.size)
        except OSError:
            self.forget()
            raise
        finally:
            os.close(read)
            if memory >= 0:
                os.close(memory)
