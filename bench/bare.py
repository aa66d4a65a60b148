"""The least that Python can do: posix_spawn, pipes, one epoll."""

import os
import select
import signal
from collections.abc import Callable, Sequence

Taker = Callable[[bytes], object]


def run(commands: Sequence[Sequence[str]], takers: Sequence[Taker]) -> list[int]:
    """Run all commands at once, give what each prints to its taker, return the exit codes."""
    poll = select.epoll()
    readers: dict[int, Taker] = {}
    pidfds: dict[int, tuple[int, int]] = {}
    codes = [0] * len(commands)
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    for index, argv in enumerate(commands):
        pid, out, err = _spawn(argv, null)
        for fd in (out, err):
            readers[fd] = takers[index]
            poll.register(fd, select.EPOLLIN)
        pidfd = os.pidfd_open(pid)
        pidfds[pidfd] = (pid, index)
        poll.register(pidfd, select.EPOLLIN)
        if index % 8 == 7:
            _turn(poll, readers, pidfds, codes, 0)
    while readers or pidfds:
        _turn(poll, readers, pidfds, codes, -1)
    os.close(null)
    return codes


def _spawn(argv: Sequence[str], null: int) -> tuple[int, int, int]:
    out_read, out_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    err_read, err_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    os.set_blocking(out_write, True)
    os.set_blocking(err_write, True)
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
    return pid, out_read, err_read


def _turn(
    poll: select.epoll,
    readers: dict[int, Taker],
    pidfds: dict[int, tuple[int, int]],
    codes: list[int],
    timeout: int,
) -> None:
    for fd, _ in poll.poll(timeout):
        if fd in pidfds:
            pid, index = pidfds.pop(fd)
            codes[index] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            poll.unregister(fd)
            os.close(fd)
        else:
            data = os.read(fd, 65536)
            if data:
                readers[fd](data)
            else:
                del readers[fd]
                poll.unregister(fd)
                os.close(fd)
