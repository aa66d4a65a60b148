"""Connexions of ssh that commands to the same host share.

The first command to a host leaves a master of OpenSSH behind, later ones are sessions on its
connexion: they cost a round trip instead of an exchange of keys. Whatever hinders that, a command
connects by itself, as if nothing were shared.
"""

import contextlib
import os
import re
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

from execo._engine.forks import fork_safe_lock
from execo._engine.loop import Engine, at_exit, engine
from execo._private import longest_name, private_directory

_PERSIST = 120
"""Seconds that a connexion stays without a session."""

# an sshd refuses the eleventh session of a connexion unless it is told otherwise
_SESSIONS = 8

# the name of a socket may have 108 characters, and ssh adds 17 of its own for a moment
_LONGEST = 80
_SIMPLE = re.compile(r"/[\w./-]*", re.ASCII)

# words with which the user chose for himself, or that make no session
_OWN_CHOICE = re.compile(r"(-o\s*)?(?i:control(master|path|persist))\b|-[SMNOWf]")
_ALIVE = ("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")

_lock = fork_safe_lock()


@dataclass(eq=False)
class _Connexion:
    path: Path
    sessions: int = 0
    being_made: bool = False


class Lease:
    """The right of one command to use a shared connexion, until `release`."""

    def __init__(
        self, connexion: _Connexion | None = None, alive: Sequence[str] = (), makes: bool = False
    ) -> None:
        self._connexion, self._makes = connexion, makes
        self.options: tuple[str, ...] = ()
        """What ssh is to be told, before its other options."""
        if connexion is not None:
            connexion.sessions += 1
            connexion.being_made |= makes
            self.options = (
                "-o", "ControlMaster=auto",
                "-o", f"ControlPath={connexion.path}",
                "-o", f"ControlPersist={_PERSIST}",
                *alive,
            )  # fmt: skip

    def release(self) -> None:
        """Give the right back; a second time it does nothing."""
        with _lock:
            connexion, self._connexion = self._connexion, None
            if connexion is not None:
                connexion.sessions -= 1
                connexion.being_made &= not self._makes


class _Sharing:
    """The connexions of this process, and the private directories of their sockets."""

    def __init__(self, owner: Engine) -> None:
        self.owner = owner
        # one, unless somebody deletes it
        self._directories: list[Path] = []
        self._names = count()
        self._connexions: dict[tuple[str, ...], _Connexion] = {}
        at_exit(self._close)

    def lease(self, words: tuple[str, ...]) -> Lease:
        connexion = self._connexions.get(words)
        if connexion is None or not connexion.path.parent.is_dir():
            directory = self._private_directory()
            if directory is None:
                return Lease()
            connexion = _Connexion(directory / str(next(self._names)))
            self._connexions[words] = connexion
        exists = _is_served(connexion.path)
        if connexion.sessions >= _SESSIONS or (connexion.being_made and not exists):
            return Lease()
        alive = () if any("serveralive" in word.lower() for word in words) else _ALIVE
        return Lease(connexion, alive, makes=not exists)

    def _private_directory(self) -> Path | None:
        if not self._directories or not self._directories[-1].is_dir():
            for directory in islice(_new_directories(), 1):
                self._directories.append(directory)
                self.owner.call(self.owner.keeper.clear, directory)
        return self._directories[-1] if self._directories else None

    def _close(self) -> None:
        _end_masters(self._directories)
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)


_sharing: _Sharing | None = None


def share(words: Sequence[str]) -> Lease:
    """Return the right to use a connexion that `words` of ssh, without a command, would make.

    The options of the Lease are empty when the command has to connect by itself.
    """
    global _sharing
    if os.path.basename(words[0]) != "ssh" or any(map(_OWN_CHOICE.match, words[1:])):
        return Lease()
    owner = engine()
    with _lock:
        # a forked process has another engine, and none of the connexions of its parent
        if _sharing is None or _sharing.owner is not owner:
            _sharing = _Sharing(owner)
        # which hosts the words name is the matter of the program and of its configuration
        program = shutil.which(words[0]) or words[0]
        return _sharing.lease((program, os.environ.get("HOME", ""), *words))


def _is_served(path: Path) -> bool:
    """Tell whether a master listens on a socket; one that a dead master left is deleted."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except FileNotFoundError:
            return False
        except OSError:
            path.unlink(missing_ok=True)
            return False
    return True


def socket_bases() -> Iterator[str]:
    """Yield the directories in which a socket of ssh has a name that is short enough."""
    longest = _LONGEST - len("//000000") - longest_name("ssh")
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):
        # ssh would expand % and ~, and split at spaces; a relative one leads nowhere after a chdir
        if len(base) <= longest and _SIMPLE.fullmatch(base):
            yield base


def _new_directories() -> Iterator[Path]:
    for base in socket_bases():
        with contextlib.suppress(OSError):
            directory = private_directory("ssh", base, vacate=_end_masters)
            if _takes_sockets(directory):
                yield directory
            else:
                shutil.rmtree(directory, ignore_errors=True)


def _takes_sockets(directory: Path) -> bool:
    """Tell whether ssh can make a socket there: it binds one, and links it to its name."""
    bound, linked = directory / "bound", directory / "linked"
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(bound))
            linked.hardlink_to(bound)
    except OSError:
        return False
    finally:
        for path in (bound, linked):
            path.unlink(missing_ok=True)
    return True


def _end_masters(directories: Sequence[Path]) -> None:
    if directories:
        for pid in _masters(directories):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGTERM)


def _masters(directories: Sequence[Path]) -> Iterator[int]:
    titles = tuple(f"ssh: {directory}/".encode() for directory in directories)
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if Path(entry.path, "cmdline").read_bytes().startswith(titles):
                    yield int(entry.name)
