"""kareboot3 and kapower3: reboot nodes, and switch them on and off."""

from dataclasses import dataclass, field

from execo_g5k.sandbox.commands.call import Call
from execo_g5k.sandbox.commands.kadeploy.follow import Following, ordered
from execo_g5k.sandbox.commands.kadeploy.options import (
    ON_NODES,
    Stop,
    Wishes,
    check_wishes,
    nodes_of,
    reach,
    read_wishes,
    stop,
)
from execo_g5k.sandbox.commands.kadeploy.optparse import BadOption, Given, Takes
from execo_g5k.sandbox.commands.kadeploy.wanted import Deployment, chosen, deployment, take
from execo_g5k.sandbox.model.kadeploy.machines import System
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.steps import POWER, POWERS, REBOOT, REBOOTS, Kind, Macro
from execo_g5k.sandbox.model.kadeploy.workflow import Order

_REBOOT = {
    **ON_NODES,
    "b|block-device": Takes.VALUE, "c|check-destructive-tag": Takes.NOTHING,
    "e|env-name": Takes.VALUE, "k|key": Takes.MAYBE, "l|op-level": Takes.VALUE,
    "p|partition-number": Takes.VALUE, "r|reboot-kind": Takes.VALUE, "u|env-user": Takes.VALUE,
    "vlan": Takes.VALUE, "w|set-pxe-profile": Takes.VALUE, "set-pxe-pattern": Takes.VALUE,
    "x|upload-pxe-files": Takes.VALUE, "env-version": Takes.VALUE,
    "reboot-classical-timeout": Takes.VALUE,
}  # fmt: skip
_POWER = {
    **ON_NODES,
    "l|op-level": Takes.VALUE, "off": Takes.NOTHING, "on": Takes.NOTHING,
    "status": Takes.NOTHING,
}  # fmt: skip
_LEVELS = ("soft", "hard", "very_hard")


@dataclass
class _Change:
    kind: str
    level: str = "soft"
    wanted: Deployment = field(default_factory=Deployment)


def kareboot3(call: Call) -> Following:
    """Reboot nodes."""
    wishes, change = Wishes(), _Change("simple")
    try:
        read_wishes(call, "kareboot3", _REBOOT, lambda given: _take(call, given, change), wishes)
        check_wishes(wishes)
        server = reach(call)
        nodes = nodes_of(server, wishes.names)
        steps = server.steps([REBOOTS[change.kind]])
        system = None
        if change.kind == "recorded_env":
            system = _recorded(server, call, nodes, change.wanted, wishes)
        order = _order(REBOOT, call.user, nodes, steps, change, wishes, system)
        return (yield from ordered(call, server, order, wishes))
    except Stop as end:
        return end.reply


def kapower3(call: Call) -> Following:
    """Switch nodes on or off, or tell which they are."""
    wishes, change = Wishes(), _Change("")
    try:
        read_wishes(call, "kapower3", _POWER, lambda given: _take(call, given, change), wishes)
        check_wishes(wishes)
        if not change.kind:
            raise stop("You must choose an operation")
        server = reach(call)
        nodes = nodes_of(server, wishes.names)
        steps = server.steps([POWERS[change.kind]])
        order = _order(POWER, call.user, nodes, steps, change, wishes)
        return (yield from ordered(call, server, order, wishes))
    except Stop as end:
        return end.reply


def _take(call: Call, given: Given, change: _Change) -> None:
    value = given.value or ""
    if given.name == "reboot-kind":
        if value not in REBOOTS:
            raise BadOption(f"invalid argument: {given.text} {value}")
        change.kind = value
    elif given.name == "op-level":
        if value not in _LEVELS:
            raise BadOption(f"invalid argument: {given.text} {value}")
        change.level = value
    elif given.name in POWERS:
        change.kind = given.name
    else:
        take(call, given, change.wanted)


def _recorded(
    server: KadeployServer,
    call: Call,
    nodes: tuple[str, ...],
    wanted: Deployment,
    wishes: Wishes,
) -> System | None:
    """Return the system that an earlier deployment has left on a partition."""
    if not wanted.name:
        raise stop("You must choose an environment")
    environment = chosen(server, call.user, wanted)
    if environment is None:
        raise stop("Resource not found /environments")
    return deployment(server, call.user, nodes, environment, wanted, wishes).system


def _order(
    kind: Kind,
    user: str,
    nodes: tuple[str, ...],
    steps: tuple[Macro, ...],
    change: _Change,
    wishes: Wishes,
    system: System | None = None,
) -> Order:
    return Order(
        kind=kind,
        user=user,
        nodes=nodes,
        steps=steps,
        system=system,
        verbosity=wishes.verbosity,
        debug=wishes.debug,
        force=wishes.force,
        level=change.level,
        breakpoint=wishes.breakpoint,
        reboot_timeout=change.wanted.reboot_timeout,
    )
