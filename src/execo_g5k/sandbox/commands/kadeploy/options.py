"""What the commands that work on nodes are asked, and the errors that this meets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.kadeploy.optparse import BadOption, Given, Spec, Takes, read
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.kadeploy.nodesets import BadName, unfolded
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import Refused

VERSION_TOLD = "Kadeploy version: 3.3.11.stable"
OLD_VERSION = "3.1.7.2"

GENERIC: Spec = {
    "h|help": Takes.NOTHING, "v|version": Takes.NOTHING, "I|server-info": Takes.NOTHING,
    "M|multi-server": Takes.NOTHING, "H|debug-http": Takes.SWITCH, "S|server": Takes.VALUE,
    "dry-run": Takes.SWITCH, "password": Takes.MAYBE, "secure": Takes.SWITCH,
}  # fmt: skip

ON_NODES: Spec = {
    **GENERIC,
    "d|debug-mode": Takes.SWITCH, "f|file": Takes.VALUE, "m|machine": Takes.VALUE,
    "n|output-ko-nodes": Takes.VALUE, "o|output-ok-nodes": Takes.VALUE, "s|script": Takes.VALUE,
    "V|verbose-level": Takes.VALUE, "write-workflow-id": Takes.VALUE, "wait": Takes.SWITCH,
    "force": Takes.SWITCH, "breakpoint": Takes.VALUE, "custom-steps": Takes.VALUE,
    "hook": Takes.SWITCH,
}  # fmt: skip


class Stop(Exception):
    """The end of a call."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def stop(text: str, code: int = 1) -> Stop:
    """Return the end of a call that fails: what it printed is lost if it still is in a buffer."""
    return Stop(Reply(code, "", f"{text}\n", unflushed=True))


def refused(error: Refused) -> Stop:
    """Return the end of a call to which the server says no."""
    return stop(f"{error}\n[Kadeploy Error #{error.code}]", error.code)


@dataclass
class Wishes:
    """What every command that works on nodes can be asked."""

    names: list[str] = field(default_factory=list)
    """Of nodes, as they were given."""
    ok_file: str = ""
    ko_file: str = ""
    script: str = ""
    wid_file: str = ""
    breakpoint: str = ""
    verbosity: int = 3
    debug: bool = False
    wait: bool = True
    force: bool = False
    dry_run: bool = False
    prefix: str = ""
    """What stands before each line."""
    old: bool = False
    """Whether it is a command from before 3.2, which makes its files at the end only."""
    words: list[str] = field(default_factory=list)
    """Arguments that are no options."""


def server_of(call: Call) -> KadeployServer:
    """Return the server of the site where a command is called."""
    if call.kadeploy is None:
        raise stop("The localhost server is unreachable")
    return call.kadeploy


