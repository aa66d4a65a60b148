"""What goes wrong on demand when nodes are deployed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from execo_g5k.sandbox.model.kadeploy.steps import STEPS, Macro, Micro

UNREACHABLE = "Unreachable after the reboot"

SSH = "ssh"
SYSTEM = "system"
SPOILT = (SSH, SYSTEM)
"""What may be wrong with a node that Kadeploy takes for deployed: its ssh server does not run, or
it has booted its standard system."""


@dataclass
class Doom:
    """Why the next deployments of a node fail."""

    step: str
    reason: str
    times: int | None
    """How many of them; None for all, until it is mended."""

    def strikes(self, macro: Macro, micro: Micro) -> bool:
        """Tell whether this step is the one that fails."""
        first = macro.micros[0] is micro
        names = {micro.name, f"{macro.name}-{micro.name}"} | ({macro.name} if first else set())
        return self.step in names


@dataclass
class Spoiler:
    """What is wrong with the next deployed systems of a node."""

    what: str
    times: int | None


@dataclass
class Troubles:
    """What is wrong with the nodes of a site, for Kadeploy."""

    steps: Sequence[Macro] = STEPS
    """What a deployment consists of."""
    dooms: dict[str, list[Doom]] = field(default_factory=dict)
    spoilers: dict[str, list[Spoiler]] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    """Node -> seconds that each of its reboots takes longer."""
    locked: set[str] = field(default_factory=set)
    """Nodes that somebody else deploys for ever."""

    def fail(self, node: str, step: str, reason: str, times: int | None) -> None:
        """Let deployments of a node fail; `times`: how many, None for all."""
        known = [macro.name for macro in self.steps]
        known += [micro.name for macro in self.steps for micro in macro.micros]
        if step.rpartition("-")[2] not in known:
            raise ValueError(f"step: {step!r}: expected one of {', '.join(dict.fromkeys(known))}")
        self.dooms.setdefault(node, []).append(Doom(step, reason, times))

    def spoil(self, node: str, what: str, times: int | None) -> None:
        """Let something be wrong with deployed systems of a node; `times` as for `fail`."""
        if what not in SPOILT:
            raise ValueError(f"what: {what!r}: expected one of {', '.join(SPOILT)}")
        self.spoilers.setdefault(node, []).append(Spoiler(what, times))

    def slow_down(self, node: str, seconds: float) -> None:
        """Let each reboot of a node take longer."""
        self.slow[node] = seconds

    def lock(self, node: str) -> None:
        """Let somebody else deploy a node for ever."""
        self.locked.add(node)

    def take_doom(self, node: str) -> Doom | None:
        """Return why the deployment of a node that begins now fails; None if it does not."""
        return _taken(self.dooms.get(node, []))

    def take_spoiler(self, node: str) -> str | None:
        """Return what is wrong with the system that is deployed on a node now."""
        spoiler = _taken(self.spoilers.get(node, []))
        return None if spoiler is None else spoiler.what

    def slowest(self, nodes: Iterable[str]) -> float:
        """Return how much longer the reboot of some nodes takes."""
        return max((self.slow.get(node, 0.0) for node in nodes), default=0.0)

    def forget(self) -> None:
        """Let nothing be wrong any more."""
        self.dooms.clear()
        self.spoilers.clear()
        self.slow.clear()
        self.locked.clear()


_Waiting = TypeVar("_Waiting", Doom, Spoiler)


def _taken(waiting: list[_Waiting]) -> _Waiting | None:
    if not waiting:
        return None
    first = waiting[0]
    if first.times is not None:
        first.times -= 1
        if first.times <= 0:
            waiting.pop(0)
    return first
