"""kadeploy3: deploy an environment on nodes."""

from execo_g5k.sandbox.commands.call import Call
from execo_g5k.sandbox.commands.kadeploy.deploy31 import kadeploy31
from execo_g5k.sandbox.commands.kadeploy.follow import Following, ordered
from execo_g5k.sandbox.commands.kadeploy.options import (
    Stop,
    Wishes,
    check_wishes,
    nodes_of,
    reach,
    read_wishes,
    refused,
    server_of,
    stop,
)
from execo_g5k.sandbox.commands.kadeploy.wanted import SPEC, Deployment, chosen, deployment, take
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.kadeploy.workflow import OLD, Refused


def kadeploy3(call: Call) -> Following:
    """Deploy an environment on nodes, and tell which of them have it."""
    try:
        if server_of(call).setting.family == OLD:
            return (yield from kadeploy31(call))
        wishes, wanted = Wishes(), Deployment()
        read_wishes(call, "kadeploy3", SPEC, lambda given: take(call, given, wanted), wishes)
        if not wanted.name and wanted.described is None and wishes.words:
            # a positional argument, as later versions take it
            wanted.name = wishes.words[0]
        check_wishes(wishes)
        _check_exports(wishes, wanted)
        if not wanted.name and wanted.described is None:
            raise stop("You must choose an environment")
        server = reach(call)
        nodes = nodes_of(server, wishes.names)
        environment = chosen(server, call.user, wanted)
        if environment is None:
            raise stop("Resource not found /environments")
        _check_image(call, server, wanted)
        if wanted.warnings:
            yield wanted.warnings
        order = deployment(server, call.user, nodes, environment, wanted, wishes)
        return (yield from ordered(call, server, order, wishes))
    except Stop as end:
        return end.reply


def _check_exports(wishes: Wishes, wanted: Deployment) -> None:
    local = [wanted.key_file] if wanted.key_file else []
    if wanted.described is not None and not _is_remote(wanted.described.image["file"]):
        local.append(wanted.described.image["file"])
    if local and not wishes.wait:
        files = "".join(f"\n  {file}" for file in local)
        why = "some files have to be exported to the server"
        raise stop(f"Cannot use --no-wait since {why}:{files}")


def _is_remote(file: str) -> bool:
    return file.startswith(("server://", "http://", "https://"))


def _check_image(call: Call, server: KadeployServer, wanted: Deployment) -> None:
    if wanted.described is None:
        return
    file = wanted.described.image["file"]
    path = file.removeprefix("server://")
    if not _is_remote(file) and not call.files.is_readable(file):
        raise stop(f"Cannot read file '{file}'")
    known = server.catalogue.has_image(file) or call.files.is_readable(path)
    if file.startswith("server://") and not known:
        raise refused(Refused(5, f"Invalid file -- Unable to grab the file {path}"))
