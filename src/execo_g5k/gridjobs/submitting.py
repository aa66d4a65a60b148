"""Submit a grid job without OARGrid: oarsub on each site, all parts or none."""

import asyncio
import getpass
import logging
import re
from collections.abc import Sequence
from dataclasses import replace

from execo import quoting
from execo.errors import Error
from execo.times import Deadline
from execo_g5k.errors import (
    FrontendUnreachable,
    GridJobNotRecorded,
    SubmissionRefused,
    UnparsableOutput,
)
from execo_g5k.frontend import Frontend, FrontendParams, may_have_run
from execo_g5k.grid import Grid
from execo_g5k.gridjobs.key import make_key, on_sites, put_key, remove_key
from execo_g5k.gridjobs.native import NativeRequest, command_line, parts_of
from execo_g5k.gridjobs.record import GridJob
from execo_g5k.gridjobs.store import Claim, GridStore, Record
from execo_g5k.jobs import JobRef
from execo_g5k.reserve import oardel, submit_all
from execo_g5k.specs import Spec
from execo_g5k.stray import Mark, despite_cancel

logger = logging.getLogger("execo")

Outcome = int | Error
"""Id of a job, or why there is none."""

_LEAD = 5
"""Seconds from now to the common start: mostly all sites have answered, and nobody waits long."""

_LONGER_LEAD = 30
"""The same at a second attempt, when a site has answered too late for the first."""

_APART = 60
"""Seconds between the clocks of sites that are worth a warning."""

_SERVER_DOWN = 9
_CLEANUP = 10.0


