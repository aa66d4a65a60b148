"""pdsh, whose output is lines that begin with the host."""

import os
import shlex
import subprocess

from bench.peers import common
from bench.peers.common import Job, Timed
from bench.peers.openssh import options


def _outputs(words: list[str], timed: Timed, **environment: str) -> dict[str, str]:
    with timed:
        done = subprocess.run(
            ["pdsh", *words], env={**os.environ, **environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    return dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)


def window(job: Job, timed: Timed) -> list[str]:
    hosts = f"h[0-{job['n'] - 1}]"
    found = _outputs(
        ["-R", "exec", "-f", str(job["window"]), "-w", hosts, "/bin/echo", "%n"], timed
    )
    return [found.get(f"h{number}", "nothing") + "\n" for number in range(job["n"])]


def hosts(job: Job, timed: Timed) -> list[str]:
    names = ",".join(job["hosts"])
    words = ["-R", "ssh", "-f", str(len(job["hosts"])), "-l", job["user"], "-w", names]
    found = _outputs(
        [*words, common.COMMAND_ON_HOSTS], timed, PDSH_SSH_ARGS_APPEND=shlex.join(options(job))
    )
    return [common.server_address(found.get(host, "nothing")) for host in job["hosts"]]


def again(job: Job, timed: Timed) -> list[str]:
    hosts(job, Timed())
    return hosts(job, timed)


if __name__ == "__main__":
    common.main({"window": window, "hosts": hosts, "again": again})
