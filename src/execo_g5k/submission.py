"""What is asked of OAR -> words of oarsub. Pure: nothing is run here."""

import dataclasses
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from execo import quoting
from execo.times import Date, Duration, format_seconds, get_seconds
from execo_g5k.dates import format_oar_date, format_oar_duration, oar_duration_to_seconds

logger = logging.getLogger("execo")

_YEAR = 365 * 24 * 3600
SLEEP_FOR_A_YEAR = f"sleep {_YEAR}"
"""Command of a job without one: it lives until it is deleted, or its walltime."""

# OAR 2.5.9 accepts a longer one, fails to record it, and the job waits for ever
_LONGEST = 2**31 - 1
_WALLTIME = re.compile(r"(?:^|,)\s*walltime\s*=\s*([\d:]*)", re.IGNORECASE)

# OAR 2.5.9 answers a longer one with a dozen errors of its database
_LONGEST_TEXTS = {"name": 100, "project": 255}


@dataclass
class OarSubmission:
    """What is asked of OAR. A plain record: fields may be changed until it is submitted.

    - `resources`: such as "nodes=2", "{cluster='grisou'}/nodes=2+/nodes=1"; a list of parts is
      joined by +. It may hold its own walltime ("nodes=2,walltime=1:0:0"). None for OAR's default.
    - `walltime`: any duration; None for OAR's default. Beware: "1:30" is 1 minute and 30 seconds
      here, and 1 h 30 for OAR (a warning says so): write "1:30:00". It is the walltime of
      `resources`: other alternatives (a moldable job) go with theirs to `additional_options`, such
      as ["-l", "nodes=4,walltime=0:30:0"], and OAR runs the one that ends first.
    - `job_type`: one or many, such as "deploy".
    - `sql_properties`: SQL condition that each resource must satisfy.
    - `queue`: None for the default one.
    - `reservation_date`: any date; None to start as soon as possible.
    - `directory`: where the command starts, on the frontend's side.
    - `project`, `name`: of the job.
    - `additional_options`: of oarsub; text split as a shell would, or a list of words.
    - `command`: text for the shell of the job, or a list of words; None sleeps for a year, so that
      the job lives until it is deleted, or its walltime is over.

    Raises TypeError for a field of another type, ValueError for an impossible one.
    """

    resources: str | Sequence[str] | None = None
    walltime: Duration | None = None
    job_type: str | Sequence[str] | None = None
    sql_properties: str | None = None
    queue: str | None = None
    reservation_date: Date | None = None
    directory: str | None = None
    project: str | None = None
    name: str | None = None
    additional_options: str | Sequence[str] | None = None
    command: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        check_submission(self)
        if isinstance(self.walltime, str) and self.walltime.count(":") == 1:
            logger.warning(
                "walltime: %r is %s here, and hours and minutes for oarsub: write H:M:S",
                self.walltime,
                format_seconds(get_seconds(self.walltime)),
            )

    def __repr__(self) -> str:
        given = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        ]
        return f"OarSubmission({', '.join(given)})"


def check_submission(submission: OarSubmission) -> None:
    """Raise if a field can't be submitted.

    Raises:
        TypeError: a field is of another type.
        ValueError: a field is impossible.
    """
    for field in ("sql_properties", "queue", "directory", "project", "name"):
        if (text := getattr(submission, field)) is not None:
            _checked_text(field, text)
    for field in ("resources", "job_type"):
        _texts(field, getattr(submission, field))
    _resource_request(submission)
    _additional(submission.additional_options)
    _command(submission.command)
    if submission.reservation_date is not None:
        _reservation_date(submission.reservation_date)


