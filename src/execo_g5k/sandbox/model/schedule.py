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

PATIENCE = 300
"""Seconds that a reservation waits for its nodes to be alive, before it does without."""

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
        self._live = live
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

    def _line(self, container: int | None, free: int = 0, end: float = math.inf) -> Timeline:
        if container not in self._lines:
            self._lines[container] = Timeline(free, self._now)
            if not math.isinf(end):
                self._lines[container].take(free, end, math.inf)
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
            # one that outlives its container keeps its nodes
            return self._line(None) if job.state.has_nodes else None
        return self._line(container.job_id, container.resources, self._end_of(container))

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
        evicted = self.in_the_way(job, resources, start)
        if evicted:
            resources = self._sparing(job, request, resources, end)
            evicted = self.in_the_way(job, resources, start)
        self._promise(job, start, end + self._rest, resources)
        return Chance(start, request, resources, evicted)

    def _sparing(self, job: Job, request: Request, resources: int, end: float) -> int:
        """Return as many resources as those given, without besteffort jobs if there are such."""
        line = self._line_of(job)
        if line is None:
            return resources
        free = line.free(self._now, end + self._rest) & self._table.alive
        for other in self._besteffort:
            free &= ~other.resources
        spared = self._table.choose(request, job.properties, free)
        if spared is None or spared.bit_count() < resources.bit_count():
            return resources
        return spared

    def in_the_way(self, job: Job, resources: int, start: float) -> tuple[Job, ...]:
        """Return the besteffort jobs that hold resources of a job that could start now."""
        if start > self._now or job.queue == BESTEFFORT:
            return ()
        return self._holders(self._besteffort, job, resources)

    def _holders(self, jobs: Sequence[Job], job: Job, resources: int) -> tuple[Job, ...]:
        # an inner job and its container don't take each other's resources
        line = self._line_of(job)
        return tuple(
            other
            for other in jobs
            if other is not job and other.resources & resources and self._line_of(other) is line
        )

    def reserved(self, job: Job) -> Chance:
        """Return when a job gets what was promised to it at its submission."""
        start = float(job.start_date)
        if self._line_of(job) is None:
            return Chance(reason=NO_SLOT)
        if start > self._now:
            return Chance(start, job.request, job.reserved)
        usable = job.reserved & self._table.alive
        if usable != job.reserved and (not usable or self._now < start + PATIENCE):
            last = start + PATIENCE
            return Chance(last if last > self._now else None, job.request, job.reserved)
        others = [j for j in self._live if j.state.has_nodes and j.queue != BESTEFFORT]
        late = [self._end_of(other) for other in self._holders(others, job, usable)]
        if late:
            # jobs that last longer than they had promised
            return Chance(max(late), job.request, usable)
        return Chance(self._now, job.request, usable, self.in_the_way(job, usable, start))

    def _take_besteffort(self) -> None:
        if not self._with_besteffort:
            self._with_besteffort = True
            self._found.clear()
            for job in self._besteffort:
                self._promise(job, self._now, self._end_of(job), job.resources)


def first_chance(promised: Round, job: Job, jobs: Mapping[int, Job], now: float) -> Chance:
    """Return when a waiting job can start, and promise it that."""
    if job.reserved and job.request is not None:
        return promised.reserved(job)
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
            # one that should be over already is not yet
            earliest = max(earliest, start_of + before.walltime + 1, now + 1)
    return promised.place(job, earliest)
