"""The rules that a submission passes before it becomes a job, and what they say.

They are those of Debian's OAR 2.5.9, with the job types of Grid'5000.
"""

from dataclasses import dataclass, field

from execo_g5k.sandbox.model.jobs import State
from execo_g5k.sandbox.model.request import Request
from execo_g5k.sandbox.model.site import QUEUES, SiteServer

DEFAULT_WALLTIME = 7200
_WAITING_RESERVATIONS = 2

_TYPES = frozenset(
    {
        "besteffort", "deploy", "allow_classic_ssh", "container", "inner", "noop", "cosystem",
        "timesharing", "idempotent", "desktop_computing", "exotic", "night", "day", "monitor",
        "checkpoint", "token", "placeholder", "allowed", "postpone", "deadline", "expire",
    }
)  # fmt: skip
_INTERNAL = ("cpuset", "resource_id", "state", "type", "suspended_jobs", "scheduler_priority")
_PARTS_OF_NODES = ("core", "cpu", "resource_id")


class NotAdmitted(ValueError):
    """A submission that a rule refuses: what was printed so far, the exit code and the reason."""

    def __init__(self, said: str, reason: str, exit_code: int = 254) -> None:
        super().__init__(reason)
        self.said = said
        self.exit_code = exit_code


@dataclass
class Submission:
    """What is asked of oarsub."""

    user: str
    requests: list[Request]
    types: list[str] = field(default_factory=list)
    properties: str = ""
    queue: str = "default"
    reservation_date: int | None = None
    said: str = ""
    """What the rules print on standard output."""

    def has_type(self, name: str) -> bool:
        """Tell whether one of the types is `name`, or `name` with a value."""
        return any(kind.partition("=")[0] == name for kind in self.types)


def admit(submission: Submission, site: SiteServer) -> None:
    """Pass all rules, which complete the submission.

    Raises:
        NotAdmitted: one refuses it.
    """
    _queue_of_admins(submission)
    _besteffort(submission)
    _levels(submission)
    _deploy(submission)
    _reservations(submission, site)
    _container(submission, site)
    _default_walltime(submission)
    _known_types(submission)
    submission.said += "[ADMISSION RULE] Modify resource description with type constraints\n"
    submission.requests = [request.with_type() for request in submission.requests]
    if submission.queue not in QUEUES:
        reason = f"ERROR : The queue {submission.queue} does not exist\n"
        raise NotAdmitted(submission.said, reason, 248)
    _usable(submission)


def _refuse(submission: Submission, reason: str) -> NotAdmitted:
    return NotAdmitted(submission.said, f"[ADMISSION RULE] {reason}\n\n")


def _queue_of_admins(submission: Submission) -> None:
    if submission.queue == "admin" and submission.user not in ("root", "oar"):
        text = "Only member of the group admin can submit jobs in the admin queue"
        raise _refuse(submission, text)


def _besteffort(submission: Submission) -> None:
    if submission.queue == "besteffort" and not submission.has_type("besteffort"):
        submission.types.append("besteffort")
        submission.said += "[ADMISSION RULE] Automatically add the besteffort type\n"
    if not submission.has_type("besteffort"):
        return
    if submission.queue != "besteffort":
        submission.queue = "besteffort"
        submission.said += "[ADMISSION RULE] Automatically redirect in the besteffort queue\n"
    _restrict(submission, "besteffort = 'YES'")
    text = "Automatically add the besteffort constraint on the resources"
    submission.said += f"[ADMISSION RULE] {text}\n"
    if submission.reservation_date is not None:
        text = "Error: a job cannot both be of type besteffort and be a reservation."
        raise _refuse(submission, text)


def _restrict(submission: Submission, condition: str) -> None:
    before = submission.properties
    submission.properties = f"({before}) AND {condition}" if before else condition


def _levels(submission: Submission) -> None:
    for request in submission.requests:
        for group in request.groups:
            for level in group.levels:
                if level.name in _INTERNAL and level.name != "resource_id":
                    raise _refuse(submission, f"'{level.name}' resource is not allowed")


def _deploy(submission: Submission) -> None:
    if not submission.has_type("deploy"):
        return
    for request in submission.requests:
        for group in request.groups:
            for level in group.levels:
                if level.name in _PARTS_OF_NODES:
                    text = f"'{level.name}' resource is not allowed with a deploy job"
                    raise _refuse(submission, text)
    _restrict(submission, "deploy = 'YES'")


def _reservations(submission: Submission, site: SiteServer) -> None:
    if submission.reservation_date is None:
        return
    waiting = [
        job
        for job in site.live()
        if job.is_reservation and job.user == submission.user and job.state is State.WAITING
    ]
    if len(waiting) >= _WAITING_RESERVATIONS:
        text = "Error: you cannot have more than 2 waiting advance reservations."
        raise _refuse(submission, text)


def _container(submission: Submission, site: SiteServer) -> None:
    for kind in submission.types:
        name, _, value = kind.partition("=")
        if name != "inner":
            continue
        job = site.jobs.get(int(value)) if value.isdecimal() else None
        if job is None or not job.has_type("container") or job.state.final:
            text = "Error: inner job is requesting an invalid container id."
            raise _refuse(submission, text)


def _default_walltime(submission: Submission) -> None:
    if all(request.walltime is not None for request in submission.requests):
        return
    submission.requests = [
        request if request.walltime is not None else Request(request.groups, DEFAULT_WALLTIME)
        for request in submission.requests
    ]
    submission.said += f"[ADMISSION RULE] Set default walltime to {DEFAULT_WALLTIME}.\n"


def _known_types(submission: Submission) -> None:
    for kind in submission.types:
        if kind.partition("=")[0] not in _TYPES:
            raise _refuse(submission, f"Error: unknown job type: {kind}")


def _usable(submission: Submission) -> None:
    _restrict(submission, "desktop_computing = 'NO'")
    submission.properties = f"({submission.properties}) AND drain='NO'"
