"""Jobs that scripts left: the flows behind `jobs_left` and `take_over`."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from execo import _html, quoting
from execo._unset import UNSET
from execo.errors import Error
from execo.times import Deadline, Timeout
from execo_g5k.config import g5k_settings
from execo_g5k.errors import LedgerUnreadable
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import current_grid
from execo_g5k.jobs import JobInfo, JobRef, JobState
from execo_g5k.ledger.book import job_store
from execo_g5k.ledger.look import Look, look
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.scripts import Script, runs, same_process, this_script
from execo_g5k.ledger.store import JobStore

logger = logging.getLogger("execo")


@dataclass(frozen=True, slots=True)
class LeftJob:
    """A job that lives, and the script that submitted it, which does not. A (job id, site) too."""

    job_id: int
    """Id of the job."""
    site: str
    """Name of its frontend, a site or an address."""
    state: JobState
    """State of the job."""
    submission_date: float
    """Unix timestamp."""
    request: str
    """Command line of oarsub."""
    script: Script
    """The script, with its `argv`, `directory`, `host`, `pid` and `command`, which is text."""
    key: str
    """Number of its submission, which no other has."""
    name: str | None = None
    """Name by which `take_over` finds it; None without one."""
    info: JobInfo = field(default_factory=JobInfo, repr=False, compare=False)
    """What OAR told of it, a JobInfo."""

    @property
    def job(self) -> JobRef:
        """The (job id, site) that all functions take."""
        return JobRef(self.job_id, self.site)

    def __iter__(self) -> Iterator[Any]:
        return iter((self.job_id, self.site))


class LeftJobs(list[LeftJob]):
    """A list of LeftJob, and what is not known. `oardel` takes it as it is."""

    def __init__(self, jobs: Iterable[LeftJob], elsewhere: Iterable[LeftJob], found: Look) -> None:
        super().__init__(jobs)
        self.elsewhere: list[LeftJob] = list(elsewhere)
        """List of the LeftJob of scripts on other machines; nobody here knows if these run."""
        self.undecided: list[Entry] = found.undecided
        """Submissions that were cut less than ten minutes ago, and may still become jobs; each has
        `site`, `request` (words of oarsub) and `submission_date` (unix timestamp)."""
        self.unanswered: dict[str, Error] = found.unanswered
        """Dict of the error of each site that did not answer; these may have jobs too."""

    def _repr_html_(self) -> str:
        rows = [
            [f"{job.site}:{job.job_id}", job.state.value, job.name or "", job.script.command]
            for job in self
        ]
        return _html.table(("job", "state", "name", "script"), rows)


async def jobs_left(
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
    elsewhere: bool = False,
) -> LeftJobs:
    """Return the recorded jobs that wait or run although the script that submitted them is gone.

    All sites of the records are asked at once, by one oarstat each.

    Return a LeftJobs, a list of LeftJob, the oldest first; each can be unpacked as (job id, site),
    and the list be given to `oardel`. Jobs that have ended are forgotten. A site that does not
    answer keeps its records; it is logged, and is in `.unanswered` of the list. A submission that
    was cut less than ten minutes ago, and made no job yet, is in `.undecided`: look again.

    Args:
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.
        elsewhere: also the jobs of scripts on other machines that share this home, which may run;
            else they are in `.elsewhere` of the list.

    Raises:
        LedgerUnreadable: the records can't be read.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    store, entries = _entries()
    running = _running(entries)
    asked = [entry for entry in entries if not running[entry.key]]
    store.sweep()
    found = await look(current_grid(), store, asked, frontend_connexion_params, deadline)
    for site, error in found.unanswered.items():
        logger.warning("%s: can't tell which jobs are left there: %s", site, error)
    jobs = sorted(
        (_left(entry, info) for entry, info in found.alive),
        key=lambda job: (job.submission_date, job.site, job.job_id),
    )
    unsure = [] if elsewhere else [job for job in jobs if running[job.key] is None]
    return LeftJobs((job for job in jobs if job not in unsure), unsure, found)


async def take_over(
    name: str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
    elsewhere: bool = False,
) -> list[tuple[int, str]]:
    """Make this script the owner of the jobs that scripts of this name left; return them.

    Return [(job id, site)] of those that wait or run, in the order of their submission, and of
    those of this name that are this script's already. Jobs of a script that runs are not taken.

    Args:
        name: that of `reservation`, or `g5k_configuration['script_name']` at the submission.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.
        elsewhere: also the jobs of scripts on other machines that share this home, which may run.

    Raises:
        ValueError: `name` is no text, or empty.
        LedgerUnreadable: the records can't be read.
        FrontendUnreachable: a site can't be reached; then nothing is taken.
        execo.TimedOut: a site did not answer in time; then nothing is taken.
        CommandFailed: oarstat failed on a site; then nothing is taken.
        UnparsableOutput: oarstat printed something else than jobs; then nothing is taken.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    taken = await take(name, frontend_connexion_params, deadline, elsewhere)
    return [(info["job_id"], entry.site) for entry, info in taken]


async def take(
    name: str, params: FrontendParams, deadline: Deadline, elsewhere: bool = False
) -> list[tuple[Entry, JobInfo]]:
    """Take jobs as `take_over`; return them with their entries."""
    if not isinstance(name, str) or not name:
        raise ValueError(f"name: {name!r}: expected text")
    store, entries = _entries()
    here = this_script()
    running = _running(entries)
    named = [
        entry
        for entry in entries
        if entry.name == name and (not running[entry.key] or same_process(entry.script, here))
    ]
    found = await look(current_grid(), store, named, params, deadline)
    for error in found.unanswered.values():
        raise error
    unsure = {entry.key for entry in named if running[entry.key] is None and not elsewhere}
    for entry, info in found.alive:
        if entry.key in unsure:
            _warn_of(entry, info)
    keys = {entry.key for entry, _ in found.alive} - unsure
    now = [entry for entry in store.all() if entry.key in keys]
    mine = {entry.key for entry in now if _claimed(store, entry, here)}
    return [(entry, info) for entry, info in found.alive if entry.key in mine]


def _running(entries: Iterable[Entry]) -> dict[str, bool | None]:
    here = this_script()
    return {entry.key: runs(entry.script, here) for entry in entries}


def _warn_of(entry: Entry, info: JobInfo) -> None:
    logger.warning(
        "%s: job %s was submitted by process %d of %s, which may run: to take it over:"
        " take_over(%r, elsewhere=True)",
        entry.site,
        info.job_id,
        entry.script.pid,
        entry.script.host,
        entry.name,
    )


def _claimed(store: JobStore, entry: Entry, here: Script) -> bool:
    try:
        return store.claim(entry, here)
    except OSError as error:
        # it is as good as taken: nobody else can write there either
        logger.warning("%s: can't record who took jobs over: %s", store.directory, error)
        return True


def _entries() -> tuple[JobStore, list[Entry]]:
    try:
        store = job_store()
        return store, store.all()
    except OSError as error:
        raise LedgerUnreadable(f"can't read the records of jobs: {error}") from error


def _left(entry: Entry, info: JobInfo) -> LeftJob:
    return LeftJob(
        job_id=info["job_id"],
        site=entry.site,
        state=JobState(info["state"]),
        submission_date=entry.submission_date,
        request=quoting.join(entry.request),
        script=entry.script,
        key=entry.key,
        name=entry.name,
        info=info,
    )
