"""What kadeploy3 prints -> which nodes are deployed, which not and why, and who is in which step.

Read as it arrives, cut anywhere, from versions before 3.2 and since. On a terminal errors come
between the rest, and lines end with CR LF. What is not listed is not deployed: the exit status
says nothing (it is 0 when every node failed).
"""

import enum
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from execo_g5k.parse.nodeset import expand_nodes


class NodeState(enum.Enum):
    """Where nodes are in a deployment."""

    STEP = "in step"
    """They are in a step."""
    STEP_FAILED = "failed in step"
    """Kadeploy may try the step again."""
    FINISHED = "finished"
    """Through all steps, not yet listed as deployed."""
    DISCARDED = "discarded"
    """Left out, because another deployment has them."""
    DEPLOYED = "deployed"
    """Listed as deployed."""
    FAILED = "not deployed"
    """Listed as not deployed."""


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """Nodes that entered a state, by the names that kadeploy3 prints."""

    state: NodeState
    nodes: tuple[str, ...]
    macro: str | None = None
    """Macro-step, such as SetDeploymentEnvUntrusted."""
    micro: str | None = None
    """Step in it, such as wait_reboot."""
    detail: str = ""


_LONGEST_LINE = 1 << 16
_LONGEST_REASON = 4000
_LONGEST_WORDS = 500
_KEPT_WORDS = 20

_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*"
_NODE = re.compile(rf"^({_NAME})$")
_NODE_AND_REASON = re.compile(rf"^({_NAME}) \((.*)$")
_NEW_REASON = re.compile(rf"^{_NAME} \((?:stderr: |[A-Za-z]\w*-[\w-]+: )")

_HEADERS = (
    (re.compile(r"^The deployment is successful on nodes$"), True),
    (re.compile(r"^The deployment failed on nodes$"), False),
    (re.compile(r"^Nodes (?:correctly deployed|breakpointed) on cluster \S+$"), True),
    (re.compile(r"^Nodes not correctly deployed on cluster \S+$"), False),
)
_BEFORE_3_2 = re.compile(r"^Nodes (?:correctly|breakpointed) ")

_SERVER_IN_BRACKETS = re.compile(r"^\[([\w.-]+)\] *Deployment #\S+ started$")
_SERVER_IN_PARENTHESES = re.compile(r"^\(([\w.-]+)\) ")
_PADDED_TO = 10
_NODESET = re.compile(r"^\[([\w.-]+)\] (.*)$")

_STARTED = re.compile(r"^Deployment #(\S+) started$")
_LAUNCHING = re.compile(r"^Launching a deployment (?:of \S+ )?on (.+)$")
_MACRO = re.compile(r"^Performing a (?:Deploy\[)?([\w-]+)\]? step$")
_MICRO = re.compile(r"^ {2,3}([A-Za-z][\w-]*)$")
_MICRO_FAILED = re.compile(r"^!!! The nodes (.+) failed on step (\S+)$")
_MACRO_FAILED = re.compile(r"^Step (?:Deploy\[)?([\w-]+)\]? failed for (.+) after \d+s$")
_MACRO_LATE = re.compile(r"^(Timeout in the ([\w-]+) step), let's kill the instance$")
_SPLIT = re.compile(r"^ +\[([\w.-]+)\] (\S.*)$")
_FINISHED = re.compile(r"^(?:End of deployment for|Breakpoint reached for) (.+?)(?: after \d+s)?$")
_GIVEN_UP = re.compile(r"^Deployment failed for (.+) after \d+s$")
_DISCARDED = re.compile(r"^The nodes (.+) are already involved in deployment, let's discard them$")
_INTERRUPTED = re.compile(r"^(?:\^C)*SIGINT trapped")

_SILENT = re.compile(
    r"^(?:---|\s.*|\[dbg\].*|\^C|Deployment #\S+ done|Grab the .*|End of .*|Nodeset \[.*|"
    r"Clusters involved in .*|Deployment status .*|Usage: .*)?$"
)


