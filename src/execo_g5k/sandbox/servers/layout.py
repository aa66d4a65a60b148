"""Making the directory of a sandbox: keys, homes, and the programs that users find."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import asyncssh

from execo_g5k.sandbox.commands import COMMANDS, GRID_COMMANDS
from execo_g5k.sandbox.commands.kadeploy import PROGRAMS
from execo_g5k.sandbox.servers import clients
from execo_g5k.sandbox.servers.places import Directory, Kind, Place
from execo_g5k.sandbox.servers.processes import PATH_MARK

_CALL = """\
#!{python} -ISs
import sys
sys.path.insert(0, {sources!r})
from execo_g5k.sandbox.servers import {module}
sys.exit({module}.main({name!r}, {control!r}))
"""

# for hosts that share the name of this machine
_HOSTNAME = """\
#!/bin/sh
case $1 in
-f|--fqdn|--long) echo "$EXECO_SANDBOX_HOST";;
*) echo "$HOSTNAME";;
esac
"""

# what nodes say of their disk; all else is that of this machine
_MOUNT = """\
#!/bin/sh
if [ $# -gt 0 ] || [ -z "$EXECO_SANDBOX_ROOT" ]; then PATH=/usr/bin:/bin exec mount "$@"; fi
echo "sysfs on /sys type sysfs (rw,nosuid,nodev,noexec,relatime)"
echo "proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)"
echo "$EXECO_SANDBOX_ROOT on / type ext4 (rw,relatime,errors=remount-ro)"
"""

# the clock of the sandbox may be fast, or put forward
_DATE = """\
#!/bin/sh
PATH=/usr/bin:/bin
case " $*" in *' -d'*|*' -f'*|*' -r'*|*' -s'*|*' --'[dfrs]*) exec date "$@";; esac
[ -e {clock} ] || exec date "$@"
read -r start speed shift <{clock}
now=$(awk "BEGIN {{ printf \\"%.6f\\", $start + ($(date +%s.%N) - $start) * $speed + $shift }}")
exec date -d "@$now" "$@"
"""
_UNAME = """\
#!/bin/sh
if [ "$*" = -n ]; then echo "$HOSTNAME"; else PATH=/usr/bin:/bin exec uname "$@"; fi
"""


def make(
    directory: Directory,
    all_places: Iterable[Place],
    user: str,
    *,
    own_names: bool,
    oargrid: bool = False,
    outside: bool = False,
) -> None:
    """Make all files of a sandbox.

    `own_names`: each host has a name of its own; `oargrid`: frontends have OARGrid; `outside`: the
    caller's machine reaches the access machine alone.
    """
    folders = [directory.keys, directory.outside, directory.on_hosts, directory.on_frontends]
    for path in [*folders, *([directory.laptop, directory.laptop_configs] if outside else [])]:
        path.mkdir(parents=True, mode=0o700)
    all_places = list(all_places)
    _keys(directory)
    clients.write_configs(directory, all_places, user, outside=outside)
    lines = (f"{place.address}\t{' '.join(place.names)}\n" for place in all_places)
    directory.hosts.write_text("127.0.0.1\tlocalhost\n" + "".join(lines))
    _programs(directory, [*COMMANDS, *(GRID_COMMANDS if oargrid else ())])
    for path, text in clients.programs(directory, outside=outside):
        _program(path, text)
    if outside:
        for path, text in clients.laptop_programs(directory, all_places[0]):
            _program(path, text)
    _program(directory.on_hosts / "mount", _MOUNT)
    _program(directory.on_hosts / "date", _DATE.format(clock=directory.clock))
    if not own_names:
        _program(directory.on_hosts / "hostname", _HOSTNAME)
        _program(directory.on_hosts / "uname", _UNAME)
    for place in all_places:
        if place.kind is not Kind.NODE:
            _home(directory, place, user)


def _keys(directory: Directory) -> None:
    for path in (directory.user_key, directory.oar_key, directory.host_key):
        _key(path, "ssh-ed25519")
    # OAR 2.5 takes RSA keys only
    _key(directory.job_key, "ssh-rsa")


def _key(path: Path, kind: str) -> None:
    key = asyncssh.generate_private_key(kind, comment=path.name)
    form = "pkcs1-pem" if kind == "ssh-rsa" else "openssh"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(key.export_private_key(form))
    path.with_suffix(".pub").write_bytes(key.export_public_key())


def _programs(directory: Directory, commands: Iterable[str]) -> None:
    for name in commands:
        _program(directory.on_frontends / name, _call(directory, name))
    for name in PROGRAMS:
        _program(directory.on_frontends / name, _call(directory, name, "caller"))
    # a job asks for its own resources on its nodes
    for name in ("oarprint", "oarstat", "g5k-subnets"):
        _program(directory.on_hosts / name, _call(directory, name))


def _call(directory: Directory, name: str, module: str = "shim") -> str:
    sources = str(Path(__file__).resolve().parents[3])
    return _CALL.format(
        python=sys.executable, sources=sources, module=module, name=name,
        control=str(directory.control),
    )  # fmt: skip


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _home(directory: Directory, place: Place, user: str) -> None:
    home = directory.home(place, user)
    ssh = home / ".ssh"
    ssh.mkdir(parents=True, mode=0o700)
    for name in (directory.job_key.name, f"{directory.job_key.name}.pub"):
        (ssh / name).symlink_to(directory.keys / name)
    write_profile(home)
    keys = ssh / "authorized_keys"
    keys.touch(mode=0o600)
    keys.write_text(directory.user_key.with_suffix(".pub").read_text())


def write_profile(home: Path) -> None:
    """Let login shells find the programs of the sandbox, whatever /etc/profile says."""
    (home / ".profile").write_text(f'PATH="${PATH_MARK}:$PATH"\n')
