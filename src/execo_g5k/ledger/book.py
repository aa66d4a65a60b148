"""What submissions and deletions tell the ledger; they go on where it fails, with a warning."""

import logging
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from execo_g5k.config import g5k_settings
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.scripts import this_script
from execo_g5k.ledger.store import JobStore
from execo_g5k.state import state_directory

logger = logging.getLogger("execo")

_DIGITS = 24

_complained: set[str] = set()


def new_key() -> str:
    """Return a number that was never used."""
    return str(10**_DIGITS + secrets.randbelow(10**_DIGITS))


def job_store() -> JobStore:
    """Return the store of this user.

    Raises:
        OSError: the user has no home directory.
    """
    return JobStore(jobs_directory())


def jobs_directory() -> Path:
    """Return the directory of the records; raises as `job_store`."""
    return state_directory() / "jobs"


class Line:
    """The record of a submission that is under way."""

    def __init__(self, entry: Entry) -> None:
        self._entry: Entry | None = entry

    def submitted(self, job_ids: Sequence[int]) -> None:
        """Add what OAR answered."""
        if self._entry is not None:
            before, self._entry = self._entry, replace(self._entry, job_ids=tuple(job_ids))
            entry = self._entry
            _tried(lambda store: store.put(entry, instead_of=before))

    def nothing_submitted(self) -> None:
        """Forget it: there is no job, and there will be none."""
        if (entry := self._entry) is not None:
            _tried(lambda store: store.remove(entry))


class _NoLine(Line):
    """Takes the place of a record where there is none."""

    def __init__(self) -> None:
        self._entry = None


def intend(
    site: str, request: Sequence[str], key: str | None, now: float, name: str | None = None
) -> Line:
    """Record that something is about to be submitted.

    `site`: name of the frontend. `request`: words of oarsub. `key`: number that OAR will keep in
    the recorded command line; None when there is none. `now`: unix timestamp. `name`: of the
    script; None for that of the settings.
    """
    settings = g5k_settings()
    if not settings.job_ledger:
        return _NoLine()
    entry = Entry(
        key=key or new_key(),
        site=site,
        submission_date=now,
        request=tuple(request),
        script=this_script(),
        name=name or settings.script_name,
        marked=key is not None,
    )
    return Line(entry) if _tried(lambda store: store.put(entry)) else _NoLine()


def forget(site: str, job_ids: Iterable[int]) -> None:
    """Forget jobs that have ended, or whose deletion OAR has noted; others are ignored."""
    ids = list(job_ids)
    if ids and g5k_settings().job_ledger:
        _tried(lambda store: store.forget(site, ids))


def _tried(change: Callable[[JobStore], object]) -> bool:
    """Change the store; tell whether that was possible, and warn once if it was not."""
    where = "the user's state directory"
    try:
        where = str(jobs_directory())
        change(JobStore(Path(where)))
    except OSError as error:
        if where not in _complained:
            _complained.add(where)
            logger.warning(
                "can't record jobs in %s: %s: if this script is killed, `jobs_left` will not find"
                " its jobs; g5k_configuration['state_directory'] may name another directory",
                where,
                error,
            )
        return False
    _complained.discard(where)
    return True
