"""The part of an operation on one cluster: sets of nodes that go through the steps, and split."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from execo_g5k.sandbox.model.kadeploy.agenda import Activity, Agenda
from execo_g5k.sandbox.model.kadeploy.machines import MINI, STANDARD_PARTITION, Machines, System
from execo_g5k.sandbox.model.kadeploy.nodesets import by_number, folded
from execo_g5k.sandbox.model.kadeploy.steps import Does, Macro, Micro
from execo_g5k.sandbox.model.kadeploy.troubles import SSH, SYSTEM, UNREACHABLE, Doom, Troubles
from execo_g5k.sandbox.model.kadeploy.workflow import OLD, Result, Workflow

_LEVELS = ("soft", "hard", "very_hard")
_POLLS = 20
_RULE = "-------------------------"


@dataclass
class NodeSet:
    """Nodes that go through the steps together."""

    number: int
    nodes: list[str]
    prefix: str
    """What stands before its lines, in brackets; "" for nothing."""

    @property
    def name(self) -> str:
        """What it is called when it splits."""
        return self.prefix or str(self.number)


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a run works with."""

    agenda: Agenda
    machines: Machines
    troubles: Troubles
    family: str
    reboot_timeout: float
    system_of: Callable[[str], System]
    """What a node runs now."""
    note: Callable[[str, Result], None]
    """Told what became of a node."""
    over: Callable[["ClusterRun"], None]
    """Told the end."""


