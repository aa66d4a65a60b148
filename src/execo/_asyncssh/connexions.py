"""Connexions of asyncssh: one for each command, or shared by those to the same host."""

import asyncio
import contextlib
import os
from collections.abc import Sequence
from typing import Any

from execo._asyncssh.configured import Configured, configured, proxy_arguments
from execo._asyncssh.target import Target
from execo._engine.loop import Engine, at_exit

_KEPT = 120.0
"""Seconds that a shared connexion stays without a session."""

# an sshd refuses the eleventh session of a connexion unless it is told otherwise
_SESSIONS = 8


class Connexion:
    """A connexion, or one that is being made."""

    def __init__(self, loop: asyncio.AbstractEventLoop, target: Target, *, shared: bool) -> None:
        self.target = target
        self.known: Configured | None = None
        """What the configuration of ssh says of the host, once it is read."""
        self.opening: asyncio.Task[Any] = loop.create_task(self._open())
        self.shared = shared
        self.sessions = 0
        self.most_sessions = _SESSIONS
        self.closed = False

    async def _open(self) -> Any:
        import asyncssh

        self.known = known = await configured(self.target)
        with proxy_arguments(known.proxy) as proxy:
            own = {**self.target.options, **proxy, **known.keys.arguments, "tunnel": known.jump}
            return await asyncssh.connect(self.target.host, **own)

    @property
    def asks_for_terminal(self) -> bool:
        """Whether the configuration of ssh has a terminal for each command."""
        return self.known is not None and self.known.terminal

    @property
    def warnings(self) -> Sequence[str]:
        """What the user is to know."""
        return () if self.known is None else self.known.keys.warnings

    @property
    def usable(self) -> bool:
        """Whether it is open, or may be soon."""
        if self.closed:
            return False
        if not self.opening.done():
            return True
        failed = self.opening.cancelled() or self.opening.exception() is not None
        return not failed and not self.opening.result().is_closed()

    def close(self) -> None:
        """Close it, without waiting for the end."""
        self.closed = True
        if not self.opening.done():
            self.opening.cancel()
        elif not self.opening.cancelled() and self.opening.exception() is None:
            self.opening.result().close()

    def let_go(self) -> None:
        """Close its socket in the child of a fork, without a word to the host."""
        if self.opening.done() and self.usable:
            socket = self.opening.result().get_extra_info("socket")
            if socket is not None:
                with contextlib.suppress(OSError):
                    os.close(socket.fileno())


class _Idle:
    """Shared connexions without a session, the one that has waited longest first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timers: dict[Connexion, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        return len(self._timers)

    def add(self, connexion: Connexion) -> None:
        """Keep a connexion for a while."""
        self._timers[connexion] = self._loop.call_later(_KEPT, self._close, connexion)

    def take(self, connexion: Connexion) -> None:
        """Note that a connexion is used, if it was not."""
        timer = self._timers.pop(connexion, None)
        if timer is not None:
            timer.cancel()

    def close_oldest(self) -> None:
        """Close the connexion that has waited longest."""
        self._close(next(iter(self._timers)))

    def _close(self, connexion: Connexion) -> None:
        self.take(connexion)
        connexion.close()


class Connexions:
    """All connexions of an engine. Its methods run on the thread of the engine."""

    def __init__(self, owner: Engine) -> None:
        self.owner = owner
        self._loop = owner.loop
        self._idle = _Idle(owner.loop)
        owner.fanout.idle = self._idle
        self._shared: dict[tuple[object, ...], list[Connexion]] = {}
        at_exit(lambda: owner.call(self._close))

    def lease(self, target: Target, *, shared: bool) -> Connexion:
        """Return a connexion for one command, until `release`."""
        connexion = self._find(target) if shared else None
        if connexion is None:
            connexion = Connexion(self._loop, target, shared=shared)
            if shared:
                self._shared.setdefault(target.key, []).append(connexion)
        self._idle.take(connexion)
        connexion.sessions += 1
        return connexion

    def _find(self, target: Target) -> Connexion | None:
        usable = [c for c in self._shared.get(target.key, []) if c.usable]
        self._shared[target.key] = usable
        return next((c for c in usable if c.sessions < c.most_sessions), None)

    def release(self, connexion: Connexion) -> None:
        """Give a connexion back."""
        connexion.sessions -= 1
        if not connexion.shared:
            connexion.close()
        elif not connexion.sessions and connexion.usable:
            self._idle.add(connexion)

    def refused(self, connexion: Connexion) -> None:
        """Give a connexion back whose host allows it no further session."""
        connexion.most_sessions = max(1, connexion.sessions - 1)
        self.release(connexion)

    def _close(self) -> None:
        for connexions in self._shared.values():
            for connexion in connexions:
                connexion.close()


_all: Connexions | None = None


def connexions(owner: Engine) -> Connexions:
    """Return the connexions of an engine."""
    global _all
    # a forked process has another engine, and none of the connexions of its parent
    if _all is None or _all.owner is not owner:
        _all = Connexions(owner)
    return _all
