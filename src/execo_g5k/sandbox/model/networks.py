"""The networks of sites: vlans, and blocks of addresses that jobs can reserve.

The numbers are those of Grid'5000, as its reference API gives them in 2026: a site has vlans 1 to 3
(kavlan-local), 4 to 9 (kavlan) and one of its own from 10 on (kavlan-global), and three quarters of
a /14 block, which is reserved by /22.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from execo_g5k.sandbox.model.platform import DOMAIN, Row

DEFAULT_VLAN = "DEFAULT"
"""Name of the network in which nodes are at first."""

SMALLEST = 22
"""Length of the prefix of the smallest blocks that are reserved."""

_LARGEST = 16
_BLOCKS = 192
_MOST = 31
_ORDER = (
    "bordeaux", "grenoble", "lille", "lyon", "nancy", "orsay", "rennes", "toulouse", "sophia",
    "strasbourg", "luxembourg", "nantes", "louvain",
)  # fmt: skip
_LOCAL, _ROUTED, _GLOBAL = "kavlan-local", "kavlan", "kavlan-global"


@dataclass(frozen=True)
class Vlan:
    """A network that the nodes of a job can be put in."""

    vlan_id: str
    kind: str
    """Type of its resource for OAR."""
    network: IPv4Network

    @property
    def gateway(self) -> IPv4Address:
        """Its last address."""
        return self.network.broadcast_address - 1


@dataclass
class SiteNetworks:
    """The networks of a site, and the vlans in which its nodes are."""

    site: str
    number: int
    """Place of the site among all, which gives it its addresses."""
    members: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Full name of a node -> vlan, and the job that put it there."""
    without_dhcp: set[str] = field(default_factory=set)
    """Vlans whose DHCP server was stopped."""

    @property
    def vlans(self) -> dict[str, Vlan]:
        """The vlans, by their ids."""
        first = f"10.{4 * self.number}.0.0/14"
        routed = list(IPv4Network(first).subnets(new_prefix=18))
        local = list(IPv4Network("192.168.192.0/18").subnets(new_prefix=20))
        all_of_them = [
            *(Vlan(str(1 + n), _LOCAL, local[n]) for n in range(3)),
            *(Vlan(str(4 + n), _ROUTED, routed[n]) for n in range(6)),
            Vlan(str(10 + self.number), _GLOBAL, routed[-1]),
        ]
        return {vlan.vlan_id: vlan for vlan in all_of_them}

    @property
    def block(self) -> IPv4Network:
        """The block from which subnets are reserved; its mask and gateway are those of all."""
        number = self.number + (self.number > _ORDER.index("orsay"))
        return IPv4Network(f"10.{128 + 4 * number}.0.0/14")

    @property
    def subnets(self) -> list[IPv4Network]:
        """The subnets that can be reserved."""
        return list(self.block.subnets(new_prefix=SMALLEST))[:_BLOCKS]

    @property
    def gateway(self) -> IPv4Address:
        """The gateway of all subnets."""
        return self.block.broadcast_address - 1

    @property
    def name_server(self) -> tuple[str, str]:
        """Name and address of the DNS server of the site."""
        return f"dns.{self.site}.{DOMAIN}", f"172.16.{self.number % 16 * 16 + 15}.101"


def site_networks(sites: Iterable[str]) -> dict[str, SiteNetworks]:
    """Return the networks of sites; a site unknown to Grid'5000 gets numbers that are free."""
    names = list(sites)
    known = {name: _ORDER.index(name) for name in names if name in _ORDER}
    free = iter([*range(len(_ORDER), _MOST), *(set(range(len(_ORDER))) - set(known.values()))])
    return {n: SiteNetworks(n, known[n] if n in known else next(free)) for n in names}


def network_rows(
    networks: SiteNetworks, first_id: int, *, vlans: bool, subnets: bool
) -> Iterator[Row]:
    """Yield the resources of the networks of a site, whose ids count from `first_id`."""
    if vlans:
        for vlan in networks.vlans.values():
            yield _row(first_id, vlan.kind) | {"vlan": vlan.vlan_id}
            first_id += 1
    if subnets:
        for index, subnet in enumerate(networks.subnets):
            prefixes: Row = {
                f"slash_{length}": (index >> (SMALLEST - length)) + 1
                for length in range(_LARGEST, SMALLEST + 1)
            }
            yield (
                _row(first_id, "subnet")
                | prefixes
                | {
                    "subnet_address": str(subnet.network_address),
                    "subnet_prefix": SMALLEST,
                }
            )
            first_id += 1


def _row(resource_id: int, kind: str) -> Row:
    return {
        "resource_id": resource_id,
        "type": kind,
        "network_address": "",
        "host": "",
        "cpuset": "0",
        "deploy": "YES",
        "besteffort": "YES",
        "desktop_computing": "NO",
        "drain": "NO",
        "production": "NO",
        "available_upto": 0,
        "last_available_upto": 0,
        "state": "Alive",
    }


def vlans_of(rows: Iterable[Mapping[str, object]]) -> list[str]:
    """Return the ids of the vlans among resources."""
    return [str(row["vlan"]) for row in rows if str(row["type"]).startswith(_ROUTED)]


def subnets_of(rows: Iterable[Mapping[str, object]]) -> list[IPv4Network]:
    """Return the subnets among resources."""
    return [
        IPv4Network(f"{row['subnet_address']}/{row['subnet_prefix']}")
        for row in rows
        if row["type"] == "subnet"
    ]


def mac_of(address: IPv4Address) -> str:
    """Return the MAC address that goes with an address of a subnet.

    10.144.4.1 has 00:16:3E:90:04:01. This is how Grid'5000 gives addresses to virtual machines.
    """
    return "00:16:3E:" + ":".join(f"{byte:02X}" for byte in address.packed[1:])


def name_in_vlan(node: str, vlan_id: str) -> str:
    """Return what a node is called in a vlan: its interface has another name there."""
    short, dot, rest = node.partition(".")
    return f"{short}-kavlan-{vlan_id}{dot}{rest}"
