"""Signals that would end the process at once, made to end a block of it first.

SIGTERM and SIGHUP kill a Python process without any clean-up. In the block they raise, as Ctrl-C
does, so that what is under way cleans up and the script ends with the exit code that a shell gives
to the signal. A handler of the user's, or a signal that is ignored (nohup), is left as it is.
"""

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


def raise_exit(number: int) -> NoReturn:
    """Raise SystemExit with the exit code of a process that a signal ended."""
    raise SystemExit(128 + number)


class Endings:
    """Handlers of the signals that end the process, from `set` to `put_back`.

    Only on the main thread, where Python runs handlers; elsewhere nothing is set.
    """

    def __init__(self, told: Callable[[int], object] = raise_exit) -> None:
        """`told` takes the number of the signal, on the main thread."""
        self._told = told
        self._pid = os.getpid()
        self._set: list[signal.Signals] = []

    def set(self) -> None:
        """Set handlers where nothing but the default action is set."""
        if threading.current_thread() is not threading.main_thread():
            return
        for one in _SIGNALS:
            if signal.getsignal(one) is signal.SIG_DFL:
                signal.signal(one, self._handle)
                self._set.append(one)

    def put_back(self) -> None:
        """Put the default action back, unless somebody has set a handler since."""
        if threading.current_thread() is not threading.main_thread():
            return
        while self._set:
            one = self._set.pop()
            if signal.getsignal(one) == self._handle:
                signal.signal(one, signal.SIG_DFL)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            self._told(number)
            return
        # a forked process inherits the handler, and has nothing to clean up
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
