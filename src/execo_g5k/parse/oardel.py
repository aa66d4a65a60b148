"""What oardel answered (OAR 2.5.9)."""

import enum
import re

_DELETED = re.compile(r"^Deleting the job = (\d+) \.\.\.(\w+)", re.MULTILINE)
_REFUSED = re.compile(r"^Cannot frag (\d+) ; (.*)$", re.MULTILINE)


class Deletion(enum.Enum):
    """What became of a request to delete a job."""

    REGISTERED = "registered"
    """It will be done."""
    ENDED = "ended"
    """It was deleted, or had ended, before."""
    REFUSED = "refused"
    """It is of another user, or there is no such job: OAR does not tell them apart."""


def parse_oardel(stdout: str, stderr: str) -> dict[int, Deletion]:
    """Return what became of each job, by id; a job that is not in it was not looked at."""
    words = dict(_REFUSED.findall(stderr))
    return {
        int(job_id): _deletion(result, words.get(job_id, ""))
        for job_id, result in _DELETED.findall(stdout)
    }


def _deletion(result: str, words: str) -> Deletion:
    if result == "REGISTERED":
        return Deletion.REGISTERED
    return Deletion.ENDED if "already killed" in words else Deletion.REFUSED
