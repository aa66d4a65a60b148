"""The least that Python can do: posix_spawn, pipes, one epoll."""

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Callable, Sequence

from bench.peers import common, measures
from bench.peers.common import Job, Timed
from bench.peers.openssh import scp_argv, ssh_argv

Taker = Callable[[bytes], object]


class Loop:
    """Starts commands, gives what each prints to its taker, keeps the exit codes."""

    def __init__(self) -> None:
        self.codes: dict[int, int] = {}
        self._poll = select.epoll()
        self._readers: dict[int, Taker] = {}
        self._pidfds: dict[int, tuple[int, int]] = {}
        self._null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def pids(self) -> list[int]:
        """The processes that live."""
        return [pid for pid, _ in self._pidfds.values()]

    def start(self, index: int, argv: Sequence[str], taker: Taker) -> None:
        """Start a command."""
        pid, out, err = _spawn(argv, self._null)
        for fd in (out, err):
            self._readers[fd] = taker
            self._poll.register(fd, select.EPOLLIN)
        pidfd = os.pidfd_open(pid)
        self._pidfds[pidfd] = (pid, index)
        self._poll.register(pidfd, select.EPOLLIN)
        if index % 8 == 7:
            self.turn(0)

    def wait(self, alive: int = 0) -> None:
        """Wait until so many live at most."""
        while len(self._pidfds) > alive or (self._readers and not alive):
            self.turn(-1)

    def turn(self, timeout: int) -> None:
        """Take what is there."""
        for fd, _ in self._poll.poll(timeout):
            if fd in self._pidfds:
                pid, index = self._pidfds.pop(fd)
                self.codes[index] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            else:
                data = os.read(fd, 65536)
                if data:
                    self._readers[fd](data)
                    continue
                del self._readers[fd]
            self._poll.unregister(fd)
            os.close(fd)


def _spawn(argv: Sequence[str], null: int) -> tuple[int, int, int]:
    out_read, out_write = os.pipe2(os.O_CLOEXEC)
    err_read, err_write = os.pipe2(os.O_CLOEXEC)
    pid = os.posix_spawnp(
        argv[0],
        list(argv),
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, null, 0),
            (os.POSIX_SPAWN_DUP2, out_write, 1),
            (os.POSIX_SPAWN_DUP2, err_write, 2),
        ],
        setsigdef=[signal.SIGPIPE],
    )
    os.close(out_write)
    os.close(err_write)
    for fd in (out_read, err_read):
        os.set_blocking(fd, False)
    return pid, out_read, err_read


def run(commands: Sequence[Sequence[str]], takers: Sequence[Taker], window: int = 0) -> None:
    """Run commands, all at once or with so many that live, which must all succeed."""
    loop = Loop()
    for index, argv in enumerate(commands):
        if window:
            loop.wait(window - 1)
        loop.start(index, argv, takers[index])
    loop.wait()
    if any(loop.codes.values()):
        raise AssertionError("a process failed")


def texts(commands: Sequence[Sequence[str]], timed: Timed, window: int = 0) -> list[str]:
    """Measure commands, and return what each printed."""
    kept: list[list[bytes]] = [[] for _ in commands]
    with timed:
        run(commands, [chunks.append for chunks in kept], window)
        return [b"".join(chunks).decode() for chunks in kept]


def start(job: Job, timed: Timed) -> list[str]:
    return texts(common.echoes(job), timed)


def window(job: Job, timed: Timed) -> list[str]:
    return texts(common.echoes(job), timed, job["window"])


def memory(job: Job, timed: Timed) -> list[int]:
    return [len(text) for text in texts([job["command"]] * job["n"], timed)]


class Lines:
    """Decodes, cuts, and makes one call a line."""

    def __init__(self) -> None:
        self.count = 0
        self._begun = ""

    def __call__(self, data: bytes) -> None:
        """Take what was read."""
        lines = (self._begun + data.decode()).split("\n")
        self._begun = lines.pop()
        for line in lines:
            self.take(line)

    def take(self, line: str) -> None:
        """Take a line."""
        self.count += 1


def lines(job: Job, timed: Timed) -> list[int]:
    takers = [Lines() for _ in range(job["n"])]
    with timed:
        run([job["command"]] * job["n"], takers)
    return [taker.count for taker in takers]


def hosts(job: Job, timed: Timed) -> list[str]:
    commands = [
        ssh_argv(job, host, common.COMMAND_ON_HOSTS, fast=job.get("fast", True))
        for host in job["hosts"]
    ]
    return [common.server_address(text) for text in texts(commands, timed)]


def again(job: Job, timed: Timed) -> list[str]:
    """Measure sessions on connexions that are there."""
    with tempfile.TemporaryDirectory() as folder:
        shared = [("-o", f"ControlPath={folder}/{number}") for number in range(len(job["hosts"]))]
        _open(job, shared)
        commands = [
            ssh_argv(job, host, common.COMMAND_ON_HOSTS, *options)
            for host, options in zip(job["hosts"], shared, strict=True)
        ]
        found = [common.server_address(text) for text in texts(commands, timed)]
        for host, options in zip(job["hosts"], shared, strict=True):
            closing = ssh_argv(job, host, None, *options, "-O", "exit")
            subprocess.run(closing, stderr=subprocess.DEVNULL, check=True)
    return found


def _open(job: Job, shared: Sequence[Sequence[str]]) -> None:
    masters = [
        subprocess.Popen(
            ssh_argv(job, host, None, *options, "-f", "-N", "-M", "-o", "ControlPersist=yes"),
            stderr=subprocess.DEVNULL,
        )
        for host, options in zip(job["hosts"], shared, strict=True)
    ]
    for master in masters:
        master.wait()


def copy(job: Job, timed: Timed) -> list[str]:
    texts([scp_argv(job, host, fast=job.get("fast", True)) for host in job["hosts"]], timed)
    return common.copies(job)


def latency(job: Job, timed: Timed) -> list[object]:
    def one() -> str:
        chunks: list[bytes] = []
        run([measures.STAMP], [chunks.append])
        return b"".join(chunks).decode()

    return measures.latencies(one, timed, job)


def sleepers(job: Job, timed: Timed) -> list[object]:
    loop = Loop()

    def more(count: int) -> None:
        for number in range(count):
            loop.start(number, measures.SLEEPER, print)

    measures.sleepers(more, timed, job)
    for pid in loop.pids:
        os.kill(pid, signal.SIGTERM)
    loop.wait()
    return []


def big(job: Job, timed: Timed) -> list[str]:
    ballast = measures.ballast(job)
    found = texts(common.echoes(job), timed)
    measures.cost_of_each(timed, job)
    del ballast
    return found


if __name__ == "__main__":
    common.main(
        {
            "start": start, "window": window, "memory": memory, "lines": lines, "hosts": hosts,
            "again": again, "copy": copy, "latency": latency, "sleepers": sleepers, "big": big,
        }
    )  # fmt: skip
