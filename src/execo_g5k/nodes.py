"""Names of nodes: the site in them, the vlan in them, and who is who. Pure.

A node has several names: `graphene-1`, `graphene-1.nancy`, `graphene-1.nancy.grid5000.fr`, and in
vlan 4 `graphene-1-kavlan-4.nancy.grid5000.fr`.
"""

import re
from collections.abc import Iterable

from execo.host import Host
from execo_g5k.config import SITES

_DOMAIN = "grid5000.fr"
_LABEL = re.compile(r"^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$", re.IGNORECASE)
_IN_VLAN = re.compile(r"-kavlan-\d+$")
_ADDRESS = re.compile(r"^[\d.]+$|:")


def site_of(host: Host | str) -> str | None:
    """Return the site in the name of a node; None when the name has none (`graphene-1`).

    Raises:
        ValueError: it is an address, or the name is in no site of Grid'5000.
    """
    name = _checked(host)
    labels = name.split(".")
    if len(labels) == 1:
        return None
    if len(labels) == 2 and labels[1] in SITES:
        return labels[1]
    if len(labels) == 4 and name.endswith(f".{_DOMAIN}"):
        return labels[1] if labels[1] in SITES else f"{labels[1]}.{_DOMAIN}"
    raise ValueError(
        f"{str(host)!r} is in no known site: expected a name such as"
        " 'graphene-1.nancy.grid5000.fr', 'graphene-1.nancy', or 'graphene-1' for a node of the"
        " default frontend"
    )


def own_name(host: Host | str) -> str:
    """Return the name that Kadeploy knows a node by: in full where its site is known, no vlan.

    Raises ValueError as `site_of`.
    """
    site_of(host)
    label, dot, rest = _checked(host).partition(".")
    domain = f".{_DOMAIN}" if dot and "." not in rest else ""
    return f"{_IN_VLAN.sub('', label)}{dot}{rest}{domain}"


def get_kavlan_host_name(host: Host | str, vlan: int | str) -> str:
    """Return the name of a node in a vlan: `graphene-1-kavlan-4.nancy.grid5000.fr` in vlan 4.

    A name that is in another vlan already is given in this one.

    Raises:
        ValueError: `host` is an address, or `vlan` is no number of one.
    """
    number = str(vlan)
    if isinstance(vlan, bool) or not number.isdecimal():
        raise ValueError(f"vlan: {vlan!r}: expected the number of a vlan")
    label, dot, rest = _checked(host).partition(".")
    return f"{_IN_VLAN.sub('', label)}-kavlan-{number}{dot}{rest}"


def _checked(host: Host | str) -> str:
    name = str(host).strip().rstrip(".").lower()
    if _ADDRESS.search(name):
        raise ValueError(f"{str(host)!r} is an address: Kadeploy knows nodes by their names only")
    if not all(map(_LABEL.match, name.split("."))):
        raise ValueError(f"{str(host)!r} is no name of a node")
    return name


class AskedNodes:
    """The hosts that were asked for, found by any name of theirs. All of one frontend."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self.hosts = tuple(dict.fromkeys(hosts))
        self._full: dict[str, list[Host]] = {}
        self._short: dict[str, list[Host]] = {}
        self._labels: dict[str, list[Host]] = {}
        for host in self.hosts:
            name = own_name(host)
            label = name.partition(".")[0]
            (self._full if "." in name else self._short).setdefault(name, []).append(host)
            self._labels.setdefault(label, []).append(host)

    def find(self, name: str) -> tuple[Host, ...]:
        """Return the hosts that `name` names; none for what was not asked for, or is no name."""
        try:
            name = own_name(name)
        except ValueError:
            return ()
        label, dot, _ = name.partition(".")
        if not dot:
            return tuple(self._labels.get(label, ()))
        return (*self._full.get(name, ()), *self._short.get(label, ()))
