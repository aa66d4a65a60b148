"""The command line as it is seen: in a pipe, and on the screen of a terminal."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pyte

from execo_g5k.sandbox.servers.processes import set_size

COMMAND = [sys.executable, "-m", "execo_g5k.cli.main"]
_WIDTH, _HEIGHT = 110, 40


def cli(*words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command whose streams are pipes."""
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=100, check=False,
        stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip


class Terminal:
    """A command on a terminal."""

    def __init__(self, *words: str, **options: Any) -> None:
        self._screen = pyte.Screen(_WIDTH, _HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        self._master, slave = pty.openpty()
        set_size(self._master, (_WIDTH, _HEIGHT))
        environment = {**options.pop("env", os.environ), "TERM": "xterm-256color", "COLUMNS": ""}
        del environment["COLUMNS"]
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", "env", "--default-signal=INT", *COMMAND, *words],
            stdin=slave, stdout=slave, stderr=slave, env=environment, **options,
        )  # fmt: skip
        os.close(slave)

    @property
    def lines(self) -> list[str]:
        """What is on the screen, without blank lines."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def text(self) -> str:
        """The same as one text."""
        return "\n".join(self.lines)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    def until(self, seen: Callable[[str], object], timeout: float = 60) -> str:
        """Return the screen once something is seen on it."""
        end = time.monotonic() + timeout
        while not seen(self.text):
            assert time.monotonic() < end, self.text
            assert self._read(1.0), self.text
        return self.text

    def interrupt(self) -> int:
        """Press Ctrl-C, and return the exit code once the command has ended.

        Python loses a signal that comes between the prompt of `input` and its read: nobody types
        that fast but a test, which presses again.
        """
        for _ in range(5):
            self.press("\x03")
            with contextlib.suppress(AssertionError):
                return self.end(5)
        raise AssertionError(self.text)

    def end(self, timeout: float = 60) -> int:
        """Return the exit code, once the command has ended and all is on the screen."""
        end = time.monotonic() + timeout
        while self._read(1.0):
            assert time.monotonic() < end, self.text
        return self.process.wait(timeout)

    def _read(self, seconds: float) -> bool:
        """Take what is printed; tell whether there may be more."""
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return True
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self._stream.feed(data)
        return bool(data)

    def close(self) -> None:
        """End the command, if it has not."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self._master)


@contextlib.contextmanager
def on_terminal(*words: str, **options: Any) -> Iterator[Terminal]:
    """Run a command on a terminal."""
    terminal = Terminal(*words, **options)
    try:
        yield terminal
    finally:
        terminal.close()