def oarsub_argv(submission: OarSubmission, *, job_key_file: str | None = None) -> list[str]:
    """Return the words of oarsub, the command last.

    `job_key_file`: path, on the frontend, of the ssh key that the job imports.

    Raises:
        TypeError, ValueError: a field can't be submitted.
    """
    check_submission(submission)
    argv = ["oarsub"]
    argv += _option("-l", _resource_request(submission))
    for job_type in _texts("job_type", submission.job_type):
        argv += ["-t", job_type]
    argv += _option("-p", submission.sql_properties)
    argv += _option("-q", submission.queue)
    if submission.reservation_date is not None:
        argv += ["-r", _reservation_date(submission.reservation_date)]
    argv += _option("-d", submission.directory)
    argv += _option("--project", submission.project)
    argv += _option("-n", submission.name)
    argv += _additional(submission.additional_options)
    if job_key_file is not None:
        argv += ["-k", "-i", job_key_file]
    command = _command(submission.command)
    # the value of an option may begin with a dash, the command may not
    return [*argv, *(["--"] if command.startswith("-") else []), command]


def get_oarsub_commandline(submission: OarSubmission) -> str:
    """Return the shell text that submits `submission`, quoted. Nothing is run.

    Raises:
        TypeError: a field is of another type.
        ValueError: a field is impossible.
    """
    return quoting.join(oarsub_argv(submission))


def _option(flag: str, value: str | None) -> list[str]:
    return [] if value is None else [flag, value]


def _resource_request(submission: OarSubmission) -> str | None:
    parts = [part.strip("+ ") for part in _texts("resources", submission.resources)]
    if submission.resources is not None and not (parts and all(parts)):
        raise ValueError(f"resources: {submission.resources!r} is empty; None is OAR's default")
    request = "+".join(parts)
    own = _WALLTIME.search(request)
    if own and own[1]:
        _check_walltime(f"resources: {request!r}", own[1], oar_duration_to_seconds)
    if submission.walltime is None:
        return request or None
    _check_walltime("walltime", submission.walltime, get_seconds)
    if own:
        raise ValueError(
            f"walltime: {submission.walltime!r}, but resources {request!r} hold one already"
        )
    walltime = f"walltime={format_oar_duration(submission.walltime)}"
    return f"{request},{walltime}" if request else walltime


def _check_walltime(field: str, walltime: Any, seconds: Callable[[Any], float]) -> None:
    try:
        possible = 0 < seconds(walltime) <= _LONGEST
    except (TypeError, ValueError) as error:
        raise type(error)(f"{field}: {error}") from error
    if not possible:
        raise ValueError(f"{field}: walltime {walltime!r}: expected 1 to {_LONGEST} seconds")


def _reservation_date(date: Date) -> str:
    try:
        return format_oar_date(date)
    except (TypeError, ValueError) as error:
        raise type(error)(f"reservation_date: {error}") from error


def _additional(options: object) -> list[str]:
    if options is None:
        return []
    if isinstance(options, str):
        try:
            return quoting.split(options)
        except ValueError as error:
            raise ValueError(f"additional_options: {error}") from error
    return _texts("additional_options", options)


def _command(command: object) -> str:
    if command is None:
        return SLEEP_FOR_A_YEAR
    if isinstance(command, str):
        _checked_text("command", command)
        return command
    words = _texts("command", command)
    if not words:
        raise ValueError(f"command: {command!r} is empty; None sleeps for a year")
    return quoting.join(words)


def _texts(field: str, value: object) -> list[str]:
    if value is None:
        return []
    values: Any = [value] if isinstance(value, str | os.PathLike) else value
    # an iterator would be empty the second time it is looked at
    once = isinstance(values, Iterator) or not isinstance(values, Iterable)
    if once or isinstance(values, bytes | dict):
        raise TypeError(f"{field}: {value!r}: expected text, or a list of texts")
    found = list(values)
    for item in found:
        _checked_text(field, item)
    return found


def _checked_text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise TypeError(f"{field}: {value!r}: expected text")
    if not value.strip():
        raise ValueError(f"{field}: {value!r} is empty; None leaves it out")
    if "\0" in value:
        raise ValueError(f"{field}: {value!r} holds a NUL character")
    if field in _LONGEST_TEXTS and "'" in value:
        # OAR 2.5.9 puts it unquoted into a request to its database
        raise ValueError(f"{field}: {value!r}: OAR can't take a quote (') in it")
    longest = _LONGEST_TEXTS.get(field)
    if longest is not None and len(value) > longest:
        raise ValueError(f"{field}: {value!r}: OAR takes up to {longest} characters")
