"""The Kadeploy server of a site: rights, marks on nodes, operations."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.kadeploy.agenda import Agenda
from execo_g5k.sandbox.model.kadeploy.environments import (
    Catalogue,
    Environment,
    public_environments,
)
from execo_g5k.sandbox.model.kadeploy.machines import MINI, STANDARD, Machines, System
from execo_g5k.sandbox.model.kadeploy.nodesets import folded
from execo_g5k.sandbox.model.kadeploy.run import ClusterRun, Surroundings
from execo_g5k.sandbox.model.kadeploy.steps import (
    DEPLOYMENT,
    POWER,
    STEPS,
    Does,
    Macro,
    scaled,
    total,
)
from execo_g5k.sandbox.model.kadeploy.troubles import Troubles
from execo_g5k.sandbox.model.kadeploy.workflow import (
    OLD,
    RECENT,
    Order,
    Refused,
    Result,
    Workflow,
)
from execo_g5k.sandbox.model.site import SiteServer

MARKED = 900.0
"""Seconds after which the mark of an operation that the server lost is worth nothing."""

VLANS = range(1, 22)
"""The networks in which nodes can be put."""

NO_RIGHTS = "You do not have sufficient rights to perform the operation on all the nodes"
_ALL_DISCARDED = "No element has been modified -- All the nodes have been discarded ..."


@dataclass
class NodeRecord:
    """What the server knows of a node."""

    name: str
    cluster: str
    state: str = "prod_env"
    user: str = "root"
    environment: Environment | None = None
    system: System = STANDARD
    marked: float | None = None
    """Until when an operation has it to itself."""
    workflow: str = ""
    """Id of that operation."""
    off: bool = False
    """Whether its power is off."""
    job_id: int | None = None
    """The job for which it has left its standard system."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How the server of a site works."""

    family: str = RECENT
    """Which Kadeploy it is: "3.3" or "3.1"."""
    seconds: float = 2.0
    """How long a deployment lasts."""
    steps: Sequence[Macro] = STEPS
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """Cluster -> what stands before its lines; c1, c2... without."""
    server: str = "localhost"
    """What clients call it when they do not reach it."""


