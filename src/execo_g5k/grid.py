"""What flows reach the outside with: frontends, a clock, and one watcher of jobs a frontend.

A program has one `Grid`. Tests, and whoever brings other frontends, put their own in its place
with `using`.
"""

import asyncio
import contextlib
from collections.abc import Hashable, Iterator
from contextvars import ContextVar

from execo._engine.clock import Clock, SystemClock
from execo_g5k.config import g5k_settings
from execo_g5k.frontend import (
    Frontend,
    FrontendFactory,
    FrontendParams,
    SshFrontend,
    frontend_for,
)
from execo_g5k.watch import JobWatcher, RunCallback

_AT_ONCE = 8
"""Submissions that run at once on a frontend: its sshd refuses some beyond ten."""


class Grid:
    """The frontends, a clock, and the watchers. To be used in a single event loop."""

    def __init__(
        self,
        frontends: FrontendFactory = frontend_for,
        clock: Clock | None = None,
        run_callback: RunCallback | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self._frontends = frontends
        self._run_callback = run_callback
        self._watchers: dict[Hashable, JobWatcher] = {}
        self._turns: dict[str, asyncio.Semaphore] = {}
        self._heard: set[str] = set()

    def frontend(self, site: str | None, params: FrontendParams = None) -> Frontend:
        """Return the frontend of a site; None is the default one."""
        frontend = self._frontends(site, params)
        if isinstance(frontend, SshFrontend):
            frontend.heard = self._heard.add
        return frontend

    def watcher(self, site: str | None, params: FrontendParams = None) -> JobWatcher:
        """Return the watcher that all waits on this frontend, with these params, share."""
        frontend = self.frontend(site, params)
        settings = g5k_settings()
        key = (
            frontend.name,
            repr(sorted((params or {}).items())),
            settings.polling_interval,
            settings.tiny_polling_interval,
        )
        for other in [key for key, watcher in self._watchers.items() if watcher.idle]:
            del self._watchers[other]
        if key not in self._watchers:
            self._watchers[key] = JobWatcher(
                frontend,
                self.clock,
                settings.polling_interval,
                settings.tiny_polling_interval,
                self._run_callback,
                has_answered=lambda: frontend.name in self._heard,
            )
        return self._watchers[key]

    def turn(self, frontend: Frontend) -> asyncio.Semaphore:
        """Return what bounds the commands that run at once on a frontend."""
        return self._turns.setdefault(frontend.name, asyncio.Semaphore(_AT_ONCE))


_in_use: ContextVar[Grid | None] = ContextVar("execo_g5k_grid", default=None)
_default: tuple[asyncio.AbstractEventLoop, Grid] | None = None


def current_grid() -> Grid:
    """Return the Grid of the running flow."""
    global _default
    grid = _in_use.get()
    if grid is not None:
        return grid
    # a forked process has another loop, and none of the waits of its parent
    loop = asyncio.get_running_loop()
    if _default is None or _default[0] is not loop:
        _default = (loop, Grid())
    return _default[1]


@contextlib.contextmanager
def using(grid: Grid) -> Iterator[Grid]:
    """Make the functions called inside use this Grid."""
    token = _in_use.set(grid)
    try:
        yield grid
    finally:
        _in_use.reset(token)
