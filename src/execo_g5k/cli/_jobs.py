"""Jobs as commands show them."""

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from execo._engine.loop import blocking
from execo._printable import printable
from execo.errors import Error
from execo.host import Host, fold_hosts
from execo.times import Deadline, format_date, format_seconds
from execo_g5k.cli._args import told
from execo_g5k.cli._out import say
from execo_g5k.config import g5k_settings
from execo_g5k.grid import current_grid
from execo_g5k.jobs import JobInfo, JobRef
from execo_g5k.ledger.left import LeftJobs
from execo_g5k.oar import get_oar_job_info, get_oar_job_nodes
from execo_g5k.query import fetch_own_jobs
from execo_g5k.sandbox.launch import has_ended

TITLES = ("JOB", "STATE", "START", "WALLTIME", "NAME", "NODES")

_TOLD_AT_MOST = 3

Jobs = dict[JobRef, JobInfo]


@blocking
async def own_jobs(sites: Sequence[str]) -> tuple[Jobs, dict[str, Error]]:
    """Return what is known of the user's jobs on sites, asked all at once.

    And the sites that did not answer, with the reasons.
    """
    deadline = Deadline.of(g5k_settings().default_timeout)
    frontends = [current_grid().frontend(site) for site in sites]
    answers = await asyncio.gather(
        *(fetch_own_jobs(frontend, deadline) for frontend in frontends), return_exceptions=True
    )
    jobs: Jobs = {}
    silent: dict[str, Error] = {}
    for site, answer in zip(sites, answers, strict=True):
        if isinstance(answer, Error):
            silent[site] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            jobs.update({JobRef(job_id, site): answer[job_id] for job_id in sorted(answer)})
    return jobs, silent


class JobNodes(NamedTuple):
    """The nodes of a job that runs."""

    hosts: list[Host]
    deploy: bool
    """Whether they are for an environment of the user, who is root there."""


def nodes_of(job: JobRef, timeout: float | None = None) -> JobNodes:
    """Return the nodes of a job, once it runs; one that does not run yet is told of.

    Raises as `get_oar_job_nodes`.
    """
    info = get_oar_job_info(*job)
    state = info.state
    if state is None or not (state.running or state.final):
        say(f"{told(job)} does not run yet: waiting for its start")
    hosts = get_oar_job_nodes(*job, timeout=timeout)
    return JobNodes(hosts, "deploy" in (info.types or ()))


def document(job: JobRef, info: JobInfo) -> dict[str, Any]:
    """Return a job as JSON tells it: dates are unix timestamps, durations seconds."""
    return {"site": job.frontend, "job_id": job.job_id, **info}


def row(job: JobRef, info: JobInfo) -> list[str]:
    """Return the cells of a job, below TITLES."""
    walltime = "" if info.walltime is None else format_seconds(info.walltime)
    name = printable(info.name or "")
    return [told(job), info.get("state", ""), start_of(info), walltime, name, hosts_of(info)]


def start_of(info: JobInfo) -> str:
    """Return the start of a job, or the one that OAR predicts; "" for none."""
    if info.start_date:
        return format_date(info.start_date)
    return "" if not info.scheduled_start else f"~ {format_date(info.scheduled_start)}"


def hosts_of(info: JobInfo) -> str:
    """Return the hosts of a job, folded."""
    return fold_hosts(info.hosts or ())


def unreached() -> str:
    """Return what to do when no site can be reached."""
    if has_ended(os.environ):
        return "this shell is in a sandbox that has ended: open another one"
    return (
        "`execo-g5k doctor` tells what hinders the way to sites, `execo-g5k sandbox shell` has"
        " sites of its own"
    )


def not_known_of(left: LeftJobs) -> list[str]:
    """Return lines that tell which jobs of scripts may be left too, though nobody here knows."""
    cut = Counter(entry.site for entry in left.undecided)
    return [
        *(
            f"{site}: {count} submissions were cut a moment ago, and may still become jobs: look"
            " again in some minutes"
            for site, count in cut.items()
        ),
        *(
            f"{told(job.job)} is of a script of {job.script.host}: whether it runs is known there"
            for job in left.elsewhere
        ),
    ]


def why_silent(silent: Mapping[str, Error]) -> list[str]:
    """Return lines that tell which sites did not answer, and why."""
    if len(silent) <= _TOLD_AT_MOST:
        return [f"{site} does not answer: {error}" for site, error in silent.items()]
    first = next(iter(silent.values()))
    return [f"no answer from {', '.join(silent)}; the first one: {first}"]
