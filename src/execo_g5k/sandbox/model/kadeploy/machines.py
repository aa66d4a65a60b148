"""What the server does to nodes, and the systems that they run."""

import enum
from dataclasses import dataclass
from typing import Protocol


class Boot(enum.StrEnum):
    """What a node runs."""

    STANDARD = "standard"
    """The system in which jobs run."""
    MINI = "mini"
    """The one from which Kadeploy works, which lets no user in."""
    DEPLOYED = "deployed"


STANDARD_PARTITION = "/dev/sda2"
DEPLOY_PARTITION = "/dev/sda3"


@dataclass(frozen=True, kw_only=True)
class System:
    """A system on a node."""

    boot: Boot = Boot.STANDARD
    name: str = "debian11-x64-std"
    """Name of its environment."""
    title: str = ""
    """What its environment is, for people."""
    partition: str = STANDARD_PARTITION
    """The one that is mounted on /."""
    keys: tuple[str, ...] = ()
    """Public keys that let in root."""
    vlan: int | None = None
    """The network in which it answers; None for that of all nodes."""
    fresh: bool = False
    """Whether its disk was just written."""
    silent: bool = False
    """Whether its ssh server does not run, for all that it is there."""


STANDARD = System()
MINI = System(boot=Boot.MINI, name="deploy-env", partition="none")


class Machines(Protocol):
    """The nodes."""

    def stop(self, node: str) -> None:
        """Let a node go down: its processes end and it answers nothing."""

    def start(self, node: str, system: System) -> None:
        """Let a node boot a system."""

    def answers(self, node: str) -> bool:
        """Tell whether a node is up."""
