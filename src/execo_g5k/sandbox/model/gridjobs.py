"""The reservations of OARGrid: one job on each of several sites, kept in a database of its own.

OARGrid knows of its jobs what it submitted; a job that a site kills is news to it.
"""

from dataclasses import dataclass, field


@dataclass
class GridPart:
    """The job of a reservation on one site."""

    alias: str
    """How the user called the site: its name, or that of a cluster."""
    site: str
    job_id: int
    rdef: str
    properties: str = ""
    queue: str = "default"
    name: str = ""
    environment: str = ""
    partition: str = ""
    nodes: int = 1
    deleted: bool = False
    """Whether `oargriddel` ended it."""


@dataclass
class GridReservation:
    """Jobs of several sites that start at one date. Dates are unix timestamps."""

    grid_id: int
    user: str
    submission_date: int
    start_date: int
    walltime: str
    """As the user wrote it: "1:00:00"."""
    seconds: int
    """The same, in seconds."""
    program: str
    directory: str
    command_line: str
    parts: list[GridPart]
    private_key: str = field(repr=False)

    def active(self, now: float) -> bool:
        """Tell whether it is not over, as far as OARGrid knows."""
        deleted = bool(self.parts) and all(part.deleted for part in self.parts)
        return self.start_date + self.seconds >= now and not deleted


class GridDatabase:
    """All reservations of OARGrid, by their ids, which count from 1."""

    def __init__(self) -> None:
        self.reservations: dict[int, GridReservation] = {}

    @property
    def next_id(self) -> int:
        """The id of the next reservation."""
        return len(self.reservations) + 1

    def add(self, reservation: GridReservation) -> None:
        """Record a reservation."""
        self.reservations[reservation.grid_id] = reservation

    def active_of(self, user: str, now: float) -> list[GridReservation]:
        """Return the reservations of a user that are not over, in the order of their ids."""
        return [r for r in self.reservations.values() if r.user == user and r.active(now)]

    def clear(self, site: str) -> None:
        """Take the jobs of a site for deleted."""
        for reservation in self.reservations.values():
            for part in reservation.parts:
                part.deleted |= part.site == site
