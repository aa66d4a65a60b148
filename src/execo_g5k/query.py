"""What OAR knows of jobs: one `oarstat` call, whatever the number of jobs."""

import logging
from collections.abc import Iterable, Sequence

from execo.errors import TimedOut
from execo.times import Deadline
from execo_g5k.errors import CommandFailed, UnparsableOutput
from execo_g5k.frontend import CommandResult, Frontend
from execo_g5k.jobs import JobInfo
from execo_g5k.parse.oarstat import parse_oarstat_full, parse_oarstat_json

logger = logging.getLogger("execo")

JSON = ("oarstat", "-J", "-f")
_TEXT = ("oarstat", "-f")


async def fetch_jobs(
    frontend: Frontend, job_ids: Iterable[int], deadline: Deadline
) -> dict[int, JobInfo]:
    """Return what is known of jobs, by id; unknown jobs are not in it.

    Raises FrontendUnreachable, TimedOut, CommandFailed, UnparsableOutput.
    """
    ids = [word for job_id in job_ids for word in ("-j", str(job_id))]
    return await _oarstat(frontend, ids, deadline) if ids else {}


async def fetch_own_jobs(frontend: Frontend, deadline: Deadline) -> dict[int, JobInfo]:
    """Return the user's jobs that have not ended, by id; raises as `fetch_jobs`."""
    return await _oarstat(frontend, ["-u"], deadline)


async def fetch_jobs_where(
    frontend: Frontend, condition: str, deadline: Deadline
) -> dict[int, JobInfo]:
    """Return the jobs that satisfy an SQL condition on OAR's table of jobs, as `fetch_jobs`."""
    return await _oarstat(frontend, ["--sql", condition], deadline)


async def _oarstat(
    frontend: Frontend, selection: Sequence[str], deadline: Deadline
) -> dict[int, JobInfo]:
    result = await frontend.run([*JSON, *selection], deadline=deadline)
    if _answered(result):
        try:
            return parse_oarstat_json(result.stdout)
        except UnparsableOutput as error:
            unparsable = error
    elif "JSON" not in result.stderr:
        raise failed(frontend, result)
    else:
        unparsable = UnparsableOutput(result.argv, result.stdout)
    # some frontends have no JSON module for oarstat
    logger.debug("%s: no JSON from oarstat, reading its text", frontend.name)
    text = await frontend.run([*_TEXT, *selection], deadline=deadline)
    if not _answered(text):
        raise failed(frontend, text)
    jobs = parse_oarstat_full(text.stdout)
    if not jobs and result.stdout.strip():
        raise unparsable
    return jobs


def _answered(result: CommandResult) -> bool:
    # a failing database request leaves exit 0, nothing on stdout and its complaint on stderr
    return result.exit_code == 0 and not ("DBD::" in result.stderr and not result.stdout.strip())


def failed(frontend: Frontend, result: CommandResult) -> CommandFailed:
    """Return the error for a command of OAR that failed."""
    return CommandFailed(frontend.name, result.argv, result.exit_code, result.stdout, result.stderr)


def nothing_left(deadline: Deadline, what: str) -> None:
    """Raise TimedOut when no time is left to do `what`."""
    if deadline.expired:
        raise TimedOut(f"no time left to {what}")
