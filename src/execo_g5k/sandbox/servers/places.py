"""The hosts of a sandbox: names, addresses, and where their files are."""

import enum
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from execo_g5k.sandbox.model.platform import DOMAIN, Cluster, node_name

SSH_PORT = 2222
"""Where each host listens; a port below 1024 would need root."""

OAR_PORT = 6667
"""Where the sshd of OAR listens on nodes."""

VLAN_PORT = 2300
"""A node that is in a vlan listens on this plus its number, which its name there stands for."""


class Kind(enum.StrEnum):
    """What a host is for."""

    ACCESS = "access"
    FRONTEND = "frontend"
    NODE = "node"


@dataclass(frozen=True)
class Place:
    """A host of the sandbox."""

    hostname: str
    """What `hostname` says there."""
    names: tuple[str, ...]
    """All names by which it is reached, the full one first."""
    kind: Kind
    site: str
    """Site, "" for the access machine."""
    address: str

    @property
    def full_name(self) -> str:
        """Full name."""
        return self.names[0]


def places(sites: Mapping[str, Mapping[str, Cluster]], block: int) -> Iterator[Place]:
    """Yield all hosts, on addresses 127.`block`.x.y."""
    addresses = (f"127.{block}.{x}.{y}" for x in range(256) for y in range(1, 255))
    names: tuple[str, ...] = (f"access.{DOMAIN}", "access")
    yield Place("access", names, Kind.ACCESS, "", next(addresses))
    for site, clusters in sites.items():
        names = (
            f"frontend.{site}.{DOMAIN}", f"{site}.{DOMAIN}", f"f{site}.{site}.{DOMAIN}",
            f"frontend.{site}", site, f"f{site}", f"{site}.g5k", f"frontend.{site}.g5k",
        )  # fmt: skip
        yield Place(f"f{site}", names, Kind.FRONTEND, site, next(addresses))
        for cluster, what in clusters.items():
            for node in range(1, what.nodes + 1):
                short = f"{cluster}-{node}"
                full = node_name(site, cluster, node)
                names = (full, f"{short}.{site}", short, f"{short}.{site}.g5k")
                yield Place(short, names, Kind.NODE, site, next(addresses))


@dataclass(frozen=True)
class Directory:
    """The directory of a sandbox: where everything of it is."""

    path: Path

    @property
    def control(self) -> Path:
        """Socket of the server."""
        return self.path / "control"

    @property
    def settings(self) -> Path:
        """What the server is told at its start."""
        return self.path / "sandbox.json"

    @property
    def log(self) -> Path:
        """Log of the server."""
        return self.path / "log"

    @property
    def ssh_config(self) -> Path:
        """Configuration with which ssh finds the hosts."""
        return self.path / "ssh_config"

    @property
    def outside_config(self) -> Path:
        """Configuration with which ssh finds them from outside, through the access machine."""
        return self.path / "outside_ssh_config"

    @property
    def hosts(self) -> Path:
        """Names and addresses, which is /etc/hosts on all hosts."""
        return self.path / "hosts"

    @property
    def conf(self) -> Path:
        """Settings of the library in place of ~/.execo.conf.py, if somebody makes it."""
        return self.path / "execo.conf.py"

    @property
    def clock(self) -> Path:
        """How the clock of the sandbox differs from that of this machine, if it does."""
        return self.path / "clock"

    @property
    def state(self) -> Path:
        """What the library records of the jobs of this sandbox."""
        return self.path / "state"

    @property
    def keys(self) -> Path:
        """Keys, all of this sandbox alone."""
        return self.path / "keys"

    @property
    def user_key(self) -> Path:
        """Private key of the user."""
        return self.keys / "id_ed25519"

    @property
    def job_key(self) -> Path:
        """Private key that the user's jobs import."""
        return self.keys / "oar_job_key"

    @property
    def oar_key(self) -> Path:
        """Private key by which oarsh enters nodes with a job id."""
        return self.keys / "oar"

    @property
    def host_key(self) -> Path:
        """Private key of the hosts."""
        return self.keys / "host"

    @property
    def outside(self) -> Path:
        """Programs that users of the sandbox find on their own machine."""
        return self.path / "bin" / "outside"

    @property
    def laptop(self) -> Path:
        """Programs of a laptop outside, whose home is its own."""
        return self.path / "bin" / "laptop"

    @property
    def laptop_configs(self) -> Path:
        """What the ssh of laptops reads, a file for each home."""
        return self.path / "laptops"

    @property
    def on_hosts(self) -> Path:
        """Programs that are found on all hosts."""
        return self.path / "bin" / "hosts"

    @property
    def on_frontends(self) -> Path:
        """Programs that are found on frontends."""
        return self.path / "bin" / "frontends"

    def home(self, place: Place, user: str) -> Path:
        """Return the home of a user on a host: one for each site."""
        return self.home_of(place.site or place.hostname, user)

    def home_of(self, site: str, user: str) -> Path:
        """Return the home of a user on a site."""
        return self.path / "home" / site / user

    def root_home(self, place: Place) -> Path:
        """Return the home of root on a node that is deployed."""
        return self.path / "root" / place.site / place.hostname

    def os_release(self, place: Place) -> Path:
        """Return what is /etc/os-release on a node that is deployed."""
        return self.path / "os-release" / place.site / place.hostname

    def temporary(self, place: Place) -> Path:
        """Return the directory that is /tmp on a host."""
        return self.path / "tmp" / (place.site or "-") / place.hostname

    def of_jobs(self, site: str) -> Path:
        """Return where OAR leaves the files that jobs read."""
        return self.path / "oar" / site
