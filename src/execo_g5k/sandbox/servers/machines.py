"""The nodes as Kadeploy finds them: up or not, and the systems that they run."""

import re
import shutil
from collections.abc import Callable, Mapping

from execo_g5k.sandbox.model.kadeploy.machines import STANDARD, System
from execo_g5k.sandbox.servers.layout import write_profile
from execo_g5k.sandbox.servers.places import Directory, Place
from execo_g5k.sandbox.servers.processes import Processes

_NAME = re.compile(r"([a-z]+)(\d*)")


class NodeMachines:
    """Stops nodes, and lets them boot.

    A freshly deployed node has a /root and a /tmp of its own, and another /etc/os-release; all else
    is that of this machine.
    """

    def __init__(
        self, directory: Directory, places: Mapping[str, Place], processes: Processes
    ) -> None:
        self._directory = directory
        self._places = places
        self._processes = processes
        self._down: set[str] = set()
        self._systems: dict[str, System] = {}
        processes.partition = lambda place: self.system(place).partition
        self.alive: Callable[[Place], bool] = lambda place: True
        """Tells whether a host that is up answers at all."""
        self.changed: Callable[[Place], object] = lambda place: None
        """Told each node that goes down or comes up."""

    def stop(self, node: str) -> None:
        """Let a node go down: its processes end and it answers nothing."""
        place = self._places[node]
        self._down.add(node)
        self._processes.kill_host(place)
        self.changed(place)

    def start(self, node: str, system: System) -> None:
        """Let a node boot a system."""
        place = self._places[node]
        if system.fresh:
            self._write_disk(place, system)
        elif system == STANDARD:
            self._directory.os_release(place).unlink(missing_ok=True)
        self._systems[node] = system
        self._down.discard(node)
        self.changed(place)

    def answers(self, node: str) -> bool:
        """Tell whether a node is up."""
        return node not in self._down and self.alive(self._places[node])

    def is_down(self, place: Place) -> bool:
        """Tell whether a host is between two systems."""
        return place.full_name in self._down

    def system(self, place: Place) -> System:
        """Return what a host runs."""
        return self._systems.get(place.full_name, STANDARD)

    def _write_disk(self, place: Place, system: System) -> None:
        home = self._directory.root_home(place)
        for path in (home, self._directory.temporary(place)):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        write_profile(home)
        ssh = home / ".ssh"
        ssh.mkdir(mode=0o700)
        keys = ssh / "authorized_keys"
        keys.touch(mode=0o600)
        keys.write_text("".join(f"{key}\n" for key in system.keys))
        release = self._directory.os_release(place)
        release.parent.mkdir(parents=True, exist_ok=True)
        release.write_text(_os_release(system))


def _os_release(system: System) -> str:
    match = _NAME.match(system.name)
    name, number = (match[1], match[2]) if match else ("linux", "")
    return f'PRETTY_NAME="{system.title}"\nID={name}\nVERSION_ID="{number}"\n'
