"""Submit jobs, and delete them: the flows behind `oarsub`, `oardel` and `oarsubgrid`."""

import asyncio
import dataclasses
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from execo import quoting
from execo._unset import UNSET
from execo.errors import Error, TimedOut
from execo.times import Date, Deadline, Duration, Timeout
from execo_g5k.config import g5k_settings, job_key_file
from execo_g5k.errors import FrontendUnreachable, G5kError, SubmissionRefused, UnparsableOutput
from execo_g5k.frontend import (
    CommandResult,
    Frontend,
    FrontendParams,
    LocalFrontend,
    may_have_run,
)
from execo_g5k.grid import Grid, current_grid
from execo_g5k.jobs import JobRef
from execo_g5k.ledger.book import Line, forget, intend
from execo_g5k.parse.oardel import Deletion, parse_oardel
from execo_g5k.parse.oarsub import Refused, parse_oarsub
from execo_g5k.query import fetch_jobs
from execo_g5k.specs import JobSpec, OarJob, Spec, checked_jobs, checked_submissions
from execo_g5k.stray import (
    REGISTERED_ONLY,
    Mark,
    accepted,
    delete_strays,
    deleted,
    despite_cancel,
    find_marked,
    mark_for,
    warn_of_strays,
)
from execo_g5k.submission import OarSubmission, oarsub_argv
from execo_g5k.watch import copy_of

logger = logging.getLogger("execo")

_RESERVATION_REFUSED = 10

_CLEANUP = 10.0
"""Seconds to delete what must not be left, when the time of the call is over."""


class NotAllSubmitted(SubmissionRefused):
    """Some submissions failed. The other attributes are those of the first failure."""

    obtained: list[tuple[int, str | None]]
    """The [(job id, site)] of the others, which are still there."""

    def __init__(
        self, cause: SubmissionRefused, obtained: Sequence[tuple[int, str | None]]
    ) -> None:
        super().__init__(cause.frontend, cause.reason, cause.could_start_at, cause.exit_code)
        self.obtained = list(obtained)

    def __str__(self) -> str:
        left = f"; obtained, and not deleted: {self.obtained}" if self.obtained else ""
        return super().__str__() + left


async def oarsub(
    job_specs: Iterable[JobSpec],
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
    abort_on_error: bool = False,
) -> list[tuple[int | None, str | None]]:
    """Submit jobs, on all sites at once.

    Return [(job id, site)] in the order given; for an array of jobs, the id of the first (the
    others are logged). A refused submission logs OAR's own words and gives (None, site).

    Environment variable OAR_JOB_KEY_FILE, or `g5k_configuration['oar_job_key_file']` (it wins),
    names on the frontend the ssh key that jobs import.

    What is submitted is recorded in the user's state directory until it ends, so that `jobs_left`
    finds it whenever this script is killed; `g5k_configuration['job_ledger'] = False` turns this
    off.

    If the connexion is lost, the job is looked for on the frontend, and returned if OAR took it.
    At a timeout or Ctrl-C, what was being submitted is looked for and deleted; on Ctrl-C, so is
    what the call had obtained. What could not be looked for is logged, with the command to find it.

    Args:
        job_specs: several (OarSubmission, site); site None is the default one. All are checked
            before anything is submitted.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.
        abort_on_error: raise when a submission failed, once all of them have ended.

    Raises:
        TypeError: an item is of another type; it is named.
        ValueError: an item is impossible; it is named.
        ConfigError: a site is None, and there is no default frontend.
        NotAllSubmitted: a submission failed, with `abort_on_error`. It is a SubmissionRefused;
            `obtained` lists the jobs that were obtained and are still there.
    """
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    grid = current_grid()
    key_file = job_key_file()
    specs = checked_submissions(job_specs, key_file)
    frontends = [grid.frontend(spec.site, frontend_connexion_params) for spec in specs]
    outcomes = await submit_all(grid, specs, frontends, key_file, deadline)
    jobs = [
        (None if isinstance(outcome, Error) else outcome, spec.site)
        for outcome, spec in zip(outcomes, specs, strict=True)
    ]
    failures = [outcome for outcome in outcomes if isinstance(outcome, Error)]
    if failures and abort_on_error:
        obtained = [(job_id, site) for job_id, site in jobs if job_id is not None]
        raise _not_all(failures[0], obtained) from failures[0]
    return [(None, site) if job_id is None else JobRef(job_id, site) for job_id, site in jobs]


def _not_all(error: Error, obtained: Sequence[tuple[int, str | None]]) -> NotAllSubmitted:
    if not isinstance(error, SubmissionRefused):
        frontend = getattr(error, "frontend", "the frontend")
        error = SubmissionRefused(frontend, str(error), None, None)
    return NotAllSubmitted(error, obtained)


