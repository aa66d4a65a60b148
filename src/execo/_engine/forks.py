"""Locks that the child of a fork finds free, and what they guard whole.

A fork copies locks as they are, and none of the threads that hold them.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

_Lock = AbstractContextManager[object]

_locks: list[threading.RLock] = []


def fork_safe_lock() -> _Lock:
    """Return a lock for a short time, never taken while another one of these is held.

    The thread that holds it may take it again: a signal handler of the script runs in the middle
    of anything.
    """
    lock = threading.RLock()
    _locks.append(lock)
    return lock


@contextlib.contextmanager
def signals_later() -> Iterator[None]:
    """Let no signal handler of the script run in this block, on the main thread."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def before_fork() -> None:
    """Let no other thread hold a lock during the fork."""
    for lock in _locks:
        lock.acquire()


def after_fork() -> None:
    """Go on, in the parent and in the child."""
    for lock in reversed(_locks):
        lock.release()
