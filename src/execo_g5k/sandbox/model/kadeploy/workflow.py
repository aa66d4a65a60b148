"""One operation on nodes: what was ordered, what it prints, and what became of the nodes."""

from dataclasses import dataclass, field

from execo_g5k.sandbox.model.kadeploy.environments import Environment
from execo_g5k.sandbox.model.kadeploy.machines import System
from execo_g5k.sandbox.model.kadeploy.steps import Kind, Macro

RECENT = "3.3"
"""The family of Kadeploy 3.2 and later; its wording is that of 3.3.11."""

OLD = "3.1"
"""The family before; its wording is that of 3.1.7.2."""

FAMILIES = (RECENT, OLD)


class Refused(Exception):
    """What the server does not do: the number of the error, and its text."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of the server."""

    kind: Kind
    user: str
    nodes: tuple[str, ...]
    steps: tuple[Macro, ...]
    system: System | None = None
    """What the nodes are to run in the end; None for what they run."""
    environment: Environment | None = None
    key_file: str = ""
    """Name of the file of keys, "" without one."""
    verbosity: int = 3
    debug: bool = False
    force: bool = False
    level: str = "soft"
    breakpoint: str = ""
    """MACRO or MACRO:micro before which it stops."""
    reboot_timeout: float | None = None
    """Seconds until a node that does not come back is given up; None for the usual."""


@dataclass(frozen=True)
class Result:
    """What became of a node."""

    ok: bool
    step: str = ""
    """MACRO-micro on which it failed."""
    error: str = ""


@dataclass
class Workflow:
    """An operation that goes on, or is over."""

    wid: str
    order: Order
    started: float
    clusters: tuple[str, ...] = ()
    lines: list[str] = field(default_factory=list)
    """What it has printed."""
    results: dict[str, Result] = field(default_factory=dict)
    """Of the nodes that are done with."""
    discarded: list[str] = field(default_factory=list)
    """Nodes that were left out because another operation has them."""
    powers: dict[str, str] = field(default_factory=dict)
    """Node -> what its power is, when that was asked."""
    ended: float | None = None
    error: Refused | None = None
    """Why it did nothing at all."""
    aborted: bool = False
    """Whether somebody deleted it."""

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.ended is not None or self.aborted

    def log(self, level: int, text: str, prefix: str = "") -> None:
        """Print lines, if so much is wanted."""
        if level > self.order.verbosity:
            return
        mark = f"[{prefix}] " if prefix else ""
        self.lines += [f"{mark}{line}" for line in text.split("\n")]

    @property
    def processing(self) -> list[str]:
        """The nodes that are not done with."""
        return [n for n in self.order.nodes if n not in self.results and n not in self.discarded]
