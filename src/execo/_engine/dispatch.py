"""The thread on which handlers written by users run, in the order of what they handle.

A slow handler delays other handlers, never the loop.
"""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable

from execo._engine.forks import signals_later
from execo._engine.safely import safely

logger = logging.getLogger("execo")

_Call = Callable[[], object]
_Item = tuple[object, _Call]

_lock = threading.RLock()
_calls: "queue.SimpleQueue[_Item]" = queue.SimpleQueue()
_thread: threading.Thread | None = None
_forks_watched = False

_DEEP = 20
"""Handlers that wait, each in the one before; each takes a part of Python's stack."""

# only the thread of the handlers touches these
_active: list[object] = []
_deferred: list[_Item] = []


def dispatch(owner: object, call: _Call) -> None:
    """Run `call` on the thread of the handlers, after all that its owner dispatched before."""
    _calls.put((owner, call))
    if _thread is None:
        _start()


def is_current_thread() -> bool:
    """Tell whether this code runs on the thread of the handlers."""
    return threading.current_thread() is _thread


def run_until(
    done: Callable[[], bool],
    when_done: Callable[[_Call], object],
    timeout: float | None,
    concerns: Callable[[object], bool] | None = None,
) -> bool:
    """Run dispatched calls, on the thread of the handlers, until `done()` or `timeout` seconds.

    `when_done` takes a call to make as soon as `done()` is true. Calls of owners whose handler is
    the one that waits stay for later: order is kept for each owner. When many handlers wait, each
    in the one before, only calls of owners that `concerns` names are run.
    """
    when_done(lambda: _calls.put((None, _nothing)))
    if len(_active) <= _DEEP:
        concerns = None
    end = None if timeout is None else time.monotonic() + timeout
    while not done():
        try:
            item = _next(None if end is None else _remaining(end), concerns)
        except queue.Empty:
            break
        deep = concerns is not None and not concerns(item[0])
        if item[0] is not None and (item[0] in _active or deep):
            _deferred.append(item)
        else:
            _run(item)
    return done()


def is_handling(owner: object) -> bool:
    """Tell whether this code runs in a handler of `owner`."""
    return is_current_thread() and any(active is owner for active in _active)


def _remaining(end: float) -> float:
    return min(max(0.0, end - time.monotonic()), threading.TIMEOUT_MAX)


def _next(timeout: float | None, concerns: Callable[[object], bool] | None = None) -> _Item:
    for index, (owner, _) in enumerate(_deferred):
        if owner not in _active and (concerns is None or concerns(owner)):
            return _deferred.pop(index)
    return _calls.get(timeout=timeout)


def _nothing() -> None:
    pass


def _start() -> None:
    global _thread, _forks_watched
    with signals_later(), _lock:
        if _thread is None:
            if not _forks_watched:
                os.register_at_fork(after_in_child=_forget)
                _forks_watched = True
            _thread = threading.Thread(target=_main, name="execo-handlers", daemon=True)
            try:
                _thread.start()
            except RuntimeError:
                # no thread is to be had: better on this one than never
                _thread = None
                while not _calls.empty():
                    _run(_calls.get())


def _forget() -> None:
    global _thread, _calls, _lock
    _thread, _calls, _lock = None, queue.SimpleQueue(), threading.RLock()
    _active.clear()
    _deferred.clear()


def _main() -> None:
    while True:
        _run(_next(None))


def _run(item: _Item) -> None:
    owner, call = item
    _active.append(owner)
    try:
        call()
    except BaseException:
        # an exit asked for in a handler can't end the script, and must not end this thread
        safely(logger.exception, "error in a handler")
    finally:
        _active.pop()
