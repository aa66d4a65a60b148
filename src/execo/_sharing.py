"""Connexions of ssh that commands to the same host share.

The first command to a host leaves a master of OpenSSH behind, later ones are sessions on its
connexion: they cost a round trip instead of an exchange of keys. Whatever hinders that, a command
connects by itself, as if nothing were shared.
"""

import contextlib
import enum
import os
import re
import shutil
import signal
import socket
import tempfile
import time
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

# what ssh says first when a host takes fewer; it connects by itself then
_REFUSED = re.compile(rb"mux_client_request_session: session request failed: [^\n]*\n")

_PATIENCE = 1.0
"""Seconds that a master has to greet, or to end."""

# the name of a socket may have 108 characters, and ssh adds 17 of its own for a moment
_LONGEST = 80
_SIMPLE = re.compile(r"/[\w./-]*", re.ASCII)

# words with which the user chose for himself, or that make no session
_OWN_CHOICE = re.compile(r"(-o\s*)?(?i:control(master|path|persist))\b|-[SMNOWf]")

_CONNECT_TIMEOUT = re.compile(r"(?:-o\s*)?connecttimeout[\s=]+(\d+)\s*", re.IGNORECASE)
_TIMEOUT = 20
_UNANSWERED = 3
"""Questions without an answer after which a master takes its host for dead."""

_lock = fork_safe_lock()


class _Master(enum.Enum):
    SERVES = "serves"
    NONE = "none"
    STUCK = "stuck"


@dataclass(eq=False)
class _Connexion:
    path: Path
    sessions: int = 0
    most_sessions: int = _SESSIONS
    being_made: bool = False


class Lease:
    """The right of one command to use a shared connexion, until `release`."""

    def __init__(
        self, connexion: _Connexion | None = None, alive: Sequence[str] = (), makes: bool = False
    ) -> None:
        self._connexion, self._makes = connexion, makes
        self._silent = True
        self._unasked = b""
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
            already = f"ControlSocket {connexion.path} already exists, disabling multiplexing\r\n"
            self._unasked = already.encode()

    def heard(self, stderr: bytes) -> bytes:
        """Return what comes on stderr without what ssh says of sharing, and learn from it.

        ssh says a line in one piece.
        """
        if self._silent and (refused := _REFUSED.match(stderr)) and self._connexion is not None:
            # which number it takes is not worth to be found out
            self._connexion.most_sessions = 1
            stderr = stderr[refused.end() :]
        self._silent = False
        return stderr.replace(self._unasked, b"") if self._unasked else stderr

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

    def connexion(self, words: tuple[str, ...]) -> _Connexion | None:
        """Return the connexion that these words make, None if its socket has no place."""
        connexion = self._connexions.get(words)
        if connexion is None or not connexion.path.parent.is_dir():
            directory = self._private_directory()
            if directory is None:
                return None
            connexion = _Connexion(directory / str(next(self._names)))
            self._connexions[words] = connexion
        return connexion

    def lease(self, words: tuple[str, ...], connexion: _Connexion, master: _Master) -> Lease:
        """Return the right to use a connexion, for one whose `master` was looked at."""
        if master is _Master.STUCK:
            # the next command makes another one
            if self._connexions.get(words) is connexion:
                del self._connexions[words]
            return Lease()
        exists = master is _Master.SERVES
        if connexion.sessions >= connexion.most_sessions or (connexion.being_made and not exists):
            return Lease()
        return Lease(connexion, _alive_options(words), makes=not exists)

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
        sharing = _sharing
        # which hosts the words name is the matter of the program and of its configuration
        program = shutil.which(words[0]) or words[0]
        key = (program, os.environ.get("HOME", ""), *words)
        connexion = sharing.connexion(key)
    if connexion is None:
        return Lease()
    # it may take a while: the engine needs the lock
    master = _look_at(connexion.path)
    with _lock:
        return sharing.lease(key, connexion, master)


def _alive_options(words: Sequence[str]) -> tuple[str, ...]:
    """Return options with which a host is dead when it is silent as long as it may be to connect.

    A command on a shared connexion is to end as soon as one that connects by itself.
    """
    if any("serveralive" in word.lower() for word in words):
        return ()
    timeouts = [int(found[1]) for word in words if (found := _CONNECT_TIMEOUT.fullmatch(word))]
    timeout = next(iter(timeouts), 0) or _TIMEOUT
    # the last question has to be left unanswered too
    interval = max(1, round(timeout / (_UNANSWERED + 1)))
    return "-o", f"ServerAliveInterval={interval}", "-o", f"ServerAliveCountMax={_UNANSWERED}"


def _look_at(path: Path) -> _Master:
    """Return what becomes of who connects to a socket: a master that works greets first."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(str(path))
            return _Master.SERVES if probe.recv(1) else _Master.NONE
        except (BlockingIOError, TimeoutError):
            # too many wait already that it accepts them, or it accepts nobody
            return _Master.STUCK
        except OSError:
            # ssh deletes what a dead master left
            return _Master.NONE


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
    """End the masters of connexions with sockets in `directories`, by force if need be."""
    titles = tuple(f"ssh: {directory}/".encode() for directory in directories)
    masters = list(_titled(titles)) if titles else []
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid in masters:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, sig)
        masters = _left_of(masters, titles)


def _left_of(masters: list[int], titles: tuple[bytes, ...]) -> list[int]:
    """Return the masters that still live after a moment."""
    end = time.monotonic() + _PATIENCE
    while (left := [pid for pid in masters if _has_title(pid, titles)]) and time.monotonic() < end:
        time.sleep(0.002)
    return left


def _titled(titles: tuple[bytes, ...]) -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and _has_title(int(entry.name), titles):
            yield int(entry.name)


def _has_title(pid: int, titles: tuple[bytes, ...]) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(titles)
    except OSError:
        return False
