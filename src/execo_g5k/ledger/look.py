"""Records compared with what the sites tell: which of the recorded jobs live."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from execo.errors import Error
from execo.times import Deadline
from execo_g5k.errors import G5kError
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import Grid
from execo_g5k.jobs import JobInfo
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.store import JobStore
from execo_g5k.query import fetch_jobs_where

logger = logging.getLogger("execo")

_AT_ONCE = 200
"""Entries that one oarstat is asked about: its command line has a limit."""

_LATE = 600.0
"""Seconds after which an oarsub whose caller has gone submits nothing more."""

_CLOCKS = 600
"""Seconds by which the clock of a site may differ from that of this machine."""


@dataclass
class Look:
    """What the sites told."""

    alive: list[tuple[Entry, JobInfo]] = field(default_factory=list)
    """Jobs that wait or run, with the entries that they belong to."""
    undecided: list[Entry] = field(default_factory=list)
    """Submissions that were cut a short time ago, and may become jobs."""
    unanswered: dict[str, Error] = field(default_factory=dict)
    """Sites that did not answer, and why."""


async def look(
    grid: Grid,
    store: JobStore,
    entries: Sequence[Entry],
    params: FrontendParams,
    deadline: Deadline,
) -> Look:
    """Ask all sites of these entries at once; forget those whose jobs have ended."""
    by_site: dict[str, list[Entry]] = {}
    for entry in entries:
        by_site.setdefault(entry.site, []).append(entry)
    answers = await asyncio.gather(
        *(_jobs_of(grid, site, some, params, deadline) for site, some in by_site.items())
    )
    result = Look()
    now = grid.clock.time()
    for (site, some), answer in zip(by_site.items(), answers, strict=True):
        if isinstance(answer, Error):
            result.unanswered[site] = answer
        else:
            _sort(result, store, some, answer, now)
    return result


async def _jobs_of(
    grid: Grid, site: str, entries: Sequence[Entry], params: FrontendParams, deadline: Deadline
) -> dict[int, JobInfo] | Error:
    found: dict[int, JobInfo] = {}
    try:
        frontend = grid.frontend(site, params)
        for first in range(0, len(entries), _AT_ONCE):
            some = entries[first : first + _AT_ONCE]
            found |= await fetch_jobs_where(frontend, condition(some), deadline)
    except Error as error:
        return error
    except ValueError as error:
        # the site of a record that somebody wrote
        return G5kError(f"{site}: {error}")
    return found


def condition(entries: Iterable[Entry]) -> str:
    """Return the SQL condition that selects the jobs of entries which have not ended."""
    # a full name of a column would not be known to oarstat
    either = []
    ids: list[int] = []
    for entry in entries:
        ids += entry.job_ids
        if entry.marked:
            either.append(f"initial_request LIKE '%{entry.key}%'")
        elif not entry.job_ids:
            first, last = _window(entry)
            either.append(f"submission_time BETWEEN {first} AND {last}")
    if ids:
        either.insert(0, f"job_id IN ({','.join(map(str, ids))})")
    # the index on the state keeps the rest from being looked for among millions of jobs
    return f"state NOT IN ('Terminated','Error') AND ({' OR '.join(either)})"


def belongs(job_id: int, info: JobInfo, entry: Entry) -> bool:
    """Tell whether a job was made by the submission of an entry."""
    if job_id in entry.job_ids:
        return True
    request = info.get("initial_request") or ""
    if entry.marked:
        return entry.key in request
    if entry.job_ids:
        return False
    first, last = _window(entry)
    # what a scanned script asks for follows
    words = " ".join(entry.request)
    same = request == words or request.startswith(f"{words};")
    return same and first <= (info.submission_date or 0) <= last


def _window(entry: Entry) -> tuple[int, int]:
    date = int(entry.submission_date)
    return date - _CLOCKS, date + int(_LATE) + _CLOCKS


def _sort(
    result: Look,
    store: JobStore,
    entries: Sequence[Entry],
    jobs: dict[int, JobInfo],
    now: float,
) -> None:
    known = {job_id for entry in entries for job_id in entry.job_ids}
    for entry in entries:
        own = {
            job_id: info
            for job_id, info in jobs.items()
            if belongs(job_id, info, entry) and (job_id in entry.job_ids or job_id not in known)
        }
        known.update(own)
        result.alive += [(entry, info) for _, info in sorted(own.items())]
        if not own and not entry.job_ids and abs(now - entry.submission_date) < _LATE:
            result.undecided.append(entry)
            continue
        with contextlib.suppress(OSError):
            # a full disk: the next look does it
            store.settle(entry, tuple(sorted(own)))