def read_wishes(
    call: Call,
    name: str,
    spec: Spec,
    take: Callable[[Given], None],
    wishes: Wishes,
    renamed: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Read a command line; `take` gets the options that are of the command alone.

    `renamed`: names of options -> those by which they are known here.

    Raises:
        Stop: it asks for help, or is wrong.
    """
    try:
        for written in read(spec, call.arguments):
            given = replace(written, name=renamed.get(written.name, written.name))
            if not given.name:
                wishes.words.append(given.value or "")
            elif given.name in GENERIC_NAMES:
                _generic(call, name, given, wishes)
            elif given.name in ON_NODES_NAMES:
                _on_nodes(call, given, wishes)
            else:
                take(given)
    except BadOption as error:
        raise stop(f"Option parsing error: {error}") from None


def _names(spec: Spec) -> frozenset[str]:
    return frozenset(max(names.split("|"), key=len) for names in spec)


GENERIC_NAMES = _names(GENERIC)
ON_NODES_NAMES = _names(ON_NODES)


def _generic(call: Call, name: str, given: Given, wishes: Wishes) -> None:
    site = call.site.name
    if given.name == "help":
        raise Stop(Reply(0, usage(name)))
    if given.name == "version":
        told = f"({site}) Kadeploy version: {OLD_VERSION}" if wishes.old else VERSION_TOLD
        raise Stop(Reply(0, f"{told}\n"))
    if given.name == "server-info":
        raise stop(f"{name}: the sandbox has no information about its server")
    if given.name == "server" and given.value not in (site, "localhost"):
        raise stop(f"The server '{given.value}' does not exist")
    if given.name == "multi-server":
        wishes.prefix = f"({site}) " if wishes.old else f"[{site}]".ljust(10)
    if given.name == "dry-run":
        wishes.dry_run = given.on


def _on_nodes(call: Call, given: Given, wishes: Wishes) -> None:
    value = given.value or ""
    match given.name:
        case "machine":
            add_nodes(wishes, value)
        case "file":
            for line in _lines(call, value):
                add_nodes(wishes, line)
        case "output-ok-nodes":
            wishes.ok_file = value if wishes.old else _emptied(call, value)
        case "output-ko-nodes":
            wishes.ko_file = value if wishes.old else _emptied(call, value)
        case "script":
            wishes.script = readable(call, value)
        case "write-workflow-id":
            wishes.wid_file = value
        case "breakpoint":
            wishes.breakpoint = value
        case "verbose-level":
            if value not in ("0", "1", "2", "3", "4", "5"):
                raise BadOption(f"invalid argument: {given.text} {value}")
            wishes.verbosity = int(value)
        case "debug-mode":
            wishes.debug = given.on
        case "wait":
            wishes.wait = given.on
        case "force":
            wishes.force = given.on


def add_nodes(wishes: Wishes, text: str) -> None:
    """Add the nodes that a word stands for.

    Raises:
        Stop: it stands for none.
    """
    try:
        wishes.names += [name for name in unfolded(text) if name not in wishes.names]
    except BadName:
        raise stop(f"Invalid hostname: {text}") from None


def _lines(call: Call, name: str) -> list[str]:
    text = call.stdin if name == "-" else call.files.read(readable(call, name))
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def readable(call: Call, name: str) -> str:
    """Return the name of a file.

    Raises:
        Stop: it can't be read.
    """
    if not call.files.is_readable(name):
        raise stop(f"The file {name} cannot be read")
    return name


def _emptied(call: Call, name: str) -> str:
    try:
        call.files.write(name, "")
    except OSError as error:
        raise stop(f"Cannot create the file '{name}' ({error.strerror})") from None
    return name


def integer(given: Given) -> int:
    """Return the number that an option has.

    Raises:
        BadOption: it has none.
    """
    value = given.value or ""
    if not value.isdecimal():
        raise BadOption(f"invalid argument: {given.text} {value}")
    return int(value)


def check_wishes(wishes: Wishes) -> None:
    """Refuse wishes that contradict each other.

    Raises:
        Stop: they do.
    """
    if wishes.verbosity == 0:
        raise stop("Invalid verbose level")
    if not wishes.names:
        raise stop("No node is chosen")
    if wishes.ok_file and wishes.ok_file == wishes.ko_file:
        raise stop("The files used for the output of the OK and the KO nodes cannot be the same")
    if not wishes.wait and (wishes.ok_file or wishes.ko_file):
        both = "-o/--output-ok-nodes and/or -n/--output-ko-nodes"
        raise stop(f"{both} cannot be used with --no-wait")


def reach(call: Call) -> KadeployServer:
    """Return the server, if it runs.

    Raises:
        Stop: it does not.
    """
    server = server_of(call)
    if not server.up:
        raise stop(f"The {server.setting.server} server is unreachable")
    return server


def nodes_of(server: KadeployServer, names: list[str]) -> tuple[str, ...]:
    """Return the full names of nodes.

    Raises:
        Stop: the server does not know all of them.
    """
    found = {name: server.find(name) for name in names}
    unknown = [name for name, full in found.items() if full is None]
    if unknown:
        raise stop(f"The nodes {', '.join(unknown)} does not belongs to any server")
    return tuple(dict.fromkeys(full for full in found.values() if full is not None))
