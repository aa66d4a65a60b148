"""kanodes3: what the server knows of nodes and operations."""

from dataclasses import dataclass

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.kadeploy.follow import Following
from execo_g5k.sandbox.commands.kadeploy.options import (
    GENERIC,
    ON_NODES,
    Stop,
    Wishes,
    nodes_of,
    reach,
    read_wishes,
    stop,
)
from execo_g5k.sandbox.commands.kadeploy.optparse import Given, Takes
from execo_g5k.sandbox.model.kadeploy.nodesets import by_number
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer, NodeRecord
from execo_g5k.sandbox.model.kadeploy.workflow import Workflow

_SPEC = {
    **GENERIC,
    "s|get-nodes-state": Takes.NOTHING, "d|get-deployments-status": Takes.NOTHING,
    "r|get-reboots-status": Takes.NOTHING, "p|get-powers-status": Takes.NOTHING,
    "c|get-consoles-status": Takes.NOTHING, "a|get-all-status": Takes.NOTHING,
    "f|file": ON_NODES["f|file"], "m|machine": ON_NODES["m|machine"],
    "w|workflow-id": Takes.VALUE,
}  # fmt: skip
_LETTERS = {
    "get-deployments-status": "D", "get-reboots-status": "R", "get-powers-status": "P",
    "get-consoles-status": "C", "get-all-status": "DRP",
}  # fmt: skip


@dataclass
class _Asked:
    operation: str = ""
    wid: str = ""


def kanodes3(call: Call) -> Following:
    """Tell the states of nodes, or the operations."""
    wishes, asked = Wishes(), _Asked()

    def take(given: Given) -> None:
        if given.name == "workflow-id":
            asked.wid = given.value or ""
        else:
            asked.operation = given.name

    try:
        read_wishes(call, "kanodes3", _SPEC, take, wishes)
        if not asked.operation:
            raise stop("You must choose an operation")
        states = asked.operation == "get-nodes-state"
        if not states and wishes.names:
            raise stop("Node list is useless when gathering deployment statuses")
        server = reach(call)
        nodes = nodes_of(server, wishes.names) or tuple(server.nodes)
    except Stop as end:
        return end.reply
    yield ""
    if states:
        records = [server.nodes[node] for node in sorted(nodes, key=by_number)]
        return Reply(0, "---\n" + "".join(map(_told_state, records)))
    return Reply(0, _told_operations(server, asked))


def _told_state(record: NodeRecord) -> str:
    environment = record.environment
    name, version, user = "", "", ""
    if environment is not None:
        name, version, user = environment.name, str(environment.version), environment.user
    lines = [
        f"{record.name}:", f"  state: {record.state}", f"  user: {record.user}",
        "  environment:", f"    name: {name}", f"    version: {version}", f"    user: {user}",
    ]  # fmt: skip
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _told_operations(server: KadeployServer, asked: _Asked) -> str:
    kept = [
        workflow
        for wid, workflow in server.workflows.items()
        if wid[0] in _LETTERS[asked.operation] and asked.wid in ("", wid) and not workflow.aborted
    ]
    told = "".join(_told_operation(server, workflow) for workflow in kept)
    return f"---\n{told}" if told else "--- []\n"


def _told_operation(server: KadeployServer, workflow: Workflow) -> str:
    order, environment = workflow.order, workflow.order.environment
    lines = [
        f"- :wid: {workflow.wid}", f"  :user: {order.user}", f"  :done: {_yes(workflow.done)}",
        f"  :error: {_yes(workflow.error is not None)}",
        f"  :start_time: {int(workflow.started)}",
    ]  # fmt: skip
    if environment is not None:
        known = "" if workflow.done else " 1"
        lines += [
            "  :environment:", f"    :id:{known}", f"    :user: {environment.user}",
            f"    :name: {environment.name}", f"    :version: {environment.version}",
        ]  # fmt: skip
    if workflow.error is None:
        well = [node for node, result in workflow.results.items() if result.ok]
        ill = [node for node, result in workflow.results.items() if not result.ok]
        lines += ["  :logs: true", "  :nodes:", *_nodes("ok", well), *_nodes("ko", ill)]
        if not workflow.done:
            lines += _nodes("processing", workflow.processing)
    end = server.now if workflow.ended is None else workflow.ended
    lines.append(f"  :time: {round(end - workflow.started, 2)}")
    return "".join(f"{line}\n" for line in lines)


def _nodes(name: str, nodes: list[str]) -> list[str]:
    if not nodes:
        return [f"    :{name}: []"]
    return [f"    :{name}:", *(f"    - {node}" for node in nodes)]


def _yes(value: bool) -> str:
    return str(value).lower()