class KadeployOutput:
    """What one kadeploy3 printed so far.

    Memory stays bounded by the number of nodes, however much is printed.
    """

    def __init__(self) -> None:
        self.deployed: dict[str, None] = {}
        """Nodes listed as deployed."""
        self.failed: dict[str, str] = {}
        """Nodes listed as not deployed, and the reason that is given, which may be empty."""
        self.discarded: dict[str, None] = {}
        """Nodes left out because another deployment has them."""
        self.launched: dict[str, None] = {}
        self.steps: dict[str, NodeEvent] = {}
        """Node -> the last that was heard of it."""
        self.workflow_ids: list[str] = []
        self.interrupted = False
        """It took note of an interruption, and cancels the deployment."""
        self.words: deque[str] = deque(maxlen=_KEPT_WORDS)
        """The last lines that belong to nothing else: errors, warnings."""
        self._partial = {False: "", True: ""}
        self._servers: set[str] = set()
        self._nodesets: dict[str, tuple[str, ...]] = {}
        self._macros: dict[str, str] = {}
        self._section: bool | None = None
        self._open: str | None = None
        self._depth = 0
        self._after_blank = True
        self._in_status = self._in_usage = False

    def feed(self, text: str, *, error: bool = False, end: bool = False) -> list[NodeEvent]:
        """Read text; return what is new of nodes, in order.

        `error`: it was printed on standard error, where that is apart. `end`: no more comes there.
        """
        lines = (self._partial[error] + text).split("\n")
        partial = "" if end else lines.pop()
        # a line without end must not fill the memory: what is behind is of no use
        self._partial[error] = partial[:_LONGEST_LINE]
        events: list[NodeEvent] = []
        for line in lines:
            clean = line[:_LONGEST_LINE].rstrip("\r")
            if error:
                self._keep(clean)
            else:
                events.extend(self._read(self._without_server(clean)))
        return events

    # --- lines

    def _without_server(self, line: str) -> str:
        """Return a line without the name of a server, which `--multi-server` puts before each."""
        started = _SERVER_IN_BRACKETS.match(line)
        if started:
            self._servers.add(started[1])
        match = _SERVER_IN_PARENTHESES.match(line)
        if match and (self._open is None or match[1] in self._servers):
            self._servers.add(match[1])
            return line[match.end() :]
        for server in self._servers:
            mark = f"[{server}]"
            if line.startswith(mark):
                return line[len(mark) :] if len(mark) > _PADDED_TO else line[_PADDED_TO:]
        return line

    def _read(self, line: str) -> Iterator[NodeEvent]:
        before, self._after_blank = self._after_blank, not line
        header = self._header(line, before)
        if header is not None:
            self._section, self._open = header, None
        elif self._open is not None and not self._begins_next(line):
            self._go_on(line)
        elif self._section is not None and (line.startswith(" ") or self._listed(line)):
            yield from self._list(line)
        else:
            self._section = None
            yield from self._progress(line)

    # --- the lists at the end

    def _header(self, line: str, after_blank: bool) -> bool | None:
        found = next((deployed for regex, deployed in _HEADERS if regex.match(line)), None)
        if self._open is None or found is None:
            return found
        # a reason may hold any text; only old versions have a list behind one, after a blank
        return found if after_blank and _BEFORE_3_2.match(line) else None

    def _listed(self, line: str) -> bool:
        return bool(_NODE.match(line) or (self._section is False and _NODE_AND_REASON.match(line)))

    def _list(self, line: str) -> Iterator[NodeEvent]:
        if node := _NODE.match(line):
            yield from self._settle(node[1], "")
        elif entry := _NODE_AND_REASON.match(line):
            yield from self._settle(entry[1], "")
            self._open, self._depth = entry[1], 1
            self._go_on(entry[2])

    def _settle(self, node: str, reason: str) -> Iterator[NodeEvent]:
        if self._section:
            self.deployed[node] = None
            event = NodeEvent(NodeState.DEPLOYED, (node,))
        else:
            self.failed.setdefault(node, reason)
            event = NodeEvent(NodeState.FAILED, (node,))
        self.steps[node] = event
        yield event

    def _begins_next(self, line: str) -> bool:
        """Tell whether a line begins the next node although a parenthesis is open."""
        if not _NEW_REASON.match(line):
            return False
        name = line.partition(" ")[0]
        return name in self.launched and name not in self.deployed and name not in self.failed

    def _go_on(self, line: str) -> None:
        """Read a line of the reason of the node `_open`: it ends at its own parenthesis."""
        node = self._open or ""
        self._depth += line.count("(") - line.count(")")
        ended = self._depth <= 0 and line.endswith(")")
        text = line[:-1] if ended else line
        known = self.failed[node]
        self.failed[node] = (f"{known}\n{text}" if known else text)[:_LONGEST_REASON]
        if ended:
            self.failed[node] = self.failed[node].removeprefix("stderr: ").strip()
            self._open = None

    # --- what comes before

    def _progress(self, line: str) -> Iterator[NodeEvent]:
        if self._skipped(line):
            return
        nodeset, text = "", line
        match = _NODESET.match(line)
        if match and match[1] != "dbg":
            nodeset, text = match.groups()
        event = self._event(nodeset, text)
        if event is not None:
            for node in event.nodes:
                self.steps[node] = event
            if event.nodes:
                yield event
        elif not self._note(nodeset, text) and not _SILENT.match(text):
            self._keep(line)

    def _skipped(self, line: str) -> bool:
        # a status, asked for by a key, lists nodes too; a usage follows errors of old versions
        if line.startswith("Deployment status ("):
            self._in_status = True
        elif line.startswith("Usage: "):
            self._in_usage = True
        elif self._in_status and line == "---":
            self._in_status = False
            return True
        return self._in_status or self._in_usage

    def _event(self, nodeset: str, text: str) -> NodeEvent | None:
        macro = self._macros.get(nodeset)
        own = self._nodesets.get(nodeset, ())
        if match := _MACRO.match(text):
            self._macros[nodeset] = match[1]
            return NodeEvent(NodeState.STEP, own, match[1])
        if (match := _MICRO.match(text)) and macro is not None:
            return NodeEvent(NodeState.STEP, own, macro, match[1])
        if match := _MICRO_FAILED.match(text):
            nodes = expand_nodes(match[1])
            return NodeEvent(NodeState.STEP_FAILED, nodes, macro, match[2])
        if match := _MACRO_FAILED.match(text):
            return NodeEvent(NodeState.STEP_FAILED, expand_nodes(match[2]), match[1])
        if match := _MACRO_LATE.match(text):
            return NodeEvent(NodeState.STEP_FAILED, own, match[2], detail=match[1])
        if match := _FINISHED.match(text):
            return NodeEvent(NodeState.FINISHED, expand_nodes(match[1]))
        if match := _GIVEN_UP.match(text):
            return NodeEvent(NodeState.STEP_FAILED, expand_nodes(match[1]), macro)
        if match := _DISCARDED.match(text):
            nodes = expand_nodes(match[1])
            self.discarded.update(dict.fromkeys(nodes))
            self._nodesets[nodeset] = tuple(node for node in own if node not in nodes)
            return NodeEvent(NodeState.DISCARDED, nodes, detail="already in another deployment")
        return None

    def _note(self, nodeset: str, text: str) -> bool:
        """Take note of a line that moves no node; tell whether it is one."""
        if match := _STARTED.match(text):
            self.workflow_ids.append(match[1])
        elif match := _LAUNCHING.match(text):
            self._nodesets[nodeset] = expand_nodes(match[1])
            self.launched.update(dict.fromkeys(self._nodesets[nodeset]))
        elif match := _SPLIT.match(text):
            self._split(nodeset, match[1], expand_nodes(match[2]))
        elif _INTERRUPTED.match(text):
            self.interrupted = True
        else:
            return False
        return True

    def _split(self, parent: str, nodeset: str, nodes: tuple[str, ...]) -> None:
        self._nodesets[nodeset] = nodes
        # the part that goes on does not name its step again
        macro = self._macros.get(parent) or self._macros.get(nodeset.rpartition(".")[0])
        if macro is not None:
            self._macros.setdefault(nodeset, macro)

    def _keep(self, line: str) -> None:
        if line.strip():
            self.words.append(line[:_LONGEST_WORDS])
