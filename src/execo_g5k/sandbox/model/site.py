"""The OAR server of a site: what happens to jobs, from their submission to their end.

Nothing here waits or runs anything: `advance` does all that is due at a date, the executor is told
what to run, and tells what became of it.
"""

import enum
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from execo_g5k.sandbox.model.dates import told_date
from execo_g5k.sandbox.model.jobs import Event, Job, State
from execo_g5k.sandbox.model.networks import SiteNetworks
from execo_g5k.sandbox.model.platform import DOMAIN
from execo_g5k.sandbox.model.request import Request, told_duration
from execo_g5k.sandbox.model.schedule import Round, first_chance
from execo_g5k.sandbox.model.table import ResourceTable

QUEUES = {"admin": 10, "production": 4, "default": 3, "testing": 2, "besteffort": 0}
"""Name of a queue -> its priority."""

_SCHEDULED = " (Karma=0.000,quota_ok)"


class Executor(Protocol):
    """What runs the commands of jobs. It calls `ended`, or `failed`, of the site in the end."""

    def prepare(self, job: Job) -> None:
        """Give a job what it finds on its nodes."""

    def launch(self, job: Job) -> None:
        """Start the command of a job."""

    def kill(self, job: Job) -> None:
        """End all processes of a job."""

    def signal(self, job: Job, number: int) -> None:
        """Send a signal to the command of a job."""


@dataclass(frozen=True)
class Pace:
    """How fast the server works, in seconds."""

    launch: float = 0.3
    """From the decision to start a job to its start."""
    finish: float = 0.2
    """From the end of its processes to its final state."""
    between_jobs: float = 1.0
    """A node rests between two jobs."""


class Deletion(enum.Enum):
    """What comes of the wish to delete a job."""

    REGISTERED = "registered"
    NOT_YOURS = "not yours"
    TWICE = "twice"


class NotEnoughResources(ValueError):
    """A request that the whole site could never satisfy."""


