"""How a host is connected to: settings -> words of ssh and scp."""

import difflib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from execo._preferences import prefer
from execo.config import ConnexionSettings, default_connexion_params
from execo.host import Host
from execo.spelling import modern

Params = Mapping[str, Any]

SSH_FAILED = 255
"""Exit status of ssh itself: commands have others, or the same by chance."""

# sftp, which scp speaks since OpenSSH 9, expands these in the names of files to fetch
_GLOB = str.maketrans({char: f"\\{char}" for char in "\\*?["})


@dataclass(frozen=True, slots=True)
class ConnexionParams:
    """The params of one call, above the default ones; fields of a Host win over both."""

    settings: ConnexionSettings

    @classmethod
    def of(cls, params: Params | None) -> "ConnexionParams":
        """Return the params of a call.

        Raises:
            TypeError: params are no mapping, or a value is of a wrong type.
            ValueError: a key is no connexion param.
        """
        if params is None:
            return cls(default_connexion_params.snapshot())
        if not isinstance(params, Mapping):
            raise TypeError(f"connexion_params: {params!r}: expected a dict")
        overrides = {modern(key): value for key, value in params.items()}
        known = ConnexionSettings.__dataclass_fields__
        # a warning told already what is unknown in the default ones, which scripts copy
        unknown = [key for key in overrides if key not in known]
        for key in unknown:
            if key not in default_connexion_params:
                near = difflib.get_close_matches(key, known, 1)
                hint = f", did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"connexion_params: {key!r} is no connexion param{hint}")
            del overrides[key]
        return cls(default_connexion_params.snapshot(**overrides))

    @property
    def pty(self) -> bool:
        """Whether the local ssh gets a pseudo-terminal."""
        return self.settings.pty

    @property
    def remote_terminal(self) -> bool:
        """Whether ssh asks for a terminal on the host."""
        return any(word in ("-t", "-tt") for word in words(self.settings.ssh_options))

    def without_terminal(self) -> "ConnexionParams":
        """Return params that ask for no terminal on the host: it would change bytes."""
        kept = tuple(w for w in words(self.settings.ssh_options) if w not in ("-t", "-tt"))
        return ConnexionParams(replace(self.settings, ssh_options=kept))

    def by_hand(self) -> "ConnexionParams":
        """Return params with the few options that a user needs who tries the connexion himself."""
        return ConnexionParams(replace(self.settings, ssh_options=(), fast_algorithms=False))

    def address(self, host: Host) -> str:
        """Return the address to connect to.

        Raises:
            ValueError: `host_rewrite_func` fails, or gives no address.
        """
        rewrite = self.settings.host_rewrite_func
        if rewrite is None:
            return host.address
        try:
            return Host(rewrite(host.address)).address
        except Exception as error:
            raise ValueError(f"host_rewrite_func fails for {host.address!r}: {error}") from error

    def user(self, host: Host) -> str | None:
        """Return the account on the host; None leaves it to ssh."""
        return host.user if host.user is not None else self.settings.user

    def port(self, host: Host) -> int | None:
        """Return the port of the ssh server; None leaves it to ssh."""
        return host.port if host.port is not None else self.settings.port

    def _key(self, host: Host) -> list[str]:
        # oarsh and oarcp 2.5.9 know a key only as their first option
        keyfile = host.keyfile if host.keyfile is not None else self.settings.keyfile
        return [] if keyfile is None else ["-i", os.path.expanduser(keyfile)]

    def _preferences(self, tool: Literal["ssh", "scp"]) -> list[str]:
        """Return the options for what is cheap; behind those of the user, who wins."""
        if not self.settings.fast_algorithms:
            return []
        options = getattr(self.settings, f"{tool}_options")
        command = [*words(getattr(self.settings, tool)), *words(options)]
        keywords = ("KexAlgorithms", "Ciphers") if tool == "scp" else ("KexAlgorithms",)
        return [word for keyword in keywords for word in prefer(keyword, command)]

    def ssh_argv(
        self, host: Host, command: str | None = None, *, options: tuple[str, ...] = ()
    ) -> list[str]:
        """Return the words that run the shell text `command` on `host`; None for no command.

        `options` come before those of the params.
        """
        user, port = self.user(host), self.port(host)
        return [
            *words(self.settings.ssh),
            *self._key(host),
            *options,
            *words(self.settings.ssh_options),
            *self._preferences("ssh"),
            *([] if port is None else ["-p", str(port)]),
            *([] if user is None else ["-l", user]),
            self.address(host),
            *([] if command is None else [_no_option(command)]),
        ]

    def taktuk_argv(self) -> list[str]:
        """Return the words of taktuk up to the hosts."""
        return [*words(self.settings.taktuk), *words(self.settings.taktuk_options)]

    def taktuk_connector(self, host: Host) -> list[str]:
        """Return the words with which taktuk connects to `host`, up to its address.

        Nodes say them too: they connect to one another. So ~ in the name of a key stays: ssh reads
        it as the home there.
        """
        user, port = self.user(host), self.port(host)
        key = host.keyfile if host.keyfile is not None else self.settings.keyfile
        return [
            *words(self.settings.taktuk_connector),
            *words(self.settings.taktuk_connector_options),
            *([] if key is None else ["-i", os.fspath(key)]),
            *([] if port is None else ["-p", str(port)]),
            *([] if user is None else ["-l", user]),
        ]

    def taktuk_gateway(self) -> list[str] | None:
        """Return the words that connect to the host where the tree starts, None for this one.

        Raises:
            TypeError, ValueError: the param is no host.
        """
        if self.settings.taktuk_gateway is None:
            return None
        gateway = Host(self.settings.taktuk_gateway)
        return [
            *words(self.settings.taktuk_gateway_connector or "ssh"),
            *words(self.settings.taktuk_gateway_connector_options),
            *([] if gateway.keyfile is None else ["-i", gateway.keyfile]),
            *([] if gateway.port is None else ["-p", str(gateway.port)]),
            *([] if gateway.user is None else ["-l", gateway.user]),
            gateway.address,
        ]

    def scp_argv(self, host: Host) -> list[str]:
        """Return the words of scp up to the names of files."""
        port = self.port(host)
        return [
            *words(self.settings.scp),
            *self._key(host),
            *words(self.settings.scp_options),
            *self._preferences("scp"),
            *([] if port is None else ["-P", str(port)]),
        ]

    def scp_target(self, host: Host, path: str) -> str:
        """Return how scp calls a path to write to on `host`."""
        user, address = self.user(host), self.address(host)
        name = f"[{address}]" if ":" in address else address
        return f"{name}:{path}" if user is None else f"{user}@{name}:{path}"

    def scp_source(self, host: Host, path: str) -> str:
        """Return how scp calls a path to read from on `host`, without expansion of wildcards."""
        return self.scp_target(host, path.translate(_GLOB))


def _no_option(command: str) -> str:
    # ssh reads options behind the address too; for the shell of the host a blank is nothing
    return f" {command}" if command.startswith("-") else command


def words(option: str | tuple[str, ...]) -> list[str]:
    """Return the words of an option that may be given as text."""
    return shlex.split(option) if isinstance(option, str) else list(option)
