"""Waiting on the main thread so that Ctrl-C is never missed."""

import threading
import time

_SLICE = 0.5


def wait(event: threading.Event, timeout: float | None) -> bool:
    """Wait until `event` is set, at most `timeout` seconds (None: no limit); tell whether it is."""
    end = None if timeout is None else time.monotonic() + timeout
    # a signal that comes between Python's last look and the system call that blocks is handled
    # at the next wake-up only; other threads handle no signal
    longest = _SLICE if threading.current_thread() is threading.main_thread() else None
    while True:
        left = None if end is None else max(0.0, end - time.monotonic())
        limits = [limit for limit in (left, longest) if limit is not None]
        if event.wait(min([*limits, threading.TIMEOUT_MAX]) if limits else None):
            return True
        if left is not None and (longest is None or left <= longest):
            return False
