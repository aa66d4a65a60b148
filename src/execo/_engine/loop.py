"""The thread of the engine, and the doors to it.

A flow is written once, as a coroutine. `blocking` makes of it a function for scripts, `bridged` a
coroutine function for any event loop; both run it on the loop of the engine.
"""

import asyncio
import atexit
import contextlib
import contextvars
import functools
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Generic, ParamSpec, TypeVar

from execo._engine import interruptible
from execo._engine.child import Child, ChildOptions, Listener, Owned
from execo._engine.exits import PidfdExits, ThreadExits, pidfd_works
from execo._engine.fanout import Fanout
from execo._engine.forks import after_fork, before_fork, signals_later
from execo._engine.keeper import Keeper
from execo._engine.remnants import Remnants
from execo.config import settings

logger = logging.getLogger("execo")

P = ParamSpec("P")
R = TypeVar("R")

_CLEANUP = 30.0
"""Seconds that an interrupted flow has to kill and delete what it started."""

_AT_EXIT = 2.0
"""Seconds between SIGTERM and SIGKILL for processes that live when the interpreter ends."""


class Engine:
    """One event loop in one daemon thread, and the children that live on it."""

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop()
        self.exits = PidfdExits(self.loop) if pidfd_works() else ThreadExits(self.loop)
        self.fanout = Fanout(self.loop, lambda: settings().fanout)
        self.remnants = Remnants(self.loop)
        self.keeper = Keeper()
        self.live: set[Owned] = set()
        self.ending = False
        """The interpreter ends: what lives is being killed."""
        self.closers: list[Callable[[], object]] = []
        self._when_gone: Callable[[Owned], object] = _nothing
        self._thread = threading.Thread(target=self._main, name="execo-engine", daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
            except (KeyboardInterrupt, SystemExit) as error:
                # asyncio ends the loop for them; who waits for the coroutine gets them
                logger.debug("%r on the thread of the engine", error)
            else:
                return

    def is_current_thread(self) -> bool:
        """Tell whether this code runs on the thread of the engine."""
        return threading.current_thread() is self._thread

    def refuse_own_thread(self) -> None:
        """Raise RuntimeError on the thread of the engine: blocking it would wait for itself."""
        if self.is_current_thread():
            raise RuntimeError("a blocking call on the thread of the engine: await it instead")

    def call(self, function: Callable[..., object], *args: object) -> None:
        """Run `function(*args)` soon on the thread of the engine, in the order of the calls."""
        self.loop.call_soon_threadsafe(function, *args)

    def child(self, argv: Sequence[str], options: ChildOptions, listener: Listener) -> Child:
        """Return a child that can be started."""
        return Child(self, argv, options, listener)

    def start(self, children: Sequence[Owned]) -> None:
        """Start children when their turn comes; return at once."""
        self.call(self._start, children)

    def _start(self, children: Sequence[Owned]) -> None:
        for child in children:
            if not child.ended:
                self.fanout.start(child)

    def forget(self, child: Owned) -> None:
        """Note that a child has been reaped, or will be with its group."""
        self.live.discard(child)
        self.fanout.ended()
        self._when_gone(child)

    def end_children(self) -> None:
        """Kill, at the end of the interpreter, what must not outlive it."""
        if os.getpid() != _engine_pid or not self._thread.is_alive():
            return
        try:
            asyncio.run_coroutine_threadsafe(self._end_children(), self.loop).result(2 * _AT_EXIT)
        except (TimeoutError, RuntimeError):
            logger.warning("some processes could not be killed at exit")

    async def _end_children(self) -> None:
        self.ending = True
        self.fanout.stop()
        children = {child for child in self.live if child.kill_at_exit}
        all_gone = asyncio.Event()

        def gone(child: Owned) -> None:
            children.discard(child)
            if not children:
                all_gone.set()

        self._when_gone = gone
        for child in list(children):
            child.kill(signal.SIGTERM, _AT_EXIT / 2)
        try:
            if children:
                await asyncio.wait_for(all_gone.wait(), _AT_EXIT)
        finally:
            self.remnants.kill()

    def close(self) -> None:
        """Do, at the end of the interpreter, what was asked for with `at_exit`."""
        if os.getpid() == _engine_pid:
            for close in reversed(self.closers):
                close()


_engine: Engine | None = None
_engine_pid = 0
_lock = threading.RLock()
_hooks_set = False


def engine() -> Engine:
    """Return the engine of this process; the first call starts its thread."""
    global _engine, _engine_pid, _hooks_set
    if _engine is not None:
        return _engine
    with signals_later(), _lock:
        if _engine is None:
            if not _hooks_set:
                os.register_at_fork(
                    before=before_fork, after_in_parent=after_fork, after_in_child=_forget
                )
                atexit.register(_at_exit)
                _hooks_set = True
            _engine_pid = os.getpid()
            _engine = Engine()
    return _engine


def _nothing(_child: Owned) -> None:
    pass


def _forget() -> None:
    # the thread and the children belong to the parent
    global _engine, _lock
    after_fork()
    if _engine is not None:
        _engine.keeper.forget()
        for child in _engine.live:
            child.let_go()
    _engine, _lock = None, threading.RLock()


def _at_exit() -> None:
    if _engine is not None:
        if os.getpid() == _engine_pid:
            # what is bounded in time is not to be cut: it would leave processes and files
            with contextlib.suppress(ValueError):
                signal.signal(signal.SIGINT, signal.SIG_IGN)
        _engine.end_children()
        _engine.close()


def at_exit(close: Callable[[], object]) -> None:
    """Have `close` called at the end of the interpreter, when children have been killed.

    A process that is forked from this one does not call it.
    """
    engine().closers.append(close)


class _Call(Generic[R]):
    """A coroutine that runs on the engine on behalf of another thread or loop."""

    def __init__(self, coroutine: Coroutine[Any, Any, R]) -> None:
        self.outcome: Future[R] = Future()
        self._task: asyncio.Task[R] | None = None
        self._engine = engine()
        self._context = contextvars.copy_context()
        self._engine.call(self._start, coroutine)

    def _start(self, coroutine: Coroutine[Any, Any, R]) -> None:
        self._task = self._engine.loop.create_task(coroutine, context=self._context)
        self._task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[R]) -> None:
        if task.cancelled():
            self.outcome.set_exception(CancelledError())
        elif (error := task.exception()) is not None:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(task.result())

    def cancel(self) -> None:
        """Cancel the coroutine; `outcome` is there when its clean-up is done."""
        self._engine.call(self._cancel)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()


