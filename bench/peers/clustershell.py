"""ClusterShell 1.10: local and remote workers of its task."""

import shlex
from typing import Any

from ClusterShell.Event import EventHandler
from ClusterShell.Task import task_self

from bench.peers import common
from bench.peers.common import Job, Timed
from bench.peers.openssh import options


def _run_all(job: Job, timed: Timed, commands: list[list[str]], fanout: int) -> list[str]:
    task = task_self()
    task.set_info("fanout", fanout)
    with timed:
        workers = [
            task.shell(shlex.join(command), key=number, stderr=True)
            for number, command in enumerate(commands)
        ]
        task.run()
        # it keeps lines without their ends
        return [f"{bytes(worker.read() or b'').decode()}\n" for worker in workers]


def start(job: Job, timed: Timed) -> list[str]:
    return _run_all(job, timed, common.echoes(job), job["n"])


def window(job: Job, timed: Timed) -> list[str]:
    return _run_all(job, timed, common.echoes(job), job["window"])


def memory(job: Job, timed: Timed) -> list[int]:
    found = _run_all(job, timed, [job["command"]] * job["n"], job["n"])
    return [len(text) - (len(text) > job["each"]) for text in found]


def lines(job: Job, timed: Timed) -> list[int]:
    class Count(EventHandler):
        def __init__(self) -> None:
            self.lines = 0

        def ev_read(self, worker: Any, node: Any, sname: str, msg: bytes) -> None:
            self.lines += 1

    task = task_self()
    task.set_info("fanout", job["n"])
    task.set_default("stdout_msgtree", False)
    handlers = [Count() for _ in range(job["n"])]
    with timed:
        for number, handler in enumerate(handlers):
            task.shell(shlex.join(job["command"]), key=number, handler=handler, stderr=True)
        task.run()
    return [handler.lines for handler in handlers]


def hosts(job: Job, timed: Timed) -> list[str]:
    task = task_self()
    task.set_info("fanout", len(job["hosts"]))
    task.set_info("ssh_options", shlex.join(options(job)))
    task.set_info("ssh_user", job["user"])
    with timed:
        worker = task.shell(common.COMMAND_ON_HOSTS, nodes=",".join(job["hosts"]), stderr=True)
        task.run()
        found = {
            str(node): bytes(output).decode()
            for output, nodes in worker.iter_buffers()
            for node in nodes
        }
    return [common.server_address(found.get(host, "nothing")) for host in job["hosts"]]


def again(job: Job, timed: Timed) -> list[str]:
    hosts(job, Timed())
    return hosts(job, timed)


def copy(job: Job, timed: Timed) -> list[str]:
    task = task_self()
    task.set_info("fanout", len(job["hosts"]))
    task.set_info("scp_options", shlex.join(options(job)))
    task.set_info("ssh_user", job["user"])
    with timed:
        for host in job["hosts"]:
            task.copy(job["file"], f"{common.place(job, host)}/", nodes=host)
        task.run()
    return common.copies(job)


if __name__ == "__main__":
    common.main(
        {
            "start": start, "window": window, "memory": memory, "lines": lines, "hosts": hosts,
            "again": again, "copy": copy,
        }
    )  # fmt: skip
