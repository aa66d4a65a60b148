"""A port of this machine that leads to a port behind a host."""

import random
import socket
from collections.abc import Mapping
from typing import Any

from execo._engine.child import Exit
from execo._engine.completion import Completion
from execo.config import settings
from execo.connexion import ConnexionParams
from execo.handlers import STDOUT
from execo.host import Host
from execo.process import SshProcess
from execo.spelling import accept_old_spellings

_LISTENING = "forwarding"


class PortForwarder(SshProcess):
    """An ssh that forwards a local port to `remote_port` of `remote_host`, as `host` sees it.

    `forwarding` is set when the port listens. `forwarding.wait(timeout)` tells whether it does, and
    is false at once when the process ended before.
    """

    @accept_old_spellings
    def __init__(
        self,
        host: Host | str,
        remote_host: Host | str,
        remote_port: int,
        local_port: int | None = None,
        bind_address: str | None = None,
        connexion_params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """Make the process.

        `local_port`: None takes a free one of `configuration['port_range']`. `bind_address`: local
        address that listens, None for the loopback. `options`: those of SshProcess.
        """
        self.remote_host = Host(remote_host)
        self.remote_port = _checked_port(remote_port, "remote_port")
        self.bind_address = bind_address or "127.0.0.1"
        self.local_port = (
            free_port(self.bind_address)
            if local_port is None
            else _checked_port(local_port, "local_port")
        )
        route = f"{self.local_port} to {self.remote_host.address}:{self.remote_port}"
        super().__init__(f"forward {route}", host, connexion_params, **options)

    def _argv(self) -> list[str]:
        params = ConnexionParams.of(self.connexion_params)
        target = self.remote_host.address
        where = f"[{target}]" if ":" in target else target
        forward = f"{self.bind_address}:{self.local_port}:{where}:{self.remote_port}"
        # the local command runs once the forwarding is in place
        options = (
            "-N", "-T", "-L", forward, "-o", "ExitOnForwardFailure=yes",
            "-o", "PermitLocalCommand=yes", "-o", f"LocalCommand=echo {_LISTENING}",
        )  # fmt: skip
        argv = params.ssh_argv(self._host, options=options)
        return [word for word in argv if word not in ("-t", "-tt")]

    def _clear(self) -> None:
        super()._clear()
        self.forwarding = Completion()

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take output; what the local command prints tells that the port listens."""
        super().child_printed(stream, data)
        if stream == STDOUT and _LISTENING.encode() in data:
            self.forwarding.set()

    def child_ended(self, end: Exit) -> None:
        """Note the end; who still waits for the port need not any longer."""
        super().child_ended(end)
        self.forwarding.abandon()


def free_port(address: str) -> int:
    """Return a port of `configuration['port_range']` that is free now on `address`.

    Raises:
        OSError: all are taken, or `address` is not of this machine.
    """
    low, high = settings().port_range
    ports = list(range(low, high))
    # forwarders started together should not look at the same ports in the same order
    random.shuffle(ports)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    error: OSError | None = None
    for port in ports:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((address, port))
            except OSError as failed:
                error = failed
                continue
            return port
    raise OSError(f"no free port between {low} and {high} on {address}") from error


def _checked_port(port: object, argument: str) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"{argument}: {port!r} is no port number")
    if not 0 < port < 65536:
        raise ValueError(f"{argument}: {port} is no port number: expected 1 to 65535")
    return port
