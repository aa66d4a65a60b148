"""The ssh, scp, sftp, oarsh and oarcp of a sandbox: OpenSSH, told where the hosts are.

Three kinds of machines have them. Hosts of the sandbox connect to one another from their own
addresses. The caller's machine connects to all of them or, outside, through the access machine.
A laptop has the home that it is given, and reads the ~/.ssh/config that is there.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from execo_g5k.sandbox.model.kadeploy.server import VLANS
from execo_g5k.sandbox.servers.places import (
    OAR_PORT,
    SSH_PORT,
    VLAN_PORT,
    Directory,
    Kind,
    Place,
)
from execo_g5k.sandbox.servers.processes import ADDRESS_MARK

_TOOLS = ("ssh", "scp", "sftp")

# ssh takes ~ for the home of the account, whatever HOME says
_HOME = """\
before=
for word do
    shift
    case $before$word in -i'~/'*) word=$HOME/${word#'~/'};; esac
    set -- "$@" "$word"
    before=$word
done
"""

_BIND = f"${{{ADDRESS_MARK}:+-oBindAddress=${ADDRESS_MARK}}}"
"""Where a host connects from, by which the others know it."""

_SSH = """\
#!/bin/sh
{home}exec {program} -F {config} {bind} "$@"
"""

# the words and exit codes of oarsh 2.5.9
_OARSH = """\
#!/bin/sh
key=$OAR_JOB_KEY_FILE
if [ "$1" = -i ]; then key=$2; shift 2; fi
if [ -n "$key" ]; then
    case $key in '~/'*) key=$HOME/${{key#'~/'}};; esac
    cat "$key" >/dev/null || {{ echo "oarsh: Failed to read job key: $key." >&2; exit 3; }}
    exec {program} -F {config} {bind} {port} {oar_port} {user} -i "$key" "$@"
fi
case $OAR_JOB_ID in
"") echo "oarsh: Cannot connect. Please set either a job id or a job key in your" >&2
    echo "oarsh: environment using the OAR_JOB_ID or the OAR_JOB_KEY_FILE variable." >&2
    exit 6;;
*[!0-9]*) echo "oarsh: Invalid job id: $OAR_JOB_ID" >&2; exit 5;;
esac
exec {program} -F {config} {bind} {port} {oar_port} {user} -i {oar_key} \\
    -o "SetEnv=OAR_JOB_ID=$OAR_JOB_ID OAR_USER=${{USER:-$(id -un)}}" "$@"
"""

# a configuration for each home; what its owner wrote comes first, and so wins
_LAPTOP = """\
#!/bin/sh
config={configs}/$(printf %s "$HOME" | cksum | tr ' ' -)
if [ ! -e "$config" ]; then
    cat >"$config.$$" <<END
Include "$HOME/.ssh/config"
Match all
    IdentityFile "$HOME/.ssh/id_ed25519"
    UserKnownHostsFile "$HOME/.ssh/known_hosts"
    ProxyCommand {dial} %h %p
END
    mv "$config.$$" "$config"
fi
{home}exec {program} -F "$config" "$@"
"""

_DIAL = """\
#!{python} -ISs
import sys
sys.path.insert(0, {sources!r})
from execo_g5k.sandbox.servers import dial
sys.exit(dial.main({names!r}, {address!r}, {port!r}))
"""


def programs(directory: Directory, *, outside: bool) -> Iterator[tuple[Path, str]]:
    """Yield the programs, as paths and texts. `outside`: the caller's machine is outside."""
    found = {tool: shutil.which(tool) or f"/usr/bin/{tool}" for tool in _TOOLS}
    for where, config, bind in (
        (directory.on_hosts, directory.ssh_config, _BIND),
        (directory.outside, directory.outside_config if outside else directory.ssh_config, ""),
    ):
        for tool in _TOOLS:
            text = _SSH.format(program=found[tool], config=config, bind=bind, home=_HOME)
            yield where / tool, text
        if where == directory.outside and outside:
            continue
        common = {
            "config": config, "bind": bind, "oar_port": OAR_PORT, "oar_key": directory.oar_key,
        }  # fmt: skip
        oarsh = {"program": found["ssh"], "port": "-p", "user": "-l oar", **common}
        oarcp = {"program": found["scp"], "port": "-P", "user": "-o User=oar", **common}
        yield where / "oarsh", _OARSH.format(**oarsh)
        yield where / "oarcp", _OARSH.format(**oarcp)


def laptop_programs(directory: Directory, access: Place) -> Iterator[tuple[Path, str]]:
    """Yield the programs of a laptop: from there, only the access machine has an address."""
    sources = str(Path(__file__).resolve().parents[3])
    dial = directory.laptop / "execo-sandbox-dial"
    yield dial, _DIAL.format(
        python=sys.executable, sources=sources, names=access.names[:1], address=access.address,
        port=SSH_PORT,
    )  # fmt: skip
    for tool in _TOOLS:
        program = shutil.which(tool) or f"/usr/bin/{tool}"
        yield (
            directory.laptop / tool,
            _LAPTOP.format(
                configs=directory.laptop_configs, dial=dial, program=program, home=_HOME
            ),
        )


def write_configs(
    directory: Directory, all_places: Sequence[Place], user: str, *, outside: bool
) -> None:
    """Write the configurations of ssh, of hosts and of the caller's machine."""
    host_key = directory.host_key.with_suffix(".pub").read_text()
    known = directory.path / "known_hosts"
    known.write_text(f"sandbox {host_key}")
    common = (
        f"    User {user}\n    IdentityFile {directory.user_key}\n"
        f"    IdentitiesOnly yes\n    UserKnownHostsFile {known}\n    HostKeyAlias sandbox\n"
        "    UpdateHostKeys no\n    StrictHostKeyChecking yes\n    BatchMode yes\n"
        "    PreferredAuthentications publickey\n"
    )
    vlans = [f"Host *-kavlan-{n} *-kavlan-{n}.*\n    Port {VLAN_PORT + n}\n" for n in VLANS]
    hosts = [
        f"Host {' '.join(names)}\n    HostName {place.address}\n"
        for place, names in _named(all_places, vlans=True)
    ]
    everywhere = f"Host *\n    Port {SSH_PORT}\n{common}"
    directory.ssh_config.write_text("\n".join([*vlans, *hosts, everywhere]))
    if outside:
        directory.outside_config.write_text(_from_outside(all_places, common))


def _from_outside(all_places: Sequence[Place], common: str) -> str:
    """Return a configuration in which one host has an address, and leads to the others."""
    blocks = []
    access = next(place for place in all_places if place.kind is Kind.ACCESS)
    for place, names in _named(all_places, vlans=False):
        name = " ".join(names)
        if place is access:
            blocks.append(f"Host {name}\n    HostName {place.address}\n    Port {SSH_PORT}\n")
        else:
            to = f"    HostName {place.full_name}\n    ProxyJump {access.full_name}\n"
            blocks.append(f"Host {name}\n{to}")
    blocks.append(f"Host *-kavlan-*\n    ProxyJump {access.full_name}\n")
    return "\n".join([*blocks, f"Host *\n{common}"])


def _named(all_places: Sequence[Place], *, vlans: bool) -> Iterator[tuple[Place, list[str]]]:
    """Yield hosts with the names that lead to them; the first one that has a name keeps it."""
    taken: set[str] = set()
    for place in all_places:
        names = [name for name in place.names if name not in taken]
        taken.update(names)
        if vlans and place.kind is Kind.NODE:
            names.append(f"{place.hostname}-kavlan-*")
        yield place, names
