"""Awaitable twins of the functions of `execo` that block.

Processes and actions need none: `await Remote(...).start()` works in any event loop.
"""

import asyncio
from collections.abc import Iterable

from execo._engine.clock import SystemClock
from execo.action import Action, started_actions
from execo.times import Date, Duration, Timeout, resolve_timeout, sleep_seconds

__all__ = ["sleep", "wait_all_actions", "wait_any_actions"]


async def sleep(delay: Duration | None = None, until: Date | None = None) -> float:
    """Sleep for `delay`, or until a date; return the seconds slept. See `execo.sleep`."""
    clock = SystemClock()
    start = clock.monotonic()
    await clock.sleep(sleep_seconds(delay, until))
    return clock.monotonic() - start


async def wait_all_actions(actions: Iterable[Action], timeout: Timeout = None) -> list[Action]:
    """Wait until all `actions` ended; see `execo.wait_all_actions`."""
    return await _wait(actions, timeout, asyncio.ALL_COMPLETED)


async def wait_any_actions(actions: Iterable[Action], timeout: Timeout = None) -> list[Action]:
    """Wait until one of `actions` ended; see `execo.wait_any_actions`."""
    return await _wait(actions, timeout, asyncio.FIRST_COMPLETED)


async def _wait(actions: Iterable[Action], timeout: Timeout, when: str) -> list[Action]:
    found = started_actions(actions)

    async def ended(action: Action) -> None:
        await action

    tasks = [asyncio.create_task(ended(action)) for action in found]
    try:
        if tasks:
            await asyncio.wait(tasks, timeout=resolve_timeout(timeout, None), return_when=when)
    finally:
        for task in tasks:
            task.cancel()
    return [action for action in found if action.ended]
