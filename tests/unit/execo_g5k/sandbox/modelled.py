"""A modelled site, an executor that runs nothing, and a clock driven by hand."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.platform import checked_sites, resource_rows
from execo_g5k.sandbox.model.request import parse_request
from execo_g5k.sandbox.model.site import Pace, SiteServer
from execo_g5k.sandbox.model.table import ResourceTable

NOW = 1_800_000_000
ALL_DAY = 86400


def table_of(**clusters) -> ResourceTable:
    """Return the resources of Lyon, with these clusters."""
    return ResourceTable(resource_rows("lyon", checked_sites({"lyon": clusters})["lyon"], "172.16"))


class FakeExecutor:
    """Records what it is told, and ends the jobs that it is told to kill after `grace` seconds."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []
        self.grace: float = 0
        self.durations: dict[int, float] = {}
        self.ends: list[tuple[float, Job, int]] = []
        self.now = float(NOW)

    def prepare(self, job: Job) -> None:
        """Nothing is found there."""

    def launch(self, job: Job) -> None:
        self.calls.append(("launch", job.job_id))
        if job.job_id in self.durations:
            self.ends.append((self.now + self.durations[job.job_id], job, 0))

    def kill(self, job: Job) -> None:
        self.calls.append(("kill", job.job_id))
        self.ends.append((self.now + self.grace, job, 9))

    def signal(self, job: Job, number: int) -> None:
        self.calls.append((f"signal {number}", job.job_id))


class Lab:
    """A site on a clock driven by hand."""

    def __init__(self, pace: Pace | None = None, first_job_id: int = 1, **clusters) -> None:
        self.executor = FakeExecutor()
        self.table = table_of(**clusters)
        self.site = SiteServer("lyon", self.table, self.executor, pace, first_job_id)
        self.watchers: list[Callable[[], object]] = []
        self.due: float | None = None

    @property
    def now(self) -> float:
        return self.executor.now

    def submit(self, *requests: str, walltime: int = 100, **options) -> Job:
        """Submit a job; a request without a walltime lasts `walltime` seconds."""
        parsed = [parse_request(text) for text in requests or ("nodes=1",)]
        asked = tuple(
            r if r.walltime is not None else replace(r, walltime=walltime) for r in parsed
        )
        given: dict[str, Any] = {
            "user": "ann", "properties": "", "queue": "default", "command": "true",
            "directory": "/home/ann", "stdout_file": "out", "stderr_file": "err",
            "initial_request": "", "submission_date": int(self.now),
        }  # fmt: skip
        duration = options.pop("duration", None)

        def make(job_id: int) -> Job:
            if duration is not None:
                self.executor.durations[job_id] = duration
            return Job(**given | options, job_id=job_id, array_id=job_id, requests=asked)

        job = self.site.submit(make, self.now)
        self.settle()
        return job

    def reserve(self, request: str = "nodes=1", *, after: float, **options) -> Job:
        """Submit a reservation that starts after some seconds."""
        return self.submit(request, reservation_date=int(self.now + after), **options)

    def delete(self, job: Job, user: str = "ann"):
        answer = self.site.delete(job.job_id, user, self.now)
        self.settle()
        return answer

    def end(self, job: Job, status: int = 0) -> None:
        """Have the command of a job end."""
        self.site.ended(job, status, self.now)
        self.settle()

    def set_node(self, name: str, state: str) -> None:
        self.site.set_node_state(f"{name}.lyon.grid5000.fr", state, self.now)
        self.settle()

    def settle(self) -> None:
        """Do all that is due now."""
        while True:
            self.due = self.site.advance(self.now)
            for watch in self.watchers:
                watch()
            over = [end for end in self.executor.ends if end[0] <= self.now]
            if not over:
                return
            self.executor.ends = [end for end in self.executor.ends if end[0] > self.now]
            for _, job, status in over:
                self.site.ended(job, status, self.now)

    def wait(self, seconds: float = 2) -> None:
        """Let time pass, from one date at which something is due to the next."""
        last = self.now + seconds
        self.settle()
        while True:
            dates = [date for date, _, _ in self.executor.ends]
            if self.due is not None:
                assert self.due > self.now, "what was due is not done"
                dates.append(self.due)
            self.executor.now = min([*dates, last])
            self.settle()
            if self.now >= last:
                return

    def nodes(self, job: Job) -> list[str]:
        """Return the short names of the nodes of a job."""
        return [host.partition(".")[0] for host in self.table.hosts(job.resources)]

    def in_state(self, state: State) -> list[int]:
        return [job.job_id for job in self.site.jobs.values() if job.state is state]


def kinds(job: Job) -> list[str]:
    """Return what happened to a job."""
    return [event.kind for event in job.events]
