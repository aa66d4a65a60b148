"""Activities that take time: generators that yield the seconds until they are to go on."""

import heapq
import itertools
from collections.abc import Generator

Activity = Generator[float, None, None]


class Agenda:
    """Lets activities go on when they are due.

    Each sees in `now` the date at which it is due, however late the agenda is looked at: what takes
    2 seconds takes 2 seconds.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Activity]] = []
        self._order = itertools.count()

    def start(self, activity: Activity) -> None:
        """Let an activity begin, at the next look."""
        self._add(self.now, activity)

    def _add(self, date: float, activity: Activity) -> None:
        heapq.heappush(self._due, (date, next(self._order), activity))

    def drop(self, activities: list[Activity]) -> None:
        """Stop activities."""
        self._due = [item for item in self._due if item[2] not in activities]
        heapq.heapify(self._due)
        for activity in activities:
            activity.close()

    def set_clock(self, now: float) -> None:
        """Put the clock forward to the date of what is done from outside."""
        self.now = max(self.now, now)

    def advance(self, now: float) -> float | None:
        """Do all that is due, and return the next date at which something is; None for never."""
        while self._due and self._due[0][0] <= now:
            date, _, activity = heapq.heappop(self._due)
            self.now = max(self.now, date)
            try:
                delay = next(activity)
            except StopIteration:
                continue
            self._add(self.now + delay, activity)
        self.now = max(self.now, now)
        return self._due[0][0] if self._due else None
