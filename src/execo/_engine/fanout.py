"""How many children live at once."""

import asyncio
import errno
import logging
import resource
from collections import deque
from collections.abc import Callable
from typing import Protocol

from execo._engine.missing import why_not_started

logger = logging.getLogger("execo")

_BATCH = 8
_FDS_PER_CHILD = 4
# while it is started, a child needs the other ends of its pipes too; the rest is the script's
_FDS_KEPT = 40
_SOON = 0.01

NO_DESCRIPTORS = (errno.EMFILE, errno.ENFILE)
"""Errors of a program, or a machine, that has as many open files as it may."""

# the last one: of pseudo-terminals
_SHORT_OF = (*NO_DESCRIPTORS, errno.EAGAIN, errno.ENOMEM, errno.ENOSPC)


class Startable(Protocol):
    """What the fanout starts."""

    def spawn(self) -> None:
        """Start now; raises OSError when descriptors, processes or memory are short."""
        ...

    def fail(self, reason: str) -> None:
        """End without having been started."""
        ...


class Idle(Protocol):
    """What holds descriptors without need, such as connexions that wait for a next command."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def close_oldest(self) -> None:
        """Close what has waited longest."""
        ...


class _Nothing:
    """Nothing is idle."""

    def __len__(self) -> int:
        return 0

    def close_oldest(self) -> None:
        pass


_NOTHING: Idle = _Nothing()


class Fanout:
    """Start children in order, a few between two turns of the loop, as many as may live."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wanted: Callable[[], int | None]) -> None:
        """`wanted` gives the limit that the user set, None for as many as descriptors allow."""
        self._loop = loop
        self._wanted = wanted
        self._waiting: deque[Startable] = deque()
        self._live = 0
        self._short_at: int | None = None
        self._alone: Startable | None = None
        self._scheduled = False
        self.idle: Idle = _NOTHING
        """What is closed when children need the room."""

    def start(self, child: Startable) -> None:
        """Start `child` when its turn comes."""
        self._waiting.append(child)
        self._schedule()

    def stop(self) -> None:
        """Start nothing more."""
        self._waiting.clear()

    def withdraw(self, child: Startable) -> bool:
        """Forget a child that still waits for its turn; tell whether it did."""
        try:
            self._waiting.remove(child)
        except ValueError:
            return False
        return True

    def ended(self) -> None:
        """Note that a child that was started has ended."""
        self._live -= 1
        self._short_at = None
        if self._waiting:
            self._schedule()

    def again(self, child: Startable) -> bool:
        """Have a child that met a shortage after its start wait; False: it had all there is."""
        given_up = self._give_up_idle()
        if child is self._alone and not given_up:
            return False
        self._live -= 1
        self._wait_first(child, given_up)
        return True

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._start_some)

    def _start_some(self) -> None:
        self._scheduled = False
        room = self._room()
        for _ in range(min(_BATCH, len(self._waiting), room)):
            if not self._start_one(self._waiting.popleft()):
                return
        if self._waiting and (room > _BATCH or not self._live):
            self._schedule()

    def _room(self) -> int:
        """Return how many may be started; what is idle is closed when it takes their room."""
        if self._short_at is not None:
            return self._short_at - self._live
        wanted, asked = self._wanted(), len(self._waiting)
        if wanted is not None:
            asked = min(asked, max(1, wanted) - self._live)
        room = self._room_of_descriptors()
        while room < min(asked, _BATCH) and self._give_up_idle():
            room = self._room_of_descriptors()
        return min(asked, room)

    def _room_of_descriptors(self) -> int:
        idle = len(self.idle)
        limit = _descriptor_limit(self._live + idle + len(self._waiting))
        return max(1, limit - idle) - self._live

    def _give_up_idle(self) -> bool:
        """Close what is idle, one of it; tell whether there was any."""
        if not len(self.idle):
            return False
        self.idle.close_oldest()
        return True

    def _wait_first(self, child: Startable, given_up: bool) -> None:
        """Have a child wait before all others, until one that lives has ended.

        `given_up`: until what was idle is closed.
        """
        self._short_at = self._live + 1 if given_up else max(1, self._live)
        self._waiting.appendleft(child)
        if self._live < self._short_at:
            # descriptors of what is being closed are free a few turns later
            self._loop.call_later(_SOON, self._schedule)

    def _start_one(self, child: Startable) -> bool:
        try:
            child.spawn()
        except OSError as error:
            if error.errno in _SHORT_OF and ((given_up := self._give_up_idle()) or self._live):
                logger.debug("%s with %d live processes", error.strerror, self._live)
                self._wait_first(child, given_up)
                return False
            child.fail(why_not_started(error))
        except ValueError as error:
            child.fail(str(error))
        else:
            self._alone = None if self._live else child
            self._live += 1
        return True


def _descriptor_limit(children: int) -> int:
    """Return how many children the descriptors allow, once the soft limit is raised for them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return children
    needed = children * _FDS_PER_CHILD + _FDS_KEPT
    if soft < needed and soft != hard:
        raised = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
            soft = raised
        except (OSError, ValueError) as error:
            logger.debug("the limit of open files stays at %d: %s", soft, error)
    return max(1, (soft - _FDS_KEPT) // _FDS_PER_CHILD)