class KadeployServer:
    """What users' ka* commands talk to."""

    def __init__(
        self,
        site: SiteServer,
        machines: Machines,
        setting: Setting | None = None,
        environments: Iterable[Environment] | None = None,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self.site = site
        self.setting = setting or Setting()
        self.up = True
        """Whether it runs."""
        self.troubles = Troubles(self.setting.steps)
        self.catalogue = Catalogue(list(environments or public_environments()))
        self.workflows: dict[str, Workflow] = {}
        rows = site.table.rows
        self.nodes = {
            str(row["network_address"]): NodeRecord(
                str(row["network_address"]), str(row["cluster"])
            )
            for row in rows
            if row["network_address"]
        }
        self._machines = machines
        self._new_id = new_id
        self._agenda = Agenda()
        self._factor = self.setting.seconds / total(self.setting.steps)
        self._runs: dict[str, list[ClusterRun]] = {}
        self._cached: set[str] = set()

    @property
    def now(self) -> float:
        """The date at which it is."""
        return self._agenda.now

    def steps(self, macros: Iterable[Macro] | None = None) -> tuple[Macro, ...]:
        """Return steps, or those of a deployment, with what they last here."""
        return scaled(self.setting.steps if macros is None else macros, self._factor)

    # --- nodes

    def find(self, name: str) -> str | None:
        """Return the full name of a node given by any of its names; None if it is none here."""
        if name in self.nodes:
            return name
        full = f"{name}.{self.site.name}.grid5000.fr"
        return full if "." not in name and full in self.nodes else None

    def job_of(self, node: str, user: str) -> Job | None:
        """Return the job for which a user may deploy a node; None without one."""
        for job in self.site.running_on(node):
            if job.user == user and job.has_type("deploy"):
                return job
        return None

    def forbidden(self, user: str, nodes: Iterable[str]) -> list[str]:
        """Return the nodes that a user may not deploy."""
        return [node for node in nodes if user != "root" and self.job_of(node, user) is None]

    def busy(self, node: str) -> bool:
        """Tell whether an operation has a node."""
        marked = self.nodes[node].marked
        return node in self.troubles.locked or (marked is not None and marked > self.now)

    # --- operations

    def check(self, order: Order) -> None:
        """Refuse an order that is not to be done.

        Raises:
            Refused: no rights on all nodes, or no such network.
        """
        if self.forbidden(order.user, order.nodes):
            raise Refused(6, NO_RIGHTS)
        vlan = order.system.vlan if order.system else None
        if vlan is not None and vlan not in VLANS:
            head, _, tail = order.nodes[0].partition(".")
            raise Refused(9, f"Invalid VLAN -- Cannot resolv {head}-kavlan-{vlan}.{tail}")

    def start(self, order: Order, now: float) -> Workflow:
        """Begin an operation.

        Raises:
            Refused: as `check`.
        """
        self._agenda.set_clock(now)
        self.check(order)
        workflow = Workflow(f"{order.kind.letter}-{self._new_id()}", order, self.now)
        self.workflows[workflow.wid] = workflow
        parts: dict[str, list[str]] = {}
        for record in self.nodes.values():
            if record.name in order.nodes:
                parts.setdefault(record.cluster, []).append(record.name)
        workflow.clusters = tuple(parts)
        self._preface(workflow)
        runs = [self._part(workflow, cluster, nodes) for cluster, nodes in parts.items()]
        self._runs[workflow.wid] = [run for run in runs if run is not None]
        if not self._runs[workflow.wid]:
            workflow.ended = self.now
            if self.setting.family == OLD:
                workflow.log(0, "All the nodes have been discarded ...")
            workflow.error = Refused(14, _ALL_DISCARDED)
        return workflow

    def _preface(self, workflow: Workflow) -> None:
        grabbed = [*self._grab(workflow)]
        header = [*self._header(workflow)]
        old = self.setting.family == OLD
        workflow.lines += [*header, *grabbed] if old else [*grabbed, *header]

    def _grab(self, workflow: Workflow) -> Iterable[str]:
        """Yield what is told of the files that the server has not had yet."""
        order = workflow.order
        image = order.environment.image["file"] if order.environment else ""
        if self.setting.family == OLD:
            image = image.removeprefix("server://")
        keys = f"{order.key_file} {order.system.keys}" if order.key_file and order.system else ""
        key_line = (keys, f"Grab the key file {order.key_file}")
        tarball_line = (image, f"Grab the tarball file {image}")
        both = (key_line, tarball_line)
        for content, line in both[::-1] if self.setting.family == OLD else both:
            if content and content not in self._cached:
                self._cached.add(content)
                yield line

    def _header(self, workflow: Workflow) -> Iterable[str]:
        if len(workflow.clusters) < 2:
            return
        old = self.setting.family == OLD
        yield "" if old else "---"
        yield f"Clusters involved in the {'deployment' if old else 'operation'}:"
        for cluster in workflow.clusters:
            yield f"  [{self._prefix(workflow, cluster)}] : {cluster}"
        yield "" if old else "---"

    def _prefix(self, workflow: Workflow, cluster: str) -> str:
        if len(workflow.clusters) < 2:
            return ""
        unnamed = [name for name in workflow.clusters if name not in self.setting.prefixes]
        known = self.setting.prefixes.get(cluster)
        return known or f"c{unnamed.index(cluster) + 1}"

    def _part(self, workflow: Workflow, cluster: str, nodes: list[str]) -> ClusterRun | None:
        order = workflow.order
        prefix = self._prefix(workflow, cluster)
        noun = order.kind.noun
        workflow.log(1, f"Launching a {noun} on {folded(nodes)}", prefix)
        busy = [node for node in nodes if self.busy(node)]
        if order.kind is DEPLOYMENT and busy and not order.force:
            told = f"The nodes {folded(busy)} are already involved in deployment"
            workflow.log(0, f"{told}, let's discard them", prefix)
            workflow.discarded += busy
            nodes = [node for node in nodes if node not in busy]
        if not nodes:
            return None
        for node in nodes:
            self._mark(workflow, self.nodes[node])
        return ClusterRun(self._surroundings(workflow), workflow, cluster, nodes, prefix)

    def _mark(self, workflow: Workflow, record: NodeRecord) -> None:
        order = workflow.order
        job = self.job_of(record.name, order.user)
        record.state, record.user = order.kind.doing, order.user
        record.marked, record.workflow = self.now + MARKED, workflow.wid
        record.job_id = job.job_id if job else None
        if order.kind is DEPLOYMENT:
            record.environment = order.environment

    def _surroundings(self, workflow: Workflow) -> Surroundings:
        return Surroundings(
            agenda=self._agenda,
            machines=self._machines,
            troubles=self.troubles,
            family=self.setting.family,
            reboot_timeout=self.setting.seconds,
            system_of=lambda node: self.nodes[node].system,
            note=lambda node, result: self._note(workflow, node, result),
            over=lambda run: self._over(workflow, run),
        )

    def _note(self, workflow: Workflow, node: str, result: Result) -> None:
        workflow.results[node] = result
        record = self.nodes[node]
        if record.workflow != workflow.wid:
            # another one was forced upon it
            return
        order = workflow.order
        record.marked = None
        record.off = False
        record.state = order.kind.done if result.ok else order.kind.failed
        if order.kind is DEPLOYMENT and not result.ok:
            record.system = MINI
        elif order.system is not None and result.ok:
            record.system = order.system
        elif any(m.does is Does.MINI for macro in order.steps for m in macro.micros):
            record.system = MINI
        if order.kind is POWER:
            self._note_power(workflow, record)

    def _note_power(self, workflow: Workflow, record: NodeRecord) -> None:
        change = workflow.order.steps[0].name
        if change != "Status":
            record.off = change == "Off"
            record.environment = None
        short = record.name.partition(".")[0]
        workflow.powers[record.name] = f"{short}: {'off' if record.off else 'on'}"

    def _over(self, workflow: Workflow, run: ClusterRun) -> None:
        left = [other for other in self._runs[workflow.wid] if other is not run]
        self._runs[workflow.wid] = left
        if not left:
            workflow.ended = self.now

    # --- ends that others decide

    def cancel(self, wid: str, now: float) -> None:
        """Delete an operation: its nodes are left as they are, free for the next."""
        self._agenda.set_clock(now)
        workflow = self.workflows[wid]
        if workflow.done:
            return
        self._drop(workflow)
        for node in workflow.processing:
            record = self.nodes[node]
            if record.workflow == wid:
                record.state, record.environment, record.marked = "aborted", None, None
                if workflow.order.kind is DEPLOYMENT:
                    record.system = MINI

    def _drop(self, workflow: Workflow) -> None:
        workflow.aborted = True
        for run in self._runs.pop(workflow.wid, []):
            self._agenda.drop(run.activities)

    def set_running(self, *, up: bool) -> None:
        """Start or stop it: then it loses its operations, and the marks of their nodes stay."""
        self.up = up
        for workflow in self.workflows.values():
            if not up and not workflow.done:
                self._drop(workflow)

    # --- time

    def advance(self, now: float) -> float | None:
        """Do all that is due, and return the next date at which something is; None for never."""
        next_date = self._agenda.advance(now)
        for record in self.nodes.values():
            if record.job_id is not None and self._is_over(record.job_id):
                self._give_back(record)
        return next_date

    def _is_over(self, job_id: int) -> bool:
        return self.site.jobs[job_id].state is not State.RUNNING

    def _give_back(self, record: NodeRecord) -> None:
        """Let a node return to its standard system, as at the end of each deploy job."""
        workflow = self.workflows.get(record.workflow)
        if workflow is not None and record.marked is not None:
            self.cancel(workflow.wid, self.now)
        record.state, record.user, record.environment = "prod_env", "root", None
        record.system, record.marked, record.job_id = STANDARD, None, None
        self._machines.stop(record.name)
        self._machines.start(record.name, STANDARD)
