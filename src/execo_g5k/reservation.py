"""Jobs that live as long as a block of a script: how they are obtained, and how they end."""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from typing import Any

from execo import _html, quoting
from execo.errors import Error, TimedOut
from execo.host import Host, fold_hosts
from execo.times import Deadline, Timeout
from execo_g5k.config import g5k_settings, job_key_file
from execo_g5k.errors import JobEnded, JobNotFound
from execo_g5k.follow import get_oar_job_nodes
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import current_grid
from execo_g5k.gridjobs.waiting import watch_all
from execo_g5k.jobs import Ended, JobRef, NotFound, Started
from execo_g5k.ledger.book import jobs_directory
from execo_g5k.ledger.left import take
from execo_g5k.ledger.names import HeldName
from execo_g5k.reserve import key_there, oardel, submit_all
from execo_g5k.specs import JobSpec, Spec, checked_submissions
from execo_g5k.state import make_directory
from execo_g5k.stray import despite_cancel
from execo_g5k.submission import OarSubmission, oarsub_argv

logger = logging.getLogger("execo")

_CLEANUP = 20.0
"""Seconds to delete the jobs at the end."""


class ReservedNodes(list[Host]):
    """The hosts of all jobs of a reservation: those of a site together, sorted in each job."""

    def __init__(self, jobs: list[tuple[int, str]], by_site: dict[str, list[Host]]) -> None:
        super().__init__(host for hosts in by_site.values() for host in hosts)
        self.jobs = jobs
        """List of the jobs, as (job id, site), in the order of what was asked for."""
        self.by_site = by_site
        """Dict of the list of Hosts of each site, by the name of the site."""
        self.keep = False
        """Whether the jobs stay at the end of the block, for the next script of this name."""

    def _repr_html_(self) -> str:
        rows = [[str(job_id), site, fold_hosts(self.by_site[site])] for job_id, site in self.jobs]
        return _html.table(("job", "site", "nodes of the site"), rows)


