"""Follow jobs: the flows behind `get_current_oar_jobs`, `get_oar_job_info` and the waits."""

import asyncio
import logging
import re
from collections.abc import Iterable, Sequence

from execo._unset import UNSET
from execo.errors import Error, TimedOut
from execo.host import Host
from execo.times import Date, Deadline, Timeout, get_unixts, resolve_timeout
from execo_g5k.config import g5k_settings
from execo_g5k.errors import JobEnded, JobNotFound
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import current_grid
from execo_g5k.jobs import Ended, JobInfo, JobRef, JobState, NotFound, Started
from execo_g5k.ledger.book import forget
from execo_g5k.query import fetch_jobs, fetch_own_jobs
from execo_g5k.specs import checked_sites, job_id_or_own
from execo_g5k.watch import Outcome, PredictionCallback, Watched, ended_message

logger = logging.getLogger("execo")

DateRange = tuple[Date | None, Date | None] | None
"""Two dates, each None where there is no limit; both belong to the range."""


async def get_current_oar_jobs(
    sites: str | Iterable[str | None] | None = None,
    start_between: DateRange = None,
    end_between: DateRange = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
    abort_on_error: bool = False,
) -> list[tuple[int, str | None]]:
    """Return the [(job id, site)] of the user's jobs that wait or run.

    The order is that of `sites`, then of the ids. A site that does not answer is logged and left
    out, without `abort_on_error`.

    Args:
        sites: one or several; None is the default one.
        start_between: (low, high) dates, either None, between which the job starts, or is predicted
            to; a job whose date is not known is left out. None: all jobs.
        end_between: the same for its end, which is its start + its walltime.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.
        abort_on_error: raise when a site does not answer.

    Raises:
        TypeError: an argument is of another type.
        ValueError: text is no date; see `execo.get_unixts`.
        FrontendUnreachable: a frontend can't be reached, with `abort_on_error`.
        execo.TimedOut: it did not answer in time, with `abort_on_error`.
        CommandFailed: oarstat failed there, with `abort_on_error`.
        UnparsableOutput: it printed something else than jobs, with `abort_on_error`.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    starts = date_range("start_between", start_between)
    ends = date_range("end_between", end_between)
    grid = current_grid()
    names = checked_sites(sites)
    frontends = [grid.frontend(name, frontend_connexion_params) for name in names]
    answers = await asyncio.gather(
        *(fetch_own_jobs(frontend, deadline) for frontend in frontends), return_exceptions=True
    )
    jobs: list[tuple[int, str | None]] = []
    for name, frontend, answer in zip(names, frontends, answers, strict=True):
        if isinstance(answer, BaseException):
            if abort_on_error or not isinstance(answer, Error):
                raise answer
            logger.warning("%s: can't get the current jobs: %s", frontend.name, answer)
            continue
        jobs.extend(
            JobRef(job_id, name)
            for job_id, info in sorted(answer.items())
            if within(_start(info), starts) and within(_end(info), ends)
        )
    return jobs


async def get_oar_job_info(
    oar_job_id: int | str | None = None,
    site: str | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> JobInfo:
    """Return what OAR knows of a job: a dict, whose keys are there when they are known.

    All of it is what oarstat prints. Keys:

    - job_id, state, name, user, queue, project, command. `info["state"]` is text, as OAR writes it:
      "Running"; `info.state` is a JobState.
    - start_date, stop_date, scheduled_start, submission_date: unix timestamps.
    - walltime, and duration, which is the same: seconds.
    - types: list of job types. properties, wanted_resources: what was asked for, as OAR completed
      it. initial_request: the command line of oarsub.
    - hosts: list of names. resources: list of numbers of OAR's resources.
    - exit_code: of the command; -n when signal n ended it.
    - message: OAR's words about the job. events: what OAR did, a list of dicts with date (unix
      timestamp), type and description.
    - directory, stdout_file, stderr_file: paths on the frontend.
    - array_id, array_index: of a job of an array. dependencies: list of job ids. reservation: text,
      "None" for a job without a date.

    Args:
        oar_job_id: None: the job in which this program runs (OAR_JOB_ID).
        site: None: the default one.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: `oar_job_id` is of another type.
        ValueError: `oar_job_id` is None outside of a job, or is no id of a job.
        JobNotFound: the site knows no such job.
        FrontendUnreachable: the frontend can't be reached.
        execo.TimedOut: it did not answer in time.
        CommandFailed: oarstat failed.
        UnparsableOutput: oarstat printed something else than jobs.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    job_id = job_id_or_own(oar_job_id)
    frontend = current_grid().frontend(site, frontend_connexion_params)
    found = (await fetch_jobs(frontend, [job_id], deadline)).get(job_id)
    if found is None:
        raise JobNotFound(job_id, frontend.name)
    if JobState(found["state"]).final and ended_message(job_id, found) is None:
        forget(frontend.name, [job_id])
    return found


