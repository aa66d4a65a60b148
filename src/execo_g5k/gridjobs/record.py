"""What is known of a grid job, and how grid jobs are named."""

from dataclasses import dataclass
from typing import Any

from execo_g5k.jobs import JobRef

FIRST_NATIVE_ID = 2**32
"""Lowest id of a grid job without OARGrid.

OARGrid numbers grid jobs from 1 in an unsigned column of 32 bits: no id stands for both. A native
id is the date of the submission in milliseconds, so that it grows with time, that it is not given
again when the record is gone, and that another machine has not given it to another grid job.
"""


@dataclass(frozen=True, slots=True)
class GridJob:
    """A grid job: its OAR jobs, and what was asked for. Dates are unix timestamps."""

    grid_job_id: int
    parts: tuple[JobRef, ...]
    """Its OAR jobs, in the order of the request where it is known."""
    submission_date: int | None = None
    start_date: int | None = None
    walltime: int | None = None
    """Seconds."""
    user: str | None = None
    program: str | None = None
    directory: str | None = None
    command_line: str | None = None
    key_file: str | None = None

    def info(self) -> dict[str, Any]:
        """Return it as users read it; keys are there when they are known."""
        known = {
            "grid_job_id": self.grid_job_id,
            "start_date": self.start_date,
            "submission_date": self.submission_date,
            "walltime": self.walltime,
            "duration": self.walltime,
            "user": self.user,
            "program": self.program,
            "directory": self.directory,
            "command": self.command_line,
        }
        return {
            **{key: value for key, value in known.items() if value is not None},
            "jobs": list(self.parts),
        }


def as_grid_job_id(value: Any, where: str = "oargrid_job_id") -> int:
    """Return the id of a grid job, given as an int or as digits.

    Raises:
        TypeError, ValueError: it is no id; the message names it.
    """
    if isinstance(value, tuple):
        raise TypeError(f"{where}: {value!r} is what oargridsub returns: give its first item")
    if value is None:
        raise ValueError(f"{where} is None: oargridsub gives it for a submission that failed")
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError(f"{where}: {value!r} is no id of a grid job")
    try:
        grid_job_id = int(value)
    except ValueError:
        raise ValueError(f"{where}: {value!r} is no id of a grid job") from None
    if grid_job_id <= 0:
        raise ValueError(f"{where}: {value!r} is no id of a grid job, they start at 1")
    return grid_job_id
