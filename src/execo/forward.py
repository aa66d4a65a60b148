"""A port of this machine that leads to a port behind a host."""

import asyncio
import errno
import logging
import random
import socket
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from weakref import WeakValueDictionary

from execo._engine.child import Exit
from execo._engine.completion import Completion
from execo._engine.forks import fork_safe_lock
from execo._engine.loop import engine
from execo.config import settings
from execo.connexion import ConnexionParams
from execo.handlers import STDOUT
from execo.host import Host
from execo.process import SshProcess
from execo.spelling import accept_old_spellings

logger = logging.getLogger("execo")

_LISTENING = "forwarding"


class PortForwarder(SshProcess):
    """An ssh that forwards a local port to `remote_port` of `remote_host`, as `host` sees it.

    Start it and wait until `forwarding` is set: then the port listens. It forwards as long as the
    process lives: `kill` ends it. One whose port does not listen after `forwarding_timeout`
    seconds, of the connexion params, is killed, and `timeouted`.
    """

    forwarding: Completion
    """Set when the port listens. `forwarding.wait(seconds)` waits for that, and tells whether it
    does: false at once when the process ended before."""

    _timer: asyncio.TimerHandle | None

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
        """`remote_host`, `remote_port`: where it leads to.

        `local_port`: port of this machine; None takes a free one of `configuration['port_range']`,
        which no forwarder that has not ended was given. It is in attribute `local_port`.
        `bind_address`: local address that listens, `*` for all of them, None for the loopback.
        `options`: those of Process.

        Raises:
            TypeError: a port or an address is of another type.
            ValueError: a port is not between 1 and 65535.
            OSError: no port of the range is free, or `bind_address` is not of this machine.
        """
        self.remote_host = Host(remote_host)
        self.remote_port = _checked_port(remote_port, "remote_port")
        self.bind_address = _checked_address(bind_address)
        target = f"{self.remote_host.address}:{self.remote_port}"
        super().__init__(f"forward to {target}", host, connexion_params, **options)
        self.local_port = self._taken_port(local_port)
        self.cmd = f"forward {self.local_port} to {target}"

    def _taken_port(self, given: int | None) -> int:
        if given is not None:
            port = _checked_port(given, "local_port")
            with _taking:
                _takers[port] = self
            return port
        ports = _port_range()
        with _taking:
            taken = {port for port, taker in _takers.items() if not taker.ended}
            port = free_port(self.bind_address, ports, taken)
            _takers[port] = self
        return port

    def _argv(self) -> list[str]:
        params = ConnexionParams.of(self.connexion_params)
        target = self.remote_host.address
        # ssh takes a colon for the end of an address
        where = f"[{target}]" if ":" in target else target
        here = f"[{self.bind_address}]" if ":" in self.bind_address else self.bind_address
        forward = f"{here}:{self.local_port}:{where}:{self.remote_port}"
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
        self._timer = None

    def child_started(self, pid: int | None) -> None:
        """Note that it runs; the time for the port to listen begins."""
        super().child_started(pid)
        seconds = ConnexionParams.of(self.connexion_params).settings.forwarding_timeout
        if seconds is not None:
            self._timer = engine().loop.call_later(seconds, self._not_listening, seconds)

    def _not_listening(self, waited: float) -> None:
        if self.forwarding.is_set() or self.ended:
            return
        self.timeouted = True
        self.timeout_date = time.time()
        if not self.nolog_timeout:
            logger.warning("%r: no port listens after %g s, killing it", self, waited)
        self.kill()

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take output; what the local command prints tells that the port listens."""
        super().child_printed(stream, data)
        if stream == STDOUT and _LISTENING.encode() in data:
            self.forwarding.set()

    def child_ended(self, end: Exit) -> None:
        """Note the end; who still waits for the port need not any longer."""
        super().child_ended(end)
        if self._timer is not None:
            self._timer.cancel()
        self.forwarding.abandon()


_taking = fork_safe_lock()
_takers: WeakValueDictionary[int, PortForwarder] = WeakValueDictionary()
"""Local port -> the forwarder made for it last: it listens later, or never."""


def _port_range() -> list[int]:
    """Return the ports of `configuration['port_range']`, in any order."""
    ports = list(range(*settings().port_range))
    # forwarders started together by several scripts should not look at them in the same order
    random.shuffle(ports)
    return ports


def free_port(address: str, ports: Sequence[int], taken: Collection[int]) -> int:
    """Return the first of `ports`, but those `taken`, that is free now on `address` (`*`: all).

    Raises:
        OSError: all are taken, or `address` is not of this machine.
    """
    for port in ports:
        if port not in taken and _is_free(address, port):
            return port
    raise OSError(f"no free port between {min(ports)} and {max(ports)} on {address}")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(("" if address == "*" else address, port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            return False
        raise OSError(error.errno, f"bind_address: {address!r}: {error.strerror}") from error
    return True


def _checked_address(address: object) -> str:
    if address is None:
        return "127.0.0.1"
    if not isinstance(address, str):
        raise TypeError(f"bind_address: {address!r}: expected an address of this machine, or None")
    return address.removeprefix("[").removesuffix("]") or "127.0.0.1"


def _checked_port(port: object, argument: str) -> int:
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"{argument}: {port!r} is no port number")
    if not 0 < port < 65536:
        raise ValueError(f"{argument}: {port} is no port number: expected 1 to 65535")
    return port
