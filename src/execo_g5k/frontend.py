"""Frontends of sites: where the commands of OAR run, by ssh or on this machine.

`Frontend` is the seam between what this package decides and the outside: flows ask one to run a
command line and get its end back, tests and users may bring their own.
"""

import asyncio
import difflib
import re
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from execo import quoting
from execo._sharing import share
from execo.connexion import SSH_FAILED, ConnexionParams, words
from execo.errors import ConfigError, TimedOut
from execo.host import Host
from execo.process import Process
from execo.times import Deadline
from execo_g5k.config import (
    SITES,
    G5kSettings,
    default_frontend_connexion_params,
    g5k_settings,
)
from execo_g5k.errors import FrontendUnreachable

FrontendParams = Mapping[str, Any] | None
"""Connexion params for a frontend, as users give them."""

# OAR's commands write dates in the zone of their caller and read reservations in it, and perl
# complains on stderr about a locale that the frontend lacks
_ENVIRONMENT = ("env", "LC_ALL=C", "TZ=Europe/Paris")

# OAR's own commands exit with 255 too; these are theirs, not ssh's
_NOT_SSH = re.compile(r"^\s*(/!\\|\[ERROR\]|#?\s*ERROR|Usage:|/usr/\S*oar)", re.MULTILINE)

_NEVER_CONNECTED = re.compile(
    r"ssh: connect to host|Could not resolve|Permission denied|Host key verification failed"
    r"|Too many authentication failures|Connection timed out during banner exchange"
    r"|kex_exchange_identification|No such host"
)

_CHATTER = re.compile(
    r"^\s*$|^Warning: Permanently added|^mux_client_|^Control socket connect"
    r"|^(Shared )?[Cc]onnection to \S+ closed\.$"
)


class CommandResult(NamedTuple):
    """The end of a command on a frontend."""

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str


class Frontend(Protocol):
    """A machine on which the commands of OAR can be run."""

    @property
    def name(self) -> str:
        """Name for messages: the site, or the address."""
        ...

    async def run(
        self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline
    ) -> CommandResult:
        """Run a command line to its end.

        Raises FrontendUnreachable when the frontend can't be reached or the connexion is lost,
        TimedOut at the deadline. In both cases the command may go on running there.
        """
        ...


FrontendFactory = Callable[[str | None, FrontendParams], Frontend]
"""Gives the frontend of a site (None: the default one), with the connexion params of a call."""


class SshFrontend:
    """A frontend reached by ssh."""

    def __init__(self, name: str, connexion_params: FrontendParams = None) -> None:
        self.name = name
        self._host = Host(name)
        self._params = ConnexionParams.of(_without_terminal(connexion_params))
        self.heard: Callable[[str], object] = lambda name: None
        """Told the name of the frontend when it has answered."""

    async def run(
        self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline
    ) -> CommandResult:
        """Run a command line by ssh, without a terminal; see `Frontend.run`."""
        lease = share(self._params.ssh_argv(self._host))
        command = quoting.join([*_ENVIRONMENT, *argv])
        ssh = self._params.ssh_argv(self._host, command, options=lease.options)
        try:
            result = await _run(self.name, argv, ssh, stdin, deadline)
            stderr = lease.heard(result.stderr.encode("utf-8", "surrogateescape"))
            result = result._replace(stderr=stderr.decode("utf-8", "surrogateescape"))
        finally:
            lease.release()
        if result.exit_code < 0:
            raise FrontendUnreachable(self.name, f"ssh was killed by signal {-result.exit_code}")
        if result.exit_code == SSH_FAILED and not _NOT_SSH.search(result.stderr):
            raise FrontendUnreachable(self.name, self._unreachable(result.stderr))
        self.heard(self.name)
        return result

    def _unreachable(self, stderr: str) -> str:
        reason = _last_words(stderr) or "ssh ended without a word"
        near = difflib.get_close_matches(self.name.lower(), SITES, 1)
        if "Could not resolve" in reason and near and near[0] != self.name:
            reason += f"; did you mean {near[0]!r}?"
        tried = self._params.by_hand().ssh_argv(self._host, "true")
        return f"{reason} (try: {quoting.join(tried)})"