async def submit_all(
    grid: Grid,
    specs: Sequence[Spec],
    frontends: Sequence[Frontend],
    key_file: str | None,
    deadline: Deadline,
    name: str | None = None,
) -> list[int | Error]:
    """Submit to all frontends at once; return the id of each job, or what went wrong, logged.

    `key_file`: ssh key that the jobs import. `name`: of the script, for the ledger. Cleans up as
    `oarsub` when it is cancelled.
    """
    tasks = [
        asyncio.create_task(_submit(grid, frontend, spec.submission, key_file, deadline, name))
        for spec, frontend in zip(specs, frontends, strict=True)
    ]
    try:
        # gather ends, cancelled too, when all of them have cleaned up behind them
        return await asyncio.gather(*tasks)
    except BaseException:
        await despite_cancel(_undo(grid, tasks, frontends))
        raise


async def _undo(
    grid: Grid, tasks: Sequence["asyncio.Task[int | Error]"], frontends: Sequence[Frontend]
) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    obtained: dict[str, tuple[Frontend, list[int]]] = {}
    for task, frontend in zip(tasks, frontends, strict=True):
        if not task.cancelled() and task.exception() is None:
            outcome = task.result()
            if isinstance(outcome, int):
                obtained.setdefault(frontend.name, (frontend, []))[1].append(outcome)
    await asyncio.gather(
        *(delete_strays(frontend, None, grid.clock, ids) for frontend, ids in obtained.values())
    )


async def _submit(
    grid: Grid,
    frontend: Frontend,
    submission: OarSubmission,
    key_file: str | None,
    deadline: Deadline,
    name: str | None,
) -> int | Error:
    """Return the id of the new job, or what went wrong, logged."""
    argv = oarsub_argv(submission, job_key_file=key_there(frontend, key_file))
    mark = mark_for(argv)
    marked = argv if mark is None else mark.put_on(argv)
    async with grid.turn(frontend):
        if deadline.expired:
            return _logged(frontend, argv, TimedOut("no time was left to submit it"))
        key = None if mark is None else mark.value
        line = intend(frontend.name, argv, key, grid.clock.time(), name)
        try:
            result = await frontend.run(marked, deadline=deadline)
            outcome = await _understand(grid, frontend, mark, line, result)
        except (FrontendUnreachable, UnparsableOutput) as error:
            outcome = await _find_lost(grid, frontend, mark, line, error)
        except TimedOut as error:
            await despite_cancel(delete_strays(frontend, mark, grid.clock))
            outcome = error
        except asyncio.CancelledError:
            await despite_cancel(delete_strays(frontend, mark, grid.clock))
            raise
    return _logged(frontend, argv, outcome) if isinstance(outcome, Error) else outcome


def key_there(frontend: Frontend, key_file: str | None) -> str | None:
    """Return the path of a key as a command on this frontend understands it."""
    # no shell expands it there, and OAR's own home is not the user's; ssh starts in the latter
    if key_file is None or not key_file.startswith("~/"):
        return key_file
    if isinstance(frontend, LocalFrontend):
        return os.path.expanduser(key_file)
    return key_file.removeprefix("~/")


def _logged(frontend: Frontend, argv: Sequence[str], error: Error) -> Error:
    logger.warning("%s: no job from `%s`: %s", frontend.name, quoting.join(argv), error)
    return error


async def _understand(
    grid: Grid, frontend: Frontend, mark: Mark | None, line: Line, result: CommandResult
) -> int | Error:
    answer = parse_oarsub(result.exit_code, result.stdout, result.stderr)
    if isinstance(answer, Refused):
        if answer.job_ids and answer.exit_code != _RESERVATION_REFUSED:
            # OAR says that it killed this job; it runs it later, when its server is back
            await delete_strays(frontend, mark, grid.clock, known=answer.job_ids)
        else:
            line.nothing_submitted()
        return SubmissionRefused(
            frontend.name, answer.reason, answer.could_start_at, answer.exit_code
        )
    for words in answer.warnings:
        logger.warning("%s: job %s: %s", frontend.name, answer.job_ids[0], words)
    return _first(frontend, line, answer.job_ids)


def _first(frontend: Frontend, line: Line, job_ids: Sequence[int]) -> int:
    line.submitted(job_ids)
    logger.info("%s: submitted job %s", frontend.name, ", ".join(map(str, job_ids)))
    return job_ids[0]


async def _find_lost(
    grid: Grid, frontend: Frontend, mark: Mark | None, line: Line, error: G5kError
) -> int | Error:
    if isinstance(error, FrontendUnreachable) and not may_have_run(error):
        line.nothing_submitted()
        return error
    if mark is None:
        await delete_strays(frontend, None, grid.clock)
        return error
    try:
        found = await find_marked(frontend, mark, grid.clock)
    except asyncio.CancelledError:
        await despite_cancel(delete_strays(frontend, mark, grid.clock))
        raise
    job_ids = accepted(found or {})
    if job_ids:
        logger.info("%s: the answer was lost, the job was submitted", frontend.name)
        return _first(frontend, line, job_ids)
    if not found:
        warn_of_strays(frontend, mark)
    return error


