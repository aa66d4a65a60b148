"""kadeploy3 before 3.2: all it says is on standard output, and it nearly always exits with 0."""

from collections.abc import Callable

from execo_g5k.sandbox.commands.call import Call, Event, Reply
from execo_g5k.sandbox.commands.kadeploy.follow import Following
from execo_g5k.sandbox.commands.kadeploy.options import Stop, Wishes, read_wishes, server_of
from execo_g5k.sandbox.commands.kadeploy.optparse import Takes
from execo_g5k.sandbox.commands.kadeploy.results import parted, told_results_of_clusters
from execo_g5k.sandbox.commands.kadeploy.wanted import Deployment, chosen, deployment, take
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import Order, Refused, Workflow

_SPEC = {
    "a|env-file": Takes.VALUE, "b|block-device": Takes.VALUE, "c|boot-partition": Takes.VALUE,
    "d|debug-mode": Takes.NOTHING, "e|env-name": Takes.VALUE, "f|file": Takes.VALUE,
    "h|help": Takes.NOTHING, "i|server-info": Takes.NOTHING, "k|key": Takes.MAYBE,
    "m|machine": Takes.VALUE, "multi-server": Takes.NOTHING, "n|output-ko-nodes": Takes.VALUE,
    "o|output-ok-nodes": Takes.VALUE, "p|partition-number": Takes.VALUE,
    "r|reformat-tmp": Takes.VALUE, "s|script": Takes.VALUE, "u|user": Takes.VALUE,
    "v|version": Takes.NOTHING, "vlan": Takes.VALUE, "w|set-pxe-profile": Takes.VALUE,
    "set-pxe-pattern": Takes.VALUE, "x|upload-pxe-files": Takes.VALUE,
    "env-version": Takes.VALUE, "server": Takes.VALUE, "V|verbose-level": Takes.VALUE,
    "write-workflow-id": Takes.VALUE, "ignore-nodes-deploying": Takes.NOTHING,
    "disable-bootloader-install": Takes.NOTHING, "disable-disk-partitioning": Takes.NOTHING,
    "breakpoint": Takes.VALUE, "set-custom-operations": Takes.VALUE,
    "reboot-classical-timeout": Takes.VALUE, "reboot-kexec-timeout": Takes.VALUE,
    "force-steps": Takes.VALUE,
}  # fmt: skip
_RENAMED = {
    "user": "env-user", "ignore-nodes-deploying": "force",
    "set-custom-operations": "custom-steps",
}  # fmt: skip

_NO_FILE = "Unable to grab the file"
_NOT_LOADED = "The environment cannot be loaded from the file you specified (error #206)"
_TERM = """\
[ERROR] Server disconnection: an exception was raised (localhost:25310)
---- SignalException ----
SIGTERM
---- Stack trace ----
/usr/lib/kadeploy3/kadeploy_client.rb:392:in `join'
/usr/lib/kadeploy3/kadeploy_client.rb:392:in `block in <main>'
/usr/lib/kadeploy3/kadeploy_client.rb:390:in `each'
/usr/lib/kadeploy3/kadeploy_client.rb:390:in `<main>'
---------------------
"""


def kadeploy31(call: Call) -> Following:
    """Deploy an environment on nodes, and tell for each cluster which of them have it.

    Raises:
        Stop: it does not begin.
    """
    wishes, wanted = Wishes(old=True), Deployment()
    _read(call, wishes, wanted)
    server = server_of(call)
    if not server.up:
        raise Stop(Reply(1, f"The {call.site.name} server is unreachable\n"))
    order = _order(call, server, wishes, wanted)
    try:
        workflow = server.start(order, call.now)
    except Refused as error:
        raise _error(str(error)) from None
    if wishes.wid_file:
        call.files.write(wishes.wid_file, workflow.wid)
    return (yield from _followed(call, server, workflow, wishes))


def _read(call: Call, wishes: Wishes, wanted: Deployment) -> None:
    try:
        read_wishes(
            call, "kadeploy31", _SPEC, lambda given: take(call, given, wanted), wishes, _RENAMED
        )
    except Stop as end:
        if end.reply.exit_code == 0:
            raise
        text = end.reply.stderr.rstrip("\n")
        if text.startswith(_NO_FILE):
            text = f"{_NOT_LOADED}\n{text}"
        raise _wrong(f"{text}.") from None
    if not wishes.names:
        raise _wrong("You must specify some nodes to deploy.")


def _wrong(text: str) -> Stop:
    return Stop(Reply(1, f"ERROR: {text}\n---\n{usage('kadeploy31')}"))


def _error(text: str, before: str = "") -> Stop:
    return Stop(Reply(0, f"{before}ERROR: {text}\n"))


def _order(call: Call, server: KadeployServer, wishes: Wishes, wanted: Deployment) -> Order:
    nodes = []
    for name in wishes.names:
        full = server.find(name)
        if full is None:
            raise _error(f"The node {name} does not exist")
        nodes.append(full)
    if not wanted.name and wanted.described is None:
        raise _error("You must choose an environment")
    environment = chosen(server, call.user, wanted)
    if environment is None:
        why = "Maybe the version number does not exist or it belongs to another user"
        text = f"The environment {wanted.name} cannot be loaded. {why}\n"
        raise Stop(Reply(0, text))
    device = f"{wanted.device}{wanted.partition}"
    told = "".join(
        f"You do not have the rights to deploy on the node {node}:{device}\n"
        for node in server.forbidden(call.user, nodes)
    )
    if told:
        raise _error("You do not have the right to deploy on all the nodes", told)
    return deployment(server, call.user, tuple(dict.fromkeys(nodes)), environment, wanted, wishes)


def _followed(call: Call, server: KadeployServer, workflow: Workflow, wishes: Wishes) -> Following:
    told = _prefixed(wishes.prefix)
    seen = 0
    try:
        while True:
            over = workflow.done
            fresh = workflow.lines[seen:]
            seen += len(fresh)
            event = yield told("".join(f"{line}\n" for line in fresh))
            if over:
                break
            if event is Event.INT:
                return Reply(1, "\nSIGINT trapped, let's clean everything ...\n")
            if event is Event.TERM:
                return Reply(0, _TERM)
            if not server.up:
                return Reply(1, _TERM.replace("SIGTERM", "connection closed"))
    finally:
        # the server aborts what nobody looks at any more
        server.cancel(workflow.wid, server.now)
    if workflow.error is not None:
        raise _error("All the nodes have been discarded (error #201)")
    _write_nodes(call, server, workflow, wishes)
    results = told(told_results_of_clusters(server, workflow))
    return Reply(0, results, script=wishes.script or None)


def _prefixed(prefix: str) -> Callable[[str], str]:
    def told(text: str) -> str:
        if not prefix:
            return text
        lines = (line for line in text.splitlines() if line)
        return "".join(f"{prefix}{line}\n" for line in lines)

    return told


def _write_nodes(call: Call, server: KadeployServer, workflow: Workflow, wishes: Wishes) -> None:
    parts = [*parted(server, workflow)]
    well = "".join(f"{node}\n" for _, nodes, _ in parts for node in nodes)
    ill = "".join(f"{node}\n" for _, _, nodes in parts for node in nodes)
    for file, nodes in ((wishes.ok_file, well), (wishes.ko_file, ill)):
        if file:
            call.files.delete(file)
        if file and nodes:
            call.files.write(file, nodes)
