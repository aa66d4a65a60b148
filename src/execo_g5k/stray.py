"""Marks on submissions, to find a job whose submission was never answered.

When the connexion is cut, at a timeout or at Ctrl-C, `oarsub` goes on running on the frontend: it
may have made a job, or may still make one. OAR records its whole command line, so a mark in
there finds the job again. The mark is a value of `--checkpoint` that is overridden just after: the
job itself is as if it was not there.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from execo import quoting
from execo._engine.clock import Clock
from execo.errors import TimedOut
from execo.times import Deadline
from execo_g5k.errors import CommandFailed, FrontendUnreachable, UnparsableOutput
from execo_g5k.frontend import Frontend
from execo_g5k.jobs import JobInfo, JobState
from execo_g5k.ledger.book import forget, new_key
from execo_g5k.parse.oardel import Deletion, parse_oardel
from execo_g5k.query import fetch_jobs_where

logger = logging.getLogger("execo")

R = TypeVar("R")

_LOOKS = 3
_BETWEEN_LOOKS = 2.0
_ONE_CALL = 6.0
"""Seconds for a call of the clean-up: all of them must fit in what Ctrl-C waits."""

REGISTERED_ONLY = 2
"""Exit code of oardel when it could not tell the OAR server."""

_FAILURES = (FrontendUnreachable, TimedOut, CommandFailed, UnparsableOutput)


class Mark(NamedTuple):
    """A number that no other submission has."""

    value: str

    @classmethod
    def new(cls) -> "Mark":
        """Return a mark that was never used."""
        return cls(new_key())

    def put_on(self, argv: Sequence[str]) -> list[str]:
        """Return the command line of oarsub with the mark; what the user asks for overrides it."""
        return [argv[0], "--checkpoint", self.value, "--checkpoint", "0", *argv[1:]]

    @property
    def condition(self) -> str:
        """The SQL condition that selects the marked jobs."""
        return f"initial_request LIKE '%{self.value}%'"

    @property
    def command(self) -> str:
        """The command line by which a user finds the marked jobs."""
        return quoting.join(["oarstat", "--sql", self.condition])


def mark_for(argv: Sequence[str]) -> Mark | None:
    """Return a mark for a submission, or None if it would change what is asked for."""
    # an option on the command line hides the same one of a scanned script
    scans = {"-S", "--scanscript"}
    return None if scans & set(argv) else Mark.new()


async def find_marked(
    frontend: Frontend, mark: Mark, clock: Clock, submitting: bool = True
) -> dict[int, JobInfo] | None:
    """Return the jobs that have a mark, by id; None when the frontend could not be asked.

    The submission may be under way still: an empty answer is asked again, a few times.
    """
    found: dict[int, JobInfo] | None = None
    for look in range(_LOOKS):
        if look:
            await clock.sleep(_BETWEEN_LOOKS)
        try:
            found = await fetch_jobs_where(frontend, mark.condition, Deadline.of(_ONE_CALL))
        except _FAILURES as error:
            logger.debug("%s: can't look for jobs marked %s: %s", frontend.name, mark.value, error)
            if isinstance(error, TimedOut):
                # it hangs: the time of the caller is better kept
                break
            continue
        if not submitting or (found and not any(map(_undecided, found.values()))):
            break
    return found


def accepted(jobs: dict[int, JobInfo]) -> tuple[int, ...]:
    """Return the ids of the jobs that OAR accepted, in order."""
    return tuple(
        sorted(id for id, info in jobs.items() if JobState(info["state"]) is not JobState("Error"))
    )


def _undecided(info: JobInfo) -> bool:
    deciding = JobState(info["state"]) is JobState("toAckReservation")
    return deciding or info.get("reservation") == "toSchedule"


async def delete_strays(
    frontend: Frontend, mark: Mark | None, clock: Clock, known: Iterable[int] = ()
) -> None:
    """Delete what a submission that nobody waits for any more made; log what could not be."""
    ids = set(known)
    if mark is not None:
        found = await find_marked(frontend, mark, clock, submitting=not ids)
        if not found and not ids:
            warn_of_strays(frontend, mark)
        ids.update(id for id, info in (found or {}).items() if not JobState(info["state"]).final)
    elif not ids:
        logger.warning("%s: a job may have been submitted, see `oarstat -u`", frontend.name)
    if ids:
        await _delete(frontend, sorted(ids))


async def _delete(frontend: Frontend, ids: Sequence[int]) -> None:
    argv = ["oardel", *map(str, ids)]
    try:
        result = await frontend.run(argv, deadline=Deadline.of(_ONE_CALL))
    except (FrontendUnreachable, TimedOut) as error:
        logger.warning(
            "%s: job %s is left, delete it with `%s`: %s",
            frontend.name,
            ", ".join(argv[1:]),
            quoting.join(argv),
            error,
        )
        return
    if result.exit_code == REGISTERED_ONLY and "REGISTERED" in result.stdout:
        # once its server is back, OAR 2.5.9 may run the job for minutes before it thinks of that
        logger.warning(
            "%s: job %s is to be deleted, but the OAR server is down: repeat `%s` when it is back",
            frontend.name,
            ", ".join(argv[1:]),
            quoting.join(argv),
        )
        return
    forget(frontend.name, deleted(parse_oardel(result.stdout, result.stderr)))
    logger.info("%s: %s: exit %s", frontend.name, quoting.join(argv), result.exit_code)


def deleted(answers: Mapping[int, Deletion]) -> list[int]:
    """Return the jobs that an oardel has deleted, or found ended."""
    return [job_id for job_id, answer in answers.items() if answer is not Deletion.REFUSED]


def warn_of_strays(frontend: Frontend, mark: Mark) -> None:
    """Log how to find later a job that may have been made."""
    logger.warning(
        "%s: a job may have been submitted, or may be later, that nobody waits for (mark %s): when"
        " this program has ended, `execo-g5k jobs --mine-left` finds it, and on the frontend: %s",
        frontend.name,
        mark.value,
        mark.command,
    )


async def despite_cancel(cleanup: Coroutine[Any, Any, R]) -> R:
    """Run a clean-up to its end, whatever cancellation comes meanwhile."""
    task = asyncio.ensure_future(cleanup)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
    return task.result()
