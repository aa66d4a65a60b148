"""Making the directory of a sandbox: keys, homes, and the programs that users find."""

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import asyncssh

from execo_g5k.sandbox.commands import COMMANDS, GRID_COMMANDS
from execo_g5k.sandbox.commands.kadeploy import PROGRAMS
from execo_g5k.sandbox.model.kadeploy.server import VLANS
from execo_g5k.sandbox.servers.places import (
    OAR_PORT,
    SSH_PORT,
    VLAN_PORT,
    Directory,
    Kind,
    Place,
)
from execo_g5k.sandbox.servers.processes import PATH_MARK

_TOOLS = ("ssh", "scp", "sftp")

_SSH = """\
#!/bin/sh
exec {program} -F {config} "$@"
"""

_CALL = """\
#!{python} -ISs
import sys
sys.path.insert(0, {sources!r})
from execo_g5k.sandbox.servers import {module}
sys.exit({module}.main({name!r}, {control!r}))
"""

# the words and exit codes of oarsh 2.5.9
_OARSH = """\
#!/bin/sh
key=$OAR_JOB_KEY_FILE
if [ "$1" = -i ]; then key=$2; shift 2; fi
if [ -n "$key" ]; then
    case $key in '~/'*) key=$HOME/${{key#'~/'}};; esac
    cat "$key" >/dev/null || {{ echo "oarsh: Failed to read job key: $key." >&2; exit 3; }}
    exec {program} -F {config} {port} {oar_port} {user} -i "$key" "$@"
fi
case $OAR_JOB_ID in
"") echo "oarsh: Cannot connect. Please set either a job id or a job key in your" >&2
    echo "oarsh: environment using the OAR_JOB_ID or the OAR_JOB_KEY_FILE variable." >&2
    exit 6;;
*[!0-9]*) echo "oarsh: Invalid job id: $OAR_JOB_ID" >&2; exit 5;;
esac
exec {program} -F {config} {port} {oar_port} {user} -i {oar_key} \\
    -o "SetEnv=OAR_JOB_ID=$OAR_JOB_ID OAR_USER=${{USER:-$(id -un)}}" "$@"
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
) -> None:
    """Make all files of a sandbox.

    `own_names`: each host has a name of its own; `oargrid`: frontends have OARGrid.
    """
    for path in (directory.keys, directory.outside, directory.on_hosts, directory.on_frontends):
        path.mkdir(parents=True, mode=0o700)
    all_places = list(all_places)
    _keys(directory)
    _ssh_config(directory, all_places, user)
    lines = (f"{place.address}\t{' '.join(place.names)}\n" for place in all_places)
    directory.hosts.write_text("127.0.0.1\tlocalhost\n" + "".join(lines))
    _programs(directory, [*COMMANDS, *(GRID_COMMANDS if oargrid else ())])
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


def _ssh_config(directory: Directory, all_places: list[Place], user: str) -> None:
    host_key = directory.host_key.with_suffix(".pub").read_text()
    known = directory.path / "known_hosts"
    known.write_text(f"sandbox {host_key}")
    taken: set[str] = set()
    blocks = [f"Host *-kavlan-{n} *-kavlan-{n}.*\n    Port {VLAN_PORT + n}\n" for n in VLANS]
    for place in all_places:
        names = [name for name in place.names if name not in taken]
        taken.update(names)
        if place.kind is Kind.NODE:
            names += [f"{place.hostname}-kavlan-*"]
        blocks.append(f"Host {' '.join(names)}\n    HostName {place.address}\n")
    blocks.append(
        f"Host *\n    Port {SSH_PORT}\n    User {user}\n    IdentityFile {directory.user_key}\n"
        f"    IdentitiesOnly yes\n    UserKnownHostsFile {known}\n    HostKeyAlias sandbox\n"
        "    UpdateHostKeys no\n    StrictHostKeyChecking yes\n    BatchMode yes\n"
        "    PreferredAuthentications publickey\n"
    )
    directory.ssh_config.write_text("\n".join(blocks))


def _programs(directory: Directory, commands: Iterable[str]) -> None:
    config = directory.ssh_config
    found = {tool: shutil.which(tool) or f"/usr/bin/{tool}" for tool in _TOOLS}
    texts = {tool: _SSH.format(program=found[tool], config=config) for tool in _TOOLS}
    common = {"config": config, "oar_port": OAR_PORT, "oar_key": directory.oar_key}
    texts["oarsh"] = _OARSH.format(program=found["ssh"], port="-p", user="-l oar", **common)
    texts["oarcp"] = _OARSH.format(program=found["scp"], port="-P", user="-o User=oar", **common)
    for name, text in texts.items():
        for where in (directory.outside, directory.on_hosts):
            _program(where / name, text)
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
