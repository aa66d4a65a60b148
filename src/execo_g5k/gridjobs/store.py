"""Grid jobs recorded on this machine, for every process of the user, now and later.

One file a grid job, in `oargrid` in the user's state directory. A record is
made before anything is submitted, so that a directory that can't be written, or a full disk, is
told in time; and it is locked while its submission is under way: one that is incomplete and not
locked belongs to a process that died.

Files are written beside and renamed, so that nobody reads half of one.
"""

import contextlib
import json
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from execo_g5k.errors import GridJobNotRecorded
from execo_g5k.gridjobs.record import FIRST_NATIVE_ID, GridJob
from execo_g5k.jobs import JobRef
from execo_g5k.recorded import content_of, of, site_name, within
from execo_g5k.state import LATEST, Write, is_locked, make_directory, open_file, put_file
from execo_g5k.state import state_directory as own_directory

logger = logging.getLogger("execo")

_VERSION = 1
_IDS = 2**63
_OPTIONAL = {
    "submission_date": int,
    "start_date": int,
    "walltime": int,
    "user": str,
    "program": str,
    "directory": str,
    "command_line": str,
    "key_file": str,
}


@dataclass(frozen=True, slots=True)
class Record:
    """A grid job, and where it stands."""

    job: GridJob
    mark: str
    """Number that the submissions of its parts hold, and no other."""
    sites: tuple[str | None, ...]
    """Where its parts were to be submitted."""
    complete: bool = False
    """Whether its parts are known."""
    over: bool = False
    """Whether all of them have ended."""
    under_way: bool = False
    """Whether its submission is going on; it is not part of the file."""


class GridStore:
    """The grid jobs recorded in a directory. Every process may use it at any time."""

    def __init__(self, directory: Path, write: Write = os.write) -> None:
        self.directory = directory
        self._write_some = write

    def claim(self, now: float, record: Record) -> "Claim":
        """Record a grid job that is about to be submitted, under an id of its own.

        `now`: date of the submission (unix timestamp).

        Raises:
            GridJobNotRecorded: it can't be; nothing is left.
        """
        with self._told("nothing was submitted"):
            make_directory(self.directory)
            grid_job_id = max(int(now * 1000), FIRST_NATIVE_ID)
            while True:
                with self._only_one(grid_job_id) as mine:
                    if mine and not self._path(grid_job_id).exists():
                        named = replace(record, job=replace(record.job, grid_job_id=grid_job_id))
                        return Claim(self, named, self._put(named))
                grid_job_id += 1

    @contextlib.contextmanager
    def _only_one(self, grid_job_id: int) -> Iterator[bool]:
        """Tell whether this process alone may make a record of this id."""
        token = self.directory / f"{grid_job_id}.claim"
        try:
            os.close(os.open(token, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            yield False
            return
        try:
            yield True
        finally:
            token.unlink(missing_ok=True)

    def replace(self, record: Record) -> None:
        """Write what has changed of a grid job.

        Raises:
            GridJobNotRecorded: it can't be; the record is as it was.
        """
        with self._told("the record is as it was"):
            os.close(self._put(record))

    def remove(self, grid_job_id: int) -> None:
        """Forget a grid job, and its key; what can't be removed stays."""
        self.remove_key(grid_job_id)
        with contextlib.suppress(OSError):
            self._path(grid_job_id).unlink(missing_ok=True)

    def key_path(self, grid_job_id: int) -> Path:
        """Return the file of the private ssh key that was made for a grid job, if one was."""
        return self.directory / f"{grid_job_id}.key"

    def remove_key(self, grid_job_id: int) -> None:
        """Remove the key that was made for a grid job."""
        key = self.key_path(grid_job_id)
        for path in (key, key.with_suffix(".key.pub")):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def read(self, grid_job_id: int) -> Record | None:
        """Return a grid job; None when it is not recorded here. A bad file is told as in `all`.

        Raises:
            GridJobNotRecorded: the directory can't be read.
        """
        try:
            with open_file(self._path(grid_job_id)) as file:
                return replace(_record(file.read()), under_way=is_locked(file.fileno()))
        except FileNotFoundError:
            return None
        except ValueError as error:
            logger.warning("%s is no record of a grid job: %s", self._path(grid_job_id), error)
            return None
        except OSError as error:
            raise GridJobNotRecorded(f"can't read {self._path(grid_job_id)}: {error}") from error

    def all(self) -> list[Record]:
        """Return the grid jobs by their ids; files that hold none are told, and left out.

        Raises:
            GridJobNotRecorded: the directory can't be read.
        """
        try:
            names = [name.partition(".json") for name in os.listdir(self.directory)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise GridJobNotRecorded(f"can't read {self.directory}: {error}") from error
        ids = sorted(int(id) for id, ext, rest in names if id.isdecimal() and ext and not rest)
        return [record for record in map(self.read, ids) if record is not None]

    def _path(self, grid_job_id: int) -> Path:
        return self.directory / f"{grid_job_id}.json"

    def _put(self, record: Record) -> int:
        """Write a record; return its file, locked."""
        return put_file(self._path(record.job.grid_job_id), _text(record), self._write_some)

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GridJobNotRecorded(
                f"can't record grid jobs in {self.directory}: {error}: {what};"
                " XDG_STATE_HOME may name another directory for it"
            ) from error


class Claim:
    """The record of a grid job whose submission is under way in this process."""

    def __init__(self, store: GridStore, record: Record, file: int) -> None:
        self.record = record
        self._store = store
        self._file: int | None = file

    def complete(self, record: Record) -> None:
        """Write the record of the submitted grid job.

        Raises:
            GridJobNotRecorded: it can't be; the claim is still there.
        """
        self._store.replace(record)
        self.leave()

    def abandon(self) -> None:
        """Forget the grid job: nothing of it is left on any site."""
        self._store.remove(self.record.job.grid_job_id)
        self.leave()

    def leave(self) -> None:
        """End the submission: what it left on the sites is found by its mark."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def state_directory(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the grid jobs of this user.

    Raises:
        GridJobNotRecorded: the user has no home directory.
    """
    try:
        return own_directory(environment) / "oargrid"
    except OSError as error:
        raise GridJobNotRecorded(f"no directory for grid jobs: {error}") from error


def _text(record: Record) -> bytes:
    job = record.job
    content = {
        "version": _VERSION,
        "id": job.grid_job_id,
        "jobs": [list(part) for part in job.parts],
        "mark": record.mark,
        "sites": list(record.sites),
        "complete": record.complete,
        "over": record.over,
        **{field: getattr(job, field) for field in _OPTIONAL},
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def _record(text: bytes) -> Record:
    """Return what a file holds; raises ValueError when it holds something else."""
    content = content_of(text, _VERSION)
    try:
        parts = tuple(
            JobRef(_within(_IDS, job_id), _site(site)) for job_id, site in content["jobs"]
        )
        known = {
            field: None if content.get(field) is None else _kept(kind, content[field])
            for field, kind in _OPTIONAL.items()
        }
        return Record(
            GridJob(_within(_IDS, content["id"]), parts, **known),
            of(str, content["mark"]),
            tuple(_site(site) for site in of(list, content["sites"])),
            of(bool, content["complete"]),
            of(bool, content["over"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"bad or missing field: {error}") from error


def _kept(kind: type, value: Any) -> Any:
    """Return a date, a duration or a text."""
    return _within(LATEST, value) if kind is int else of(kind, value)


def _within(end: int, value: Any) -> int:
    return within(0, end, value, "number of a job, nor a date or a duration")


def _site(value: Any) -> str | None:
    return None if value is None else site_name(value)
