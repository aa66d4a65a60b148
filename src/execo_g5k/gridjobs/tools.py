"""Grid jobs by the commands of OARGrid (2.2.4), on a frontend that has them.

oargridsub runs as another user, through sudo, and ignores signals: once started it goes on to its
end, whatever becomes of the connexion. A submission whose answer is lost is found again by a mark
in the recorded command line.
"""

import asyncio
import logging
import secrets
from collections.abc import Sequence
from dataclasses import replace

from execo import quoting
from execo.errors import Error, TimedOut
from execo.times import Deadline
from execo_g5k.config import SITES
from execo_g5k.errors import CommandFailed, FrontendUnreachable, UnparsableOutput
from execo_g5k.frontend import CommandResult, Frontend, FrontendParams, may_have_run
from execo_g5k.grid import Grid
from execo_g5k.gridjobs.desc import oargridsub_argv
from execo_g5k.gridjobs.record import FIRST_NATIVE_ID, GridJob
from execo_g5k.gridjobs.request import GridRequest
from execo_g5k.jobs import JobRef
from execo_g5k.parse.oargrid import (
    GridPart,
    GridRefused,
    GridReservation,
    GridSubmitted,
    parse_aliases,
    parse_nodes,
    parse_oargriddel,
    parse_oargridstat,
    parse_oargridsub,
    parse_restored_key,
)
from execo_g5k.query import failed
from execo_g5k.reserve import key_there
from execo_g5k.stray import despite_cancel

logger = logging.getLogger("execo")

_LOOKS = 8
_BETWEEN_LOOKS = 2.0
_ONE_CALL = 6.0
_NOT_FOUND = 127
_KEYS = "/tmp/oargrid/oargrid_ssh_key_{user}_{id}"
"""Where oargridsub of Grid'5000 left the keys."""


