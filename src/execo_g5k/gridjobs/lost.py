"""Grid jobs recorded here whose submission never ended: its process died, or was interrupted."""

import asyncio
import logging

from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import Grid
from execo_g5k.gridjobs.record import GridJob
from execo_g5k.gridjobs.store import GridStore, Record
from execo_g5k.jobs import JobRef, JobState
from execo_g5k.stray import Mark, find_marked

logger = logging.getLogger("execo")

_LATE = 600.0
"""Seconds after which an oarsub whose caller has gone submits nothing more."""


async def what_is_left(
    grid: Grid, store: GridStore, record: Record, params: FrontendParams
) -> GridJob | None:
    """Return a grid job of which only the beginning is recorded, with its jobs that are alive.

    None when there is none: then its record goes away, once it is old enough for that to be sure.
    """
    sites = list(dict.fromkeys(record.sites))
    answers = await asyncio.gather(
        *(
            find_marked(
                grid.frontend(site, params), Mark(record.mark), grid.clock, submitting=False
            )
            for site in sites
        )
    )
    left = tuple(
        JobRef(job_id, site)
        for site, answer in zip(sites, answers, strict=True)
        for job_id, info in sorted((answer or {}).items())
        if not JobState(info["state"]).final
    )
    job = record.job
    if left:
        logger.warning(
            "grid job %d: its submission was cut, these jobs are left: %s;"
            " delete them with oargriddel([%d])",
            job.grid_job_id,
            list(map(tuple, left)),
            job.grid_job_id,
        )
        return GridJob(
            job.grid_job_id,
            left,
            job.submission_date,
            walltime=job.walltime,
            user=job.user,
            program=job.program,
            directory=job.directory,
            command_line=job.command_line,
            key_file=job.key_file,
        )
    old = grid.clock.time() - (job.submission_date or 0) > _LATE
    if old and all(answer is not None for answer in answers):
        store.remove(job.grid_job_id)
    return None
