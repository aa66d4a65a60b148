"""kaconsole3: the console of a node, on a terminal."""

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.kadeploy.follow import Following
from execo_g5k.sandbox.commands.kadeploy.options import (
    GENERIC,
    ON_NODES,
    Stop,
    Wishes,
    add_nodes,
    nodes_of,
    reach,
    read_wishes,
    refused,
    stop,
)
from execo_g5k.sandbox.commands.kadeploy.optparse import Given
from execo_g5k.sandbox.model.kadeploy.server import NO_RIGHTS
from execo_g5k.sandbox.model.kadeploy.workflow import Refused

_SPEC = {**GENERIC, "m|machine": ON_NODES["m|machine"]}

KILL_SEQUENCE = "[Kaconsole] kill sequence: ^[^[^[^[\n"
NO_TERMINAL = "Kaconsole output must be a TTY.\n"


def kaconsole3(call: Call) -> Following:
    """Connect to the console of a node; what is no terminal is refused."""
    wishes = Wishes()

    def take(given: Given) -> None:
        raise stop(f"Option parsing error: invalid option: {given.text}")

    try:
        read_wishes(call, "kaconsole3", _SPEC, take, wishes)
        for word in wishes.words:
            # later versions have the node as an argument
            add_nodes(wishes, word)
        if not wishes.names:
            raise stop("No node is chosen")
        server = reach(call)
        node = nodes_of(server, wishes.names)[0]
        if server.forbidden(call.user, [node]):
            raise refused(Refused(6, NO_RIGHTS))
    except Stop as end:
        return end.reply
    yield KILL_SEQUENCE
    if not call.terminal:
        return Reply(1, NO_TERMINAL)
    return Reply(0, console=node)
