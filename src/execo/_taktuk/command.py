"""Words and commands for taktuk. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from execo._taktuk.frames import TEMPLATES
from execo.quoting import join

_NAME = re.compile(r"[A-Za-z0-9_.:%@-]+")
_LONGEST_COMMAND = 60_000
_AGENT_FILE = Path(__file__).with_name("agent.pl")


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """What commands must have in common to share a tree."""

    program: tuple[str, ...]
    """Words of taktuk, with the options of the user."""
    connector: tuple[str, ...]
    """Words that connect to a host, up to its address. One for the whole tree: taktuk may forget
    which one a host is for, when another host makes the connexion."""
    gateway: tuple[str, ...] | None = None
    """Words of the connector to the host from which the tree starts, then its address."""


@dataclass(frozen=True, slots=True)
class Job:
    """A command for a host."""

    address: str
    command: str
    """Text for the shell there."""
    pump: bool = False
    """Whether the agent gives the command its input and tells how much."""


def problem_of(job: Job) -> str | None:
    """Say why taktuk can't run it; None if it can."""
    if not _NAME.fullmatch(job.address):
        return f"{job.address}: taktuk can't connect to a host of that name"
    size = len(job.command.encode("utf-8", "surrogateescape"))
    if size > _LONGEST_COMMAND:
        return (
            f"{job.address}: the command has {size} bytes, more than the {_LONGEST_COMMAND} that "
            "taktuk can run: put it into a script, and copy that first"
        )
    if "\0" in job.command:
        return f"{job.address}: the command holds a NUL character"
    return None


def taktuk_argv(settings: TreeSettings, options_file: str) -> list[str]:
    """Return the words that start taktuk; its commands then come on its standard input."""
    templates = [word for name, text in TEMPLATES.items() for word in ("-o", f"{name}={text}")]
    return [
        *settings.program,
        # no numbers for hosts: taktuk would wait for all of them before it does anything
        "-n",
        # nothing to say of hosts without a command that an input is for
        "-D", "default=3",
        *templates,
        # one word a line in the file, for this taktuk only
        "-M", "-O", r"\n", "-F", options_file, "-M", "-O", r"\s",
    ]  # fmt: skip


def options_text(settings: TreeSettings, jobs: Sequence[Job]) -> bytes:
    """Return the file that names hosts and their commands, one word a line.

    The number of a job is its target, which inputs and signals name.
    """
    words: list[str] = []
    if settings.gateway is not None:
        *connector, address = settings.gateway
        words += ["-c", join(connector), "-G", address, "-["]
    words += ["-c", join(settings.connector)]
    for number, job in enumerate(jobs):
        words += ["-m", job.address, "-[", *_exec(number, job), "-]"]
    if settings.gateway is not None:
        words.append("-]")
    return "".join(f"{word}\n" for word in words).encode("utf-8", "surrogateescape")


def positions(settings: TreeSettings, count: int) -> list[str]:
    """Return what taktuk calls the places of the jobs."""
    prefix = "" if settings.gateway is None else "1."
    return [f"{prefix}{place}" for place in range(1, count + 1)]


_agent = ""


def _agent_source() -> str:
    global _agent
    if not _agent:
        lines = _AGENT_FILE.read_text(encoding="ascii").splitlines()
        code = (line.strip() for line in lines)
        _agent = " ".join(line for line in code if line and not line.startswith("#"))
    return _agent


def _exec(number: int, job: Job) -> list[str]:
    text = job.command.encode("utf-8", "surrogateescape").hex()
    # Perl complains of a locale that a host does not have, the agent undoes it
    start = f"PERL_BADLANG=0 exec perl -e '{_agent_source()}' {int(job.pump)} {text}"
    return ["exec", "target", str(number), "[", start, "]"]


def target_set(numbers: Iterable[int]) -> str:
    """Return how taktuk calls some targets."""
    return "/".join(str(number) for number in sorted(numbers))


def _targets(numbers: Iterable[int] | None) -> str:
    return "" if numbers is None else f"target {target_set(numbers)} "


def input_command(path: str, numbers: Iterable[int] | None) -> bytes:
    """Return the command that gives a file to commands as their input; None: to all."""
    return f"broadcast input {_targets(numbers)}file [ {path} ]\n".encode()


def close_command(numbers: Iterable[int] | None) -> bytes:
    """Return the command that ends the input of commands; None: of all."""
    return f"broadcast input {_targets(numbers)}close\n".encode()


def kill_command(sig: int, numbers: Iterable[int] | None) -> bytes:
    """Return the command that sends a signal to commands; None: to all."""
    return f"broadcast kill {_targets(numbers)}{sig}\n".encode()


QUIT = b"quit\n"
