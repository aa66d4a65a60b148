"""One round of the scheduler: conservative backfilling.

Jobs are looked at in order; each gets the first date at which what it asks for is free beside what
was promised to those before it, so none is delayed by one behind it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.request import Request
from execo_g5k.sandbox.model.table import ResourceTable
from execo_g5k.sandbox.model.timeline import Timeline

BESTEFFORT = "besteffort"

NO_SLOT = "No enough matching resources (no_matching_slot)"


@dataclass(frozen=True)
class Chance:
    """When a job can start; `start` None for never, and `reason` says why."""

    start: float | None = None
    request: Request | None = None
    resources: int = 0
    evicted: tuple[Job, ...] = ()
    """Besteffort jobs that must go before."""
    reason: str = ""


class Round:
    """What is promised to whom, as a round goes on."""

    def __init__(self, table: ResourceTable, live: Sequence[Job], now: float, rest: float) -> None:
        """`live`: jobs that are not over; `rest`: seconds between two jobs on a node."""
        self._table = table
        self._now = now
        self._rest = rest
        self._besteffort = [j for j in live if j.state.has_nodes and j.queue == BESTEFFORT]
        self._containers = {j.job_id: j for j in live if j.has_type("container")}
        self._lines: dict[int | None, Timeline] = {}
        self._found: dict[tuple[object, ...], dict[int, float]] = {}
        self._line(None, table.alive)
        for job in live:
            if job.state.has_nodes and job.queue != BESTEFFORT:
                self._promise(job, now, self._end_of(job), job.resources)
            elif job.reserved:
                start = float(job.start_date)
                self._promise(job, start, start + job.walltime + rest, job.reserved)
        self._with_besteffort = False

    def _line(self, container: int | None, free: int = 0) -> Timeline:
        if container not in self._lines:
            self._lines[container] = Timeline(free, self._now)
        return self._lines[container]

    def _end_of(self, job: Job) -> float:
        end = job.start_date + job.walltime
        # one that should be over already goes within moments
        return max(float(end), self._now + 1) + self._rest

    def _promise(self, job: Job, start: float, end: float, resources: int) -> None:
        line = self._line_of(job)
        if line is not None:
            line.take(resources, start, end)

    def _line_of(self, job: Job) -> Timeline | None:
        inner = job.type_value("inner")
        if inner is None:
            return self._line(None)
        container = self._containers.get(int(inner) if inner.isdecimal() else -1)
        if container is None or container.state is not State.RUNNING:
            return None
        return self._line(container.job_id, container.resources)

    def fit(self, job: Job, request: Request, earliest: float) -> tuple[float, int] | None:
        """Return the first date from `earliest` on, and the resources, for a request of a job."""
        line = self._line_of(job)
        if line is None:
            return None
        key = (request.groups, job.properties, job.type_value("inner"))
        walltime = request.walltime or 0
        known = self._found.setdefault(key, {})
        # what is promised only grows: the same is not to be had earlier, for as long or longer
        before = [start for duration, start in known.items() if duration <= walltime]
        first = max([earliest, *before])
        found = line.first_fit(
            walltime + self._rest,
            lambda free: self._table.choose(request, job.properties, free & self._table.alive),
            first,
        )
        if first > earliest or earliest <= self._now:
            known[walltime] = math.inf if found is None else found[0]
        return found

    def place(self, job: Job, earliest: float) -> Chance:
        """Promise a job what it asks for, the alternative that ends first."""
        if job.queue == BESTEFFORT:
            self._take_besteffort()
        best: tuple[float, float, int, Request] | None = None
        for request in job.requests:
            found = self.fit(job, request, earliest)
            if found is not None:
                end = found[0] + (request.walltime or 0)
                if best is None or end < best[0]:
                    best = (end, *found, request)
        if best is None:
            return Chance(reason=NO_SLOT)
        end, start, resources, request = best
        self._promise(job, start, end + self._rest, resources)
        return Chance(start, request, resources, self.in_the_way(job, resources, start))

    def in_the_way(self, job: Job, resources: int, start: float) -> tuple[Job, ...]:
        """Return the besteffort jobs that hold resources of a job that could start now."""
        if start > self._now or job.queue == BESTEFFORT:
            return ()
        return tuple(other for other in self._besteffort if other.resources & resources)

    def _take_besteffort(self) -> None:
        if not self._with_besteffort:
            self._with_besteffort = True
            self._found.clear()
            for job in self._besteffort:
                self._promise(job, self._now, self._end_of(job), job.resources)


def first_chance(promised: Round, job: Job, jobs: Mapping[int, Job], now: float) -> Chance:
    """Return when a waiting job can start, and promise it that."""
    if job.reserved and job.request is not None:
        start = float(job.start_date)
        others = promised.in_the_way(job, job.reserved, now) if start <= now else ()
        return Chance(max(start, now), job.request, job.reserved, others)
    earliest = now
    for job_id in job.dependencies:
        before = jobs.get(job_id)
        if before is None:
            return Chance(
                reason=f"Cannot determine scheduling time due to dependency with the job {job_id}"
            )
        if not before.state.final:
            start_of = before.start_date if before.state.has_nodes else before.predicted_start
            if start_of is None:
                return Chance(
                    reason="Cannot determine scheduling time due to dependency with the job"
                    f" {job_id}"
                )
            earliest = max(earliest, start_of + before.walltime + 1)
    return promised.place(job, earliest)
