"""Errors of connexions -> what ssh says of them, and what is to be done."""

import errno
import getpass
import os
import socket

from execo._asyncssh.connexions import Connexion
from execo._engine.fanout import NO_DESCRIPTORS


def is_short(error: Exception) -> bool:
    """Tell whether an error comes of descriptors that are short, whatever it says."""
    if isinstance(error, OSError) and error.errno in NO_DESCRIPTORS:
        return True
    return _is_without_name(error) or _is_without_descriptors()


def _is_without_name(error: Exception) -> bool:
    """Tell whether asyncssh missed the name of this user, who has one."""
    if "local username" not in str(error):
        return False
    try:
        getpass.getuser()
    except (KeyError, OSError):
        return False
    return True


def _is_without_descriptors() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as error:
        return error.errno in NO_DESCRIPTORS
    return False


def never_began(error: Exception) -> bool:
    """Tell whether a host refused a session before it was told the command."""
    import asyncssh

    return isinstance(error, asyncssh.ChannelOpenError) and error.code <= 4


def words(error: Exception, connexion: Connexion) -> str:
    """Return what ssh says of an error, after what a ProxyCommand said."""
    said = [note for note in getattr(error, "__notes__", ()) if note]
    return "\n".join([*said, _words(error, connexion)])


def _words(error: Exception, connexion: Connexion) -> str:
    import asyncssh

    target, known = connexion.target, connexion.known
    host = target.host
    where = f"host {known.host if known else host} port {known.port if known else 22}"
    if is_short(error):
        return f"ssh: connect to {where}: {os.strerror(errno.EMFILE)}: raise ulimit -n"
    match error:
        case socket.gaierror():
            return f"ssh: Could not resolve hostname {host}: {error.strerror}"
        case asyncssh.PermissionDenied():
            return f"{host}: Permission denied ({error.reason}).{_encrypted(connexion)}"
        case asyncssh.HostKeyNotVerifiable():
            return f"Host key verification failed: {error.reason} ({_unverified(connexion)})"
        case asyncssh.ConfigParseError():
            return f"ssh: {host}: {error} (for asyncssh; transport='ssh' understands all of it)"
        case OSError() if error.filename is not None:
            return f"{host}: {error.filename}: {error.strerror}"
        case TimeoutError():
            return f"ssh: connect to {where}: Connection timed out"
        case OSError():
            why = os.strerror(error.errno) if error.errno else str(error)
            return f"ssh: connect to {where}: {why}"
        case asyncssh.ConnectionLost() if known is not None and known.proxy is not None:
            through = f"it goes through ProxyCommand {known.proxy}"
            return f"Connection to {host} closed by remote host: {through}"
        case asyncssh.ConnectionLost():
            return f"Connection to {host} closed by remote host."
    return f"ssh: {host}: {error}"


def _encrypted(connexion: Connexion) -> str:
    files = [] if connexion.known is None else connexion.known.keys.encrypted
    if not files:
        return ""
    named = " ".join(files)
    return f" {named}: encrypted, and no agent has the key that the host wants: ssh-add {named}"


def _unverified(connexion: Connexion) -> str:
    target, jump = connexion.target, connexion.known and connexion.known.jump
    if not jump:
        return "asyncssh takes StrictHostKeyChecking from ssh_options, not from ~/.ssh/config"
    whose = f"ProxyJump {jump}" if _any_key(connexion) else f"{target.host} or ProxyJump {jump}"
    return (
        f"{whose}, on the way to {target.host}; asyncssh has no StrictHostKeyChecking for jumps:"
        f" enter the jump once by ssh, so that its key is known, or use transport='ssh'"
    )


def _any_key(connexion: Connexion) -> bool:
    return connexion.target.options.get("known_hosts", ()) is None
