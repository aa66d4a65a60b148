"""Ends our processes when this one is killed and can't do it itself.

A shell waits for the end of a pipe that only this process holds open. Then it sends SIGTERM, and
SIGKILL after a moment, to the process groups whose numbers are in a piece of shared memory: keeping
it up to date costs no system call. Behind the numbers are the names of directories with sockets of
masters of ssh, which are in no group of ours: they are ended too, and the directories deleted.
"""

import contextlib
import mmap
import os
import signal
import struct
from pathlib import Path

_SLOTS = 1 << 16
_NAMES = 1 << 12
_NUMBER = struct.Struct("=i")
_SIZE = _SLOTS * _NUMBER.size
_TABLE_FD = 3
_PIPE_FD = 4

# od folds the slots that hold 0 into a *
_SCRIPT = f"""
exec {_PIPE_FD}<&0 </dev/null
{{
    trap '' HUP INT TERM
    read -r _ <&{_PIPE_FD}
    set -f
    pids=$(od -An -td4 -w4 -N{_SIZE} /dev/fd/{_TABLE_FD})
    directories=$(tail -c {_NAMES} /dev/fd/{_TABLE_FD} | tr -d '\\0')
    [ -z "$directories" ] || rm -rf -- $directories
    for sig in TERM KILL; do
        left=
        for pid in $pids; do
            case $pid in '*' | 0) continue ;; esac
            kill -s $sig -- "-$pid" 2>/dev/null && left=yes
        done
        for directory in $directories; do
            for master in $(set +f; grep -als "^ssh: $directory/" /proc/[0-9]*/cmdline); do
                master=${{master#/proc/}}
                kill -s $sig "${{master%/cmdline}}" 2>/dev/null && left=yes
            done
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
        self._names = b""

    def start(self) -> None:
        """Start the shell, at the first call.

        Raises:
            OSError: descriptors, processes or memory are short.
        """
        if self._table is None:
            self._table = self._start()
            self._write_names()

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

    def clear(self, directory: Path) -> None:
        """End the masters of ssh in `directory` and delete it if this process dies.

        Its name has no blank, and none of the characters that shells expand.
        """
        names = self._names + os.fsencode(directory) + b"\n"
        if len(names) <= _NAMES:
            self._names = names
            self._write_names()

    def _write_names(self) -> None:
        if self._table is not None:
            self._table[_SIZE : _SIZE + len(self._names)] = self._names

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
            os.ftruncate(memory, _SIZE + _NAMES)
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
            return mmap.mmap(memory, _SIZE + _NAMES)
        except OSError:
            self.forget()
            raise
        finally:
            os.close(read)
            if memory >= 0:
                os.close(memory)
