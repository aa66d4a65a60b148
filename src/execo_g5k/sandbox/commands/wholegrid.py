"""What the commands of OARGrid see: all sites, as they reach them from a frontend."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.outages import without_server
from execo_g5k.sandbox.model.gridjobs import GridDatabase
from execo_g5k.sandbox.model.platform import DOMAIN
from execo_g5k.sandbox.model.site import SiteServer

SSH_FAILED = 255

Command = Callable[[Call], Reply]


class Contact(enum.Enum):
    """What happens to whoever connects to the frontend of a site."""

    ANSWERS = "answers"
    SILENT = "silent"
    REFUSES = "refuses"


@dataclass(frozen=True)
class WholeGrid:
    """The sites of a sandbox together."""

    sites: Mapping[str, SiteServer]
    database: GridDatabase
    homes: Mapping[str, str]
    """Home of the user on each site."""
    contact: Callable[[str], Contact]

    def aliases(self) -> dict[str, tuple[str, str]]:
        """Return what users call sites -> the site, and a condition on its resources.

        Clusters are aliases of their sites.
        """
        found = {name: (name, "") for name in self.sites}
        for name, site in self.sites.items():
            for cluster in site.table.values(site.table.all, "cluster"):
                if cluster:
                    found.setdefault(str(cluster), (name, f"cluster='{cluster}'"))
        return found

    def run(self, call: Call, site: str, command: Command, name: str, words: list[str]) -> Reply:
        """Run a command of OAR on the frontend of another site, as the same user."""
        there = replace(
            call, site=self.sites[site], arguments=words, directory=self.homes[site],
            environment={}, stdin="", hostname=f"f{site}",
        )  # fmt: skip
        reply = command(there)
        if self.sites[site].up:
            return reply
        return without_server(name, reply, f"frontend.{site}.{DOMAIN}")

    def reaches(self, site: str) -> Contact:
        """Tell how a command of OAR is answered there: without a database it waits for ever."""
        contact = self.contact(site)
        if contact is Contact.ANSWERS and not self.sites[site].database_up:
            return Contact.SILENT
        return contact
