"""Jobs, their states and what happened to them."""

import enum
from dataclasses import dataclass, field

from execo_g5k.sandbox.model.request import Request


class State(enum.StrEnum):
    """The states of OAR 2.5, in its words."""

    WAITING = "Waiting"
    HOLD = "Hold"
    TO_LAUNCH = "toLaunch"
    TO_ERROR = "toError"
    TO_ACK_RESERVATION = "toAckReservation"
    LAUNCHING = "Launching"
    RUNNING = "Running"
    SUSPENDED = "Suspended"
    RESUMING = "Resuming"
    FINISHING = "Finishing"
    TERMINATED = "Terminated"
    ERROR = "Error"

    @property
    def final(self) -> bool:
        """Whether nothing comes after it."""
        return self in (State.TERMINATED, State.ERROR)

    @property
    def has_nodes(self) -> bool:
        """Whether the resources of the job are its own now."""
        return self in _WITH_NODES

    @property
    def letter(self) -> str:
        """The column S of oarstat."""
        return _LETTERS.get(self, self.value[0])


_WITH_NODES = frozenset(
    {State.TO_LAUNCH, State.LAUNCHING, State.RUNNING, State.SUSPENDED, State.RESUMING,
     State.FINISHING}
)  # fmt: skip
_LETTERS = {State.TO_LAUNCH: "t", State.TO_ERROR: "t", State.TO_ACK_RESERVATION: "t",
            State.SUSPENDED: "S", State.FINISHING: "F"}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    event_id: int
    date: int
    kind: str
    description: str


@dataclass(kw_only=True)
class Job:
    """A job of a site. Dates are unix timestamps, 0 for never; durations in seconds."""

    job_id: int
    user: str
    requests: tuple[Request, ...]
    """The alternatives; the one that was chosen is `request`."""
    properties: str
    queue: str
    command: str
    directory: str
    stdout_file: str
    stderr_file: str
    initial_request: str
    submission_date: int
    array_id: int
    array_index: int = 1
    types: tuple[str, ...] = ()
    project: str = "default"
    name: str | None = None
    interactive: bool = False
    reservation_date: int | None = None
    """When a reservation is to start; None for a job that starts as soon as it can."""
    dependencies: tuple[int, ...] = ()
    checkpoint: int = 0
    signal: int = 12
    key: str | None = None
    """The public key that enters its nodes."""
    environment: dict[str, str] = field(default_factory=dict)
    resubmitted: int = 0
    """The job of which it is a copy."""

    state: State = State.WAITING
    request: Request | None = None
    resources: int = 0
    """Mask of its resources, from its launch on; those that it has had when it is over."""
    reserved: int = 0
    """Mask of the resources promised to a reservation."""
    predicted_start: float | None = None
    start_date: int = 0
    stop_date: int = 0
    walltime_granted: int = 0
    """What `oarwalltime` added."""
    message: str = ""
    exit_status: int | None = None
    """As wait(2) gives it: 256 for exit 1, 9 for SIGKILL."""
    killed: bool = False
    checkpointed: bool = False
    """Whether it was told that its walltime ends soon."""
    events: list[Event] = field(default_factory=list)

    @property
    def walltime(self) -> int:
        """Seconds from its start to its end at the latest."""
        request = self.request or self.requests[0]
        return (request.walltime or 0) + self.walltime_granted

    @property
    def is_reservation(self) -> bool:
        """Whether it was submitted with a date."""
        return self.reservation_date is not None

    def has_type(self, name: str) -> bool:
        """Tell whether one of its types is `name`, or `name` with a value."""
        return any(kind.partition("=")[0] == name for kind in self.types)

    def type_value(self, name: str) -> str | None:
        """Return the value of a type such as inner=31; None if it has none."""
        for kind in self.types:
            head, equals, value = kind.partition("=")
            if head == name and equals:
                return value
        return None