def blocking(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Make of a coroutine function one that blocks until the result is there.

    Ctrl-C, or any exception raised in the caller meanwhile, cancels the coroutine and lets it
    clean up (at most 30 s, a second Ctrl-C ends that) before it goes on.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        engine().refuse_own_thread()
        running = _Call(function(*args, **kwargs))
        ended = threading.Event()
        running.outcome.add_done_callback(lambda _: ended.set())
        try:
            interruptible.wait(ended, None)
            return running.outcome.result()
        except BaseException:
            if not running.outcome.done():
                running.cancel()
                try:
                    running.outcome.exception(_CLEANUP)
                except TimeoutError:
                    logger.warning("%s: clean-up not done after %g s", function.__name__, _CLEANUP)
            raise

    return call


def bridged(
    function: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Make of a coroutine function one that can be awaited in any event loop."""

    @functools.wraps(function)
    async def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if engine().is_current_thread():
            return await function(*args, **kwargs)
        running = _Call(function(*args, **kwargs))
        waiting = asyncio.wrap_future(running.outcome)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            running.cancel()
            # the clean-up of the flow belongs to the cancellation of its caller
            await asyncio.wait([waiting])
            if not waiting.cancelled():
                # else asyncio logs that nobody looked at it
                waiting.exception()
            raise

    return call
