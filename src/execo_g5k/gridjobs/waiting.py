"""Wait until all jobs of a grid job run."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from execo.times import Deadline
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import Grid
from execo_g5k.jobs import Ended, JobRef, Started
from execo_g5k.watch import Outcome, Watched


class GridWatched(NamedTuple):
    """The end of a wait for a grid job, and the job that decided it."""

    outcome: Outcome
    part: JobRef | None = None


async def watch_all(
    grid: Grid, parts: Sequence[JobRef], params: FrontendParams, deadline: Deadline
) -> GridWatched:
    """Wait until all parts run at the same time, or one of them never will.

    Raises as `wait_oar_job_start`.
    """
    found = await _watch_each(grid, parts, params, deadline.remaining())
    if found.outcome and len(parts) > 1:
        # the first to start may have ended since
        found = await _watch_each(grid, parts, params, deadline.remaining())
    return found


async def _watch_each(
    grid: Grid, parts: Sequence[JobRef], params: FrontendParams, seconds: float | None
) -> GridWatched:
    tasks = {
        asyncio.create_task(grid.watcher(site, params).until_started(job_id, seconds)): part
        for part in parts
        for job_id, site in [part]
    }
    pending: set[asyncio.Task[Watched]] = set(tasks)
    try:
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if not (outcome := task.result().outcome):
                    return GridWatched(_named(outcome, tasks[task]), tasks[task])
    finally:
        await _cancelled(pending)
    return GridWatched(Started())


def _named(outcome: Outcome, part: JobRef) -> Outcome:
    if not isinstance(outcome, Ended):
        return outcome
    told = ": ".join(filter(None, [f"job {part.job_id} of {part.frontend}", outcome.message]))
    return dataclasses.replace(outcome, message=told)


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
