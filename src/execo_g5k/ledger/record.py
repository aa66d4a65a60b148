"""What is recorded of a submission, as text and back, and the name of its file. Pure."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, unquote

from execo_g5k.ledger.scripts import Script
from execo_g5k.recorded import content_of, of, optional, site_name, within
from execo_g5k.state import LATEST

_VERSION = 1
_JOB_IDS = 2**63
_PIDS = 2**31
_FILE = re.compile(r"(?P<job>new|\d+)(?P<more>\+?)@(?P<site>[^@]+)@(?P<key>\d+)\.json")


@dataclass(frozen=True, slots=True)
class Entry:
    """A submission and the jobs that it made."""

    key: str
    """Number that no other submission has."""
    site: str
    """Name of the frontend."""
    submission_date: float
    """Unix timestamp, of the clock of this machine."""
    request: tuple[str, ...]
    """Words of oarsub, without the mark."""
    script: Script
    name: str | None = None
    """Of the script, as `take_over` knows it."""
    marked: bool = True
    """Whether OAR has the key in the recorded command line of the jobs."""
    job_ids: tuple[int, ...] = ()
    """In order; none as long as the answer of oarsub is not known."""


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a file tells of its entry."""

    site: str
    job_id: int | None
    """First job; None as long as it is not known."""
    alone: bool
    """Whether it is the only one."""


def file_name(entry: Entry) -> str:
    """Return the name of the file of an entry."""
    job = str(entry.job_ids[0]) if entry.job_ids else "new"
    more = "+" if len(entry.job_ids) > 1 else ""
    return f"{job}{more}@{quote(entry.site, safe='')}@{entry.key}.json"


def read_name(name: str) -> FileName | None:
    """Return what the name of a file tells; None when it is that of no entry."""
    match = _FILE.fullmatch(name)
    if match is None:
        return None
    job_id = None if match["job"] == "new" else int(match["job"])
    return FileName(unquote(match["site"]), job_id, not match["more"])


def as_text(entry: Entry) -> bytes:
    """Return the content of the file of an entry."""
    return json.dumps({"version": _VERSION, **asdict(entry)}, indent=1).encode() + b"\n"


def from_text(text: bytes) -> Entry:
    """Return the entry of a file.

    Raises:
        ValueError: it holds none.
    """
    content = content_of(text, _VERSION)
    try:
        return Entry(
            key=_number(content["key"]),
            site=site_name(content["site"]),
            submission_date=_date(content["submission_date"]),
            request=_texts(content["request"]),
            script=_script(content["script"]),
            name=optional(str, content["name"]),
            marked=of(bool, content["marked"]),
            job_ids=tuple(_id(job_id, _JOB_IDS) for job_id in content["job_ids"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"bad or missing field: {error}") from error


def _script(content: Any) -> Script:
    return Script(
        argv=_texts(content["argv"]),
        directory=optional(str, content["directory"]),
        host=of(str, content["host"]),
        pid=_id(content["pid"], _PIDS),
        started=optional(int, content["started"]),
        boot=optional(str, content["boot"]),
        namespace=optional(str, content["namespace"]),
    )


def _number(value: Any) -> str:
    if not (of(str, value).isdecimal() and value.isascii()):
        raise TypeError(f"{value!r} is no number")
    return str(value)


def _date(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= LATEST:
        raise TypeError(f"{value!r:.40} is no date")
    return float(value)


def _id(value: Any, end: int) -> int:
    return within(1, end, value, "number of a job or a process")


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(of(str, value) for value in values)
