"""kaenv3: list, print, add and delete environments."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.kadeploy.envfile import (
    BadDescription,
    read_description,
    told_description,
)
from execo_g5k.sandbox.commands.kadeploy.follow import Following
from execo_g5k.sandbox.commands.kadeploy.options import (
    GENERIC,
    Stop,
    Wishes,
    integer,
    reach,
    read_wishes,
    refused,
    server_of,
    stop,
)
from execo_g5k.sandbox.commands.kadeploy.optparse import Given, Takes
from execo_g5k.sandbox.model.kadeploy.environments import Environment
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import OLD, Refused

_SPEC = {
    **GENERIC,
    "a|add": Takes.VALUE, "d|delete": Takes.VALUE, "l|list": Takes.MAYBE,
    "m|files-to-move": Takes.VALUE, "p|print": Takes.VALUE, "s|all-versions": Takes.NOTHING,
    "t|visibility-tag": Takes.VALUE, "u|env-user": Takes.VALUE, "env-version": Takes.VALUE,
    "toggle-destructive-tag": Takes.VALUE, "set-visibility-tag": Takes.VALUE,
    "update-image-checksum": Takes.VALUE, "update-preinstall-checksum": Takes.VALUE,
    "update-postinstalls-checksum": Takes.VALUE, "move-files": Takes.NOTHING,
}  # fmt: skip
_OPERATIONS = ("add", "delete", "list", "print", "set-visibility-tag", "toggle-destructive-tag")


@dataclass
class _Asked:
    operation: str = ""
    value: str = ""
    owner: str | None = None
    version: int | None = None
    tag: str = ""


def kaenv3(call: Call) -> Following:
    """Do one thing with environments."""
    asked = _Asked()
    try:
        old = server_of(call).setting.family == OLD
        read_wishes(call, "kaenv3", _SPEC, lambda given: _take(given, asked), Wishes(old=old))
        if not asked.operation:
            raise stop("You must choose an operation")
        reply = _answer(call, reach(call), asked)
    except Stop as end:
        return end.reply
    yield ""
    return reply


def _take(given: Given, asked: _Asked) -> None:
    if given.name in _OPERATIONS:
        asked.operation, asked.value = given.name, given.value or ""
    elif given.name == "env-user":
        asked.owner = given.value
    elif given.name == "env-version":
        asked.version = integer(given)
    elif given.name == "visibility-tag":
        asked.tag = given.value or ""
    elif given.name != "all-versions":
        raise stop(f"kaenv3: the sandbox has no --{given.name}")


def _answer(call: Call, server: KadeployServer, asked: _Asked) -> Reply:
    if asked.operation == "list":
        return Reply(0, _told_list(server, call.user, asked))
    if asked.operation == "add":
        return _add(call, server, asked.value)
    owner = asked.owner if asked.operation == "print" else call.user
    environment = server.catalogue.find(asked.value, call.user, owner, asked.version)
    if environment is None:
        raise stop("Resource not found /environments")
    if asked.operation == "print":
        return Reply(0, told_description(environment))
    server.catalogue.remove(environment)
    if asked.operation == "set-visibility-tag":
        server.catalogue.add(replace(environment, visibility=asked.tag))
    elif asked.operation == "toggle-destructive-tag":
        server.catalogue.add(replace(environment, destructive=not environment.destructive))
    return Reply()


def _told_list(server: KadeployServer, user: str, asked: _Asked) -> str:
    found = server.catalogue.seen_by(user, asked.owner)
    if asked.value:
        start, wild, _ = asked.value.partition("%")
        found = [e for e in found if e.name == start or wild and e.name.startswith(start)]
    if not found:
        return "No environment has been found\n"
    old = server.setting.family == OLD
    return "".join(f"{line}\n" for line in (_old_table(found) if old else _table(found)))


def _table(found: list[Environment]) -> Iterator[str]:
    rows = [("Name", "Version", "User", "Description"), ("####", "#######", "####", "###########")]
    rows += [(e.name, str(e.version), e.user, e.description) for e in found]
    for name, version, user, description in rows:
        yield f"{name:<21} {version:<7} {user:<11} {description}"


def _old_table(found: list[Environment]) -> Iterator[str]:
    yield f"{'Name':<20}{'Version':<12}{'User':<16}Description"
    yield f"{'####':<20}{'#######':<12}{'####':<16}###########"
    for e in found:
        yield f"{e.name:<21} {e.version:<7} {e.user:<10} {e.description:<40}"


def _add(call: Call, server: KadeployServer, file: str) -> Reply:
    try:
        text = call.files.read(file)
    except OSError:
        raise stop(f"Unable to grab the file {file}") from None
    try:
        described = read_description(text, file, call.user)
    except BadDescription as error:
        raise stop(str(error)) from None
    environment = described.environment
    if not server.catalogue.add(environment):
        told = (
            f"An environment with the name {environment.name} and the version"
            f" {environment.version} has already been recorded for the user {call.user}"
        )
        raise refused(Refused(10, f"Element already exists -- {told}"))
    warnings = (f"Warning[env_desc]: Unused field '{name}'\n" for name in described.unused)
    return Reply(0, "".join(warnings))
