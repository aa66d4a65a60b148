"""What the configuration of ssh says of a host -> arguments of asyncssh, as ssh means it."""

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from execo._asyncssh.keys import Keys, read_keys
from execo._asyncssh.target import Target

_TOKEN = re.compile("%(.?)")


@dataclass(frozen=True)
class Configured:
    """A host, with all that is known of it."""

    host: str
    port: int
    jump: str | None
    """Hosts on the way."""
    proxy: str | None
    """Shell text whose input and output are the connexion."""
    terminal: bool
    """The configuration asks for a terminal in any case."""
    keys: Keys


async def configured(target: Target) -> Configured:
    """Return what is known of a target once the configuration of ssh is read.

    Raises:
        ValueError: it says what asyncssh can't do.
        OSError: a file can't be read.
    """
    import asyncssh

    # neither words of a shell nor keys are for asyncssh to read
    own = {"config": (), **target.options, "proxy_command": None, "client_keys": None}
    said: Any = await asyncssh.SSHClientConnectionOptions.construct(host=target.host, **own)
    if said.command is not None:
        raise ValueError(
            f"RemoteCommand {said.command!r} in the configuration of ssh: it leaves no place for"
            " another command; -o RemoteCommand=none in ssh_options does"
        )
    given = _given(target.options.get("proxy_command"))
    jump = None if given else _given(said.tunnel)
    if given:
        proxy = _expanded(given, target, said)
    elif jump or "proxy_command" in target.options:
        proxy = None
    else:
        proxy = said.config.get("ProxyCommand")
    return Configured(
        host=said.host,
        port=said.port,
        jump=jump,
        proxy=proxy,
        terminal=said.request_pty == "force",
        keys=read_keys(target.keys, said.config.get("IdentityFile") or []),
    )


def _given(value: str | None) -> str | None:
    return None if value is None or value.lower() == "none" else value


def _expanded(command: str, target: Target, said: Any) -> str:
    values = {"%": "%", "h": said.host, "n": target.host, "p": said.port, "r": said.username}

    def value(token: re.Match[str]) -> str:
        if token[1] not in values:
            raise ValueError(f"ProxyCommand {command!r}: {token[0]!r} is not known: use %h, %p, %r")
        return str(values[token[1]])

    return _TOKEN.sub(value, command)


@contextlib.contextmanager
def proxy_arguments(proxy: str | None) -> Iterator[dict[str, Any]]:
    """Give arguments that connect through shell text, if any; what it says is noted on errors."""
    if proxy is None:
        yield {"proxy_command": None}
        return
    # else asyncssh takes what is said on standard error for what the host says
    with tempfile.NamedTemporaryFile("r", errors="replace") as said:
        # the shell that ssh takes; the one around it keeps what asyncssh must not see closed
        shell = os.environ.get("SHELL") or "/bin/sh"
        around = '"$0" -c "$1" 2>"$2"; exit'
        try:
            yield {"proxy_command": ["/bin/sh", "-c", around, shell, f"exec {proxy}", said.name]}
        except Exception as error:
            error.add_note(said.read().strip())
            raise
