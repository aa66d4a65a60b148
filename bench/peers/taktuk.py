"""TakTuk, a tree of connexions."""

import shlex
import subprocess

from bench.peers import common
from bench.peers.common import Job, Timed
from bench.peers.openssh import options


def hosts(job: Job, timed: Timed) -> list[str]:
    connector = shlex.join(["ssh", *options(job), "-l", job["user"]])
    machines = [word for host in job["hosts"] for word in ("-m", host)]
    output = ["-o", r'output="$host $line\n"']
    execution = ["broadcast", "exec", "[", common.COMMAND_ON_HOSTS, "]"]
    with timed:
        done = subprocess.run(
            ["taktuk", "-s", "-c", connector, *output, *machines, *execution],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
    found = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    return [common.server_address(found.get(host, "nothing")) for host in job["hosts"]]


def again(job: Job, timed: Timed) -> list[str]:
    hosts(job, Timed())
    return hosts(job, timed)


if __name__ == "__main__":
    common.main({"hosts": hosts, "again": again})
