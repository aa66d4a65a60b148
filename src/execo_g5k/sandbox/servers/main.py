"""The process of a sandbox: `python -m execo_g5k.sandbox.servers.main DIRECTORY`."""

import asyncio
import contextlib
import json
import logging
import os
import resource
import shutil
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from execo_g5k.sandbox.model.platform import Cluster, Features
from execo_g5k.sandbox.model.site import Pace
from execo_g5k.sandbox.servers import layout
from execo_g5k.sandbox.servers.control import Control
from execo_g5k.sandbox.servers.grid import Clock, Grid
from execo_g5k.sandbox.servers.isolation import Isolation
from execo_g5k.sandbox.servers.places import SSH_PORT, Directory, Place, places
from execo_g5k.sandbox.servers.processes import Processes
from execo_g5k.sandbox.servers.ssh import SshServers

logger = logging.getLogger("execo.sandbox")

_BLOCKS = range(20, 250)
READY = "ready"
"""What it prints when all hosts can be reached."""


def main(directory: Directory) -> int:
    """Serve a sandbox until it is told to stop, or loses the process that started it."""
    logging.basicConfig(filename=directory.log, level="WARNING", format="%(asctime)s %(message)s")
    _allow_many_descriptors()
    settings = json.loads(directory.settings.read_text())
    sites = {
        site: {name: Cluster(**cluster) for name, cluster in clusters.items()}
        for site, clusters in settings["sites"].items()
    }
    with asyncio.Runner(loop_factory=_loop) as runner:
        runner.run(_serve(directory, sites, settings))
    if settings["parent"]:
        # who would have done it may have been killed
        shutil.rmtree(directory.path, ignore_errors=True)
    return 0


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    if sys.version_info < (3, 12):
        # else a thread waits for each child
        watcher = asyncio.PidfdChildWatcher()
        asyncio.set_child_watcher(watcher)
        watcher.attach_loop(loop)
    return loop


async def _serve(
    directory: Directory, sites: dict[str, dict[str, Cluster]], settings: dict[str, Any]
) -> None:
    stopped = asyncio.Event()
    isolation = Isolation(directory)
    if not isolation.works:
        logger.warning("no namespaces here: hosts share /tmp and the name of this machine")
    processes = Processes(directory, isolation)
    servers, grid = await _listening(directory, sites, settings, isolation, processes)
    control = await Control(grid, servers, stopped.set).listen()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    if settings["parent"]:
        # the other end of standard input is held by the process that started this one, and maybe
        # by processes that it forked
        loop.add_reader(sys.stdin.fileno(), stopped.set)
        _watch(settings["parent"], loop, stopped)
    time_passes = loop.create_task(grid.run())
    # who waits for this may be gone; then standard input has ended too
    with contextlib.suppress(BrokenPipeError):
        print(READY, flush=True)
    await stopped.wait()
    control.close()
    time_passes.cancel()
    processes.kill_all()
    await servers.close()


def _watch(pid: int, loop: asyncio.AbstractEventLoop, stopped: asyncio.Event) -> None:
    """Stop with a process."""
    try:
        loop.add_reader(os.pidfd_open(pid), stopped.set)
    except ProcessLookupError:
        stopped.set()
    except OSError:
        logger.warning("this kernel does not tell the end of process %d", pid)


async def _listening(
    directory: Directory,
    sites: dict[str, dict[str, Cluster]],
    settings: dict[str, Any],
    isolation: Isolation,
    processes: Processes,
) -> tuple[SshServers, Grid]:
    """Listen on a block of addresses that nobody uses."""
    user = settings["user"]
    features = Features(**settings["features"])
    first, all_places = _claim(sites)
    layout.make(
        directory, all_places, user, own_names=isolation.works, oargrid=features.oargrid,
        outside=features.outside,
    )  # fmt: skip
    grid = Grid(
        directory, sites, all_places, user, processes, Clock(settings["speed"]),
        Pace(**settings["pace"]), settings["first_job_id"], features,
    )  # fmt: skip
    servers = SshServers(grid, isolation, str(directory.host_key), outside=features.outside)
    grid.contact = servers.contact
    grid.machines.alive, grid.machines.changed = servers.alive, servers.changed
    await servers.listen(first)
    return servers, grid


def _claim(sites: dict[str, dict[str, Cluster]]) -> tuple[socket.socket, list[Place]]:
    """Choose addresses: who listens on the first one of a block has all of them."""
    start = os.getpid() % len(_BLOCKS)
    for block in [*_BLOCKS[start:], *_BLOCKS[:start]]:
        all_places = list(places(sites, block))
        with contextlib.suppress(OSError):
            return socket.create_server((all_places[0].address, SSH_PORT)), all_places
    raise RuntimeError(f"port {SSH_PORT} of 127.20.0.1 to 127.249.0.1 is in use everywhere")


def _allow_many_descriptors() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(Directory(Path(sys.argv[1]))))
