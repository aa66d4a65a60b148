"""What the grid is made of: sites, hosts, addresses, users.  Pure data."""

from dataclasses import dataclass
from typing import Literal

DOMAIN = "grid5000.fr"
LAPTOP_ADDRESS = "172.16.0.100"
OAR_PORT = 6666
OAR_SSH_PORT = 6667
CPUS_PER_NODE = 2
CORES_PER_CPU = 2
USERS = {"alice": 10001, "bob": 10002}

Kind = Literal["frontend", "node", "access"]


@dataclass(frozen=True)
class Site:
    """A site: the first three numbers of its addresses, and the size of each cluster."""

    name: str
    network: str
    clusters: dict[str, int]

    @property
    def frontend(self) -> str:
        """Return the short name of the site's frontend ("fnancy")."""
        return f"f{self.name}"


@dataclass(frozen=True)
class GridHost:
    """One machine of the grid; `names` are all the names that lead to it."""

    name: str
    kind: Kind
    address: str
    fqdn: str
    names: tuple[str, ...]
    site: str | None = None
    cluster: str | None = None


SITES = {
    "nancy": Site("nancy", "172.16.64", {"grisou": 4}),
    "lyon": Site("lyon", "172.16.48", {"nova": 2, "taurus": 2}),
}


def _frontend(site: Site) -> GridHost:
    name, domain = site.frontend, f"{site.name}.{DOMAIN}"
    fqdn = f"frontend.{domain}"
    names = (fqdn, domain, site.name, name, f"{name}.{domain}", f"oar.{domain}")
    return GridHost(name, "frontend", f"{site.network}.1", fqdn, names, site.name)


def _nodes(site: Site) -> list[GridHost]:
    nodes: list[GridHost] = []
    for cluster, size in site.clusters.items():
        for index in range(1, size + 1):
            name = f"{cluster}-{index}"
            fqdn = f"{name}.{site.name}.{DOMAIN}"
            address = f"{site.network}.{11 + len(nodes)}"
            nodes.append(
                GridHost(name, "node", address, fqdn, (fqdn, name), site.name, cluster),
            )
    return nodes


def _all_hosts() -> dict[str, GridHost]:
    hosts = []
    for site in SITES.values():
        hosts += [_frontend(site), *_nodes(site)]
    fqdn = f"access.{DOMAIN}"
    hosts.append(GridHost("access", "access", "172.16.0.1", fqdn, (fqdn, "access")))
    return {host.name: host for host in hosts}


HOSTS = _all_hosts()
FRONTENDS = {name: HOSTS[site.frontend] for name, site in SITES.items()}


def nodes_of(site: str) -> list[GridHost]:
    """Return the nodes of a site, in order."""
    return [host for host in HOSTS.values() if host.kind == "node" and host.site == site]


def hosts_file(site: str | None = None) -> str:
    """Return an /etc/hosts of the whole grid, as seen from `site` (None: from outside)."""
    lines = ["127.0.0.1 localhost"]
    for host in HOSTS.values():
        names = list(host.names)
        if site and host.site == site and host.kind == "frontend":
            names += ["frontend", "oar"]
        lines.append(f"{host.address} {' '.join(names)}")
    lines.append(f"{LAPTOP_ADDRESS} laptop")
    return "\n".join(lines) + "\n"
