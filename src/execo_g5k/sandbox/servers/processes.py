"""The commands that run on the hosts of a sandbox: real processes of this machine."""

import asyncio
import contextlib
import fcntl
import os
import pty
import pwd
import shutil
import signal
import struct
import sys
import termios
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from execo_g5k.sandbox.model.kadeploy.machines import STANDARD_PARTITION
from execo_g5k.sandbox.servers.isolation import Isolation
from execo_g5k.sandbox.servers.places import Directory, Kind, Place

MARK = "EXECO_SANDBOX"
"""Variable that all processes of a sandbox have: its directory."""

JOB_MARK = "EXECO_SANDBOX_JOB"
"""Variable of the processes of a job: site/id."""

HOST_MARK = "EXECO_SANDBOX_HOST"
"""Variable that tells the full name of the host."""

ADDRESS_MARK = "EXECO_SANDBOX_ADDRESS"
"""Variable that tells the address of the host."""

PATH_MARK = "EXECO_SANDBOX_PATH"
"""Variable that tells what PATH begins with: login shells set PATH anew."""

ROOT_MARK = "EXECO_SANDBOX_ROOT"
"""Variable that tells the partition which is mounted on /, on nodes."""

ROOT = "root"
"""Who works on deployed nodes; on other hosts there is no such account."""

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Command:
    """What is to be run on a host."""

    place: Place
    user: str
    text: str | None
    """Text for a shell; None for a shell of its own."""
    environment: Mapping[str, str]
    """What is added to that of the host."""
    directory: str | None = None
    """Where it starts; None for the home."""
    shell: str = "bash"


class Processes:
    """Starts and ends the processes of a sandbox."""

    def __init__(self, directory: Directory, isolation: Isolation) -> None:
        self._directory = directory
        self._isolation = isolation
        self._has_bash = shutil.which("bash") is not None
        self.partition: Callable[[Place], str] = lambda place: STANDARD_PARTITION
        """Tells what is mounted on / of a node."""

    # --- start

    async def start(
        self, command: Command, stdin: int = PIPE, stdout: int = PIPE, stderr: int = PIPE
    ) -> asyncio.subprocess.Process:
        """Start a command with streams as `asyncio.create_subprocess_exec` takes them."""
        argv, environment, directory = self._prepared(command)
        return await asyncio.create_subprocess_exec(
            *argv, env=environment, cwd=directory, start_new_session=True,
            stdin=stdin, stdout=stdout, stderr=stderr,
        )  # fmt: skip

    async def start_on_terminal(
        self, command: Command, size: tuple[int, int], kind: str
    ) -> tuple[asyncio.subprocess.Process, int]:
        """Start a command on a new terminal, and return our end of it too."""
        argv, environment, directory = self._prepared(command)
        environment["TERM"] = kind
        master, slave = pty.openpty()
        set_size(master, size)
        try:
            # setsid becomes the command, whose end is seen as it is
            process = await asyncio.create_subprocess_exec(
                "setsid", "--ctty", *argv,
                env=environment, cwd=directory, stdin=slave, stdout=slave, stderr=slave,
            )  # fmt: skip
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return process, master

    def _prepared(self, command: Command) -> tuple[list[str], dict[str, str], str]:
        shell = command.shell if self._has_bash else "sh"
        argv = [shell, "-l"] if command.text is None else [shell, "-c", command.text]
        environment = self.environment(command)
        directory = command.directory or environment["HOME"]
        root = command.user == ROOT
        words = self._isolation.wrap(command.place, argv, directory, root=root)
        return words, environment, self.path_here(command.place, directory)

    def environment(self, command: Command) -> dict[str, str]:
        """Return the environment of a command."""
        place, user = command.place, command.user
        programs = [self._directory.on_hosts]
        if place.kind is Kind.FRONTEND:
            programs.insert(0, self._directory.on_frontends)
        # scripts on hosts run with the interpreter that has this package
        programs.append(Path(sys.executable).parent)
        found_first = ":".join(map(str, programs))
        environment = {
            "PATH": f"{found_first}:{_SYSTEM_PATH}",
            PATH_MARK: found_first,
            "HOME": str(self.home(place, user)),
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash" if self._has_bash else "/bin/sh",
            "HOSTNAME": place.hostname,
            "LANG": "C.UTF-8",
            MARK: str(self._directory.path),
            HOST_MARK: place.full_name,
            ADDRESS_MARK: place.address,
            **command.environment,
        }
        if place.kind is Kind.NODE:
            environment[ROOT_MARK] = self.partition(place)
        if not self._isolation.works:
            environment["TMPDIR"] = str(self._directory.temporary(place))
        return environment

    def home(self, place: Place, user: str) -> Path:
        """Return the home of a user on a host."""
        root = user == ROOT
        return self._directory.root_home(place) if root else self._directory.home(place, user)

    def path_here(self, place: Place, path: str) -> str:
        """Return where a path of a host is on this machine."""
        # nothing may have happened there yet
        self._directory.temporary(place).mkdir(parents=True, exist_ok=True)
        return self._isolation.path_here(place, path)

    # --- end

    def kill_job(self, site: str, job_id: int) -> None:
        """Kill all processes of a job."""
        # another sandbox may have a job of the same name
        _kill(f"{JOB_MARK}={site}/{job_id}", f"{MARK}={self._directory.path}")

    def kill_host(self, place: Place) -> None:
        """Kill all processes of a host."""
        _kill(f"{HOST_MARK}={place.full_name}", f"{MARK}={self._directory.path}")

    def kill_all(self) -> None:
        """Kill all processes of the hosts."""
        kill_commands(self._directory)


def kill_commands(directory: Directory) -> None:
    """Kill all processes of the hosts of a sandbox; those that users started in it live on."""
    _kill(f"{MARK}={directory.path}", f"{HOST_MARK}=")


def _kill(*marks: str) -> None:
    for pid in _marked([mark.encode() for mark in marks]):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _marked(marks: Sequence[bytes]) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
        except OSError:
            continue
        pid = int(path.parent.name)
        if pid != os.getpid() and all(_has(variables, mark) for mark in marks):
            yield pid


def _has(variables: Sequence[bytes], mark: bytes) -> bool:
    """Tell whether there is a variable; NAME= stands for any value."""
    if mark.endswith(b"="):
        return any(variable.startswith(mark) for variable in variables)
    return mark in variables


def set_size(terminal: int, size: tuple[int, int]) -> None:
    """Tell a terminal its width and height in characters."""
    width, height = size
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))


def own_user() -> str:
    """Return the name of the account that runs this.

    Root, whom OAR obeys in all, and accounts without a name are called alice.
    """
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return "alice"
    return "alice" if name == "root" else name
