"""An end that happens once, which threads and coroutines can both wait for."""

import asyncio
import threading
from collections.abc import Callable, Generator
from typing import Any

from execo._engine import dispatch, interruptible
from execo._engine.forks import fork_safe_lock

_lock = fork_safe_lock()


class Completion:
    """A flag that is raised once.

    Costs a few words until somebody waits, since thousands of them exist at a time.
    """

    __slots__ = ("_abandoned", "_callbacks", "_done")

    def __init__(self) -> None:
        self._done = False
        self._abandoned = False
        self._callbacks: list[Callable[[], object]] | None = None

    def is_set(self) -> bool:
        """Tell whether it happened."""
        return self._done

    def set(self) -> None:
        """Make it happen; whoever waits goes on. Later calls do nothing."""
        with _lock:
            self._done = True
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def abandon(self) -> None:
        """Tell who waits that it will not happen, if it has not: they go on, and it stays unset."""
        with _lock:
            self._abandoned = True
            callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def add_callback(self, callback: Callable[[], object]) -> None:
        """Call `callback` when it happens or is abandoned (now, if it is), in the thread where."""
        with _lock:
            if not (self._done or self._abandoned):
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(callback)
                return
        callback()

    def remove_callback(self, callback: Callable[[], object]) -> None:
        """Forget a callback that was added; one that is not there is no error."""
        with _lock:
            if self._callbacks is not None and callback in self._callbacks:
                self._callbacks.remove(callback)

    def wait(
        self, timeout: float | None = None, concerns: Callable[[object], bool] | None = None
    ) -> bool:
        """Block until it happens, at most `timeout` seconds (None: no limit); tell whether it did.

        Returns at once when it was abandoned.

        On the thread of the handlers, go on running handlers meanwhile: the end that is waited
        for may be behind them. `concerns` tells whether it may be behind those of an owner.
        """
        if self._done or self._abandoned:
            return self._done
        if dispatch.is_current_thread():
            return dispatch.run_until(self.is_set, self.add_callback, timeout, concerns)
        event = threading.Event()
        self.add_callback(event.set)
        try:
            interruptible.wait(event, timeout)
        finally:
            self.remove_callback(event.set)
        return self._done

    def __await__(self) -> Generator[Any, None, None]:
        if self._done or self._abandoned:
            return
        if dispatch.is_current_thread():
            raise RuntimeError("a handler can't await: call wait(), which lets other handlers run")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def finish() -> None:
            if not future.done():
                future.set_result(None)

        def wake() -> None:
            # the loop of the waiter may be closed by the time this happens
            if not loop.is_closed():
                loop.call_soon_threadsafe(finish)

        self.add_callback(wake)
        try:
            yield from future
        finally:
            self.remove_callback(wake)
