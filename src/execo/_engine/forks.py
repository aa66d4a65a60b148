"""Locks that the child of a fork finds free, and what they guard whole.

A fork copies locks as they are, and none of the threads that hold them.
"""

import threading

_locks: list[threading.Lock] = []


def fork_safe_lock() -> threading.Lock:
    """Return a lock for a short time, never taken while another one of these is held."""
    lock = threading.Lock()
    _locks.append(lock)
    return lock


def before_fork() -> None:
    """Let no other thread hold a lock during the fork."""
    for lock in _locks:
        lock.acquire()


def after_fork() -> None:
    """Go on, in the parent and in the child."""
    for lock in reversed(_locks):
        lock.release()
