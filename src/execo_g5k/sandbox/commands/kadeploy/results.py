"""The last lines of an operation: the nodes that are well and those that are not."""

from collections.abc import Iterator

from execo_g5k.sandbox.model.kadeploy.nodesets import by_number
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import Workflow


def parted(
    server: KadeployServer, workflow: Workflow
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield each cluster of an operation with its nodes that are well and those that are not."""
    for cluster in workflow.clusters:
        nodes = [n for n in workflow.results if server.nodes[n].cluster == cluster]
        nodes.sort(key=by_number)
        well = [node for node in nodes if workflow.results[node].ok]
        yield cluster, well, [node for node in nodes if node not in well]


def told_results(server: KadeployServer, workflow: Workflow) -> str:
    """Return what is printed since Kadeploy 3.2: one block for all clusters."""
    operation = workflow.order.kind.operation
    parts = [*parted(server, workflow)]
    well = [node for _, nodes, _ in parts for node in nodes]
    ill = [node for _, _, nodes in parts for node in nodes]
    lines = [""]
    if well:
        lines += [f"The {operation} is successful on nodes", *well]
    if ill:
        lines.append(f"The {operation} failed on nodes")
        lines += [f"{node} ({_cause(workflow, node)})" for node in ill]
    return "\n".join(lines) + "\n"


def told_results_of_clusters(server: KadeployServer, workflow: Workflow) -> str:
    """Return what is printed before Kadeploy 3.2: a block for each cluster."""
    lines = []
    for cluster, well, ill in parted(server, workflow):
        if well or ill:
            lines.append("")
        if well:
            lines += [f"Nodes correctly deployed on cluster {cluster}", *well]
        if ill:
            lines.append(f"Nodes not correctly deployed on cluster {cluster}")
            causes = [_cause(workflow, node).removesuffix("\n") for node in ill]
            lines += [f"{node} (stderr: {cause})" for node, cause in zip(ill, causes, strict=True)]
    return "\n".join(lines) + "\n" if lines else ""


def _cause(workflow: Workflow, node: str) -> str:
    result = workflow.results[node]
    return f"{result.step}: {result.error}"
