"""Which resources are free when."""

import math
from bisect import bisect_right
from collections.abc import Callable

Choose = Callable[[int], int | None]
"""Mask of free resources -> mask of those to take, None when they are not enough."""


class Timeline:
    """The free resources of a site, from now on, as they are promised to jobs."""

    def __init__(self, free: int, now: float) -> None:
        self._starts = [now]
        self._free = [free]

    def take(self, mask: int, start: float, end: float) -> None:
        """Note that resources are taken from `start` to `end` (unix timestamps)."""
        start = max(start, self._starts[0])
        if end <= start:
            return
        first = self._cut(start)
        last = len(self._starts) if math.isinf(end) else self._cut(end)
        for index in range(first, last):
            self._free[index] &= ~mask

    def _cut(self, at: float) -> int:
        index = bisect_right(self._starts, at) - 1
        if self._starts[index] == at:
            return index
        self._starts.insert(index + 1, at)
        self._free.insert(index + 1, self._free[index])
        return index + 1

    def free(self, start: float, end: float) -> int:
        """Return the mask of the resources that are free all the time from `start` to `end`."""
        start = max(start, self._starts[0])
        mask = self._free[bisect_right(self._starts, start) - 1]
        for index in range(bisect_right(self._starts, start), len(self._starts)):
            if self._starts[index] >= end:
                break
            mask &= self._free[index]
        return mask

    def first_fit(
        self, duration: float, choose: Choose, earliest: float
    ) -> tuple[float, int] | None:
        """Return the first date at which `choose` finds resources, and these; None for never."""
        earliest = max(earliest, self._starts[0])
        if math.isinf(earliest):
            return None
        begin = bisect_right(self._starts, earliest) - 1
        for index in range(begin, len(self._starts)):
            start = max(earliest, self._starts[index])
            # a look at one moment is cheaper than at the whole time
            if choose(self._free[index]) is None:
                continue
            chosen = choose(self.free(start, start + duration))
            if chosen is not None:
                return start, chosen
        return None
