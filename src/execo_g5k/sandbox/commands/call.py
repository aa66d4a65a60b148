"""What a command of a frontend is given, and what it answers."""

import enum
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from execo_g5k.sandbox.model.dates import ZONE
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer
from execo_g5k.sandbox.model.site import SiteServer

if TYPE_CHECKING:
    from execo_g5k.sandbox.commands.wholegrid import WholeGrid

VERSION = "2.5.9 (Canicule)"
"""The OAR whose answers these are."""


class Files(Protocol):
    """The files of the user who calls; names are relative to where the command was called."""

    def read(self, name: str) -> str:
        """Return the text of a file; raises OSError."""

    def write(self, name: str, text: str, *, parents: bool = False) -> None:
        """Make or replace a file that only its owner reads, and its directory with `parents`.

        Raises:
            OSError: it can't be written.
        """

    def public_key_of(self, text: str) -> str | None:
        """Return the public key of a private one; None if the text is none."""

    def append(self, name: str, text: str) -> None:
        """Write behind the end of a file, which is made if need be; raises OSError."""

    def delete(self, name: str) -> None:
        """Delete a file, if it is there; raises OSError."""

    def is_readable(self, name: str) -> bool:
        """Tell whether a file can be read."""

    def public_key(self, name: str) -> str | None:
        """Return the public key of a private one; None if the file holds none."""

    def new_key(self) -> tuple[str, str]:
        """Return a new private key and its public one."""


@dataclass
class Call:
    """A command as a user called it."""

    site: SiteServer
    user: str
    arguments: Sequence[str]
    """Behind the name of the command."""
    now: float
    files: Files
    directory: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    stdin: str = ""
    hostname: str = ""
    """Name of the frontend."""
    grid: "WholeGrid | None" = None
    """All sites, for the commands that know of more than one."""
    waited: float = 0.0
    """Seconds since it was called first, of one whose replies told it to call again."""
    terminal: bool = False
    """Whether it is called on one."""
    kadeploy: KadeployServer | None = None
    """The Kadeploy server of the site."""

    @property
    def zone(self) -> str:
        """Time zone of the caller."""
        return self.environment.get("TZ") or ZONE


@dataclass(frozen=True)
class Reply:
    """What a command prints and how it exits."""

    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""
    connect: int | None = None
    """The job in which a shell is to be opened when it runs."""
    again: float | None = None
    """Seconds after which the same is to be called again: this is but the first part of what it
    prints, and it has no exit code yet."""
    script: str | None = None
    """Program that is run at the end."""
    console: str | None = None
    """The node to whose console the caller is connected in the end."""
    unflushed: bool = False
    """Whether what it has printed is lost, if it still is in a buffer."""
    dies_of: int | None = None
    """Number of the signal that ends it."""


class Event(enum.StrEnum):
    """What happens to a program that goes on."""

    TIME = "time"
    ENTER = "enter"
    """A line is typed on its terminal."""
    INT = "int"
    TERM = "term"


Program = Callable[[Call], Generator[str, Event, Reply]]
"""A command that takes time: it yields what it prints, is told what happens meanwhile, and returns
how it ends. It is closed when its caller is gone."""


def refusal(exit_code: int, stderr: str, stdout: str = "") -> Reply:
    """Return the answer of a command that does nothing."""
    return Reply(exit_code, stdout, stderr)
