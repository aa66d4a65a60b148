"""Arguments of the OAR functions, checked before anything is done."""

import os
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from execo_g5k.errors import G5kError
from execo_g5k.jobs import JobRef
from execo_g5k.submission import OarSubmission, oarsub_argv

JobSpec = tuple[OarSubmission, str | None]
"""What to submit, and the site."""


class KnownJob(Protocol):
    """A job of which more is known, such as one of `jobs_left`; it is unpacked as a pair."""

    @property
    def job(self) -> JobRef:
        """The (job id, site)."""
        ...


OarJob = tuple[int | None, str | None] | KnownJob
"""A job id, and the site; the id is None when the submission was refused."""


class Spec(NamedTuple):
    """A checked item of `job_specs`."""

    submission: OarSubmission
    site: str | None


def checked_submissions(
    job_specs: Iterable[JobSpec], job_key_file: str | None = None
) -> list[Spec]:
    """Return the items of `job_specs`; raise TypeError or ValueError that names a wrong one."""
    specs = []
    example = "[(OarSubmission('nodes=2'), 'nancy')]"
    for index, item in enumerate(_items(job_specs, OarSubmission, example)):
        submission, site = _pair(index, item, "(OarSubmission, site)")
        where = f"job_specs[{index}]"
        if not isinstance(submission, OarSubmission):
            raise TypeError(f"{where}: {submission!r} is no OarSubmission")
        try:
            oarsub_argv(submission, job_key_file=job_key_file)
        except (TypeError, ValueError, G5kError) as error:
            kind = ValueError if isinstance(error, G5kError) else type(error)
            raise kind(f"{where}: {error}") from error
        specs.append(Spec(submission, _site(where, site)))
    return specs


def checked_jobs(job_specs: Iterable[OarJob]) -> list[tuple[int, str | None]]:
    """Return the (job id, site) that hold an id; raise TypeError or ValueError as above."""
    jobs = []
    for index, item in enumerate(_items(job_specs, int, "[(12, 'nancy')]")):
        job_id, site = _pair(index, item, "(job id, site)")
        where = f"job_specs[{index}]"
        site = _site(where, site)
        if job_id is not None:
            jobs.append((as_job_id(job_id, where), site))
    return jobs


def as_job_id(value: Any, where: str = "oar_job_id") -> int:
    """Return a job id given as an int or as digits; raise TypeError or ValueError naming it."""
    if isinstance(value, tuple):
        raise TypeError(f"{where}: {value!r} is a (job id, site): give both arguments, f(*job)")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{where}: {value!r} is no job id")
    try:
        job_id = int(value)
    except ValueError:
        raise ValueError(f"{where}: {value!r} is no job id") from None
    if job_id <= 0:
        raise ValueError(f"{where}: {value!r} is no job id, they start at 1")
    return job_id


def job_id_or_own(oar_job_id: Any) -> int:
    """Return a job id; None stands for the job in which this program runs."""
    if oar_job_id is not None:
        return as_job_id(oar_job_id)
    own = os.environ.get("OAR_JOB_ID")
    if not own:
        raise ValueError(
            "oar_job_id is None: oarsub gives it for a submission that failed, and told why. (None"
            " also stands for the job that this program runs in, but OAR_JOB_ID is not in the"
            " environment.)"
        )
    return as_job_id(own, "OAR_JOB_ID")


def checked_sites(sites: Any) -> list[str | None]:
    """Return a list of sites, from None (the default one), a site, or several."""
    if sites is None or isinstance(sites, str):
        return [sites]
    return [_site(f"sites[{index}]", site) for index, site in enumerate(sites)]


def _items(job_specs: Any, first: type, example: str) -> list[Any]:
    if isinstance(job_specs, tuple) and len(job_specs) == 2 and isinstance(job_specs[0], first):
        raise TypeError(f"job_specs is a list of pairs, not one pair: write {example}")
    if isinstance(job_specs, str | bytes) or not isinstance(job_specs, Iterable):
        raise TypeError(f"job_specs: {job_specs!r} is no list of pairs such as {example}")
    return list(job_specs)


def _pair(index: int, item: Any, what: str) -> tuple[Any, Any]:
    if isinstance(item, str) or not isinstance(item, Iterable):
        raise TypeError(f"job_specs[{index}]: {item!r} is no {what}")
    pair = tuple(item)
    if len(pair) != 2:
        raise TypeError(f"job_specs[{index}]: {item!r} is no {what}")
    return pair


def _site(where: str, site: Any) -> str | None:
    if site is not None and not isinstance(site, str):
        raise TypeError(f"{where}: {site!r} is no site: a str, or None for the default one")
    return site
