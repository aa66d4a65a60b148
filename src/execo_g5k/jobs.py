"""Jobs: how they are named, the states of their life, what is known of them."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from execo import _html
from execo._printable import printable
from execo.host import fold_hosts
from execo.times import format_date, format_seconds

_DATES = ("submission_date", "scheduled_start", "start_date", "stop_date")
# said otherwise
_NOT_IN_WORDS = ("job_id", "duration", "resources", "events")


class JobRef(NamedTuple):
    """A job of a site: the (job id, site) that all functions return and take. A tuple."""

    job_id: int
    """Id of the job, on its site."""
    frontend: str | None
    """Site, or address, of its frontend; None for the default one."""


class JobState(enum.Enum):
    """The states of a job, in OAR's words (OAR 2.5)."""

    WAITING = "Waiting"
    """It waits for its resources."""
    HOLD = "Hold"
    """It waits until somebody resumes it."""
    TO_LAUNCH = "toLaunch"
    """It has its resources, and will be launched."""
    TO_ERROR = "toError"
    """It failed, and will be in Error."""
    TO_ACK_RESERVATION = "toAckReservation"
    """A reservation that OAR has not answered yet."""
    LAUNCHING = "Launching"
    """Its nodes are being prepared."""
    RUNNING = "Running"
    """It runs."""
    SUSPENDED = "Suspended"
    """It was suspended while it ran."""
    RESUMING = "Resuming"
    """It was suspended, and will run again."""
    FINISHING = "Finishing"
    """Its command ended, and its nodes are being cleaned."""
    TERMINATED = "Terminated"
    """It ended."""
    ERROR = "Error"
    """It failed, was refused, or was deleted."""

    @property
    def final(self) -> bool:
        """Whether the job will not change any more, nor run."""
        return self in (JobState.TERMINATED, JobState.ERROR)

    @property
    def running(self) -> bool:
        """Whether the job has its nodes."""
        return self in (JobState.RUNNING, JobState.SUSPENDED, JobState.RESUMING)


class JobInfo(dict[str, Any]):
    """What is known of a job: a dict, whose keys are there when they are known.

    `get_oar_job_info` tells its keys. Those that users need most can be read as attributes too,
    None when they are not known. One differs: `info["state"]` is text, `info.state` a JobState.
    """

    @property
    def job_id(self) -> int | None:
        """Id of the job."""
        return self.get("job_id")

    @property
    def state(self) -> JobState | None:
        """State of the job, a JobState."""
        return JobState(self["state"]) if "state" in self else None

    @property
    def start_date(self) -> int | None:
        """Date of the start (unix timestamp)."""
        return self.get("start_date")

    @property
    def stop_date(self) -> int | None:
        """Date of the end (unix timestamp)."""
        return self.get("stop_date")

    @property
    def scheduled_start(self) -> int | None:
        """Start that OAR predicts (unix timestamp)."""
        return self.get("scheduled_start")

    @property
    def submission_date(self) -> int | None:
        """Date of the submission (unix timestamp)."""
        return self.get("submission_date")

    @property
    def walltime(self) -> int | None:
        """Longest duration (seconds)."""
        return self.get("walltime")

    @property
    def duration(self) -> int | None:
        """The same as `walltime` (seconds)."""
        return self.get("duration")

    @property
    def name(self) -> str | None:
        """Name given at the submission."""
        return self.get("name")

    @property
    def user(self) -> str | None:
        """Account that owns the job."""
        return self.get("user")

    @property
    def queue(self) -> str | None:
        """Queue in which the job is."""
        return self.get("queue")

    @property
    def project(self) -> str | None:
        """Project of the job."""
        return self.get("project")

    @property
    def command(self) -> str | None:
        """Command that the job runs."""
        return self.get("command")

    @property
    def types(self) -> list[str] | None:
        """Job types, such as "deploy"."""
        return self.get("types")

    @property
    def properties(self) -> str | None:
        """SQL condition on the resources, as OAR completed it."""
        return self.get("properties")

    @property
    def resources(self) -> list[int] | None:
        """Numbers of the resources that the job has."""
        return self.get("resources")

    @property
    def wanted_resources(self) -> str | None:
        """Resources asked for, as OAR completed them."""
        return self.get("wanted_resources")

    @property
    def hosts(self) -> list[str] | None:
        """Names of the hosts that the job has; empty before its start."""
        return self.get("hosts")

    @property
    def exit_code(self) -> int | None:
        """Exit status of the command; -n when signal n ended it."""
        return self.get("exit_code")

    @property
    def events(self) -> Sequence[dict[str, Any]] | None:
        """What OAR did, in dicts with `date` (unix timestamp), `type` and `description`."""
        return self.get("events")

    def __repr__(self) -> str:
        start = self.start_date or self.scheduled_start
        when = "" if start is None else f", start {format_date(start)}"
        return f"<JobInfo({self.job_id}, {self.get('state')}{when})>"

    def _repr_html_(self) -> str:
        rows = [[key, text] for key, text in self.in_words().items()]
        return _html.table(("job", str(self.job_id)), rows)

    def in_words(self) -> dict[str, str]:
        """Return what is known in words, by key: dates, durations, hosts folded; no empty ones."""
        told = {key: self._word(key, value) for key, value in self.items()}
        return {key: text for key, text in told.items() if text and key not in _NOT_IN_WORDS}

    def _word(self, key: str, value: Any) -> str:
        if value in (None, "None", "", []):
            return ""
        if key in _DATES:
            return format_date(value)
        if key == "walltime":
            return format_seconds(value)
        if key == "hosts":
            return fold_hosts(value)
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return printable(text)


@dataclass(frozen=True, slots=True)
class Started:
    """The job runs. The only outcome that is true."""

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Ended:
    """The job ended before it was seen to run, or failed. False."""

    state: JobState
    """State of the job, TERMINATED or ERROR."""
    message: str | None = None
    """What OAR did about it, such as a new submission."""

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The job has not started in time; it still waits. False."""

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such job. False."""

    job_id: int
    """The id that was asked for."""
    frontend: str
    """The frontend that does not know it."""

    def __bool__(self) -> bool:
        return False
