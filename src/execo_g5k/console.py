"""Consoles of nodes, and ports inside of Grid'5000."""

import re
from collections.abc import Callable
from typing import Any

from execo import quoting
from execo._engine.child import Exit
from execo._engine.completion import Completion
from execo.forward import PortForwarder
from execo.handlers import STDOUT
from execo.host import Host
from execo.process import SshProcess
from execo.spelling import accept_old_spellings
from execo.times import Timeout, resolve_timeout
from execo_g5k.config import default_frontend_connexion_params, g5k_settings
from execo_g5k.errors import FrontendUnreachable
from execo_g5k.frontend import FrontendParams, local_site, resolve_site
from execo_g5k.kadeploy_process import on_terminal
from execo_g5k.nodes import own_name, site_of
from execo_g5k.typed_end import TypedEnd

PROMPT = re.compile(r"^[^\n]*(?:[$#>%]|login:|Login:|Password:) *$", re.MULTILINE)
"""What a console that waits for input shows, for most shells and for a login."""

_OPENED = re.compile(rb"\[Kaconsole\] kill sequence:")
_LAST = 256

_PATIENCE = 20
"""Seconds, for a console to open, and to show its prompt."""

_PATIENCE_FOR_PORT = 30
"""Seconds, for a forwarded port to listen."""


class KaconsoleProcess(TypedEnd, SshProcess):
    """The console of a node, by kaconsole3 on the frontend of its site.

    What is written to it is typed there: ``write("root\\n")``. Killing it types the kill sequence
    of kaconsole3, four times ESC, which closes the console.
    """

    opened: Completion
    """Set when the console is open. `opened.wait(seconds)` waits for that, and tells whether it is:
    false at once when the process ended before."""

    typed = b"\x1b\x1b\x1b\x1b"

    @accept_old_spellings
    def __init__(
        self,
        host: Host | str,
        frontend_connexion_params: FrontendParams = None,
        connexion_timeout: Timeout = _PATIENCE,
        prompt: str | re.Pattern[str] = PROMPT,
        **options: Any,
    ) -> None:
        """`host`: the node.

        `frontend_connexion_params`: dict of what differs from `default_frontend_connexion_params`.
        `connexion_timeout`: seconds for the console to open; then it is killed. None: no limit.
        `prompt`: regular expression of what it shows when it waits for input, see `wait_prompt`;
        the default knows most shells, and logins. `options`: those of Process.

        Raises:
            ValueError: the host is of no known site.
            ConfigError: its name has no site, and there is no default frontend.
        """
        self.node = Host(host)
        self.frontend = resolve_site(site_of(self.node))
        self.connexion_timeout = connexion_timeout
        resolve_timeout(connexion_timeout, _PATIENCE, "connexion_timeout")
        self.prompt = prompt
        # a console says goodbye with the exit of what ran on it
        own = {"ignore_write_error": True, "nolog_write_error": True}
        program = quoting.split(g5k_settings().kaconsole3)
        command = quoting.join([*program, "-m", own_name(self.node)])
        params = on_terminal(frontend_connexion_params)
        super().__init__(command, self.frontend, params, **{**own, **options})

    def _clear(self) -> None:
        super()._clear()
        self.opened = Completion()
        self._heard = b""

    def child_started(self, pid: int | None) -> None:
        """Note that it runs; the time for the console to open begins."""
        super().child_started(pid)
        seconds = resolve_timeout(self.connexion_timeout, _PATIENCE)
        if seconds is not None:
            self._call_later(seconds, self._not_opened)

    def _not_opened(self) -> None:
        if not self.opened.is_set():
            self._too_long()

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take output; what kaconsole3 says first tells that the console is open."""
        super().child_printed(stream, data)
        if stream == STDOUT and not self.opened.is_set():
            self._heard = (self._heard + data)[-_LAST - len(data) :]
            if _OPENED.search(self._heard):
                self.opened.set()

    def child_ended(self, end: Exit) -> None:
        """Note the end; who waits for the console need not any longer."""
        super().child_ended(end)
        self.opened.abandon()

    def wait_prompt(self, timeout: Timeout = _PATIENCE, wake: str | None = "\n") -> bool:
        """Wait until the console shows its prompt, at most `timeout` seconds (None: no limit).

        `wake`: typed first, for a console shows its prompt when something is typed; None: nothing.
        Return whether it did: false at the timeout, and when the console was closed.
        """
        seconds = resolve_timeout(timeout, _PATIENCE)
        if not self.opened.wait(seconds):
            return False
        if wake is not None:
            self.write(wake)
        return self.expect(self.prompt, seconds)[0] is not None


def _is_inside() -> bool:
    return local_site() is not None


class G5kAutoPortForwarder:
    """Reach a port inside of Grid'5000, from inside or from outside of it::

        with G5kAutoPortForwarder("nancy", "grisou-1.nancy.grid5000.fr", 8080) as (host, port):
            print(f"http://{host}:{port}/")

    Inside, that is the port itself; outside, a port of this machine which ssh forwards through the
    frontend of `site`, as long as the block lasts. `open` and `close` do the same without a block.
    """

    @accept_old_spellings
    def __init__(
        self,
        site: str | None,
        host: Host | str,
        port: int,
        connexion_params: FrontendParams = None,
        timeout: Timeout = _PATIENCE_FOR_PORT,
        inside: Callable[[], bool] | None = None,
    ) -> None:
        """`site`: of the frontend to go through; None: the default one.

        `host`, `port`: what to reach, as the frontend names it. `connexion_params`: dict of what
        differs from `default_frontend_connexion_params`. `timeout`: seconds for the forwarded port
        to listen; None: no limit. `inside`: function that tells whether this machine is inside of
        Grid'5000; None: as its name tells.
        """
        self.site, self.host, self.port = site, Host(host), port
        self._params = connexion_params
        self._timeout = timeout
        self._inside = inside or _is_inside
        self.forwarder: PortForwarder | None = None
        """What forwards the port; None inside of Grid'5000, and when it is not open."""

    def open(self) -> tuple[str, int]:
        """Return (host, port) to connect to, from here.

        Raises:
            FrontendUnreachable: the port can't be forwarded; with the words of ssh.
        """
        if self._inside():
            return self.host.address, self.port
        if self.forwarder is None:
            self.forwarder = self._forwarding()
        return "127.0.0.1", self.forwarder.local_port

    def _forwarding(self) -> PortForwarder:
        frontend = resolve_site(self.site)
        params = {**default_frontend_connexion_params, **(self._params or {}), "pty": False}
        forwarder = PortForwarder(frontend, self.host, self.port, connexion_params=params)
        forwarder.nolog_exit_code = True
        forwarder.start()
        if not forwarder.forwarding.wait(resolve_timeout(self._timeout, _PATIENCE_FOR_PORT)):
            forwarder.kill().wait()
            said = forwarder.stderr.strip() or "no answer in time"
            raise FrontendUnreachable(
                frontend, f"can't forward to {self.host.address}:{self.port}: {said}"
            )
        return forwarder

    def close(self) -> None:
        """Stop forwarding the port."""
        forwarder, self.forwarder = self.forwarder, None
        if forwarder is not None and forwarder.running:
            forwarder.kill().wait()

    def __enter__(self) -> tuple[str, int]:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()
