"""How a command on a host sees a /tmp and a host name of its own, on this one machine.

Mount and UTS namespaces of Linux do it, without root where user namespaces are allowed. Where they
are not, commands share /tmp, and TMPDIR and a program called `hostname` are all they have.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from execo_g5k.sandbox.servers.places import Directory, Place

_AS_ROOT = ("unshare", "--mount", "--uts")
_AS_USER = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--uts")
_AS_ROOT_OF_NODE = ("unshare", "--user", "--map-root-user", "--mount", "--uts")

_TEMPORARY = Path("/tmp")

# $1 directory for /tmp, $2 host name, $3 file for /etc/hosts, $4 one for /etc/os-release, $5
# working directory, $6 how many pairs of directories to keep in sight follow
_ENTER = """\
own=$1; name=$2; hosts=$3; release=$4; directory=$5; pairs=$6; shift 6
while [ "$pairs" -gt 0 ]; do
    mkdir -p "$2" && mount --rbind "$1" "$2" || exit 126
    shift 2; pairs=$((pairs - 1))
done
mount --bind "$hosts" /etc/hosts || exit 126
[ ! -e "$release" ] || mount --bind "$release" /etc/os-release || exit 126
mount --rbind "$own" /tmp || exit 126
hostname "$name" 2>/dev/null || echo "$name" > /proc/sys/kernel/hostname
cd "$directory" 2>/dev/null || cd /
exec "$@"
"""


class Isolation:
    """What makes one host of many."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._how = _namespaces()
        self._kept = _hidden_by_own_tmp(directory.path)

    @property
    def works(self) -> bool:
        """Whether each host has a /tmp and a name of its own."""
        return self._how is not None

    def wrap(
        self, place: Place, argv: Sequence[str], directory: str, *, root: bool = False
    ) -> list[str]:
        """Return the words that run `argv` in a directory of a host, as its root if need be.

        Where hosts have no /tmp of their own, they have to be run in it.
        """
        if self._how is None:
            return list(argv)
        own = self._directory.temporary(place)
        pairs = [str(p) for path in self._kept for p in (path, own / path.relative_to(_TEMPORARY))]
        count = str(len(self._kept))
        hosts = str(self._directory.hosts)
        release = str(self._directory.os_release(place))
        words = [str(own), place.hostname, hosts, release, directory, count, *pairs]
        how = _AS_ROOT_OF_NODE if root and self._how is _AS_USER else self._how
        return [*how, "/bin/sh", "-c", _ENTER, "enter", *words, *argv]

    def path_here(self, place: Place, path: str) -> str:
        """Return where a path of a host is on this machine."""
        inside = Path(path).is_relative_to(_TEMPORARY)
        if not (self.works and inside) or any(Path(path).is_relative_to(k) for k in self._kept):
            return path
        return str(self._directory.temporary(place) / Path(path).relative_to(_TEMPORARY))

    def path_there(self, place: Place, path: str) -> str:
        """Return what a host calls a path of this machine."""
        own = str(self._directory.temporary(place))
        if self.works and (path == own or path.startswith(f"{own}/")):
            return f"/tmp{path.removeprefix(own)}"
        return path


def _namespaces() -> tuple[str, ...] | None:
    if shutil.which("unshare") is None:
        return None
    how = _AS_ROOT if os.geteuid() == 0 else _AS_USER
    test = "mount --rbind /tmp /tmp && { hostname a || echo a > /proc/sys/kernel/hostname; }"
    try:
        done = subprocess.run(
            [*how, "/bin/sh", "-c", test], capture_output=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return how if done.returncode == 0 else None


def _hidden_by_own_tmp(*paths: Path) -> list[Path]:
    """Return what stays in sight of all hosts, though it is in /tmp."""
    wanted = [*paths, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[3]]
    inside = {path for path in wanted if path.is_relative_to(_TEMPORARY) and path != _TEMPORARY}
    return sorted(p for p in inside if not any(p != q and p.is_relative_to(q) for q in inside))
