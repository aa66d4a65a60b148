"""Files that outlive a script, in a directory of the user: where they are, written whole.

A file is written beside and renamed, so that nobody reads half of one, whoever is killed when.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from execo_g5k.config import g5k_settings

Write = Callable[[int, bytes], int]

LATEST = 253402300799
"""Unix timestamp of the last second of the year 9999: what is later is no date."""

_LARGEST = 1 << 26
"""Bytes of a record, at most: the longest command line of Linux is far from it."""


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of this user: g5k_configuration['state_directory'], where it is set.

    Else `execo-g5k` in $XDG_STATE_HOME, else in ~/.local/state.

    Raises:
        OSError: the user has no home directory.
    """
    try:
        if (own := g5k_settings().state_directory) is not None:
            return Path(own).expanduser()
        given = environment.get("XDG_STATE_HOME", "")
        # the rules of these directories have a relative one ignored
        state = Path(given) if os.path.isabs(given) else Path.home() / ".local" / "state"
    except RuntimeError as error:
        raise FileNotFoundError(f"{error}: set HOME") from error
    return state / "execo-g5k"


def make_directory(directory: Path) -> None:
    """Make a directory for the eyes of this user alone.

    Raises:
        OSError: it can't be made.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    directory.chmod(0o700)


def put_file(path: Path, content: bytes, write: Write = os.write) -> int:
    """Write a file; return it, open and locked until it is closed.

    Raises:
        OSError: it can't be written; what was there before is still there.
    """
    beside = path.with_suffix(f".{secrets.token_hex(8)}.new")
    file = os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    try:
        with contextlib.suppress(OSError):
            # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_all(file, content, write)
        os.fsync(file)
        os.rename(beside, path)
        _sync_directory(path.parent)
    except BaseException:
        os.close(file)
        beside.unlink(missing_ok=True)
        raise
    return file


def open_file(path: Path) -> BinaryIO:
    """Open a file to read.

    Raises:
        OSError: it can't be opened.
        ValueError: it is a directory, a pipe, a device or a socket, or too large.
    """
    try:
        # a pipe, or a device, would be waited for
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise ValueError("it is no regular file") from None
        raise
    status = os.fstat(file)
    if stat.S_ISREG(status.st_mode) and status.st_size <= _LARGEST:
        return open(file, "rb")
    os.close(file)
    regular = stat.S_ISREG(status.st_mode)
    raise ValueError("it is too large" if regular else "it is no regular file")


def is_locked(file: int) -> bool:
    """Tell whether another open file holds the lock of this one; False where there are no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _write_all(file: int, content: bytes, write: Write) -> None:
    while content:
        written = write(file, content)
        if not written:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        content = content[written:]


def _sync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
