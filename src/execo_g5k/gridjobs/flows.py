"""What users call: the flows behind `oargridsub` and its family.

A frontend that has the commands of OARGrid is asked to run them. Elsewhere the sites are asked one
by one, and this machine keeps the records: see `gridjobs.record` for how ids tell them apart.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from execo import errors
from execo._unset import UNSET
from execo.errors import ConfigError, Error
from execo.host import Host
from execo.times import Date, Deadline, Duration, Timeout
from execo_g5k.config import g5k_settings, job_key_file
from execo_g5k.errors import FrontendUnreachable, GridJobNotFound, JobEnded, JobNotFound
from execo_g5k.follow import DateRange, date_range, in_natural_order, within
from execo_g5k.frontend import Frontend, FrontendParams
from execo_g5k.grid import Grid, current_grid
from execo_g5k.gridjobs.record import FIRST_NATIVE_ID, GridJob, as_grid_job_id
from execo_g5k.gridjobs.request import grid_request
from execo_g5k.gridjobs.sites import SiteGridJobs
from execo_g5k.gridjobs.store import GridStore, state_directory
from execo_g5k.gridjobs.tools import ToolGridJobs
from execo_g5k.gridjobs.waiting import GridWatched, watch_all
from execo_g5k.jobs import Ended, NotFound, Started, TimedOut
from execo_g5k.specs import JobSpec
from execo_g5k.watch import Outcome

logger = logging.getLogger("execo")

Driver = SiteGridJobs | ToolGridJobs

GridJobIds = int | str | Iterable[int | str | None] | None
"""One id of a grid job, or several; None where a submission failed."""

_have_oargrid: WeakKeyDictionary[Grid, dict[tuple[str, ...], bool]] = WeakKeyDictionary()


async def oargridsub(
    job_specs: Iterable[JobSpec],
    reservation_date: Date | None = None,
    walltime: Duration | None = None,
    job_type: str | Sequence[str] | None = None,
    queue: str | None = None,
    directory: str | None = None,
    additional_options: str | Sequence[str] | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> tuple[int | None, str | None]:
    """Submit jobs on several sites that start together, all or nothing.

    Where the default frontend has the command oargridsub, it is run there. Elsewhere each site
    gets its oarsub, at once, and the grid job is recorded in $XDG_STATE_HOME/execo-g5k (else
    ~/.local/state/execo-g5k): every process of this user on this machine finds it by its id.
    Without a date, the parts are then reservations for a common date a few seconds ahead, as
    oargridsub makes them: a site that can't start now refuses. A single part, or a besteffort
    job, is submitted without a date: it starts when it can.

    Return (id of the grid job, private ssh key of its jobs); (None, None) when it was refused,
    with the words of OAR logged and what was obtained deleted. The key is a path: that which is
    configured (environment variable OAR_JOB_KEY_FILE, or `g5k_configuration['oar_job_key_file']`,
    which wins, names it on the frontends), else one made for this grid job (by OARGrid on the
    default frontend, else on this machine). The id goes to the other functions; without OARGrid it
    is ``2**32`` or more.

    If the connexion is lost, the submission is looked for, and returned if it was taken. At a
    timeout or Ctrl-C it is looked for and deleted; what could not be is logged.

    A walltime, date, directory or command that all submissions give alike is that of all.

    Args:
        job_specs: several (OarSubmission, site); site None is the default one.
        reservation_date: any date, that of all; None: as soon as possible.
        walltime: any duration, that of all; None: 1 hour.
        job_type: one or many, added to the types of each.
        queue: that of the submissions which name none.
        directory: where commands start, on the frontends.
        additional_options: of oargridsub; text split as a shell would, or a list of words.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: an argument is of another type; it is named.
        ValueError: an argument is impossible, or oargridsub can't be told it; it is named.
        GridJobNotRecorded: this machine can't keep the record; nothing was submitted, or the jobs,
            which it names, were deleted.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    request = grid_request(
        job_specs,
        reservation_date,
        walltime,
        job_type,
        queue,
        directory,
        additional_options,
        job_key_file(),
    )
    if not request.specs:
        logger.warning("no grid job: job_specs is empty")
        return None, None
    grid = current_grid()
    try:
        driver = await _submitter(grid, request.specs[0].site, frontend_connexion_params, deadline)
    except (FrontendUnreachable, errors.TimedOut) as error:
        logger.warning("no grid job: %s", error)
        return None, None
    job = await driver.submit(request, deadline)
    if job is None:
        return None, None
    key_file = job.key_file or request.key_file
    return job.grid_job_id, key_file or await _key_of(driver, job, deadline)


