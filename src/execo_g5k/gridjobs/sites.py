"""Grid jobs without OARGrid, of which this machine keeps the records."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import replace

from execo.errors import Error
from execo.times import Deadline
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import Grid
from execo_g5k.gridjobs.lost import what_is_left
from execo_g5k.gridjobs.native import native_request
from execo_g5k.gridjobs.record import GridJob
from execo_g5k.gridjobs.request import GridRequest
from execo_g5k.gridjobs.store import GridStore, Record
from execo_g5k.gridjobs.submitting import Submission
from execo_g5k.jobs import JobInfo, JobRef, JobState
from execo_g5k.query import fetch_jobs
from execo_g5k.reserve import oardel

logger = logging.getLogger("execo")

Infos = dict[JobRef, JobInfo | None | Error]
"""What each site told of its jobs: None when it knows no such job, or why it did not answer."""


class SiteGridJobs:
    """Submits, follows and deletes grid jobs; the sites are asked one by one."""

    def __init__(self, grid: Grid, params: FrontendParams, store: GridStore) -> None:
        self._grid = grid
        self._params = params
        self._store = store

    @property
    def where(self) -> str:
        """Where grid jobs are known."""
        return str(self._store.directory)

    @property
    def why_unknown(self) -> str:
        """Why a grid job is not known, for messages."""
        return f"no record of it in {self.where}"

    async def submit(self, request: GridRequest, deadline: Deadline) -> GridJob | None:
        """Submit all parts, or none; None when a site refused, which is logged.

        Raises:
            ValueError: an option means nothing here.
            GridJobNotRecorded: as `Submission`.
        """
        wanted = native_request(request)
        return await Submission(self._grid, self._params, self._store, wanted).run(deadline)

    async def find(self, grid_job_id: int, deadline: Deadline) -> GridJob | None:
        """Return a grid job, as it was recorded; None when it is not."""
        record = self._store.read(grid_job_id)
        if record is None or record.under_way:
            return None
        return await self._job(record)

    async def told(self, job: GridJob, deadline: Deadline) -> GridJob:
        """Return a grid job with what the sites know of it: when it starts, and whose it is."""
        return _told(job, await self._infos(job.parts, deadline))

    async def current(self, deadline: Deadline) -> list[GridJob]:
        """Return the grid jobs that have a part which waits or runs, by their ids.

        One whose sites do not all answer is kept.
        """
        records = [r for r in self._store.all() if not r.over and not r.under_way]
        jobs = await asyncio.gather(*map(self._job, records))
        there = [(record, job) for record, job in zip(records, jobs, strict=True) if job]
        infos = await self._infos([part for _, job in there for part in job.parts], deadline)
        alive = []
        for record, job in there:
            if all(_is_over(infos[part]) for part in job.parts):
                self._note_over(record)
            else:
                alive.append(_told(job, infos))
        return alive

    async def delete(self, grid_job_ids: Sequence[int], deadline: Deadline) -> None:
        """Delete the parts of grid jobs; ids that are not recorded here are logged."""
        parts: list[JobRef] = []
        for grid_job_id in grid_job_ids:
            job = await self.find(grid_job_id, deadline)
            if job is None:
                logger.info("grid job %d is not deleted: %s", grid_job_id, self.why_unknown)
            else:
                parts += job.parts
        await oardel(parts, self._params, deadline.remaining())

    async def hosts(self, job: GridJob, deadline: Deadline) -> list[str]:
        """Return the names of the hosts of a grid job.

        Raises the error of a site that does not answer.
        """
        names: list[str] = []
        for info in (await self._infos(job.parts, deadline)).values():
            if isinstance(info, Error):
                raise info
            names += (info.hosts or []) if info is not None else []
        return names

    async def key(self, job: GridJob, deadline: Deadline) -> str | None:
        """Return the private ssh key of a grid job; None when it has none of its own."""
        return job.key_file

    async def _job(self, record: Record) -> GridJob | None:
        if record.complete:
            return record.job
        return await what_is_left(self._grid, self._store, record, self._params)

    def _note_over(self, record: Record) -> None:
        self._store.remove_key(record.job.grid_job_id)
        if record.complete:
            # it only spares the next question to the sites
            with contextlib.suppress(Error):
                self._store.replace(replace(record, over=True))

    async def _infos(self, parts: Sequence[JobRef], deadline: Deadline) -> Infos:
        by_site: dict[str | None, list[JobRef]] = {}
        for part in parts:
            by_site.setdefault(part.frontend, []).append(part)
        answers = await asyncio.gather(
            *(self._ask(site, asked, deadline) for site, asked in by_site.items())
        )
        return {part: info for answer in answers for part, info in answer.items()}

    async def _ask(self, site: str | None, parts: Sequence[JobRef], deadline: Deadline) -> Infos:
        frontend = self._grid.frontend(site, self._params)
        try:
            found = await fetch_jobs(frontend, [part.job_id for part in parts], deadline)
        except Error as error:
            logger.warning("%s: no news of its jobs: %s", frontend.name, error)
            return dict.fromkeys(parts, error)
        return {part: found.get(part.job_id) for part in parts}


def _told(job: GridJob, infos: Infos) -> GridJob:
    known = [info for part in job.parts if isinstance(info := infos[part], JobInfo)]
    starts = [info.start_date or info.scheduled_start for info in known]
    dates = [start for start in starts if start is not None]
    if dates and len(dates) == len(job.parts):
        job = replace(job, start_date=max(dates))
    users = [info.user for info in known if info.user]
    return replace(job, user=users[0]) if users else job


def _is_over(info: JobInfo | None | Error) -> bool:
    if isinstance(info, Error):
        return False
    return info is None or JobState(info["state"]).final
