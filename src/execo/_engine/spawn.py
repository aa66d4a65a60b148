"""How a process is started: its own session, pipes or a pseudo-terminal, no code after fork."""

import os
import re
import signal
import termios
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Python ignores the last three, a script that a shell started with & the first two, and a child
# would inherit that: kill(SIGINT) would have no effect on it
_DEFAULT_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGQUIT", "SIGPIPE", "SIGXFZ", "SIGXFSZ")
    if hasattr(signal, name)
)


class Spawned(NamedTuple):
    """A running process and our ends of its streams (non-blocking)."""

    pid: int
    stdin: int
    stdout: int
    stderr: int


_OUR_PASSWORDS = re.compile(rb"EXECO_\w*PASSWORD")


def environment_of_children() -> dict[bytes, bytes]:
    """Return our environment, but for the passwords that variables of this library hold.

    Every process of the user can read the environment of every other one.
    """
    variables = os.environb.items()
    return {name: value for name, value in variables if not _OUR_PASSWORDS.fullmatch(name)}


Environment = Mapping[bytes, bytes] | None


def spawn(argv: Sequence[str], environment: Environment = None, *, pty: bool = False) -> Spawned:
    """Start `argv`, found on PATH, in a session of its own; None: with our environment.

    With `pty`, stdin and stdout are a pseudo-terminal, which is also the controlling terminal of
    the session, and stderr is a pipe; stdin and stdout are then the same descriptor.

    Raises:
        OSError: it can't be executed, or descriptors, processes or memory are short.
        ValueError: an argument holds a NUL character.
    """
    return (_spawn_pty if pty else _spawn_pipes)(argv, environment)


def _spawn_pipes(argv: Sequence[str], environment: Environment) -> Spawned:
    fds: list[int] = []
    try:
        for _ in range(3):
            fds += os.pipe2(os.O_CLOEXEC)
        in_read, in_write, out_read, out_write, err_read, err_write = fds
        pid = _posix_spawn(
            argv,
            environment,
            [
                (os.POSIX_SPAWN_DUP2, in_read, 0),
                (os.POSIX_SPAWN_DUP2, out_write, 1),
                (os.POSIX_SPAWN_DUP2, err_write, 2),
            ],
        )
    except BaseException:
        _close(fds)
        raise
    _close([in_read, out_write, err_write])
    return _ours(pid, in_write, out_read, err_read)


def _spawn_pty(argv: Sequence[str], environment: Environment) -> Spawned:
    fds: list[int] = []
    try:
        fds += os.openpty()
        fds += os.pipe2(os.O_CLOEXEC)
        master, slave, err_read, err_write = fds
        # a line printed is a line read: no CR added
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.ONLCR
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        pid = _posix_spawn(
            argv,
            environment,
            [
                # the first terminal that a session leader opens becomes its controlling terminal
                (os.POSIX_SPAWN_OPEN, 0, os.ttyname(slave), os.O_RDWR, 0),
                (os.POSIX_SPAWN_DUP2, 0, 1),
                (os.POSIX_SPAWN_DUP2, err_write, 2),
            ],
        )
    except BaseException:
        _close(fds)
        raise
    _close([slave, err_write])
    return _ours(pid, master, master, err_read)


def is_raw(terminal: int) -> bool:
    """Tell whether a pseudo-terminal gives what is written as it is, without editing of lines."""
    try:
        return not termios.tcgetattr(terminal)[3] & termios.ICANON
    except termios.error:
        # nobody has the other side any more
        return True


def _posix_spawn(
    argv: Sequence[str], environment: Environment, file_actions: list[tuple[Any, ...]]
) -> int:
    # vfork underneath: the cost doesn't grow with the size of this process
    return os.posix_spawnp(
        argv[0],
        list(argv),
        environment_of_children() if environment is None else environment,
        file_actions=file_actions,
        setsid=True,
        setsigmask=(),
        setsigdef=_DEFAULT_SIGNALS,
    )


def _ours(pid: int, stdin: int, stdout: int, stderr: int) -> Spawned:
    for fd in {stdin, stdout, stderr}:
        os.set_blocking(fd, False)
    return Spawned(pid, stdin, stdout, stderr)


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
