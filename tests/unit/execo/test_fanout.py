"""How many children are started, and what makes room for them."""

import asyncio
import errno

import pytest

from execo._engine import fanout
from execo._engine.fanout import Fanout


class Child:
    """A child whose start may fail, a few times."""

    def __init__(self, started, failures=0):
        self.started, self.failures, self.reason = started, failures, None

    def spawn(self):
        """Start, or fail."""
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        self.started.append(self)

    def fail(self, reason):
        """Note why it is not started."""
        self.reason = reason


class Kept:
    """Idle things."""

    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def close_oldest(self):
        """Close one."""
        self.count -= 1


@pytest.fixture
def at_most(monkeypatch):
    """A function that sets how many children the descriptors allow; nothing takes time."""
    monkeypatch.setattr(fanout, "_SOON", 0)
    return lambda limit: monkeypatch.setattr(fanout, "_descriptor_limit", lambda _: limit)


async def turns():
    """Let all that is scheduled soon happen."""
    for _ in range(20):
        await asyncio.sleep(0)


def run(steps):
    """Run steps with a fanout without a limit of the user."""

    async def main():
        await steps(Fanout(asyncio.get_running_loop(), lambda: None))

    asyncio.run(main())


def test_what_is_idle_is_closed_only_as_far_as_children_need_its_room(at_most):
    at_most(10)

    async def steps(fan):
        fan.idle, started = Kept(9), []
        for _ in range(3):
            fan.start(Child(started))
        await turns()
        assert (len(started), len(fan.idle)) == (3, 7)

    run(steps)


def test_a_limit_of_the_user_closes_nothing(at_most):
    at_most(10)
    started = []

    async def main():
        fan = Fanout(asyncio.get_running_loop(), lambda: 2)
        fan.idle = Kept(8)
        for _ in range(6):
            fan.start(Child(started))
        await turns()
        assert (len(started), len(fan.idle)) == (2, 8)

    asyncio.run(main())


def test_what_is_idle_is_closed_for_a_start_that_meets_a_shortage(at_most):
    at_most(100)

    async def steps(fan):
        fan.idle, started = Kept(3), []
        child = Child(started, failures=2)
        fan.start(child)
        await turns()
        assert started == [child]
        assert (child.reason, len(fan.idle)) == (None, 1)

    run(steps)


def test_a_child_that_meets_a_shortage_later_waits_for_others_and_is_then_told(at_most):
    at_most(100)

    async def steps(fan):
        started = []
        first, second = Child(started), Child(started)
        fan.start(first)
        fan.start(second)
        await turns()
        assert fan.again(second)
        await turns()
        assert started == [first, second]
        fan.ended()
        await turns()
        assert started == [first, second, second]
        # it had all there is
        assert not fan.again(second)

    run(steps)
