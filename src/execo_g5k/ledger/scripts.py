"""Which script this is, and whether the one that submitted a job still runs."""

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from execo import quoting

_STATE, _START = 0, 19
"""Positions in /proc/PID/stat, after the name of the command."""


@dataclass(frozen=True, slots=True)
class Script:
    """A process that runs a script. `started` and what follows tell apart those of one pid."""

    argv: tuple[str, ...]
    directory: str | None
    """Where it was when it submitted."""
    host: str
    pid: int
    started: int | None = None
    """Start, in clock ticks since the boot of the machine; None where /proc does not tell."""
    boot: str | None = None
    namespace: str | None = None
    """Of process numbers: a container has its own, maybe under the name of its machine."""

    @property
    def command(self) -> str:
        """Command line, for messages."""
        return quoting.join(self.argv)


def this_script() -> Script:
    """Return the script that runs now."""
    return Script(
        tuple(map(str, sys.argv)),
        _directory(),
        socket.gethostname(),
        os.getpid(),
        _start_of(os.getpid()),
        _boot(),
        _namespace(),
    )


def runs(script: Script, here: Script | None = None) -> bool | None:
    """Tell whether a script still runs; None when it is on a machine that can't be asked.

    `here`: this script; None: to be found out.
    """
    here = here or this_script()
    if script.host != here.host:
        return None
    if script.boot != here.boot:
        return False
    if script.namespace != here.namespace:
        return None
    return _start_of(script.pid) == script.started if script.started else _exists(script.pid)


def same_process(script: Script, other: Script) -> bool:
    """Tell whether two scripts are one process; it may have moved to another directory."""
    ours = (script.host, script.boot, script.namespace, script.pid, script.started)
    return ours == (other.host, other.boot, other.namespace, other.pid, other.started)


def _start_of(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = stat.rpartition(b")")[2].split()
    # what nobody has waited for yet runs no more
    return None if fields[_STATE] in (b"Z", b"X") else int(fields[_START])


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:
        return None


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _namespace() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None
