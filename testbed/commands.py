"""Run commands of the machine."""

import os
import shlex
import signal
import subprocess
import textwrap
from collections.abc import Mapping, Sequence

from testbed.errors import GridError

# What a process of the grid inherits: nothing of the caller's environment.
CLEAN_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C",
    "HOME": "/root",
    "TERM": "dumb",
}


def attempt(
    argv: Sequence[object],
    *,
    stdin: str = "",
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end and return it, whatever its exit code.

    Raises subprocess.TimeoutExpired after `timeout` seconds; the whole process group is
    killed then (nsenter leaves its child behind when killed alone).
    """
    words = [str(word) for word in argv]
    with subprocess.Popen(
        words,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=env,
    ) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


def must(
    argv: Sequence[object],
    *,
    stdin: str = "",
    timeout: float | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command and return its stdout.  Raises GridError with its output if it fails."""
    done = attempt(argv, stdin=stdin, timeout=timeout, env=env)
    if done.returncode:
        command = textwrap.shorten(shlex.join(done.args), 200)
        output = f"{done.stdout}{done.stderr}".strip()
        raise GridError(f"{command}: exit {done.returncode}\n{output}")
    return done.stdout
