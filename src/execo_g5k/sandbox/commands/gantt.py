"""`oarstat --gantt`: which resources jobs have had, have and will have between two dates."""

import re
from collections.abc import Iterator
from typing import Any

from execo_g5k.sandbox.commands.call import Call
from execo_g5k.sandbox.commands.oarnodes import resource_data
from execo_g5k.sandbox.model.dates import read_date
from execo_g5k.sandbox.model.jobs import Job
from execo_g5k.sandbox.model.table import ids_of

_DATE = r"\s*(\d{4}-\d{1,2}-\d{1,2}\s+\d{1,2}:\d{1,2}:\d{1,2})\s*"
_RANGE = re.compile(f"{_DATE},{_DATE}")


def gantt(call: Call, text: str) -> dict[str, Any] | None:
    """Return what is known between "DATE, DATE"; None if the text is no such thing.

    The site remembers no states of resources: what is not alive is dead from now on.
    """
    match = _RANGE.search(text)
    if match is None:
        return None
    first, last = (read_date(text, call.zone) for text in match.groups())
    if first is None or last is None:
        return None
    table = call.site.table
    ill = table.all & ~table.alive
    return {
        "resources": [resource_data(row) for row in table.rows],
        "jobs": {str(job.job_id): _data(call, job) for job in _between(call, first, last)},
        "dead_resources": {str(n): [[int(call.now), last]] for n in ids_of(ill)},
    }


def _between(call: Call, first: int, last: int) -> Iterator[Job]:
    for job in call.site.jobs.values():
        start, stop = _times(job)
        if _resources(job) and start < last and stop > first:
            yield job


def _times(job: Job) -> tuple[int, int]:
    start = int(job.start_date or job.predicted_start or 0)
    return start, job.stop_date if job.state.final else start + job.walltime


def _resources(job: Job) -> int:
    return job.resources or job.reserved


def _data(call: Call, job: Job) -> dict[str, Any]:
    start, stop = _times(job)
    ids = list(ids_of(_resources(job)))
    data: dict[str, Any] = {
        "job_id": job.job_id,
        "job_name": job.name,
        "job_type": "INTERACTIVE" if job.interactive else "PASSIVE",
        "user": job.user,
        "project": job.project,
        "queue_name": job.queue,
        "state": job.state.value,
        "command": job.command,
        "launching_directory": job.directory,
        "properties": job.properties,
        "submission_time": job.submission_date,
        "start_time": start,
        "stop_time": stop,
        "walltime": job.walltime,
        "resource_id": ids,
        "network_address": [call.site.table.rows[n - 1]["network_address"] for n in ids],
    }
    # jobs to come are told without their types
    return data | ({"types": list(job.types)} if job.state.final else {})
