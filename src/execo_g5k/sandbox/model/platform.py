"""What a Grid'5000 is made of: sites, clusters, nodes, and the properties of their resources."""

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Value = str | int | None
Row = dict[str, Value]

DOMAIN = "grid5000.fr"

MOST_NODES = 60_000
"""As many as there are addresses for."""

_NOT_SITES = ("access", "frontend", "localhost")
_PROPERTY = re.compile(r"[a-z_][a-z0-9_]*")
# OAR chooses by these, or changes them
_OWN_PROPERTIES = (
    "resource_id", "type", "network_address", "host", "cluster", "cpu", "core", "cpuset", "state",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Equal nodes of a sandbox.

    - `nodes`: how many.
    - `cores`: of each node; `cpus`: processors of each node, which share the cores.
    - `cputype`: property of the resources.
    - `properties`: further properties of each resource of OAR, above the usual ones: such as
      {"memnode": 131072, "gpu_count": 2}.

    Raises TypeError for a property of another type, ValueError for an impossible number or name.
    """

    nodes: int
    cores: int = 4
    cpus: int = 2
    cputype: str = "Intel Xeon E5"
    properties: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("nodes", "cores", "cpus"):
            number = getattr(self, name)
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise ValueError(f"{name}: {number!r}: expected 1 or more")
        if self.cores % self.cpus:
            raise ValueError(f"cores: {self.cores} can't be shared among {self.cpus} cpus")
        for name, value in self.properties.items():
            if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
                raise ValueError(f"properties: {name!r}: expected a name in small letters")
            if name in _OWN_PROPERTIES:
                raise ValueError(f"properties: {name!r} is given by the sandbox")
            if not isinstance(value, str | int | None):
                raise TypeError(f"properties[{name!r}]: {value!r}: expected text or a number")


@dataclass(frozen=True, kw_only=True)
class Features:
    """What a sandbox has besides nodes and OAR."""

    oargrid: bool = False
    """Whether frontends have oargridsub, oargridstat and oargriddel."""
    vlans: bool = False
    """Whether vlans can be reserved."""
    subnets: bool = False
    """Whether blocks of addresses can be reserved."""
    kadeploy: str = "3.3"
    """The Kadeploy of the sites: 3.3, or 3.1 as before 2014."""
    deploy_time: float = 2.0
    """Seconds that a deployment takes."""
    outside: bool = False
    """Whether the access machine is all that can be reached from outside."""


Sites = Mapping[str, Mapping[str, int | Cluster]]
"""Name of a site -> name of a cluster -> its number of nodes, or all of it."""


def checked_sites(sites: Any) -> dict[str, dict[str, Cluster]]:
    """Return sites with whole clusters.

    Raises:
        TypeError, ValueError: something is no site, no cluster, or no name.
    """
    if not isinstance(sites, Mapping) or not sites:
        raise TypeError(f"sites: {sites!r}: expected {{site: {{cluster: number of nodes}}}}")
    found: dict[str, dict[str, Cluster]] = {}
    for site, clusters in sites.items():
        name = _new_name(site, found)
        if name in _NOT_SITES:
            raise ValueError(f"sites: {site!r} is the name of something else")
        found[name] = _clusters(site, clusters)
    nodes = sum(cluster.nodes for clusters in found.values() for cluster in clusters.values())
    if nodes > MOST_NODES:
        raise ValueError(f"sites: {nodes} nodes: expected at most {MOST_NODES}")
    return found


def _clusters(site: str, clusters: Any) -> dict[str, Cluster]:
    if not isinstance(clusters, Mapping) or not clusters:
        raise TypeError(f"sites[{site!r}]: {clusters!r}: expected {{cluster: number of nodes}}")
    found: dict[str, Cluster] = {}
    for name, cluster in clusters.items():
        if isinstance(cluster, int) and not isinstance(cluster, bool):
            cluster = Cluster(nodes=cluster)
        if not isinstance(cluster, Cluster):
            raise TypeError(f"sites[{site!r}][{name!r}]: {cluster!r}: expected a number of nodes")
        found[_new_name(name, found)] = cluster
    return found


def _new_name(name: Any, known: Container[str]) -> str:
    if not isinstance(name, str) or not name.isascii() or not name.isalnum():
        raise ValueError(f"sites: {name!r}: expected a name of letters and digits")
    if name.lower() in known:
        raise ValueError(f"sites: {name!r} is there twice: case makes no difference")
    return name.lower()


def node_name(site: str, cluster: str, number: int) -> str:
    """Return the full name of a node."""
    return f"{cluster}-{number}.{site}.{DOMAIN}"


def resource_rows(site: str, clusters: Mapping[str, Cluster], network: str) -> Iterator[Row]:
    """Yield the properties of each core of a site, in the order of their resource ids.

    `network`: the first two numbers of the addresses of the nodes, such as "172.16".
    """
    core = cpu = node = 0
    for name, cluster in clusters.items():
        per_cpu = cluster.cores // cluster.cpus
        for number in range(1, cluster.nodes + 1):
            node += 1
            address = node_name(site, name, number)
            for index in range(cluster.cores):
                core += 1
                yield {
                    "resource_id": core,
                    "type": "default",
                    "network_address": address,
                    "host": address,
                    "cluster": name,
                    "cpu": cpu + 1 + index // per_cpu,
                    "core": core,
                    "cpuset": str(index),
                    "ip": f"{network}.{64 + (node + 10) // 256}.{(node + 10) % 256}",
                    "core_count": cluster.cores,
                    "cpucore": per_cpu,
                    "cputype": cluster.cputype,
                    "memnode": 262144,
                    "gpu_count": 0,
                    "deploy": "YES",
                    "besteffort": "YES",
                    "desktop_computing": "NO",
                    "drain": "NO",
                    "production": "NO",
                    "maintenance_reason": None,
                    "available_upto": 0,
                    "last_available_upto": 0,
                    "state": "Alive",
                    **cluster.properties,
                }
            cpu += cluster.cpus
