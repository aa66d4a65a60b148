"""What processes and actions share: a start, an end, and who is told of them."""

import os
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from functools import partial
from typing import Any, Self

from execo._engine.completion import Completion
from execo._engine.dispatch import dispatch, is_handling
from execo._engine.loop import engine
from execo.times import Timeout, resolve_timeout


class Runnable(ABC):
    """Something that is started and ends; a `with` block ends it at its own end."""

    _owner: int | None
    """The process that started it, by its pid."""

    lifecycle_handlers: Sequence[Any]
    """Told of its start, its end and its reset, in this order."""

    started_event: Completion
    """Set when it starts; `started_event.wait(seconds)` waits for that, and tells whether it did.
    """

    ended_event: Completion
    """Set when it ended and handlers have seen all of it; it has `wait(seconds)` too."""

    @property
    @abstractmethod
    def started(self) -> bool:
        """Whether `start` was called."""

    @property
    @abstractmethod
    def running(self) -> bool:
        """Whether it was started and has not ended."""

    @abstractmethod
    def start(self) -> Self:
        """Start, and return without waiting for anything."""

    @abstractmethod
    def kill(self) -> Self:
        """End it, and return without waiting."""

    def wait(self, timeout: Timeout = None) -> Self:
        """Wait for the end, at most `timeout` seconds (None: no limit).

        It goes on when the time is over, without an error: `ended` tells.

        Raises:
            ValueError: it was not started.
            RuntimeError: it is called in one of its own handlers, or in a forked process that did
                not start it, or on the thread of the engine, where it must be awaited.
        """
        seconds = resolve_timeout(timeout, None)
        self._require_start("wait for it")
        if not self.ended_event.is_set():
            self._require_waitable("wait for its end")
            self.ended_event.wait(seconds, self._concerns)
        return self

    def _require_waitable(self, what: str) -> None:
        if self._is_handled():
            raise RuntimeError(f"a handler of {self!r} can't {what}")
        if self._is_foreign():
            raise RuntimeError(f"{self!r}: only the process that started it can {what}")
        engine().refuse_own_thread()

    def _is_handled(self) -> bool:
        """Tell whether this code runs in a handler that the end of this waits for."""
        return is_handling(self)

    def _concerns(self, owner: object) -> bool:
        """Tell whether the end of this comes after what `owner` is told."""
        return owner is self

    def _is_foreign(self) -> bool:
        """Tell whether it was started by another process, of which this one is a fork."""
        return self._owner is not None and self._owner != os.getpid()

    def run(self, timeout: Timeout = None) -> Self:
        """Start, and wait for the end, at most `timeout` seconds (None: no limit).

        It goes on when the time is over: `ended` tells. Raises what `start` and `wait` raise.
        """
        resolve_timeout(timeout, None)
        return self.start().wait(timeout)

    def __await__(self) -> Generator[Any, None, Self]:
        self._require_start("await it")
        if not self.ended_event.is_set() and self._is_foreign():
            raise RuntimeError(f"{self!r}: only the process that started it can await its end")
        yield from self.ended_event.__await__()
        return self

    def flush(self) -> None:  # noqa: B027  (print calls it, and there is nothing to do)
        """Do nothing: input is sent at once. It exists because files have it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running and not self._is_foreign():
            self.kill().wait()

    def _require_start(self, what: str) -> None:
        if not self.started:
            raise ValueError(f"{self!r} was not started: call start() before you {what}")

    def _end(self) -> None:
        """Kill it if it runs, and wait for its end; raise as `wait` where that can't be."""
        if self.running:
            self._require_waitable("wait for its end")
            self.kill().wait()

    def _tell(self, event: str) -> None:
        for handler in self.lifecycle_handlers:
            dispatch(self, partial(_call, handler, event, self))


def _call(handler: Any, event: str, runnable: Runnable) -> None:
    getattr(handler, event)(runnable)