async def wait_oar_job_start(
    oar_job_id: int | str | None = None,
    site: str | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
    prediction_callback: PredictionCallback | None = None,
) -> Outcome:
    """Wait until a job runs.

    Return Started, which is true, or what is false and says why: Ended(state, message),
    NotFound(job_id, frontend), TimedOut(). All waits for jobs of a frontend are served by one
    poller; a frontend that stops answering is logged and waited for.

    Args:
        oar_job_id: None: the job in which this program runs (OAR_JOB_ID).
        site: None: the default one.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds; None: no limit.
        prediction_callback: function that is called with the start that OAR predicts (a unix
            timestamp), at each change of it.

    Raises:
        TypeError: `oar_job_id` is of another type.
        ValueError: `oar_job_id` is None outside of a job, or is no id of a job.
        FrontendUnreachable: the frontend can't be reached at all (unknown name, refused key).
    """
    return (
        await watch(oar_job_id, site, frontend_connexion_params, timeout, prediction_callback)
    ).outcome


async def get_oar_job_nodes(
    oar_job_id: int | str | None = None,
    site: str | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
) -> list[Host]:
    """Return the hosts of a job, once it runs: a list, sorted (n-2 before n-10), each host once.

    Args:
        oar_job_id: None: the job in which this program runs (OAR_JOB_ID).
        site: None: the default one.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds to wait for the start; None: no limit.

    Raises:
        TypeError: `oar_job_id` is of another type.
        ValueError: `oar_job_id` is None outside of a job, or is no id of a job.
        JobEnded: the job ended, or failed.
        JobNotFound: the site knows no such job.
        execo.TimedOut: the job has not started in time.
        FrontendUnreachable: the frontend can't be reached at all.
    """
    info = await info_of_started(oar_job_id, site, frontend_connexion_params, timeout)
    return in_natural_order(info.get("hosts") or ())


async def watch(
    oar_job_id: int | str | None,
    site: str | None,
    params: FrontendParams,
    timeout: Timeout,
    prediction_callback: PredictionCallback | None = None,
) -> Watched:
    """Wait as `wait_oar_job_start`; return what was last heard of the job too."""
    seconds = resolve_timeout(timeout)
    job_id = job_id_or_own(oar_job_id)
    watcher = current_grid().watcher(site, params)
    try:
        watched = await watcher.until_started(job_id, seconds, prediction_callback)
    except asyncio.CancelledError:
        logger.warning(
            "interrupted; job left: %s:%d; oardel([(%d, %r)]) deletes it, and when this script has"
            " ended, `execo-g5k delete --mine-left` all of its jobs",
            watcher.frontend.name,
            job_id,
            job_id,
            site,
        )
        raise
    if isinstance(watched.outcome, Ended) and watched.outcome.message is None:
        # else there is a copy of it, which its mark finds
        forget(watcher.frontend.name, [job_id])
    return watched


async def info_of_started(
    oar_job_id: int | str | None, site: str | None, params: FrontendParams, timeout: Timeout
) -> JobInfo:
    """Wait until a job runs, and return what OAR knows of it.

    Raises JobEnded, JobNotFound, TimedOut, and as `wait_oar_job_start`.
    """
    job_id = job_id_or_own(oar_job_id)
    outcome, info = await watch(job_id, site, params, timeout)
    if isinstance(outcome, Started) and info is not None:
        return info
    name = current_grid().frontend(site, params).name
    if isinstance(outcome, Ended):
        raise JobEnded(job_id, name, outcome.state, outcome.message)
    if isinstance(outcome, NotFound):
        raise JobNotFound(job_id, name)
    raise TimedOut(f"job {job_id} of {name} has not started in time")


def in_natural_order(names: Iterable[str]) -> list[Host]:
    """Return hosts, each once, sorted: n-2 before n-10."""
    return [Host(name) for name in sorted({name for name in names if name}, key=_natural)]


def _natural(name: str) -> list[tuple[int, str]]:
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)
    ]


def date_range(name: str, given: DateRange) -> tuple[float | None, float | None] | None:
    """Return (low, high) dates as unix timestamps; raise TypeError when they are no pair."""
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise TypeError(f"{name}: {given!r} is no (low, high) pair of dates")
    low, high = (None if date is None else get_unixts(date) for date in given)
    return low, high


def within(date: float | None, limits: tuple[float | None, float | None] | None) -> bool:
    """Tell whether a date is in a range; one that is not known is in none but None."""
    if limits is None:
        return True
    if date is None:
        return False
    low, high = limits
    return (low is None or date >= low) and (high is None or date <= high)


def _start(info: JobInfo) -> float | None:
    start: float | None = info.get("start_date") or info.get("scheduled_start")
    return start


def _end(info: JobInfo) -> float | None:
    start, walltime = _start(info), info.get("walltime")
    return None if start is None or walltime is None else start + walltime
