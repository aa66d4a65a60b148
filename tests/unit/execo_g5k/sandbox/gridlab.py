"""Two modelled sites with OARGrid, and what real OARGrid answered, by name."""

import shlex
from collections.abc import Mapping

from execo_g5k.sandbox.commands import COMMANDS, GRID_COMMANDS, Call, Reply
from execo_g5k.sandbox.commands.wholegrid import Contact, WholeGrid
from execo_g5k.sandbox.model.gridjobs import GridDatabase
from execo_g5k.sandbox.model.networks import network_rows, site_networks
from execo_g5k.sandbox.model.platform import Cluster, checked_sites, resource_rows
from execo_g5k.sandbox.model.site import SiteServer
from execo_g5k.sandbox.model.table import ResourceTable
from tests.unit.execo_g5k.sandbox.modelled import NOW, FakeExecutor

USER = "games"
FIRST_JOB_ID = 1091121
SITES = {
    "nancy": {"griffon": Cluster(nodes=2, cores=2), "graphene": Cluster(nodes=4, cores=2)},
    "lyon": {"sagittaire": Cluster(nodes=7, cores=2)},
}


class MemoryFiles:
    """Files in memory."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.keys = 0

    def read(self, name: str) -> str:
        if name not in self.texts:
            raise FileNotFoundError(2, "No such file or directory", name)
        return self.texts[name]

    def write(self, name: str, text: str, *, parents: bool = False) -> None:
        self.texts[name] = text

    def append(self, name: str, text: str) -> None:
        self.texts[name] = self.texts.get(name, "") + text

    def delete(self, name: str) -> None:
        self.texts.pop(name, None)

    def is_readable(self, name: str) -> bool:
        return name in self.texts

    def public_key_of(self, text: str) -> str | None:
        return f"ssh-rsa {text.split()[-1]}" if text.startswith("-----BEGIN") else None

    def public_key(self, name: str) -> str | None:
        return self.public_key_of(self.read(name))

    def new_key(self) -> tuple[str, str]:
        self.keys += 1
        private = f"-----BEGIN KEY-----\nkey{self.keys}\n"
        return private, f"ssh-rsa key{self.keys}"


class GridLab:
    """Sites on a clock driven by hand."""

    def __init__(
        self,
        sites: Mapping[str, Mapping[str, int | Cluster]] = SITES,
        *,
        vlans: bool = False,
        subnets: bool = False,
    ) -> None:
        self.now = float(NOW)
        self.files = MemoryFiles()
        self.sites: dict[str, SiteServer] = {}
        self.executors: dict[str, FakeExecutor] = {}
        self.contacts: dict[str, Contact] = {}
        networks = site_networks(sites)
        for name, clusters in checked_sites(sites).items():
            rows = [*resource_rows(name, clusters, "172.16")]
            rows += network_rows(networks[name], len(rows) + 1, vlans=vlans, subnets=subnets)
            executor = self.executors[name] = FakeExecutor()
            table = ResourceTable(rows)
            self.sites[name] = SiteServer(name, table, executor, None, FIRST_JOB_ID)
            self.sites[name].networks = networks[name]
        self.database = GridDatabase()
        self.grid = WholeGrid(
            self.sites, self.database, {name: f"/home/{name}/{USER}" for name in self.sites},
            lambda site: self.contacts.get(site, Contact.ANSWERS),
        )  # fmt: skip

    def call(self, words: str | list[str], **options) -> Reply:
        """Run a command of a frontend, that of the first site unless `site` tells another."""
        name, *arguments = shlex.split(words) if isinstance(words, str) else words
        site = options.pop("site", next(iter(self.sites)))
        call = Call(
            self.sites[site], options.pop("user", USER), arguments, self.now, self.files,
            f"/home/{site}/{USER}", options.pop("environment", {}), "", f"f{site}", self.grid,
            options.pop("waited", 0.0),
        )  # fmt: skip
        assert not options
        reply = {**COMMANDS, **GRID_COMMANDS}[name](call)
        self.settle()
        return reply

    def settle(self) -> None:
        """Do all that is due now."""
        for name, site in self.sites.items():
            executor = self.executors[name]
            executor.now = self.now
            site.advance(self.now)
            while over := [end for end in executor.ends if end[0] <= self.now]:
                executor.ends = [end for end in executor.ends if end[0] > self.now]
                for _, job, status in over:
                    site.ended(job, status, self.now)
                site.advance(self.now)

    def wait(self, seconds: float = 2) -> None:
        """Let time pass."""
        for _ in range(10):
            self.now += seconds / 10
            self.settle()

    def jobs(self) -> list[tuple[str, int, str]]:
        """Return site, id and state of all jobs."""
        return [
            (name, job.job_id, job.state.value)
            for name, site in self.sites.items()
            for job in site.jobs.values()
        ]
