"""Connexions of asyncssh: one for each command, or shared by those to the same host."""

import asyncio
import contextlib
import functools
import os
from typing import Any

from execo._asyncssh.target import Target
from execo._engine.loop import Engine, at_exit

_KEPT = 120.0
"""Seconds that a shared connexion stays without a session."""

# an sshd refuses the eleventh session of a connexion unless it is told otherwise
_SESSIONS = 8


class Connexion:
    """A connexion, or one that is being made."""

    def __init__(self, opening: "asyncio.Task[Any]") -> None:
        self.opening = opening
        self.sessions = 0
        self.closing: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether it is open, or may be soon."""
        if not self.opening.done():
            return True
        failed = self.opening.cancelled() or self.opening.exception() is not None
        return not failed and not self.opening.result().is_closed()

    def close(self) -> None:
        """Close it, without waiting for the end."""
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


class Connexions:
    """All connexions of an engine. Its methods run on the thread of the engine."""

    def __init__(self, owner: Engine) -> None:
        self.owner = owner
        self._loop = owner.loop
        self._shared: dict[tuple[object, ...], list[Connexion]] = {}
        at_exit(lambda: owner.call(self._close))

    def lease(self, target: Target) -> Connexion:
        """Return a connexion for one command, until `release`."""
        connexion = self._find(target) if target.shared else None
        if connexion is None:
            connexion = Connexion(self._loop.create_task(_connected(target)))
            if target.shared:
                self._shared.setdefault(target.key, []).append(connexion)
        if connexion.closing is not None:
            connexion.closing.cancel()
        connexion.sessions += 1
        return connexion

    def _find(self, target: Target) -> Connexion | None:
        usable = [c for c in self._shared.get(target.key, []) if c.usable]
        self._shared[target.key] = usable
        return next((c for c in usable if c.sessions < _SESSIONS), None)

    def release(self, target: Target, connexion: Connexion) -> None:
        """Give a connexion back."""
        connexion.sessions -= 1
        if not target.shared:
            connexion.close()
        elif not connexion.sessions:
            connexion.closing = self._loop.call_later(_KEPT, connexion.close)

    def _close(self) -> None:
        for connexions in self._shared.values():
            for connexion in connexions:
                connexion.close()


async def _connected(target: Target) -> Any:
    import asyncssh

    keys = [_key(file, os.stat(file).st_mtime_ns) for file in target.keys]
    return await asyncssh.connect(
        target.host, **({"client_keys": keys} if keys else {}), **target.options
    )


@functools.lru_cache
def _key(file: str, _changed: int) -> Any:
    import asyncssh

    return asyncssh.read_private_key(file)


_all: Connexions | None = None


def connexions(owner: Engine) -> Connexions:
    """Return the connexions of an engine."""
    global _all
    # a forked process has another engine, and none of the connexions of its parent
    if _all is None or _all.owner is not owner:
        _all = Connexions(owner)
    return _all
