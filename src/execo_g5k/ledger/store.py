"""The records of a directory, a file each. Every process and thread may use it at any time."""

import contextlib
import fcntl
import logging
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from execo_g5k.ledger.record import Entry, as_text, file_name, from_text, read_name
from execo_g5k.ledger.scripts import Script, runs, same_process
from execo_g5k.state import Write, make_directory, open_file, put_file

logger = logging.getLogger("execo")

_HALF_WRITTEN = 3600.0
"""Seconds after which a file that was being written belongs to a process that died."""


class JobStore:
    """The recorded submissions of a directory.

    What changes files raises OSError when it can't; the record is then as it was.
    """

    def __init__(self, directory: Path, write: Write = os.write) -> None:
        self.directory = directory
        self._write = write

    def put(self, entry: Entry, instead_of: Entry | None = None) -> None:
        """Record a submission, in place of what was recorded of it before."""
        make_directory(self.directory)
        os.close(put_file(self._path(entry), as_text(entry), self._write))
        if instead_of is not None and file_name(instead_of) != file_name(entry):
            self.remove(instead_of)

    def remove(self, entry: Entry) -> None:
        """Forget a submission."""
        self._path(entry).unlink(missing_ok=True)

    def forget(self, site: str, job_ids: Iterable[int]) -> None:
        """Forget jobs that have ended; others are ignored."""
        ended = set(job_ids)
        for name in self._names():
            told = read_name(name)
            if told is None or told.site != site or told.job_id is None:
                continue
            if told.alone:
                if told.job_id in ended:
                    (self.directory / name).unlink(missing_ok=True)
            elif (entry := self._read(name)) is not None and ended & set(entry.job_ids):
                self._keep_others(entry, ended)

    def _keep_others(self, entry: Entry, ended: set[int]) -> None:
        left = tuple(job_id for job_id in entry.job_ids if job_id not in ended)
        if left:
            self.put(replace(entry, job_ids=left), instead_of=entry)
        else:
            self.remove(entry)

    def all(self) -> list[Entry]:
        """Return the submissions, the oldest first; files that hold none are told, and left out."""
        by_key: dict[str, Entry] = {}
        for name in self._names():
            entry = self._read(name) if read_name(name) is not None else None
            # its process may have been killed between the two files of a replacement
            if entry is not None and (entry.job_ids or entry.key not in by_key):
                by_key[entry.key] = entry
        return sorted(by_key.values(), key=lambda entry: (entry.submission_date, entry.key))

    def settle(self, entry: Entry, job_ids: tuple[int, ...]) -> None:
        """Record the jobs that an entry has now; none: forget it."""
        if not job_ids:
            self.remove(entry)
            # what a process that was killed in the middle of a replacement left beside it
            self.remove(replace(entry, job_ids=()))
        elif job_ids != entry.job_ids:
            self.put(replace(entry, job_ids=job_ids), instead_of=entry)

    def claim(self, entry: Entry, script: Script) -> bool:
        """Make a script the owner of jobs; False when another one, which runs, was quicker."""
        with self._alone():
            now = self._read(file_name(entry))
            if now is None:
                return False
            if runs(now.script, script) and not same_process(now.script, script):
                return False
            self.put(replace(now, script=script))
            return True

    def sweep(self) -> None:
        """Remove what processes that died had begun to write."""
        for name in self._names():
            path = self.directory / name
            with contextlib.suppress(OSError):
                if name.endswith(".new") and time.time() - path.stat().st_mtime > _HALF_WRITTEN:
                    path.unlink()

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process or thread be in such a block; they wait."""
        # a pipe of this name is an error, and not waited for
        file = os.open(self.directory / "lock", os.O_CREAT | os.O_WRONLY | os.O_NONBLOCK, 0o600)
        try:
            with contextlib.suppress(OSError):
                # some network file systems have no locks
                fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def _names(self) -> list[str]:
        try:
            return os.listdir(self.directory)
        except FileNotFoundError:
            return []

    def _read(self, name: str) -> Entry | None:
        path = self.directory / name
        try:
            with open_file(path) as file:
                return from_text(file.read())
        except FileNotFoundError:
            # it has just been replaced or forgotten
            return None
        except (ValueError, OSError) as error:
            logger.warning("%s is no record of a job: %s", path, error)
            return None

    def _path(self, entry: Entry) -> Path:
        return self.directory / file_name(entry)
