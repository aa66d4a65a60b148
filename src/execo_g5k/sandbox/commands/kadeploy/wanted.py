"""What kadeploy3 is asked to deploy, and the order for the server that comes of it."""

from dataclasses import dataclass, replace

from execo_g5k.sandbox.commands.call import Call
from execo_g5k.sandbox.commands.kadeploy.envfile import BadDescription, read_description
from execo_g5k.sandbox.commands.kadeploy.options import ON_NODES, Wishes, integer, readable, stop
from execo_g5k.sandbox.commands.kadeploy.optparse import BadOption, Given, Takes
from execo_g5k.sandbox.model.kadeploy.environments import Environment
from execo_g5k.sandbox.model.kadeploy.machines import Boot, System
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.steps import DEPLOYMENT, Macro
from execo_g5k.sandbox.model.kadeploy.workflow import Order

SPEC = {
    **ON_NODES,
    "a|env-file": Takes.VALUE, "b|block-device": Takes.VALUE, "c|boot-partition": Takes.VALUE,
    "e|env-name": Takes.VALUE, "k|key": Takes.MAYBE, "p|partition-number": Takes.VALUE,
    "r|reformat-tmp": Takes.VALUE, "u|env-user": Takes.VALUE, "vlan": Takes.VALUE,
    "w|set-pxe-profile": Takes.VALUE, "set-pxe-pattern": Takes.VALUE,
    "x|upload-pxe-files": Takes.VALUE, "env-version": Takes.VALUE, "no-kexec": Takes.NOTHING,
    "disable-bootloader-install": Takes.NOTHING, "disable-disk-partitioning": Takes.NOTHING,
    "reboot-classical-timeout": Takes.VALUE, "reboot-kexec-timeout": Takes.VALUE,
    "force-steps": Takes.VALUE,
}  # fmt: skip


@dataclass
class Deployment:
    """What is to be deployed, and how."""

    name: str = ""
    owner: str | None = None
    version: int | None = None
    described: Environment | None = None
    """The environment of a file."""
    warnings: str = ""
    keys: tuple[str, ...] = ()
    key_file: str = ""
    device: str = "/dev/sda"
    partition: int = 3
    vlan: int | None = None
    tmp: bool = False
    kexec: bool = True
    reboot_timeout: float | None = None
    force_steps: str = ""


def take(call: Call, given: Given, wanted: Deployment) -> None:
    """Note an option that is of kadeploy3 alone.

    Raises:
        Stop, BadOption: it is wrong.
    """
    value = given.value or ""
    match given.name:
        case "env-name":
            wanted.name, wanted.described = value, None
        case "env-file":
            _describe(call, value, wanted)
        case "env-user":
            if not value.replace("_", "a").isalnum():
                raise BadOption(f"invalid argument: {given.text} {value}")
            wanted.owner = value
        case "env-version":
            wanted.version = integer(given)
        case "key":
            home = call.environment.get("HOME", call.directory)
            wanted.key_file = readable(call, given.value or f"{home}/.ssh/authorized_keys")
            lines = call.files.read(wanted.key_file).splitlines()
            wanted.keys = tuple(line for line in lines if line and not line.startswith("#"))
        case "block-device":
            wanted.device = value if value.startswith("/dev/") else f"/dev/{value}"
        case "partition-number":
            wanted.partition = integer(given)
        case "vlan":
            # what is no number resolves as little as a number that no network has
            wanted.vlan = int(value) if value.isdecimal() else -1
        case "reformat-tmp":
            wanted.tmp = True
        case "no-kexec":
            wanted.kexec = False
        case "reboot-classical-timeout":
            wanted.reboot_timeout = float(value) if value.isdecimal() else None
        case "force-steps":
            wanted.force_steps = value


def _describe(call: Call, file: str, wanted: Deployment) -> None:
    try:
        text = call.files.read(file)
    except OSError:
        raise stop(f"Unable to grab the file {file}") from None
    try:
        description = read_description(text, file, call.user)
    except BadDescription as error:
        raise stop(str(error)) from None
    wanted.name, wanted.described = "", description.environment
    wanted.warnings = "".join(
        f"Warning[env_desc]: Unused field '{name}'\n" for name in description.unused
    )


def chosen(server: KadeployServer, user: str, wanted: Deployment) -> Environment | None:
    """Return the environment that is to be deployed; None if there is none."""
    if wanted.described is not None:
        return wanted.described
    return server.catalogue.find(wanted.name, user, wanted.owner, wanted.version)


def deployment(
    server: KadeployServer,
    user: str,
    nodes: tuple[str, ...],
    environment: Environment,
    wanted: Deployment,
    wishes: Wishes,
) -> Order:
    """Return the order for the server."""
    system = System(
        boot=Boot.DEPLOYED,
        name=environment.name,
        title=environment.description or environment.name,
        partition=f"{wanted.device}{wanted.partition}",
        keys=wanted.keys,
        vlan=wanted.vlan,
        fresh=True,
    )
    wanted_parts = {"key": wanted.keys, "vlan": wanted.vlan is not None, "tmp": wanted.tmp}
    has = {"", *(name for name, there in wanted_parts.items() if there)}
    steps = tuple(
        replace(macro, micros=tuple(m for m in macro.micros if m.needs in has))
        for macro in server.steps()
    )
    return Order(
        kind=DEPLOYMENT,
        user=user,
        nodes=nodes,
        steps=_forced(steps, wanted.force_steps),
        system=system,
        environment=environment,
        key_file=wanted.key_file,
        verbosity=wishes.verbosity,
        debug=wishes.debug,
        force=wishes.force,
        breakpoint=wishes.breakpoint,
        reboot_timeout=wanted.reboot_timeout,
    )


def _forced(steps: tuple[Macro, ...], text: str) -> tuple[Macro, ...]:
    """Return steps with the retries and timeouts of KIND|STEP:RETRIES:TIMEOUT&..."""
    limits = {}
    for part in filter(None, text.split("&")):
        name, _, numbers = part.rpartition("|")[2].partition(":")
        retries, _, timeout = numbers.partition(":")
        if not retries.isdecimal() or not timeout.isdecimal():
            raise stop(f"Option parsing error: invalid argument: --force-steps {text}")
        limits[name] = int(retries), float(timeout)
    return tuple(
        replace(m, retries=limits[m.name][0], timeout=limits[m.name][1]) if m.name in limits else m
        for m in steps
    )