class ClusterRun:
    """An operation on nodes of one cluster."""

    def __init__(
        self,
        around: Surroundings,
        workflow: Workflow,
        cluster: str,
        nodes: list[str],
        prefix: str,
    ) -> None:
        """`prefix`: what stands before its lines; "" when there is one cluster only."""
        self.cluster = cluster
        self.activities: list[Activity] = []
        self._around = around
        self._workflow = workflow
        self._order = workflow.order
        self._prefix = prefix
        self._sets = 0
        self._live = 0
        self._started = self._now
        taken = ((node, around.troubles.take_doom(node)) for node in nodes)
        self._dooms: dict[str, Doom] = {node: doom for node, doom in taken if doom is not None}
        self._launch(NodeSet(0, sorted(nodes, key=by_number), prefix), 0, 0)

    @property
    def _now(self) -> float:
        return self._around.agenda.now

    def _since(self, date: float) -> str:
        return f"{round(self._now - date)}s"

    def _log(self, level: int, text: str, prefix: str | None = None) -> None:
        self._workflow.log(level, text, self._prefix if prefix is None else prefix)

    def _told(self, macro: Macro) -> str:
        old = self._around.family == OLD
        return macro.name if old else f"{self._order.kind.step}[{macro.name}]"

    # --- sets of nodes

    def _launch(self, nodeset: NodeSet, position: int, attempt: int) -> None:
        self._live += 1
        activity = self._follow(nodeset, position, attempt)
        self.activities.append(activity)
        self._around.agenda.start(activity)

    def _follow(self, nodeset: NodeSet, position: int, attempt: int) -> Activity:
        for index in range(position, len(self._order.steps)):
            if self._stops_at(nodeset, self._order.steps[index].name):
                break
            yield from self._macro(nodeset, index, attempt)
            attempt = 0
            if not nodeset.nodes:
                break
        else:
            noun, nodes = self._order.kind.noun, folded(nodeset.nodes)
            self._log(1, f"End of {noun} for {nodes} after {self._since(self._started)}")
            self._succeed(nodeset)
        self._live -= 1
        if not self._live:
            end = f"End of {self._order.kind.noun} on cluster {self.cluster}"
            self._log(1, f"{end} after {self._since(self._started)}")
            self._around.over(self)

    def _succeed(self, nodeset: NodeSet) -> None:
        for node in nodeset.nodes:
            self._around.note(node, Result(ok=True))
        nodeset.nodes = []

    def _stops_at(self, nodeset: NodeSet, place: str) -> bool:
        if self._order.breakpoint != place:
            return False
        self._log(1, f"Breakpoint reached for {folded(nodeset.nodes)}", nodeset.prefix)
        self._succeed(nodeset)
        return True

    # --- steps

    def _macro(self, nodeset: NodeSet, index: int, attempt: int) -> Activity:
        macro = self._order.steps[index]
        begin = self._now
        prefix = nodeset.prefix
        self._log(1, f"Performing a {self._told(macro)} step", prefix)
        for micro in macro.micros:
            if self._stops_at(nodeset, f"{macro.name}:{micro.name}"):
                return
            prefix = nodeset.prefix
            self._log(3, f"  {micro.name}", prefix)
            if macro.timeout is not None and self._now + micro.seconds > begin + macro.timeout:
                yield max(0.0, begin + macro.timeout - self._now)
                text = f"Timeout in the {macro.name} step"
                self._log(1, f"{text}, let's kill the instance", prefix)
                failed = {
                    n: Result(False, f"{macro.name}-{micro.name}", text) for n in nodeset.nodes
                }
                self._divide(nodeset, failed, index, attempt, micro, begin, quiet=True)
                return
            failed = yield from self._micro(nodeset, macro, micro, attempt)
            if failed:
                self._divide(nodeset, failed, index, attempt, micro, begin)
            if not nodeset.nodes:
                return
        self._log(1, f"End of step {self._told(macro)} after {self._since(begin)}", prefix)

    def _micro(
        self, nodeset: NodeSet, macro: Macro, micro: Micro, attempt: int
    ) -> Generator[float, None, dict[str, Result]]:
        begin, nodes = self._now, [*nodeset.nodes]
        if micro.detail:
            level = _LEVELS[min(_LEVELS.index(self._order.level) + attempt, 2)]
            told = micro.detail.format(level=level, nodes=folded(nodes))
            self._log(3, told, nodeset.prefix)
        dooms = {node: self._dooms[node] for node in nodes if node in self._dooms}
        reasons = {n: doom.reason for n, doom in dooms.items() if doom.strikes(macro, micro)}
        if micro.does is Does.STOP:
            for node in nodes:
                self._around.machines.stop(node)
        if micro.does in (Does.MINI, Does.SYSTEM):
            coming = [node for node in nodes if node not in reasons]
            reasons |= yield from self._boot(micro, coming, late=bool(reasons))
        else:
            yield micro.seconds
        if self._order.debug and micro.command:
            self._debug(nodeset, micro, reasons)
        self._log(4, f"   ~ Time in {micro.name}: {self._since(begin)}", nodeset.prefix)
        step = f"{macro.name}-{micro.name}"
        return {node: Result(False, step, reason) for node, reason in reasons.items()}

    def _boot(
        self, micro: Micro, nodes: list[str], *, late: bool
    ) -> Generator[float, None, dict[str, str]]:
        """Let nodes boot, and return why some do not; `late`: others are waited for in vain."""
        machines = self._around.machines
        timeout = self._order.reboot_timeout or self._around.reboot_timeout
        slower = self._around.troubles.slowest(nodes)
        yield min(micro.seconds / 2 + slower, timeout)
        if slower < timeout:
            for node in nodes:
                machines.start(node, self._system(node, micro))
        yield micro.seconds / 2
        end = self._now + timeout
        while self._now < end and (late or not all(map(machines.answers, nodes))):
            yield timeout / _POLLS
        return {node: UNREACHABLE for node in nodes if not machines.answers(node)}

    def _system(self, node: str, micro: Micro) -> System:
        if micro.does is Does.MINI:
            return MINI
        system = self._order.system
        if system is None:
            return self._around.system_of(node)
        spoilt = self._around.troubles.take_spoiler(node)
        if spoilt == SYSTEM:
            return replace(system, partition=STANDARD_PARTITION)
        return replace(system, silent=spoilt == SSH)

    def _debug(self, nodeset: NodeSet, micro: Micro, reasons: dict[str, str]) -> None:
        for node in nodeset.nodes:
            command = micro.command.format(node=node.partition(".")[0])
            lines = [_RULE, f"NODE: {node}", _RULE, f"COMMAND: {command}"]
            lines += [f"STDERR: {line}" for line in reasons.get(node, "").splitlines()]
            lines.append(f"STATUS: {1 if node in reasons else 0}")
            self._log(0, "\n".join(f"[dbg] {line}" for line in lines), "")

    # --- failures

    def _divide(
        self,
        nodeset: NodeSet,
        failed: dict[str, Result],
        index: int,
        attempt: int,
        micro: Micro,
        begin: float,
        *,
        quiet: bool = False,
    ) -> None:
        """Part the nodes that fail from the others, and let them try again or give them up."""
        macro = self._order.steps[index]
        lost = [node for node in nodeset.nodes if node in failed]
        nodeset.nodes = [node for node in nodeset.nodes if node not in failed]
        whole = not nodeset.nodes
        old = self._around.family == OLD
        mourned = NodeSet(nodeset.number, lost, nodeset.prefix)
        told = [
            f"!!! The nodes {folded(lost)} failed on step {micro.name}",
            f"Step {self._told(macro)} failed for {folded(lost)} after {self._since(begin)}",
        ]
        before = nodeset.prefix
        split = "" if whole else self._split(nodeset, mourned)
        if quiet or (whole and not old and not self._order.kind.tells_all):
            told = []
        for line in [split, *told] if old else [*told, split]:
            if line:
                self._log(1, line, before)
        if attempt < macro.retries:
            self._launch(mourned, index, attempt + 1)
            return
        if old:
            title = self._order.kind.title
            self._log(1, f"{title} failed for {folded(lost)} after {self._since(self._started)}")
        for node in lost:
            self._around.note(node, failed[node])

    def _split(self, nodeset: NodeSet, mourned: NodeSet) -> str:
        """Name the parts of a set, and return how that is told."""
        name = nodeset.name
        lines = ["---", f"Nodeset [{name}] split into :"]
        for part in (nodeset, mourned):
            self._sets += 1
            part.number = self._sets
            part.prefix = f"{self._prefix}.{self._sets}" if self._prefix else str(self._sets)
            lines.append(f"  [{part.prefix}] {folded(part.nodes)}")
        return "\n".join([*lines, "---"])