class ToolGridJobs:
    """Submits, follows and deletes grid jobs by oargridsub, oargridstat and oargriddel."""

    def __init__(self, grid: Grid, params: FrontendParams, frontend: Frontend) -> None:
        self._grid = grid
        self._params = params
        self._frontend = frontend
        self._missing = False

    @property
    def where(self) -> str:
        """Where grid jobs are known."""
        return self._frontend.name

    @property
    def why_unknown(self) -> str:
        """Why a grid job is not known, for messages."""
        if self._missing:
            own = f"the records of this machine begin with {FIRST_NATIVE_ID}"
            return f"there is no oargridstat on {self.where} to ask, and {own}"
        return f"oargridstat on {self.where} does not know it"

    # --- submission

    async def submit(self, request: GridRequest, deadline: Deadline) -> GridJob | None:
        """Submit all parts, or none; None when it was refused, which is logged.

        Raises ValueError, before anything is submitted, for what oargridsub can't be told.
        """
        mark = str(10**11 + secrets.randbelow(10**11))
        there = replace(request, key_file=key_there(self._frontend, request.key_file))
        argv = oargridsub_argv(there, mark, self._alias)
        try:
            result = await self._frontend.run(argv, deadline=deadline)
            answer = parse_oargridsub(result.exit_code, result.stdout, result.stderr)
        except (FrontendUnreachable, UnparsableOutput) as error:
            return await self._find_lost(mark, argv, error)
        except TimedOut as error:
            await despite_cancel(self._delete_lost(mark))
            self._log(argv, str(error))
            return None
        except asyncio.CancelledError:
            await despite_cancel(self._delete_lost(mark))
            raise
        if isinstance(answer, GridRefused):
            self._log_refused(argv, answer)
            return None
        job = self._submitted(answer)
        # the copy that oargridsub makes of it is on the frontend only
        return replace(job, key_file=request.key_file or job.key_file)

    def _submitted(self, answer: GridSubmitted) -> GridJob:
        for words in answer.warnings:
            logger.warning("%s: grid job %d: %s", self._frontend.name, answer.grid_job_id, words)
        logger.info("%s: submitted grid job %d", self._frontend.name, answer.grid_job_id)
        parts = tuple(JobRef(job_id, alias) for alias, job_id in answer.parts)
        return GridJob(answer.grid_job_id, parts, key_file=answer.key_file)

    def _log(self, argv: Sequence[str], why: str) -> None:
        logger.warning(
            "%s: no grid job from `%s`: %s", self._frontend.name, quoting.join(argv), why
        )

    def _log_refused(self, argv: Sequence[str], answer: GridRefused) -> None:
        self._log(argv, answer.reason)
        for alias in answer.in_doubt:
            logger.warning(
                "%s: oargridsub did not understand its answer: a job may be left, see `oarstat -u`",
                alias,
            )

    def _alias(self, site: str | None) -> str:
        return self._grid.frontend(site, self._params).name

    # --- submissions cut short

    async def _find_lost(
        self, mark: str, argv: Sequence[str], error: FrontendUnreachable | UnparsableOutput
    ) -> GridJob | None:
        if isinstance(error, FrontendUnreachable) and not may_have_run(error):
            self._log(argv, str(error))
            return None
        try:
            found = await self._find_marked(mark)
        except asyncio.CancelledError:
            await despite_cancel(self._delete_lost(mark))
            raise
        if found is None or found.grid_job_id is None:
            self._log(argv, f"{error}; {self._how_to_find(mark)}")
            return None
        logger.info("%s: the answer was lost, the grid job was made", self._frontend.name)
        job = await self._job(found, found.grid_job_id)
        return GridJob(job.grid_job_id, job.parts, user=job.user)

    async def _delete_lost(self, mark: str) -> None:
        found = await self._find_marked(mark)
        if found is None or found.grid_job_id is None:
            logger.warning("%s: %s", self._frontend.name, self._how_to_find(mark))
            return
        await self.delete([found.grid_job_id], Deadline.of(_ONE_CALL))

    def _how_to_find(self, mark: str) -> str:
        return (
            "a grid job may have been made, or may be later: it is the one with"
            f" {mark} in `oargridstat`; oargriddel deletes it"
        )

    async def _find_marked(self, mark: str) -> GridReservation | None:
        """Return the grid job with a mark; its submission may be under way still."""
        for look in range(_LOOKS):
            if look:
                await self._grid.clock.sleep(_BETWEEN_LOOKS)
            try:
                for found in await self._stat([], Deadline.of(_ONE_CALL)):
                    if mark in (found.command_line or "") or any(
                        mark in part.name for part in found.parts
                    ):
                        return found
            except Error as error:
                logger.debug("%s: can't look for %s: %s", self._frontend.name, mark, error)
                if isinstance(error, TimedOut):
                    # it hangs: the time of the caller is better kept
                    break
        return None

    # --- afterwards

    async def find(self, grid_job_id: int, deadline: Deadline) -> GridJob | None:
        """Return what OARGrid knows of a grid job; None when it knows none.

        Raises FrontendUnreachable, TimedOut, CommandFailed, UnparsableOutput.
        """
        found = await self._stat([str(grid_job_id)], deadline)
        return await self._job(found[0], grid_job_id) if found else None

    async def told(self, job: GridJob, deadline: Deadline) -> GridJob:
        """Return the grid job: OARGrid keeps its date and its user."""
        return job

    async def current(self, deadline: Deadline) -> list[GridJob]:
        """Return the user's grid jobs that have not ended, by their ids; raises as `find`."""
        found = await self._stat([], deadline)
        return [
            await self._job(reservation, reservation.grid_job_id)
            for reservation in sorted(found, key=lambda r: r.grid_job_id or 0)
            if reservation.grid_job_id is not None
        ]

    async def delete(self, grid_job_ids: Sequence[int], deadline: Deadline) -> None:
        """Delete grid jobs; log what may be left."""
        await asyncio.gather(*(self._delete(grid_job_id, deadline) for grid_job_id in grid_job_ids))

    async def _delete(self, grid_job_id: int, deadline: Deadline) -> None:
        # further ids on the same command line are silently ignored
        argv = ["oargriddel", str(grid_job_id)]
        try:
            result = await self._frontend.run(argv, deadline=deadline)
        except (FrontendUnreachable, TimedOut) as error:
            logger.warning(
                "%s: grid job %d may be left: %s", self._frontend.name, grid_job_id, error
            )
            return
        deletions, others = parse_oargriddel(result.stdout)
        for deletion in deletions:
            if not deletion.done:
                logger.warning(
                    "%s: job %d of grid job %d may be left: oargriddel: %s",
                    deletion.alias,
                    deletion.job_id,
                    grid_job_id,
                    deletion.answer,
                )
        words = " / ".join([*others, *result.stderr.split("\n")]).strip(" /")
        logger.log(
            logging.WARNING if words else logging.INFO,
            "%s: %s: exit %s %s",
            self._frontend.name,
            quoting.join(argv),
            result.exit_code,
            words,
        )

    async def hosts(self, job: GridJob, deadline: Deadline) -> list[str]:
        """Return the names of the hosts of a grid job; raises as `find`."""
        result = await self._run(["oargridstat", "-l", str(job.grid_job_id)], deadline)
        return parse_nodes(result.stdout)

    async def key(self, job: GridJob, deadline: Deadline) -> str | None:
        """Return the private ssh key of a grid job, on the frontend.

        oargridstat restores it: /tmp is not the same on all frontends, and does not last.
        """
        argv = ["oargridstat", "-k", str(job.grid_job_id)]
        result = await self._frontend.run(argv, deadline=deadline)
        restored = parse_restored_key(result.stdout)
        return restored or _KEYS.format(user=job.user, id=job.grid_job_id)

    async def _stat(self, words: Sequence[str], deadline: Deadline) -> list[GridReservation]:
        result = await self._run(["oargridstat", *words], deadline)
        return parse_oargridstat(result.stdout)

    async def _run(self, argv: Sequence[str], deadline: Deadline) -> CommandResult:
        result = await self._frontend.run(argv, deadline=deadline)
        if result.exit_code == _NOT_FOUND:
            self._missing = True
            said = result.stderr.strip()
            logger.warning("%s: there is no %s: %s", self._frontend.name, argv[0], said)
            return result._replace(stdout="")
        if result.exit_code:
            raise failed(self._frontend, result)
        return result

    async def _job(self, found: GridReservation, grid_job_id: int) -> GridJob:
        return GridJob(
            grid_job_id,
            await self._parts(found.parts),
            found.submission_date,
            found.start_date,
            found.walltime,
            found.user,
            found.program,
            found.directory,
            found.command_line,
        )

    async def _parts(self, parts: Sequence[GridPart]) -> tuple[JobRef, ...]:
        """Return the jobs with their sites: an alias may be a cluster."""
        sites: dict[str, str] = {}
        if any(part.alias not in SITES for part in parts):
            argv = ["oargridstat", "--list_aliases", "-Y"]
            try:
                answer = await self._run(argv, Deadline.of(_ONE_CALL))
                sites = parse_aliases(answer.stdout)
            except (FrontendUnreachable, TimedOut, CommandFailed) as error:
                logger.debug("%s: no list of aliases: %s", self._frontend.name, error)
        refs = [JobRef(part.job_id, sites.get(part.alias, part.alias)) for part in parts]
        return tuple(sorted(refs, key=lambda ref: (ref.frontend or "", ref.job_id)))
