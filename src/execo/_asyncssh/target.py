"""A host, and how asyncssh connects to it."""

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execo._asyncssh.words import meaning
from execo.connexion import ConnexionParams, words
from execo.host import Host


@dataclass(frozen=True)
class Target:
    """A host, and how it is connected to."""

    host: str
    keys: tuple[str, ...]
    """Names of files with private keys; none: those of ssh, and of the agent."""
    options: Mapping[str, Any]
    """Further arguments of `asyncssh.connect`."""
    shared: bool = False

    @property
    def key(self) -> tuple[object, ...]:
        """What connexions that can be shared have in common."""
        return (self.host, self.keys, repr(sorted(self.options.items())))


NO_TARGET = Target("", (), {})
"""Of a command that can't be run."""


def target_of(params: ConnexionParams, host: Host, *, shared: bool) -> Target:
    """Return how a host is connected to.

    Raises:
        ValueError: the params say what asyncssh can't do, or it is not installed.
    """
    if importlib.util.find_spec("asyncssh") is None:
        raise ValueError("transport: 'asyncssh' needs it: pip install 'execo-g5k[asyncssh]'")
    program, *options = words(params.settings.ssh)
    if os.path.basename(program) != "ssh":
        raise ValueError(f"ssh: {program!r}: asyncssh connects by itself, use transport='ssh'")
    said = meaning([*options, *words(params.settings.ssh_options)])
    keyfile = host.keyfile if host.keyfile is not None else params.settings.keyfile
    keys = [*([] if keyfile is None else [os.fspath(keyfile)]), *said.keys]
    in_address, _, address = params.address(host).rpartition("@")
    own = {"username": params.user(host) or in_address or None, "port": params.port(host)}
    given = {name: value for name, value in own.items() if value is not None}
    # the first one wins, as for ssh, which reads these behind its options
    return Target(address, tuple(map(os.path.expanduser, keys)), given | said.options, shared)