class LocalFrontend:
    """The frontend on which this program runs."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def run(
        self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline
    ) -> CommandResult:
        """Run a command line on this machine; see `Frontend.run`."""
        return await _run(self.name, argv, [*_ENVIRONMENT, *argv], stdin, deadline)


def frontend_for(site: str | None, frontend_connexion_params: FrontendParams = None) -> Frontend:
    """Return the frontend of a site.

    `site`: name of a site; None: the default one; anything else is an address.
    Raises ConfigError when it is None and no default can be found.
    """
    settings = g5k_settings()
    name = resolve_site(site, settings)
    if settings.no_ssh_for_local_frontend and name == local_site():
        return LocalFrontend(name)
    return SshFrontend(name, frontend_connexion_params)


def resolve_site(
    site: str | None,
    settings: G5kSettings | None = None,
    hostname: Callable[[], str] = socket.getfqdn,
) -> str:
    """Return the name of a site, or the address, that `site` stands for; see `frontend_for`."""
    if site is None:
        found = (settings or g5k_settings()).default_frontend or local_site(hostname)
        if found is None:
            raise ConfigError(
                "default_frontend",
                "g5k_configuration",
                f"no site was given and this machine ({hostname()}) is in none: give one,"
                " or set g5k_configuration['default_frontend'] = 'nancy', for example"
                " in ~/.execo.conf.py",
            )
        site = found
    if not isinstance(site, str):
        raise TypeError(f"a site is a str or None, not {site!r}")
    name = site.strip()
    if not name or name.startswith("-"):
        raise ValueError(f"{site!r} is no name of a site, nor an address")
    short = name.removesuffix(".grid5000.fr").removeprefix("frontend.")
    return short if short in SITES else name


def local_site(hostname: Callable[[], str] = socket.getfqdn) -> str | None:
    """Return the site of this machine, from its name x.SITE.grid5000.fr; None outside."""
    match = re.fullmatch(r"[^.]+\.([^.]+)\.grid5000\.fr\.?", hostname())
    return match[1] if match else None


def may_have_run(error: FrontendUnreachable) -> bool:
    """Tell whether the command may have been started before the connexion failed."""
    return not _NEVER_CONNECTED.search(str(error))


def _without_terminal(params: FrontendParams) -> dict[str, Any]:
    # on a terminal stderr is mixed with stdout and lines end with CR LF: OAR's answers would
    # have to be guessed from there
    merged = {**default_frontend_connexion_params, **(params or {}), "pty": False}
    options = words(merged["ssh_options"])
    merged["ssh_options"] = tuple(option for option in options if option not in ("-t", "-tt"))
    return merged


async def _run(
    name: str, argv: Sequence[str], local: Sequence[str], stdin: str, deadline: Deadline
) -> CommandResult:
    process = Process(
        list(local),
        name=f"{quoting.join(argv)} on {name}",
        nolog_exit_code=True,
        nolog_timeout=True,
        nolog_error=True,
        nolog_write_error=True,
    )
    process.start()
    try:
        if stdin:
            process.write(stdin)
        process.close_stdin()
        async with asyncio.timeout(deadline.remaining()):
            await process
    except TimeoutError:
        raise TimedOut(f"{quoting.join(argv)} on {name}: no answer in time") from None
    finally:
        if not process.ended:
            process.kill()
    if process.error or process.exit_code is None:
        raise FrontendUnreachable(name, process.error_reason or "could not run ssh")
    return CommandResult(tuple(argv), process.exit_code, process.stdout, process.stderr)


def _last_words(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if not _CHATTER.match(line)]
    return lines[-1] if lines else ""
