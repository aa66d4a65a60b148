"""Names that one script holds at a time: a lock that its death releases, whatever kills it."""

import contextlib
import fcntl
import hashlib
import os
import stat
from pathlib import Path
from urllib.parse import quote

from execo_g5k.errors import ReservationHeld
from execo_g5k.ledger.scripts import this_script

_LONGEST = 200
_held: set["HeldName"] = set()
_forks_watched = False


class HeldName:
    """A name that this script holds until `release`; a fork of it does not."""

    def __init__(self, directory: Path, name: str) -> None:
        """Take a name.

        Raises:
            ReservationHeld: another reservation has it.
            OSError: the lock can't be made.
        """
        _watch_forks()
        self._path = directory / f"{_file_name(name)}.name"
        while True:
            self._file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_NONBLOCK, 0o600)
            try:
                if not stat.S_ISREG(os.fstat(self._file).st_mode):
                    raise OSError(f"{self._path} is no regular file")
                if self._locked(name):
                    break
            except BaseException:
                os.close(self._file)
                raise
            # its holder has just removed it
            os.close(self._file)
        _held.add(self)
        self._sign()

    def release(self) -> None:
        """Give the name back."""
        if self not in _held:
            return
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        self.let_go()

    def let_go(self) -> None:
        """Close the lock, which another process may still hold."""
        _held.discard(self)
        os.close(self._file)

    def _locked(self, name: str) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 1000).decode(errors="replace")
            raise ReservationHeld(name, holder) from None
        except OSError:
            # some network file systems have no locks
            return True
        try:
            return os.fstat(self._file).st_ino == self._path.stat().st_ino
        except FileNotFoundError:
            return False

    def _sign(self) -> None:
        script = this_script()
        holder = f"process {script.pid} of {script.host} ({script.command})"
        with contextlib.suppress(OSError):
            # it is for messages only, and the disk may be full
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, holder.encode(errors="replace"), 0)


def _file_name(name: str) -> str:
    quoted = quote(name, safe="")
    if len(quoted) <= _LONGEST:
        return quoted
    # names of files have at most 255 bytes
    return f"{quoted[:_LONGEST]}-{hashlib.sha256(quoted.encode()).hexdigest()[:16]}"


def _watch_forks() -> None:
    global _forks_watched
    if not _forks_watched:
        _forks_watched = True
        os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    # else a forked process that outlives its parent would keep the name
    for held in list(_held):
        held.let_go()