async def _key_of(driver: Driver, job: GridJob, deadline: Deadline) -> str | None:
    try:
        return await driver.key(job, deadline)
    except Error as error:
        # the grid job is there: it must not be lost with its key
        logger.warning("grid job %d: its key is not known: %s", job.grid_job_id, error)
        return None


async def oargriddel(
    job_ids: GridJobIds,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> None:
    """Delete grid jobs; return when OAR has taken note, not when they are gone.

    Unknown, finished and foreign grid jobs are ignored. What may be left is named in a warning.

    Args:
        job_ids: one id, or several; None, as `oargridsub` gives it for a failure, is skipped.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: an id is of another type; it is named.
        ValueError: it is no id; it is named.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    if isinstance(job_ids, str) or not isinstance(job_ids, Iterable):
        job_ids = [job_ids]
    ids = [
        as_grid_job_id(value, f"job_ids[{index}]")
        for index, value in enumerate(job_ids)
        if value is not None
    ]
    by_driver: dict[bool, list[int]] = {}
    for grid_job_id in dict.fromkeys(ids):
        by_driver.setdefault(grid_job_id >= FIRST_NATIVE_ID, []).append(grid_job_id)
    await asyncio.gather(
        *(
            _driver(some[0], frontend_connexion_params).delete(some, deadline)
            for some in by_driver.values()
        )
    )


async def get_current_oargrid_jobs(
    start_between: DateRange = None,
    end_between: DateRange = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> list[int]:
    """Return the ids, in order, of the user's grid jobs that wait or run.

    They are those that this machine has recorded and, where the default frontend has OARGrid,
    those that it knows.

    Args:
        start_between: (low, high) dates, either None, between which the grid job starts, or is
            predicted to; one whose date is not known is left out. None: all.
        end_between: the same for its end, which is its start + its walltime.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: an argument is of another type.
        ValueError: text is no date; see `execo.get_unixts`.
        FrontendUnreachable: the default frontend can't be reached.
        execo.TimedOut: it did not answer in time.
        CommandFailed: a command of OARGrid failed.
        UnparsableOutput: it printed something else than it should.
        GridJobNotRecorded: the records can't be read.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    starts = date_range("start_between", start_between)
    ends = date_range("end_between", end_between)
    params = frontend_connexion_params
    grid = current_grid()
    jobs = await _recorded(grid, params).current(deadline)
    try:
        frontend = grid.frontend(None, params)
    except ConfigError as error:
        logger.debug("no frontend to ask for OARGrid: %s", error)
    else:
        if await _has_oargrid(grid, frontend, params, deadline):
            jobs = [*await ToolGridJobs(grid, params, frontend).current(deadline), *jobs]
    return [
        job.grid_job_id
        for job in jobs
        if within(job.start_date, starts) and within(_end(job), ends)
    ]


async def get_oargrid_job_info(
    oargrid_job_id: int | str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> dict[str, Any]:
    """Return what is known of a grid job: a dict, whose keys are there when they are known.

    Keys:

    - grid_job_id, user, program, directory. command: what was asked for.
    - start_date: the last start of its parts, or the date that was asked for; submission_date.
      Both are unix timestamps.
    - walltime, and duration, which is the same: seconds.
    - jobs: [(job id, site)].

    Args:
        oargrid_job_id: as `oargridsub` returns it.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: the id is of another type.
        ValueError: it is no id.
        GridJobNotFound: there is no such grid job.
        FrontendUnreachable: a frontend can't be reached.
        execo.TimedOut: it did not answer in time.
        CommandFailed: a command failed there.
        UnparsableOutput: it printed something else than it should.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    driver, job = await _found(oargrid_job_id, frontend_connexion_params, deadline)
    return (await driver.told(job, deadline)).info()


async def get_oargrid_job_oar_jobs(
    oargrid_job_id: int | str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> list[tuple[int, str | None]]:
    """Return the [(job id, site)] of a grid job, as the functions of OAR take them.

    The order is that of the request, or with OARGrid that of the sites. Arguments are those of
    `get_oargrid_job_info`. Raises what `get_oargrid_job_info` raises.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    _, job = await _found(oargrid_job_id, frontend_connexion_params, deadline)
    return list(job.parts)


async def get_oargrid_job_key(
    oargrid_job_id: int | str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> str | None:
    """Return the path of the private ssh key by which user oar enters the nodes of a grid job.

    With OARGrid it is a file of the default frontend, else one of this machine. None when the grid
    job has no key of its own. Arguments are those of `get_oargrid_job_info`. Raises what
    `get_oargrid_job_info` raises.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    driver, job = await _found(oargrid_job_id, frontend_connexion_params, deadline)
    return await driver.key(job, deadline)


async def wait_oargrid_job_start(
    oargrid_job_id: int | str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
) -> Outcome:
    """Wait until all jobs of a grid job run, at the same time.

    Return Started, which is true, or what is false and says why: Ended(state, message) when one of
    the jobs ended, the message naming it, NotFound(job_id, frontend), TimedOut().

    `timeout`: seconds; None: no limit. Raises what `wait_oar_job_start` raises, and what
    `get_oargrid_job_info` raises when OARGrid does not answer.
    """
    deadline = Deadline.of(timeout)
    try:
        _, job = await _found(oargrid_job_id, frontend_connexion_params, deadline)
    except JobNotFound as error:
        return NotFound(error.job_id, error.frontend)
    except errors.TimedOut:
        return TimedOut()
    return (await _watched(job, frontend_connexion_params, deadline)).outcome


async def get_oargrid_job_nodes(
    oargrid_job_id: int | str,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
) -> list[Host]:
    """Return the hosts of a grid job, once all its jobs run: a list, sorted, each host once.

    Of a grid job that has ended, return those that it had, with a warning. `timeout`: seconds to
    wait for the start; None: no limit. Raises JobEnded when it ended without hosts, JobNotFound
    when a site does not know its job any more, TimedOut when it has not started in time,
    GridJobNotFound, and what `wait_oargrid_job_start` raises.
    """
    deadline = Deadline.of(timeout)
    driver, job = await _found(oargrid_job_id, frontend_connexion_params, deadline)
    outcome, part = await _watched(job, frontend_connexion_params, deadline)
    if not isinstance(outcome, Started | Ended):
        if isinstance(outcome, NotFound):
            raise JobNotFound(outcome.job_id, outcome.frontend)
        raise errors.TimedOut(f"grid job {job.grid_job_id} has not started in time")
    names = await driver.hosts(job, Deadline.of(g5k_settings().default_timeout))
    if isinstance(outcome, Ended) and part is not None:
        if not names:
            raise JobEnded(part.job_id, str(part.frontend), outcome.state, outcome.message)
        logger.warning("grid job %d: %s has ended", job.grid_job_id, outcome.message)
    return in_natural_order(names)


# --- which of the two


async def _submitter(
    grid: Grid, first_site: str | None, params: FrontendParams, deadline: Deadline
) -> Driver:
    try:
        frontend = grid.frontend(None, params)
    except ConfigError:
        # outside of the testbed, the request itself names frontends
        frontend = grid.frontend(first_site, params)
    if await _has_oargrid(grid, frontend, params, deadline):
        return ToolGridJobs(grid, params, frontend)
    return _recorded(grid, params)


def _driver(grid_job_id: int, params: FrontendParams) -> Driver:
    grid = current_grid()
    if grid_job_id >= FIRST_NATIVE_ID:
        return _recorded(grid, params)
    return ToolGridJobs(grid, params, grid.frontend(None, params))


def _recorded(grid: Grid, params: FrontendParams) -> SiteGridJobs:
    return SiteGridJobs(grid, params, GridStore(state_directory()))


async def _has_oargrid(
    grid: Grid, frontend: Frontend, params: FrontendParams, deadline: Deadline
) -> bool:
    """Tell whether a frontend has oargridsub; it is asked once.

    Raises FrontendUnreachable, TimedOut.
    """
    known = _have_oargrid.setdefault(grid, {})
    # with another PATH, another ssh may lead elsewhere
    key = (frontend.name, repr(sorted((params or {}).items())), os.environ.get("PATH", ""))
    if key not in known:
        result = await frontend.run(["sh", "-c", "command -v oargridsub"], deadline=deadline)
        known[key] = result.exit_code == 0
    return known[key]


async def _found(value: Any, params: FrontendParams, deadline: Deadline) -> tuple[Driver, GridJob]:
    grid_job_id = as_grid_job_id(value)
    driver = _driver(grid_job_id, params)
    job = await driver.find(grid_job_id, deadline)
    if job is None:
        raise GridJobNotFound(grid_job_id, driver.where, driver.why_unknown)
    return driver, job


async def _watched(job: GridJob, params: FrontendParams, deadline: Deadline) -> GridWatched:
    try:
        return await watch_all(current_grid(), job.parts, params, deadline)
    except asyncio.CancelledError:
        logger.warning(
            "interrupted; grid job left: %d; delete it with oargriddel([%d])",
            job.grid_job_id,
            job.grid_job_id,
        )
        raise


def _end(job: GridJob) -> float | None:
    known = job.start_date is not None and job.walltime is not None
    return (job.start_date or 0) + (job.walltime or 0) if known else None
