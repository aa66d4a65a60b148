"""What oarsub answered."""

import re
from dataclasses import dataclass

from execo_g5k.dates import oar_date_to_unixts
from execo_g5k.errors import UnparsableOutput

_JOB_ID = re.compile(r"^OAR_JOB_ID\s*=\s*(-?\d+)\s*$", re.MULTILINE)
_RESERVATION_REFUSED = re.compile(r"Reservation not valid --> KO(?: \((.*)\))?")
_OFFER = re.compile(r"could run at (\d+-\d+-\d+ \d+:\d+:\d+)")
_BAD_REQUEST = re.compile(r"^Bad resource request \((?:ERROR:\s*)?(.*)$", re.MULTILINE)
_ANSWER = re.compile(r"^(?:OAR_\w+\s*=|Reservation |#+\s*$|\s*[\"{}]|\s*$)")
_KILLED = range(129, 160)
_NO_REASON = re.compile(
    r"^(?:Usage: .*|\[ERROR\] Oarsub failed, please verify your request syntax\.|)$"
)


@dataclass(frozen=True, slots=True)
class Submitted:
    """OAR took the submission."""

    job_ids: tuple[int, ...]
    """In order; several for an array of jobs."""
    warnings: tuple[str, ...] = ()
    """What it said on standard error nevertheless."""
    messages: tuple[str, ...] = ()
    """What its admission rules said of the submission, such as a default walltime."""


@dataclass(frozen=True, slots=True)
class Refused:
    """OAR refused the submission."""

    reason: str
    """Its own words."""
    could_start_at: int | None
    """Date that it offers for a reservation (unix timestamp)."""
    exit_code: int
    job_ids: tuple[int, ...] = ()
    """Jobs that were made all the same. A refused reservation is an ended job; one that was made
    while the server was down will run when it is back, whatever OAR says."""
    messages: tuple[str, ...] = ()
    """What its admission rules said besides."""


def parse_oarsub(exit_code: int | None, stdout: str, stderr: str) -> Submitted | Refused:
    """Return what oarsub answered (OAR 2.5.9).

    Exit codes: 0 taken; 1 to 20, 248, 254, 255 refused for reasons told on standard error (5 no
    command, 7 date, 8 resources or key, 9 server down, 10 reservation refused, 248 queue, 254
    admission rule, 255 syntax of -l).

    Raises:
        UnparsableOutput: exit 0 and no job id, or a signal ended oarsub: there may be a job.
    """
    if exit_code is None or exit_code < 0 or exit_code in _KILLED:
        raise UnparsableOutput(["oarsub"], f"exit {exit_code}: {stdout}{stderr}")
    numbers = [int(number) for number in _JOB_ID.findall(stdout)]
    job_ids = tuple(number for number in numbers if number > 0)
    if exit_code == 0:
        if not job_ids:
            raise UnparsableOutput(["oarsub"], stdout + stderr)
        return Submitted(job_ids, _warnings(stderr), _messages(stdout))
    refused = _RESERVATION_REFUSED.search(stdout)
    return Refused(
        reason=_reason(stdout, stderr, refused),
        could_start_at=_offer(refused),
        exit_code=exit_code,
        job_ids=job_ids,
        messages=_messages(stdout),
    )


def _messages(stdout: str) -> tuple[str, ...]:
    if stdout.startswith("Usage:"):
        return ()
    return tuple(line.strip() for line in stdout.splitlines() if not _ANSWER.match(line))


def _warnings(stderr: str) -> tuple[str, ...]:
    lines = (line.strip() for line in stderr.splitlines())
    return tuple(line for line in lines if line and "Simple array job submission" not in line)


def _reason(stdout: str, stderr: str, refused: re.Match[str] | None) -> str:
    if refused is not None:
        return refused[1] or "Reservation not valid"
    bad_request = _BAD_REQUEST.search(stderr)
    if bad_request is not None:
        # the database complains at length around it
        return f"Bad resource request: {bad_request[1]}"
    lines = [line.strip() for line in stderr.splitlines()]
    told = [line for line in lines if not _NO_REASON.match(line)]
    if told:
        return " / ".join(told)
    if stdout.startswith("Usage:"):
        return "oarsub shows its usage: a command or an option is missing or unknown"
    return " ".join(stdout.split()) or "no reason was given"


def _offer(refused: re.Match[str] | None) -> int | None:
    offer = _OFFER.search(refused[1] or "") if refused is not None else None
    return None if offer is None else oar_date_to_unixts(offer[1])
