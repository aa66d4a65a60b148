"""Run a command with a limit of time; nothing that it starts survives it.

    python -m bench.cage '{"argv": [...], "limit": 60, "files": 20000}'

It prints how the command ended, as JSON. What the command left behind when it ended is killed, and
its CPU time told: a master of ssh connexions, for example, belongs to nobody else.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

_SET_PARENT_DEATH_SIGNAL = 1
_SET_CHILD_SUBREAPER = 36
_GRACE = 1.0
_LAST_WORDS = 2000


@dataclass(frozen=True)
class End:
    """How a command ended."""

    code: int | None
    """Exit status; None when it was killed at its limit."""
    output: str
    """Its last line."""
    errors: str
    """The end of what it said on standard error."""
    left_cpu: float
    """CPU seconds of what it left behind."""


def _caged(spec: dict[str, Any]) -> End:
    _allow_files(spec["files"])
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        pid = os.posix_spawnp(
            spec["argv"][0],
            spec["argv"],
            os.environ,
            setsid=True,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
            ],
        )
        try:
            code = _wait(pid, spec["limit"])
            left_cpu = _reap_for(_GRACE)
        finally:
            left = _kill_all()
        return End(code, _last_line(output), _end(errors), left_cpu + left)


def _allow_files(count: int | None) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if count is None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        return
    # only root may have more than the hard limit
    for limits in ((count, count), (min(count, hard), hard)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return


def _wait(pid: int, limit: float) -> int | None:
    pidfd = os.pidfd_open(pid)
    ended, _, _ = select.select([pidfd], [], [], limit)
    os.close(pidfd)
    if not ended:
        return None
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _reap_for(seconds: float) -> float:
    """Reap what ends by itself; return its CPU time."""
    cpu = 0.0
    end = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < end:
            pid, _, usage = os.wait4(-1, os.WNOHANG)
            cpu += usage.ru_utime + usage.ru_stime
            if not pid:
                time.sleep(0.01)
    return cpu


def _kill_all() -> float:
    """Kill all descendants, which become children as their parents die; return their CPU time."""
    cpu = 0.0
    with contextlib.suppress(ChildProcessError):
        while True:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _, _, usage = os.wait4(-1, 0)
            cpu += usage.ru_utime + usage.ru_stime
            cpu += _reap_for(0.01)
    return cpu


def _children() -> list[int]:
    own = str(os.getpid())
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = Path(entry.path, "stat").read_text()
                if stat.rpartition(")")[2].split()[1] == own:
                    found.append(int(entry.name))
    return found


def _last_line(file: Any) -> str:
    lines = _end(file, 1 << 20).splitlines()
    return lines[-1] if lines else ""


def _end(file: Any, most: int = _LAST_WORDS) -> str:
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - most))
    return str(file.read().decode(errors="replace"))


def _stop(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(1)


def main() -> None:
    """Read what to run, run it, and print its end."""
    libc = ctypes.CDLL(None, use_errno=True)
    signal.signal(signal.SIGTERM, _stop)
    libc.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
    libc.prctl(_SET_CHILD_SUBREAPER, 1)
    print(json.dumps(asdict(_caged(json.loads(sys.argv[1])))))


if __name__ == "__main__":
    main()
