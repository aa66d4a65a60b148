"""The arguments of `oargridsub`, checked and made one. Pure: nothing is run here."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from execo import quoting
from execo.times import Date, Duration, get_seconds, get_unixts
from execo_g5k.dates import oar_duration_to_seconds
from execo_g5k.specs import JobSpec, Spec, checked_submissions
from execo_g5k.submission import OarSubmission

_WALLTIME = re.compile(r",\s*walltime\s*=\s*([\d:]+)\s*$", re.IGNORECASE)

_COMMON = ("walltime", "reservation_date", "directory", "command")
"""Fields of a submission that a grid job has once for all of its parts."""


@dataclass(frozen=True)
class GridRequest:
    """What is asked for. The fields of `specs` that are common to all are out of them."""

    specs: tuple[Spec, ...]
    reservation_date: float | None = None
    """Unix timestamp; None: now."""
    walltime: float | None = None
    """Seconds."""
    job_types: tuple[str, ...] = ()
    """Of all parts, before those of each."""
    queue: str | None = None
    """Of the parts that ask for none."""
    directory: str | None = None
    command: str | Sequence[str] | None = None
    options: tuple[str, ...] = ()
    """More words of oargridsub."""
    key_file: str | None = None


def grid_request(
    job_specs: Iterable[JobSpec],
    reservation_date: Date | None = None,
    walltime: Duration | None = None,
    job_type: str | Sequence[str] | None = None,
    queue: str | None = None,
    directory: str | None = None,
    additional_options: str | Sequence[str] | None = None,
    key_file: str | None = None,
) -> GridRequest:
    """Return the request that these arguments of `oargridsub` make.

    A walltime, date, directory or command that is not given for all, and that all specs give
    alike, is that of all; one that is given for all replaces those of the specs.

    Raises:
        TypeError, ValueError: an argument is impossible; the message names it.
    """
    checked = checked_submissions(job_specs, key_file)
    # the same checks, and the same messages, as for a submission
    common = OarSubmission(
        walltime=walltime,
        reservation_date=reservation_date,
        job_type=job_type,
        queue=queue,
        directory=directory,
        additional_options=additional_options,
    )
    specs = [Spec(_plain(spec.submission), spec.site) for spec in checked]
    for field in _COMMON:
        if getattr(common, field) is None:
            setattr(common, field, _shared(field, specs))
    date = common.reservation_date
    return GridRequest(
        tuple(Spec(dataclasses.replace(s, **dict.fromkeys(_COMMON)), site) for s, site in specs),
        None if date is None else get_unixts(date),
        None if common.walltime is None else get_seconds(common.walltime),
        words_of(job_type),
        queue,
        common.directory,
        common.command,
        split_options(additional_options),
        key_file,
    )


def words_of(texts: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return a text, or several, as a tuple."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def split_options(options: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return options as words; text is split as a shell would."""
    return tuple(quoting.split(options)) if isinstance(options, str) else tuple(options or ())


def _plain(submission: OarSubmission) -> OarSubmission:
    """Return a submission whose resources hold neither a walltime nor quotes for a shell."""
    if submission.sql_properties is not None:
        properties = _unescaped(submission.sql_properties)
        submission = dataclasses.replace(submission, sql_properties=properties)
    if submission.resources is None:
        return submission
    text = _unescaped("+".join(part.strip("+ ") for part in words_of(submission.resources)))
    found = _WALLTIME.search(text)
    if found is None:
        return dataclasses.replace(submission, resources=text)
    seconds = oar_duration_to_seconds(found[1])
    return dataclasses.replace(submission, resources=text[: found.start()], walltime=seconds)


def _unescaped(text: str) -> str:
    # scripts escape quotes for the shells that oargridsub starts
    return text.replace("\\'", "'").replace('\\"', '"')


def _shared(field: str, specs: Sequence[Spec]) -> Any:
    given = [getattr(spec.submission, field) for spec in specs]
    as_one = [_comparable(field, value) for value in given]
    if any(value != as_one[0] for value in as_one):
        told = ", ".join(
            f"{value!r} for {spec.site}" for value, spec in zip(given, specs, strict=True)
        )
        raise ValueError(
            f"{field}: a grid job has one, but job_specs give {told}:"
            f" give {'the same to all' if field == 'command' else f'oargridsub({field}=...)'}"
        )
    return given[0] if given else None


def _comparable(field: str, value: Any) -> Any:
    if value is None:
        return None
    if field == "walltime":
        return get_seconds(value)
    return get_unixts(value) if field == "reservation_date" else value