class SiteServer:
    """The jobs and resources of a site."""

    def __init__(
        self,
        name: str,
        table: ResourceTable,
        executor: Executor,
        pace: Pace | None = None,
        first_job_id: int = 1,
    ) -> None:
        self.name = name
        self.table = table
        self.networks = SiteNetworks(name, 0)
        self.jobs: dict[int, Job] = {}
        self.up = True
        """Whether the server runs; without it commands find the database alone."""
        self.database_up = True
        self.mute = False
        """Whether the scheduler gives no answer."""
        self.silent_nodes: set[str] = set()
        """Nodes that died without OAR knowing it."""
        self._executor = executor
        self._pace = pace or Pace()
        self._now = 0.0
        self._events = 0
        self._next_id = first_job_id
        self._due: list[tuple[float, Callable[[], object]]] = []
        self._changed = False
        self._next_round: float | None = None

    # --- what is asked of it

    def submit(self, job: Callable[[int], Job], now: float) -> Job:
        """Record a job, made by `job` from its id.

        Raises:
            BadSql: a condition of it is none.
            NotEnoughResources: nothing there can satisfy it.
        """
        made = job(self.next_job_id)
        self._now = max(self._now, now)
        most = [self._most(made, request) for request in made.requests]
        made.message = told_request(made, most[0])
        self.jobs[made.job_id] = made
        self._next_id += 1
        if made.is_reservation:
            self._validate(made)
        self._changed = True
        return made

    @property
    def next_job_id(self) -> int:
        """The id of the next job that is submitted."""
        return self._next_id

    def _most(self, job: Job, request: Request) -> int:
        for group in request.groups:
            self.table.check_levels(group)
        found = self._count(job, request)
        if not found:
            raise NotEnoughResources("There are not enough resources for your request")
        return found

    def _count(self, job: Job, request: Request) -> int:
        return (self.table.choose(request, job.properties, self.table.all) or 0).bit_count()

    def delete(self, job_id: int, user: str, now: float) -> Deletion:
        """Delete a job for a user."""
        job = self.jobs.get(job_id)
        if job is None or user not in (job.user, "root", "oar"):
            return Deletion.NOT_YOURS
        if job.killed or job.state is State.ERROR:
            return Deletion.TWICE
        self._now = max(self._now, now)
        if job.state is State.TERMINATED:
            # OAR takes the wish, which has no effect
            return Deletion.REGISTERED
        self._frag(job, user)
        return Deletion.REGISTERED

    def hold(self, job: Job) -> bool:
        """Keep a waiting job from being scheduled; tell whether that is possible."""
        if job.state is not State.WAITING:
            return False
        job.state = State.HOLD
        job.predicted_start = None
        self._changed = True
        return True

    def resume(self, job: Job) -> bool:
        """Let a held job be scheduled; tell whether it was held."""
        if job.state is not State.HOLD:
            return False
        job.state = State.WAITING
        self._changed = True
        return True

    def signal(self, job: Job, number: int) -> None:
        """Send a signal to the command of a running job."""
        self._executor.signal(job, number)

    def lengthen(self, job: Job, seconds: int, now: float) -> None:
        """Change the walltime of a running job."""
        self._now = max(self._now, now)
        job.walltime_granted += seconds
        granted = told_change(job.walltime_granted)
        text = (
            f"walltime changed: {told_duration(job.walltime)} (granted: {granted}/pending: 0:0:0)"
        )
        self._event(job, "WALLTIME", f" {text}")
        self._watch_walltime(job)
        self._changed = True

    def set_node_state(self, address: str, state: str, now: float) -> None:
        """Change the state of a node: Alive, Suspected, Absent, Dead."""
        self._now = max(self._now, now)
        self.table.set_state(self.table.of_host(address), state)
        self._changed = True

    def running_on(self, address: str) -> list[Job]:
        """Return the jobs that run on a node."""
        mask = self.table.of_host(address)
        return [job for job in self.live() if job.state is State.RUNNING and job.resources & mask]

    def head(self, job: Job) -> str:
        """Return where a job is: its first node; the frontend if it has vlans or subnets alone."""
        nodes = self.table.hosts(job.resources)
        return nodes[0] if nodes else f"frontend.{self.name}.{DOMAIN}"

    def live(self) -> Iterator[Job]:
        """Yield the jobs that are not over."""
        return (job for job in self.jobs.values() if not job.state.final)

    # --- what the executor tells

    def ended(self, job: Job, status: int, now: float) -> None:
        """Note the end of the command of a job, with its status as wait(2) gives it."""
        self._now = max(self._now, now)
        if job.state.final or job.state is State.FINISHING:
            return
        if not job.killed:
            job.exit_status = status
        self._finish(job, State.ERROR if job.killed else State.TERMINATED)

    def failed(self, job: Job, kind: str, description: str, now: float) -> None:
        """Note that the command of a job could not be started."""
        self._now = max(self._now, now)
        if not job.state.final and job.state is not State.FINISHING:
            self._finish(job, State.ERROR, (kind, description))

    def _finish(self, job: Job, final: State, cause: tuple[str, str] | None = None) -> None:
        job.state = State.FINISHING
        job.stop_date = int(self._now)

        def end() -> None:
            job.state = final
            word = "ERROR" if final is State.ERROR else "TERMINATE"
            ask = f"[bipbip {job.job_id}] Ask to change the job state"
            self._event(job, f"SWITCH_INTO_{word}_STATE", ask)
            if cause is not None:
                self._event(job, *cause)
            self._changed = True

        self._at(self._now + self._pace.finish, end)

    # --- time

    def advance(self, now: float) -> float | None:
        """Do all that is due, and return the next date at which something is; None for never."""
        if not (self.up and self.database_up):
            return None
        self._now = max(self._now, now)
        while True:
            due = [item for item in self._due if item[0] <= self._now]
            if due:
                self._due = [item for item in self._due if item[0] > self._now]
                for _, call in sorted(due, key=lambda item: item[0]):
                    call()
            elif self._next_round is not None and self._next_round <= self._now:
                self._next_round = None
                self._changed = True
            elif self._changed and not self.mute:
                self._changed = False
                self._schedule()
            else:
                break
        dates = [date for date, _ in self._due]
        if self._next_round is not None:
            dates.append(self._next_round)
        return min(dates, default=None)

    def _at(self, date: float, call: Callable[[], object]) -> None:
        self._due.append((date, call))

    def _wake(self) -> None:
        self._changed = True

    # --- the scheduler

    def _schedule(self) -> None:
        rest = self._pace.between_jobs
        promised = Round(self.table, [*self.live()], self._now, rest)
        self._next_round = None
        for job in self._waiting():
            if self._reservation_over(job):
                continue
            chance = first_chance(promised, job, self.jobs, self._now)
            self._note(job, chance.start, chance.reason)
            if chance.start is None or chance.request is None:
                continue
            if chance.start > self._now:
                self._next_round = min(chance.start, self._next_round or chance.start)
            elif chance.evicted:
                for other in chance.evicted:
                    self._evict(other)
            else:
                self._launch(job, chance.request, chance.resources)

    def _waiting(self) -> list[Job]:
        waiting = [job for job in self.live() if job.state is State.WAITING and not job.killed]
        return sorted(
            waiting,
            key=lambda job: (not job.reserved, -QUEUES.get(job.queue, 0), job.job_id),
        )

    def _note(self, job: Job, start: float | None, problem: str) -> None:
        job.predicted_start = start
        if job.is_reservation:
            return
        if start is None:
            job.message = problem
        elif not job.message.endswith(_SCHEDULED) or not job.message.startswith("R="):
            job.message = told_request(job, self._count(job, job.requests[0])) + _SCHEDULED

    def _launch(self, job: Job, request: Request, resources: int) -> None:
        job.state = State.TO_LAUNCH
        job.request, job.resources = request, resources
        job.start_date = int(self._now + self._pace.launch)
        job.predicted_start = job.start_date
        job.message = told_request(job, resources.bit_count())
        if not job.is_reservation:
            job.message += _SCHEDULED
        else:
            self._reduce_walltime(job)
            self._reduce_resources(job)
        self._at(self._now + self._pace.launch / 2, lambda: self._launching(job))

    def _launching(self, job: Job) -> None:
        if job.state is State.TO_LAUNCH:
            job.state = State.LAUNCHING
            self._at(self._now + self._pace.launch / 2, lambda: self._run(job))

    def _run(self, job: Job) -> None:
        if job.state is not State.LAUNCHING or job.killed:
            return
        lost = [host for host in self.table.hosts(job.resources) if host in self.silent_nodes]
        if lost:
            self._suspect(job, lost)
            return
        job.state = State.RUNNING
        job.start_date = int(self._now)
        # inner jobs may wait for it
        self._changed |= job.has_type("container")
        self._watch_walltime(job)
        self._executor.prepare(job)
        if not (job.interactive or job.has_type("noop")) and job.command:
            self._executor.launch(job)

    def _watch_walltime(self, job: Job) -> None:
        end = job.start_date + job.walltime
        self._at(end, lambda: self._end_of_walltime(job))
        if job.checkpoint:
            self._at(end - job.checkpoint, lambda: self._checkpoint(job))

    def _checkpoint(self, job: Job) -> None:
        date = job.start_date + job.walltime - job.checkpoint
        if job.state is not State.RUNNING or job.killed or job.checkpointed or date > self._now:
            return
        job.checkpointed = True
        self._executor.signal(job, job.signal)

    # --- reservations

    def _validate(self, job: Job) -> None:
        start = float(job.reservation_date or 0)
        if start + job.walltime <= self._now:
            self._refuse(job, "Reservation too old")
            return
        live = [other for other in self.live() if other is not job]
        promised = Round(self.table, live, self._now, self._pace.between_jobs)
        for request in job.requests:
            fit = promised.fit(job, request, max(start, self._now))
            if fit is not None and fit[0] <= max(start, self._now):
                job.request, job.reserved = request, fit[1]
                job.start_date = job.reservation_date or 0
                job.predicted_start = start
                self._at(start + job.walltime, self._wake)
                return
        later = promised.fit(job, job.requests[0], start)
        date = "never" if later is None else told_date(later[0] + self._pace.between_jobs)
        self._refuse(job, f"This reservation could run at {date}")

    def _refuse(self, job: Job, why: str) -> None:
        job.message = why
        job.state = State.ERROR
        job.start_date = job.stop_date = job.reservation_date or 0

    def _reservation_over(self, job: Job) -> bool:
        if not job.reserved or job.start_date + job.walltime > self._now:
            return False
        job.message = "Reservation expired and couldn't be started."
        job.state = State.ERROR
        job.stop_date = job.start_date
        return True

    def _reduce_walltime(self, job: Job) -> None:
        late = int(self._now) - (job.reservation_date or 0)
        if late > 0 and job.request is not None:
            left = max(0, (job.request.walltime or 0) - late)
            job.request = replace(job.request, walltime=left)
            text = f"Change walltime to {left} after the reservation was late by {late} seconds"
            self._event(job, "REDUCE_RESERVATION_WALLTIME", text)

    def _reduce_resources(self, job: Job) -> None:
        if job.resources != job.reserved:
            text = f"[MetaSched] Reduce the number of resources for the job {job.job_id}"
            self._event(job, "SCHEDULER_REDUCE_NB_RESSOURCES_FOR_RESERVATION", text)

    # --- ends that others decide

    def _frag(self, job: Job, user: str) -> None:
        job.killed = True
        self._event(job, "FRAG_JOB_REQUEST", f"User {user} requested to frag the job {job.job_id}")
        self._changed = True
        if job.state is State.RUNNING:
            self._send_kill(job)
        else:
            self._at(self._now + self._pace.finish, lambda: self._drop(job))

    def _send_kill(self, job: Job) -> None:
        node = self.head(job)
        text = f"[Leon] Send the kill signal to oarexec on {node} for job {job.job_id}"
        self._event(job, "SEND_KILL_JOB", text)
        if job.interactive or job.has_type("noop") or not job.command:
            self.ended(job, 0, self._now)
        self._executor.kill(job)

    def _drop(self, job: Job) -> None:
        """End a job that never ran."""
        if job.state.final:
            return
        if job.state is State.RUNNING:
            self._send_kill(job)
            return
        if not job.state.has_nodes:
            job.message = "Job killed by Leon directly"
        job.state = State.ERROR
        job.stop_date = job.start_date
        job.reserved = 0
        self._changed = True

    def _end_of_walltime(self, job: Job) -> None:
        end = job.start_date + job.walltime
        if job.state is not State.RUNNING or job.killed or end > self._now:
            return
        self._event(job, "FRAG_JOB_REQUEST", f"User root requested to frag the job {job.job_id}")
        text = (
            f"[sarko] Job [{job.job_id}] from {job.start_date} with {job.walltime};"
            f" current time={int(self._now)} (Elapsed)"
        )
        self._event(job, "WALLTIME", text)
        job.killed = True
        self._send_kill(job)

    def _evict(self, job: Job) -> None:
        if not job.killed and job.state is not State.FINISHING:
            self._event(job, "BESTEFFORT_KILL", f"[MetaSched] kill the besteffort job {job.job_id}")
            self._frag(job, "root")

    # --- nodes that fail

    def _suspect(self, job: Job, nodes: Sequence[str]) -> None:
        text = f"[bipbip] OAR suspects nodes for the job {job.job_id} : {' '.join(nodes)}"
        for node in nodes:
            self.table.set_state(self.table.of_host(node), "Suspected")
        job.state = State.ERROR
        job.stop_date = job.start_date
        self._event(job, "CPUSET_ERROR", text)
        self._changed = True
        if not (job.is_reservation or job.interactive):
            copy = self.copy_of(job, int(self._now))
            text = (
                f"[NodeChangeState] Resubmiting job {job.job_id} => {copy.job_id}) (due to event"
                " CPUSET_ERROR & job is neither a reservation nor an interactive job)"
            )
            self._event(job, "RESUBMIT_JOB_AUTOMATICALLY", text)

    def copy_of(self, job: Job, date: int) -> Job:
        """Submit a job again, as it was."""
        job_id = self.next_job_id
        fresh: dict[str, Any] = {
            "state": State.WAITING, "request": None, "resources": 0, "reserved": 0,
            "predicted_start": None, "start_date": 0, "stop_date": 0, "walltime_granted": 0,
            "exit_status": None, "killed": False, "checkpointed": False,
        }  # fmt: skip
        copy = replace(
            job, **fresh, job_id=job_id, array_id=job_id, array_index=1, events=[],
            submission_date=date, resubmitted=job.job_id,
        )  # fmt: skip
        copy.message = told_request(copy, self._count(copy, copy.requests[0]))
        self.jobs[job_id] = copy
        self._next_id += 1
        for other in self.live():
            # what waited for the one waits for the other
            other.dependencies = tuple(job_id if d == job.job_id else d for d in other.dependencies)
        if copy.is_reservation:
            self._validate(copy)
        self._changed = True
        return copy

    def _event(self, job: Job, kind: str, description: str) -> None:
        self._events += 1
        job.events.append(Event(self._events, int(self._now), kind, description))


def told_request(job: Job, resources: int) -> str:
    """Return the message of a job: its resources, walltime, kind, name, project and types."""
    kind = "R" if job.is_reservation else "I" if job.interactive else "B"
    words = [f"R={resources}", f"W={told_duration(job.walltime)}", f"J={kind}"]
    if job.name:
        words.append(f"N={job.name}")
    if job.project != "default":
        words.append(f"P={job.project}")
    if job.types:
        words.append("T=" + "|".join(kind.partition("=")[0] for kind in job.types))
    return ",".join(words)


def told_change(seconds: int) -> str:
    """Return a change of a walltime as OAR tells it: "+1:0:0"."""
    return f"{'+' if seconds > 0 else ''}{told_duration(seconds)}"
