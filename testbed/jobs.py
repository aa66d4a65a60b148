"""Clear the users' jobs away, so that each test starts on an empty grid."""

import time
from collections.abc import Callable

from testbed.errors import GridError
from testbed.oar import PSQL, RunScript
from testbed.plan import FRONTENDS
from testbed.waiting import wait_until

ACTIVE = "SELECT job_id FROM jobs WHERE state NOT IN ('Terminated', 'Error') ORDER BY job_id"
ILL_NODES = "SELECT count(*) FROM resources WHERE state <> 'Alive' OR next_state <> 'UnChanged'"
PAUSE = 0.2

ASK_AGAIN = 10.0
"""Seconds. A deletion asked for while the server was down is done when it is asked for again."""


class Jobs:
    """Jobs of a grid.  `run` runs a shell script as root on a host: (host, script) -> stdout."""

    def __init__(self, run: RunScript) -> None:
        self._run = run
        self._ask_again_at: dict[tuple[str, int], float] = {}

    def active(self, site: str) -> list[int]:
        """Return the jobs of a site, of any user, that are not over."""
        return [int(word) for word in self._ask(site, ACTIVE).split()]

    def clear(self, timeout: float = 90) -> None:
        """Delete every job of every site, wait until all are over and all nodes alive.

        Raises GridError for a site where that takes more than `timeout` seconds.
        """
        for site in FRONTENDS:
            self._begin(site)
        for site in FRONTENDS:
            self._finish(site, timeout)

    def clear_site(self, site: str, timeout: float = 90) -> None:
        """Do the same for one site."""
        self._begin(site)
        self._finish(site, timeout)

    def _begin(self, site: str) -> None:
        # an oarsub that met a dead database tries again for ever, even unheard
        self._on(site, "pkill -KILL -u oar -f 'bin/oarsub|lib/oar/oarsub' || true")
        self._delete(site)

    def _finish(self, site: str, timeout: float) -> None:
        self._wait_for_none(site, self._delete, timeout, "jobs are not over")
        self._wait_for_none(site, self._heal_nodes, timeout, "resources are not alive")

    @staticmethod
    def _wait_for_none(site: str, act: Callable[[str], int], timeout: float, what: str) -> None:
        """Act on a site until there is nothing left to act on."""
        if not wait_until(lambda: act(site) == 0, timeout, PAUSE):
            raise GridError(f"{site}: {act(site)} {what} after {timeout} s")

    def _delete(self, site: str) -> int:
        """Ask for the deletion of the active jobs; return how many there were."""
        jobs = self.active(site)
        if jobs:
            now = time.monotonic()
            due = [
                job
                for job in jobs
                if now - self._ask_again_at.get((site, job), -ASK_AGAIN) >= ASK_AGAIN
            ]
            if due:
                self._ask_again_at.update({(site, job): now + ASK_AGAIN for job in due})
                self._on(site, f"oardel {' '.join(map(str, due))} >/dev/null || true")
        return len(jobs)

    def _heal_nodes(self, site: str) -> int:
        """Declare all nodes alive; return how many resources were not."""
        ill = int(self._ask(site, ILL_NODES))
        if ill:
            self._on(site, "oarnodesetting -s Alive --sql \"state <> 'Alive'\" >/dev/null || true")
        return ill

    def _ask(self, site: str, query: str) -> str:
        return self._on(site, f'{PSQL} -c "{query}"')

    def _on(self, site: str, script: str) -> str:
        return self._run(FRONTENDS[site].name, script)
