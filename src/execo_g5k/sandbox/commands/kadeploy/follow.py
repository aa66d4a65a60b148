"""An operation as its client sees it: started, followed, interrupted, over."""

from collections.abc import Callable, Generator

from execo_g5k.sandbox.commands.call import Call, Event, Reply
from execo_g5k.sandbox.commands.kadeploy.options import Wishes, refused, stop
from execo_g5k.sandbox.commands.kadeploy.results import parted, told_results
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import Order, Refused, Workflow

Following = Generator[str, Event, Reply]

_TERM = 15
_PORT = 25300


def ordered(call: Call, server: KadeployServer, order: Order, wishes: Wishes) -> Following:
    """Have the server do something, and follow it unless that is not wanted.

    Raises:
        Stop: the server says no.
    """
    try:
        if wishes.dry_run:
            server.check(order)
            return Reply()
        workflow = server.start(order, call.now)
    except Refused as error:
        raise refused(error) from None
    if wishes.wid_file:
        call.files.write(wishes.wid_file, workflow.wid)
    if not wishes.wait:
        path = f"/{order.kind.noun.partition(' ')[0]}/{workflow.wid}/"
        return Reply(0, f"{workflow.wid} {path}\n")
    return (yield from _followed(call, server, workflow, wishes))


def _followed(call: Call, server: KadeployServer, workflow: Workflow, wishes: Wishes) -> Following:
    kind = workflow.order.kind
    title = f"{kind.title} #{workflow.wid}"
    told = _prefixed(wishes.prefix)
    event = yield told(f"{title} started\n")
    seen = 0
    while True:
        if event is Event.INT:
            server.cancel(workflow.wid, server.now)
            return Reply(1, "\nSIGINT trapped\n", unflushed=True)
        if event is Event.TERM:
            return Reply(dies_of=_TERM)
        if event is Event.ENTER:
            event = yield told(_status(server, workflow))
            continue
        _check(server, workflow)
        over = workflow.done
        fresh = workflow.lines[seen:]
        seen += len(fresh)
        event = yield told("".join(f"{line}\n" for line in fresh))
        if over:
            break
    if workflow.error is not None:
        raise refused(workflow.error)
    _write_nodes(call, server, workflow, wishes)
    status = _powers(workflow)
    results = told_results(server, workflow)
    return Reply(0, told(f"{status}{title} done\n{results}"), script=wishes.script or None)


def _check(server: KadeployServer, workflow: Workflow) -> None:
    if not server.up:
        name = server.setting.server
        cause = f'Connection refused - connect(2) for "{name}" port {_PORT}'
        where = f"{name}:{_PORT}"
        text = f"Invalid request on {where} (Failed to open TCP connection to {where} ({cause}))"
        raise stop(text)
    if workflow.aborted:
        raise refused(Refused(1, "Invalid workflow ID"))


def _prefixed(prefix: str) -> Callable[[str], str]:
    def told(text: str) -> str:
        return "".join(f"{prefix}{line}" for line in text.splitlines(keepends=True))

    return told


def _status(server: KadeployServer, workflow: Workflow) -> str:
    """Return what Enter on the terminal shows."""
    ill = [node for node, result in workflow.results.items() if not result.ok]
    well = [n for n in workflow.order.nodes if n not in ill and n not in workflow.discarded]
    seconds = round(server.now - workflow.started)
    lines = ["---", f"{workflow.order.kind.title} status ({seconds}s):"]
    for state, nodes in (("OK", well), ("KO", ill)):
        if nodes:
            lines += [f"  [{state}]", *(f"    {node}" for node in nodes)]
    return "\n".join([*lines, "---"]) + "\n"


def _write_nodes(call: Call, server: KadeployServer, workflow: Workflow, wishes: Wishes) -> None:
    for _, well, ill in parted(server, workflow):
        for file, nodes in ((wishes.ok_file, well), (wishes.ko_file, ill)):
            if file:
                call.files.append(file, "".join(f"{node}\n" for node in nodes))


def _powers(workflow: Workflow) -> str:
    """Return what `kapower3 --status` shows."""
    if workflow.order.steps[0].name != "Status":
        return ""
    states = (f"{node}: {workflow.powers[node]}\n" for node in sorted(workflow.powers))
    return f"---\n{''.join(states)}---\n"
