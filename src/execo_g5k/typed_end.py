"""Processes on a terminal that are ended by what is typed, and by signals when that is in vain.

A signal ends the ssh on this side, and what runs behind it hears that its terminal is gone. Since
version 3.2 kadeploy3 then dies and leaves its deployment to the server, where it locks the nodes
for as long as it lasts, up to 900 s. Ctrl-C typed on its terminal cancels the deployment.
"""

import asyncio
import atexit
import dataclasses
import logging
import signal
import weakref
from collections.abc import Callable, Mapping
from typing import Self

from execo._engine.child import ChildOptions, Exit
from execo._engine.loop import engine
from execo.config import settings
from execo.process import ProcessBase
from execo.times import Timeout, resolve_timeout
from execo_g5k.config import g5k_settings

logger = logging.getLogger("execo")

_TYPED_FOR = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)

_AT_EXIT = 5.0
"""Seconds more, at the end of the interpreter, for those that typing did not end."""

_live: "weakref.WeakSet[TypedEnd]" = weakref.WeakSet()
_hook_set = False


class TypedEnd(ProcessBase):
    """What ends by typing; for classes of processes on a terminal."""

    typed = b"\x03"
    """What is typed to end it."""

    def _clear(self) -> None:
        super()._clear()
        self._seconds_to_run: float | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._typed_once = False

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        argv, options = super()._prepare(environment, directory)
        # the engine ends by a signal what runs too long
        self._seconds_to_run = options.timeout
        return argv, dataclasses.replace(options, timeout=None)

    def child_started(self, pid: int | None) -> None:
        """Note that it runs; its time begins."""
        super().child_started(pid)
        _watch(self)
        if self._seconds_to_run is not None:
            self._call_later(self._seconds_to_run, self._too_long)

    def _too_long(self) -> None:
        self.child_timed_out()
        self.kill()

    def _call_later(self, seconds: float, call: Callable[..., object], *args: object) -> None:
        self._timers.append(engine().loop.call_later(seconds, call, *args))

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """End it, and return without waiting.

        First by typing; `g5k_configuration['kadeploy_cancel_timeout']` seconds later by SIGTERM if
        it still lives, then as `Process.kill`. SIGKILL, and signals that end nothing, are sent.
        """
        if sig not in _TYPED_FOR or self._child is None or self.ended or self._is_foreign():
            return super().kill(sig, auto_force_kill_timeout)
        self._kill_sent = True
        wait = g5k_settings().kadeploy_cancel_timeout
        given = auto_force_kill_timeout
        force = settings().kill_timeout if given is True else resolve_timeout(given or None, None)
        engine().call(self._type, wait, force)
        return self

    def _type(self, wait: float, force: float | None) -> None:
        if self.ended or self._typed_once or self._child is None:
            return
        if self.pid is None:
            self._child.kill(signal.SIGTERM, force)
            return
        self._typed_once = True
        self._child.write(self.typed)
        self._call_later(wait, self._in_vain, wait, force)

    def _in_vain(self, waited: float, force: float | None) -> None:
        if self._child is not None and not self.ended:
            logger.warning("%r: still lives %g s after Ctrl-C, killing it", self, waited)
            self._child.kill(signal.SIGTERM, force)

    def child_ended(self, end: Exit) -> None:
        """Note the end."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        super().child_ended(end)


def _watch(process: TypedEnd) -> None:
    global _hook_set
    _live.add(process)
    if not _hook_set:
        _hook_set = True
        # before that of the engine, which ends what lives by signals
        atexit.register(_end_all)


def _end_all() -> None:
    if not settings().kill_childs_at_end:
        return
    running = [process for process in list(_live) if process.running and not process._is_foreign()]
    for process in running:
        process.kill()
    for process in running:
        process.wait(g5k_settings().kadeploy_cancel_timeout + _AT_EXIT)