async def oardel(
    job_specs: Iterable[OarJob],
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> None:
    """Delete jobs, on all sites at once; return when OAR has taken note, not when they are gone.

    Unknown, finished or foreign jobs are ignored. The copies that OAR submitted of jobs whose nodes
    failed are deleted too. When a frontend can't be reached or does not answer in time, a warning
    names the jobs that may be left.

    Args:
        job_specs: several (job id, site), as `oarsub` returns them; those whose id is None are
            skipped.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds for the whole call; omitted: the configured default; None: no limit.

    Raises:
        TypeError: an item is of another type; it is named.
        ValueError: an item is no job; it is named.
        ConfigError: a site is None, and there is no default frontend.
    """
    await oardel_told(job_specs, frontend_connexion_params, timeout)


Deletions = Mapping[str, Mapping[int, Deletion]]
"""Name of a frontend that has taken note -> job -> what becomes of it."""


async def oardel_told(
    job_specs: Iterable[OarJob],
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> Deletions:
    """Delete jobs as `oardel`, and return what OAR answered."""
    deadline = Deadline.of(timeout, g5k_settings().default_timeout)
    grid = current_grid()
    by_frontend: dict[str, tuple[Frontend, dict[int, None]]] = {}
    for job_id, site in checked_jobs(job_specs):
        frontend = grid.frontend(site, frontend_connexion_params)
        by_frontend.setdefault(frontend.name, (frontend, {}))[1][job_id] = None
    answers = await asyncio.gather(
        *(_delete(frontend, list(ids), deadline) for frontend, ids in by_frontend.values())
    )
    by_name = zip(by_frontend, answers, strict=True)
    return {name: answer for name, answer in by_name if answer is not None}


async def _delete(
    frontend: Frontend, ids: Sequence[int], deadline: Deadline
) -> Mapping[int, Deletion] | None:
    """Delete jobs of a frontend; return what becomes of each, None when OAR took no note."""
    argv = ["oardel", *map(str, ids)]
    try:
        result = await frontend.run(argv, deadline=deadline)
    except (FrontendUnreachable, TimedOut) as error:
        logger.warning("%s: jobs %s may be left: %s", frontend.name, ", ".join(argv[1:]), error)
        return None
    answers = parse_oardel(result.stdout, result.stderr)
    words = " / ".join(filter(None, map(str.strip, result.stderr.splitlines())))
    if result.exit_code == REGISTERED_ONLY and "REGISTERED" in result.stdout:
        logger.warning(
            "%s: jobs %s will be deleted when the OAR server is back: %s",
            frontend.name,
            ", ".join(argv[1:]),
            words,
        )
    elif result.exit_code and "Deleting the job" not in result.stdout:
        logger.warning(
            "%s: jobs %s may be left: `%s`: exit %s: %s",
            frontend.name,
            ", ".join(argv[1:]),
            quoting.join(argv),
            result.exit_code,
            words,
        )
        return None
    else:
        forget(frontend.name, deleted(answers))
        logger.info("%s: %s %s", frontend.name, quoting.join(argv), words)
        ended = [job_id for job_id, answer in answers.items() if answer is Deletion.ENDED]
        await _delete_copies(frontend, ended, deadline)
    return answers


async def _delete_copies(frontend: Frontend, ids: Sequence[int], deadline: Deadline) -> None:
    """Delete what OAR submitted again of jobs that have ended."""
    try:
        found = await fetch_jobs(frontend, ids, deadline)
    except Error as error:
        logger.warning("%s: there may be copies of jobs %s: %s", frontend.name, ids, error)
        return
    copies = {job_id: copy_of(job_id, info) for job_id, info in found.items()}
    again = [copy for copy in copies.values() if copy is not None]
    if again:
        logger.info("%s: OAR had submitted again: %s", frontend.name, copies)
        await _delete(frontend, again, deadline)


async def oarsubgrid(
    job_specs: Iterable[JobSpec],
    reservation_date: Date | None = None,
    walltime: Duration | None = None,
    job_type: str | Sequence[str] | None = None,
    queue: str | None = None,
    directory: str | None = None,
    additional_options: str | Sequence[str] | None = None,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = UNSET,
) -> list[tuple[int | None, str | None]]:
    """Submit jobs on several sites, all or nothing.

    Return [(job id, site)] in the order given, or [] when one of them was refused: the others
    were then deleted.

    `job_specs`: several (OarSubmission, site), left as they are. `reservation_date`, `walltime`,
    `job_type`, `queue`, `directory` and `additional_options`, where given, replace the same field
    of OarSubmission in all of them. `frontend_connexion_params` and `timeout` are those of
    `oarsub`. Raises what `oarsub` raises.
    """
    common = {
        "reservation_date": reservation_date,
        "walltime": walltime,
        "job_type": job_type,
        "queue": queue,
        "directory": directory,
        "additional_options": additional_options,
    }
    given: dict[str, Any] = {key: value for key, value in common.items() if value is not None}
    specs = [
        Spec(dataclasses.replace(spec.submission, **given), spec.site)
        for spec in checked_submissions(job_specs)
    ]
    jobs = await oarsub(specs, frontend_connexion_params, timeout)
    if all(job_id is not None for job_id, _ in jobs):
        return jobs
    # the time of the call may be over: what it obtained must not stay for that
    await despite_cancel(oardel(jobs, frontend_connexion_params, _CLEANUP))
    return []