class Reservation:
    """The jobs of a block."""

    def __init__(
        self,
        job_specs: Iterable[JobSpec] | JobSpec,
        params: FrontendParams,
        timeout: Timeout,
        name: str | None,
        keep: bool,
    ) -> None:
        """Check what is asked for; raises TypeError and ValueError that name what is wrong."""
        self._key_file = job_key_file()
        self._specs = checked_submissions(_several(job_specs), self._key_file)
        _refuse_arrays(self._specs)
        if keep and name is None:
            raise ValueError("keep: without a name nobody could take the jobs over")
        if name is not None and (not isinstance(name, str) or not name):
            raise ValueError(f"name: {name!r}: expected text")
        if name is not None and not g5k_settings().job_ledger:
            raise ValueError(f"name: {name!r}: g5k_configuration['job_ledger'] is False")
        self._params = params
        self._timeout = timeout
        self._name = name
        self._keep = keep
        self._held: HeldName | None = None
        self._jobs: dict[int, JobRef] = {}
        self._nodes: ReservedNodes | None = None
        self._pid = os.getpid()

    async def obtain(self) -> ReservedNodes:
        """Submit the jobs or take them over, and wait until they run; or delete them."""
        self._pid, self._nodes = os.getpid(), None
        deadline = Deadline.of(self._timeout)
        try:
            self._hold_name()
            await self._take_over()
            await self._submit()
            await self._wait(deadline)
            return await self._hosts()
        except BaseException:
            await despite_cancel(self.release())
            raise

    def told(self) -> str:
        """Say what `release` will do; "" when there is nothing to do."""
        if not self._jobs or os.getpid() != self._pid:
            return ""
        jobs = ", ".join(f"{site}:{job_id}" for job_id, site in self._jobs.values())
        return f"{'kept' if self._keeps else 'deleted'} {jobs}"

    @property
    def _keeps(self) -> bool:
        return self._keep if self._nodes is None else self._nodes.keep

    async def release(self) -> None:
        """Delete the jobs, unless they are kept; the second time, do nothing."""
        if os.getpid() != self._pid:
            # the block ends in a forked process too, whose parent still works in it
            return
        jobs, self._jobs = list(self._jobs.values()), {}
        held, self._held = self._held, None
        try:
            if jobs and self._keeps:
                logger.info("reservation %r: jobs kept: %s", self._name, _told(jobs))
            elif jobs:
                await despite_cancel(oardel(jobs, self._params, _CLEANUP))
        finally:
            if held is not None:
                held.release()

    def _hold_name(self) -> None:
        if self._name is None:
            return
        try:
            directory = jobs_directory()
            make_directory(directory)
            self._held = HeldName(directory, self._name)
        except OSError as error:
            logger.warning(
                "reservation %r: its name can't be held, nor its jobs recorded: %s",
                self._name,
                error,
            )

    async def _take_over(self) -> None:
        """Let jobs that were left under this name serve, each for the first of its site."""
        if self._held is None or self._name is None:
            return
        limit = Deadline.of(g5k_settings().default_timeout)
        for entry, info in await take(self._name, self._params, limit):
            job = JobRef(int(info["job_id"]), entry.site)
            index = self._free_at(entry.site)
            if index is None:
                logger.warning(
                    "reservation %r: job %d of %s was left under this name, and is not asked for:"
                    " delete it with oardel([(%d, %r)])",
                    *(self._name, *job, *job),
                )
            else:
                self._jobs[index] = job
                self._compare(job, entry.request, index)

    def _free_at(self, site: str) -> int | None:
        frontends = [current_grid().frontend(spec.site, self._params) for spec in self._specs]
        free = (
            index
            for index, frontend in enumerate(frontends)
            if frontend.name == site and index not in self._jobs
        )
        return next(free, None)

    def _compare(self, job: JobRef, request: Sequence[str], index: int) -> None:
        submission, site = self._specs[index]
        key_file = key_there(current_grid().frontend(site, self._params), self._key_file)
        wanted = oarsub_argv(submission, job_key_file=key_file)
        logger.info("reservation %r: job %d of %s is taken over", self._name, *job)
        if list(request) != wanted:
            logger.warning(
                "job %d of %s is taken over as it is: it was asked for by `%s`, not by `%s`",
                *job,
                quoting.join(request),
                quoting.join(wanted),
            )

    async def _submit(self) -> None:
        """Submit what was not taken over.

        Raises the error of a submission that failed, when the others are deleted.
        """
        missing = [index for index in range(len(self._specs)) if index not in self._jobs]
        specs = [self._specs[index] for index in missing]
        frontends = [current_grid().frontend(spec.site, self._params) for spec in specs]
        deadline = Deadline.of(g5k_settings().default_timeout)
        outcomes = await submit_all(
            current_grid(), specs, frontends, self._key_file, deadline, self._name
        )
        obtained = {}
        for index, outcome, frontend in zip(missing, outcomes, frontends, strict=True):
            if isinstance(outcome, int):
                obtained[index] = JobRef(outcome, frontend.name)
        failures = [outcome for outcome in outcomes if isinstance(outcome, Error)]
        if failures:
            # those that were taken over may be kept; half of what is new is of no use
            await despite_cancel(oardel(obtained.values(), self._params, _CLEANUP))
            raise failures[0]
        self._jobs.update(obtained)

    @property
    def _parts(self) -> list[JobRef]:
        return [job for _, job in sorted(self._jobs.items())]

    async def _wait(self, deadline: Deadline) -> None:
        outcome, part = await watch_all(current_grid(), self._parts, self._params, deadline)
        if isinstance(outcome, Started):
            return
        if isinstance(outcome, NotFound):
            raise JobNotFound(outcome.job_id, outcome.frontend)
        if isinstance(outcome, Ended) and part is not None:
            if outcome.message:
                logger.warning("%s: %s", part.frontend, outcome.message)
            raise JobEnded(part.job_id, str(part.frontend), outcome.state, outcome.message)
        raise TimedOut(f"jobs {_told(self._parts)} have not started in time")

    async def _hosts(self) -> ReservedNodes:
        parts = self._parts
        answers = await asyncio.gather(
            *(get_oar_job_nodes(job_id, site, self._params) for job_id, site in parts)
        )
        by_site: dict[str, list[Host]] = {}
        names = []
        for spec, (job_id, frontend), hosts in zip(self._specs, parts, answers, strict=True):
            site = spec.site or str(frontend)
            names.append((job_id, site))
            by_site.setdefault(site, []).extend(hosts)
        self._nodes = ReservedNodes(names, by_site)
        self._nodes.keep = self._keep
        return self._nodes


def _several(job_specs: Any) -> Any:
    single = isinstance(job_specs, tuple) and len(job_specs) == 2
    return [job_specs] if single and isinstance(job_specs[0], OarSubmission) else job_specs


def _refuse_arrays(specs: Sequence[Spec]) -> None:
    for index, (submission, _) in enumerate(specs):
        if any(word.startswith("--array") for word in oarsub_argv(submission)[1:-1]):
            # only the first of its jobs would be waited for and deleted
            raise ValueError(f"job_specs[{index}]: no array of jobs here: give one spec for each")


def _told(jobs: Iterable[JobRef]) -> list[tuple[int, str | None]]:
    return [(job_id, site) for job_id, site in jobs]
