"""Names that one script holds at a time: a lock that its death releases, whatever kills it."""

import contextlib
import fcntl
import os
from pathlib import Path
from urllib.parse import quote

from execo_g5k.errors import ReservationHeld
from execo_g5k.ledger.scripts import this_script


class HeldName:
    """A name that this script holds until `release`."""

    def __init__(self, directory: Path, name: str) -> None:
        """Take a name.

        Raises:
            ReservationHeld: another reservation has it.
            OSError: the lock can't be made.
        """
        self._path = directory / f"{quote(name, safe='')}.name"
        while True:
            self._file = os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                if self._locked(name):
                    break
            except BaseException:
                os.close(self._file)
                raise
            # its holder has just removed it
            os.close(self._file)
        self._sign()

    def release(self) -> None:
        """Give the name back."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
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
