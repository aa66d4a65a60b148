"""Hosts of the grid: processes in namespaces of their own, and the cables between them.

A host is a process in new mount, UTS, IPC, pid and network namespaces; whatever runs on it
dies with that process.  Addresses, bridge and routes live in the grid's own network
namespaces: the machine's has none of them.
"""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from testbed.commands import CLEAN_ENVIRONMENT, must
from testbed.errors import GridError
from testbed.plan import HOSTS, LAPTOP_ADDRESS, GridHost, hosts_file
from testbed.waiting import wait_until
from testbed.workdir import FILES, PROJECT, WorkDir

SWITCH = "switch"
LAPTOP = "laptop"


@dataclass(frozen=True)
class Root:
    """The first process of a host; its start time tells it from a later one of that pid."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Root":
        """Return the process that has this pid now.  Raises GridError if there is none."""
        started = _start_time(pid)
        if started is None:
            raise GridError(f"process {pid} ended at once")
        return cls(pid, started)

    def alive(self) -> bool:
        """Tell whether that very process still runs."""
        return _start_time(self.pid) == self.started

    def enter(self, argv: Sequence[str], *, network_only: bool = False) -> list[str]:
        """Return the command that runs `argv` on the host (or only on its network)."""
        namespaces = ["-n"] if network_only else ["-m", "-u", "-i", "-n", "-p"]
        return ["nsenter", "-t", str(self.pid), *namespaces, "--", *argv]


def _start_time(pid: int) -> int | None:
    """Return when a process started (clock ticks since boot), None if it runs no more."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Roots:
    """The processes that hold a grid up, recorded on its tmpfs as soon as they exist."""

    def __init__(self, work: WorkDir) -> None:
        self._path = work.run / "processes.json"
        self._lock = threading.Lock()

    def load(self) -> dict[str, Root]:
        """Return name -> process; empty if the grid is down."""
        try:
            recorded = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        return {name: Root(*fields) for name, fields in recorded.items()}

    def add(self, name: str, root: Root) -> None:
        """Record one more process."""
        with self._lock:
            roots = {**self.load(), name: root}
            text = json.dumps({name: [root.pid, root.started] for name, root in roots.items()})
            new = self._path.with_suffix(".new")
            new.write_text(text)
            new.rename(self._path)

    def kill(self) -> None:
        """Kill all of them, and wait until they are gone."""
        alive = [root for root in self.load().values() if root.alive()]
        for root in alive:
            os.kill(root.pid, signal.SIGKILL)
        if not wait_until(lambda: not any(root.alive() for root in alive), 20):
            raise GridError(f"still there after SIGKILL: {alive}")


class Boot:
    """Starts the hosts of one grid and wires them together."""

    def __init__(self, work: WorkDir, roots: Roots) -> None:
        self._work = work
        self._roots = roots
        self._children: list[subprocess.Popen[bytes]] = []

    def all(self) -> None:
        """Start the switch, the laptop and every host."""
        switch = self._network_only(SWITCH)
        bridge = "ip link add br0 type bridge stp_state 0 forward_delay 0 && ip link set br0 up"
        _on_network(switch, bridge)
        _plug(switch, "port0", self._network_only(LAPTOP), LAPTOP_ADDRESS)
        with ThreadPoolExecutor(4) as pool:
            roots = list(pool.map(self._host, HOSTS.values()))
        for index, (host, root) in enumerate(zip(HOSTS.values(), roots, strict=True), 1):
            _plug(switch, f"port{index}", root, host.address)

    def _network_only(self, name: str) -> Root:
        """Start a process that holds a network namespace and does nothing."""
        child = self._spawn(["unshare", "-n", "sleep", "infinity"], {}, subprocess.DEVNULL)
        mine = os.readlink("/proc/self/ns/net")
        if not wait_until(lambda: os.readlink(f"/proc/{child.pid}/ns/net") != mine, 10):
            raise GridError(f"{name}: no network namespace")
        root = Root.of(child.pid)
        self._roots.add(name, root)
        return root

    def _host(self, host: GridHost) -> Root:
        directory = self._work.host(host.name)
        directory.mkdir(parents=True)
        (directory / "hosts").write_text(hosts_file(host.site))
        console = directory / "console"
        env = {
            "ROOTFS": str(self._work.rootfs),
            "DIR": str(directory),
            "NAME": host.name,
            "HOSTS": str(directory / "hosts"),
            "HOMES": str(self._work.home(host.site)),
            "PROJECT": str(PROJECT),
        }
        script = ["/bin/sh", str(FILES / "host-init.sh")]
        namespaces = ["-m", "-u", "-i", "-p", "-n", "--fork", "--kill-child=KILL"]
        with console.open("w") as log:
            child = self._spawn(["unshare", *namespaces, *script], env, log.fileno())
        # killed before its init is known, unshare takes the init along
        self._roots.add(f"{host.name} (unshare)", Root.of(child.pid))
        pid = self._init_of(child)
        if pid is None:
            raise GridError(f"{host.name} did not boot: {console.read_text()}")
        root = Root.of(pid)
        self._roots.add(host.name, root)
        return root

    @staticmethod
    def _init_of(child: subprocess.Popen[bytes]) -> int | None:
        """Return the pid of the host's init once its root is built, None if it fails."""
        found: list[int] = []

        def booted() -> bool:
            if child.poll() is not None:
                return True
            # unshare's only child is the init, which renames itself when it is ready
            text = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text()
            pids = map(int, text.split())
            found.extend(pid for pid in pids if _command_line(pid).startswith(b"grid-init"))
            return bool(found)

        wait_until(booted, 30)
        return found[0] if found else None

    def _spawn(self, argv: list[str], env: dict[str, str], log: int) -> "subprocess.Popen[bytes]":
        child = subprocess.Popen(
            argv,
            env={**CLEAN_ENVIRONMENT, **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._children.append(child)
        return child


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def _on_network(root: Root, script: str) -> None:
    must(root.enter(["sh", "-c", script], network_only=True), env=CLEAN_ENVIRONMENT)


def _plug(switch: Root, port: str, root: Root, address: str) -> None:
    """Lay a cable from a port of the switch to a host's eth0."""
    _on_network(
        switch,
        f"ip link add {port} type veth peer name eth0 netns {root.pid}"
        f" && ip link set {port} master br0 up",
    )
    _on_network(
        root,
        f"ip addr add {address}/16 dev eth0 && ip link set lo up && ip link set eth0 up",
    )