class Submission:
    """A grid job that is being submitted by this process."""

    def __init__(
        self, grid: Grid, params: FrontendParams, store: GridStore, wanted: NativeRequest
    ) -> None:
        """Record it, before anything is submitted.

        Raises:
            GridJobNotRecorded: it can't be.
        """
        self._grid = grid
        self._params = params
        self._store = store
        self._frontends = [grid.frontend(site, params) for _, site in wanted.specs]
        specs = zip(wanted.specs, self._frontends, strict=True)
        # the default site of another process may be another one
        named = [Spec(s, frontend.name if site is None else site) for (s, site), frontend in specs]
        self._wanted = replace(wanted, specs=tuple(named))
        self._dated_here = wanted.reservation_date is None and wanted.together
        now = grid.clock.time()
        sites = tuple(site for _, site in named)
        draft = Record(_draft(self._wanted, now), Mark.new().value, sites)
        self._claim: Claim = store.claim(now, draft)
        self._id = self._claim.record.job.grid_job_id

    async def run(self, deadline: Deadline) -> GridJob | None:
        """Submit all parts, or none; None when that failed, which is logged.

        Raises:
            GridJobNotRecorded: this machine can't keep what is needed; the jobs that had to be
                deleted for that are named.
        """
        try:
            if not await self._prepared(deadline):
                return None
            return await self._submit(deadline)
        finally:
            self._claim.leave()

    async def _prepared(self, deadline: Deadline) -> bool:
        """Find a common date, and bring a key to the sites; tell whether that was possible."""
        wanted = self._wanted
        date, key_file = wanted.reservation_date, wanted.key_file
        try:
            if key_file is None:
                key_file = await self._new_key(deadline)
            # last: time passes
            if date is None and wanted.together:
                date = await self._common_date(deadline, _LEAD)
        except GridJobNotRecorded:
            self._claim.abandon()
            raise
        except Error as error:
            self._claim.abandon()
            logger.warning("no grid job, nothing was submitted: %s", error)
            return False
        except BaseException:
            self._claim.abandon()
            raise
        self._wanted = replace(wanted, reservation_date=date, key_file=key_file)
        return True

    async def _common_date(self, deadline: Deadline, lead: float) -> float:
        """Return a date that is soon on all sites, by their own clocks."""
        frontends = self._distinct()
        clocks: list[int] = []
        for answer in await asyncio.gather(
            *(_clock_of(frontend, deadline) for frontend in frontends), return_exceptions=True
        ):
            if isinstance(answer, BaseException):
                raise answer
            clocks.append(answer)
        if max(clocks) - min(clocks) > _APART:
            told = ", ".join(f"{f.name} {c}" for f, c in zip(frontends, clocks, strict=True))
            logger.warning("clocks of sites differ, the jobs will not start together: %s", told)
        return max(clocks) + lead

    async def _new_key(self, deadline: Deadline) -> str | None:
        path = self._store.key_path(self._id)
        if not await make_key(path):
            return None
        await put_key(self._distinct(), self._id, path, deadline)
        return on_sites(self._id)

    @property
    def _own_key(self) -> bool:
        return self._wanted.key_file == on_sites(self._id)

    async def _submit(self, deadline: Deadline) -> GridJob | None:
        wanted = self._wanted
        try:
            outcomes = await self._asked(deadline)
            if self._dated_here and any(map(_came_too_late, outcomes)):
                outcomes = await self._asked_again(outcomes, deadline)
        except FrontendUnreachable as error:
            self._claim.abandon()
            logger.warning("no grid job: %s", error)
            return None
        finally:
            if self._own_key:
                await despite_cancel(remove_key(self._distinct(), self._id))
        parts = self._obtained(outcomes)
        if len(parts) == len(outcomes) or (parts and wanted.keep_partial):
            return await self._recorded(parts)
        if parts:
            logger.warning("no grid job: what was obtained is deleted: %s", _told(parts))
            await self._delete(parts)
        elif all(isinstance(outcome, Error) and _made_none(outcome) for outcome in outcomes):
            self._claim.abandon()
        return None

    async def _asked(self, deadline: Deadline) -> Sequence[Outcome]:
        specs = self._wanted.dated(self._claim.record.mark)
        key_file = self._wanted.key_file
        return await submit_all(self._grid, specs, self._frontends, key_file, deadline)

    async def _asked_again(
        self, outcomes: Sequence[Outcome], deadline: Deadline
    ) -> Sequence[Outcome]:
        """Give back what was obtained for a date that is over, and ask for a later one."""
        if parts := self._obtained(outcomes):
            await self._delete(parts)
        date = await self._common_date(deadline, _LONGER_LEAD)
        self._wanted = replace(self._wanted, reservation_date=date)
        return await self._asked(deadline)

    def _obtained(self, outcomes: Sequence[Outcome]) -> tuple[JobRef, ...]:
        job_ids = [outcome if isinstance(outcome, int) else None for outcome in outcomes]
        return parts_of(self._wanted.specs, job_ids)

    async def _recorded(self, parts: tuple[JobRef, ...]) -> GridJob:
        date, key_file = self._wanted.reservation_date, self._wanted.key_file
        job = replace(
            self._claim.record.job,
            parts=parts,
            start_date=None if date is None else int(date),
            key_file=str(self._store.key_path(self._id)) if self._own_key else key_file,
        )
        try:
            self._claim.complete(replace(self._claim.record, job=job, complete=True))
        except GridJobNotRecorded as error:
            await self._delete(parts)
            raise GridJobNotRecorded(
                f"{error}; these jobs were obtained, and deleted for that: {_told(parts)}"
            ) from error
        logger.info("grid job %d: %s", self._id, _told(parts))
        return job

    async def _delete(self, parts: Sequence[JobRef]) -> None:
        # the time of the call may be over: what it obtained must not stay for that
        await despite_cancel(oardel(parts, self._params, _CLEANUP))

    def _distinct(self) -> list[Frontend]:
        return list({frontend.name: frontend for frontend in self._frontends}.values())


def _told(parts: Sequence[JobRef]) -> list[tuple[int, str | None]]:
    return [(job_id, site) for job_id, site in parts]


def _draft(wanted: NativeRequest, now: float) -> GridJob:
    command = next((s.command for s, _ in wanted.specs if s.command is not None), None)
    return GridJob(
        0,
        (),
        submission_date=int(now),
        walltime=wanted.walltime,
        user=_user(),
        program=command if isinstance(command, str | None) else quoting.join(command),
        directory=next((s.directory for s, _ in wanted.specs if s.directory), None),
        command_line=command_line(wanted.specs),
    )


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None


def _came_too_late(outcome: Outcome) -> bool:
    return isinstance(outcome, SubmissionRefused) and "too old" in outcome.reason


def _made_none(error: Error) -> bool:
    if isinstance(error, FrontendUnreachable):
        return not may_have_run(error)
    # with its server down, OAR keeps the job that it says it refused
    return isinstance(error, SubmissionRefused) and error.exit_code != _SERVER_DOWN


async def _clock_of(frontend: Frontend, deadline: Deadline) -> int:
    result = await frontend.run(["date", "+%s"], deadline=deadline)
    found: list[str] = re.findall(r"^\s*(\d{9,11})\s*$", result.stdout, re.MULTILINE)
    if result.exit_code or not found:
        raise UnparsableOutput(result.argv, result.stdout + result.stderr)
    return int(found[-1])
