"""One operating system process: its streams, its deadline, its end.

All methods run on the thread of the engine.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from execo._engine.spawn import is_raw, spawn

if TYPE_CHECKING:
    from execo._engine.loop import Engine

logger = logging.getLogger("execo")

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
"""A process that ends after one of these was ended by it."""

STDOUT = 1
STDERR = 2

_READ = 65536

_INTERRUPT = b"\x03"
"""What Ctrl-C types."""

_A_LOOK = 0.01
_LOOKS = 2000
"""Looks, a hundred a second, at a terminal that ssh has yet to take over."""

_REAPED = (
    "its exit status was taken by somebody else: SIGCHLD is ignored, or the script waits for "
    "all its children"
)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended."""

    code: int | None
    """Exit status; -n for signal n; None when it was never started."""
    error: str | None = None
    """Why it could not be started."""
    killed: bool = False
    """We sent it a signal that ends processes, or withdrew it before its start."""
    forced: bool = False
    """It had to be killed by SIGKILL after another signal."""


class Listener(Protocol):
    """Who is told what happens to a child, always on the thread of the engine."""

    def child_started(self, pid: int | None) -> None:
        """It runs; None: not as a process of this machine."""
        ...

    def child_printed(self, stream: int, data: bytes) -> None:
        """It printed `data` on STDOUT or STDERR; b"" when the stream ends."""
        ...

    def child_write_failed(self, reason: str) -> None:
        """What was written to it will not be read."""
        ...

    def child_timed_out(self) -> None:
        """Its timeout is over; it is being killed."""
        ...

    def child_ended(self, end: Exit) -> None:
        """It has ended, and printed all that it will."""
        ...


class Controlled(Protocol):
    """What the owner of a process asks of it, always on the thread of the engine."""

    def kill(self, sig: int, force_after: float | None) -> None:
        """Send a signal, and SIGKILL if it still lives `force_after` seconds later (None: no)."""
        ...

    def write(self, data: bytes) -> None:
        """Give `data` to the process, at once or when it reads."""
        ...

    def close_stdin(self) -> None:
        """End the input of the process, after what was written."""
        ...

    def pause(self, stream: int) -> None:
        """Stop reading a stream."""
        ...

    def resume(self, stream: int) -> None:
        """Read a paused stream again."""
        ...


class Owned(Controlled, Protocol):
    """What the engine starts when its turn comes, and ends with the interpreter."""

    @property
    def ended(self) -> bool:
        """Whether it ended, or will not be started."""
        ...

    @property
    def kill_at_exit(self) -> bool:
        """Whether it dies with the interpreter."""
        ...

    def spawn(self) -> None:
        """Start now; raises OSError or ValueError when that can't be."""
        ...

    def fail(self, reason: str) -> None:
        """End without having been started."""
        ...

    def let_go(self) -> None:
        """Close what belongs to the parent, in the child of a fork."""
        ...


@dataclass(frozen=True, slots=True)
class ChildOptions:
    """How a child is started and killed."""

    pty: bool = False
    group: bool = False
    """Signals go to its whole process group."""
    timeout: float | None = None
    """Seconds that it may run."""
    kill_timeout: float | None = 60.0
    """Seconds between the signal sent at the timeout and SIGKILL."""
    kill_at_exit: bool = True
    """Kill it when the interpreter ends."""
    environment: Mapping[bytes, bytes] | None = None
    """Its environment; None: that of this process when it is started."""
    directory: str | None = None
    """Where it is started; None: wherever this process is then."""
    impossible: str | None = None
    """Why it can't be started."""
    remote_terminal: bool = False
    """Its input goes to a terminal of another machine."""


class Child:
    """A process of ours."""

    __slots__ = (
        "_engine", "_argv", "_options", "_listener", "_pid", "_stdin", "_outputs", "_watch",
        "_writes", "_writing", "_close_stdin", "_timeout", "_force", "_killed", "_forced",
        "_kill_deadline", "_ended", "_paused", "_kept", "_line_ended", "_end_written",
        "_looks",
    )  # fmt: skip

    def __init__(
        self, engine: "Engine", argv: Sequence[str], options: ChildOptions, listener: Listener
    ) -> None:
        self._engine = engine
        self._argv = argv
        self._options = options
        self._listener = listener
        self._pid = 0
        self._stdin = -1
        self._outputs: dict[int, int] = {}
        self._watch = -1
        self._writes: deque[memoryview] | None = None
        self._writing = False
        self._looks = 0
        self._close_stdin = False
        self._line_ended = True
        self._end_written = False
        self._timeout: asyncio.TimerHandle | None = None
        self._force: asyncio.TimerHandle | None = None
        self._killed = self._forced = self._ended = False
        self._kill_deadline: float | None = None
        self._paused: set[int] | None = None
        self._kept = -1

    @property
    def ended(self) -> bool:
        """Whether it ended, or will not be started."""
        return self._ended

    @property
    def kill_at_exit(self) -> bool:
        """Whether it dies with the interpreter."""
        return self._options.kill_at_exit

    # --- start

    def spawn(self) -> None:
        """Start the process; raises OSError or ValueError when that can't be."""
        if self._options.impossible is not None:
            raise ValueError(self._options.impossible)
        self._engine.keeper.start()
        argv = _in_directory(self._argv, self._options.directory)
        # it closes three descriptors before it returns: there is one left to watch the exit
        spawned = spawn(argv, self._options.environment, pty=self._options.pty)
        loop = self._engine.loop
        self._argv = ()
        self._pid = spawned.pid
        self._stdin = spawned.stdin
        self._outputs = {STDOUT: spawned.stdout, STDERR: spawned.stderr}
        self._engine.live.add(self)
        if self._options.kill_at_exit:
            self._kept = self._engine.keeper.keep(spawned.pid)
        self._watch = self._engine.exits.watch(spawned.pid, self._exited)
        loop.add_reader(spawned.stdout, self._readable, STDOUT, spawned.stdout)
        loop.add_reader(spawned.stderr, self._readable, STDERR, spawned.stderr)
        if self._options.timeout is not None:
            self._timeout = loop.call_later(self._options.timeout, self._time_out)
        self._tell(self._listener.child_started, spawned.pid)
        if self._writes or self._close_stdin:
            self._flush()

    def fail(self, reason: str) -> None:
        """End without having run."""
        self._end(Exit(None, error=reason))

    # --- output

    def _readable(self, stream: int, fd: int) -> None:
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return
        except OSError:
            # a pseudo-terminal says EIO once nobody has the other side open
            data = b""
        if data:
            self._listener.child_printed(stream, data)
        else:
            self._close_output(stream, fd)

    def _close_output(self, stream: int, fd: int) -> None:
        del self._outputs[stream]
        # before it is closed: after vfork a closed pipe can stay in epoll for an instant
        self._engine.loop.remove_reader(fd)
        # closing a pseudo-terminal hangs up on a process that has closed its output and lives on
        if fd != self._stdin:
            os.close(fd)
        self._listener.child_printed(stream, b"")

    def pause(self, stream: int) -> None:
        """Stop reading a stream; the process waits when its pipe is full."""
        fd = self._outputs.get(stream)
        if fd is not None:
            self._paused = (self._paused or set()) | {stream}
            self._engine.loop.remove_reader(fd)

    def resume(self, stream: int) -> None:
        """Read a paused stream again."""
        if self._paused and stream in self._paused:
            self._paused.discard(stream)
            fd = self._outputs.get(stream)
            if fd is not None:
                self._engine.loop.add_reader(fd, self._readable, stream, fd)

    def _drain(self, stream: int, fd: int) -> None:
        """Read what the process left in a pipe that others may still hold open."""
        try:
            left = fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)
        except OSError:
            left = _READ
        while left > 0 and stream in self._outputs:
            try:
                data = os.read(fd, _READ)
            except OSError:
                break
            if not data:
                break
            left -= len(data)
            self._listener.child_printed(stream, data)

    # --- input

    def write(self, data: bytes) -> None:
        """Give `data` to the process, at once or when it reads."""
        if self._ended or (self._pid and self._stdin < 0) or self._close_stdin:
            self._tell(self._listener.child_write_failed, "its input is closed")
            return
        if self._writes is None:
            self._writes = deque()
        self._writes.append(memoryview(data))
        if data:
            self._line_ended = data.endswith(b"\n")
        if self._pid and not self._writing:
            self._flush()

    def close_stdin(self) -> None:
        """End the input of the process, after what was written."""
        self._close_stdin = True
        if self._pid and not self._writing and self._stdin >= 0:
            self._flush()

    def _flush(self) -> None:
        if self._is_too_early():
            # one timer is under way
            self._writing = True
            self._engine.loop.call_later(_A_LOOK, self._look_again)
            return
        while self._writes:
            data = self._writes[0]
            try:
                written = os.write(self._stdin, data)
            except BlockingIOError:
                written = 0
            except OSError as error:
                self._writes = None
                self._drop_stdin()
                self._tell(self._listener.child_write_failed, str(error))
                return
            if written < len(data):
                self._writes[0] = data[written:]
                self._wait_writable()
                return
            self._writes.popleft()
        self._stop_writing()
        if self._close_stdin:
            self._end_stdin()

    def _is_too_early(self) -> bool:
        """Tell whether ssh has yet to take its terminal over: until then lines would be edited."""
        if not (self._options.pty and self._options.remote_terminal) or self._looks >= _LOOKS:
            return False
        if self._writes and self._writes[0] == _INTERRUPT:
            # it ends an ssh that is still connecting
            return False
        self._looks += 1
        return not is_raw(self._stdin)

    def _look_again(self) -> None:
        self._writing = False
        if self._stdin >= 0 and not self._ended:
            self._flush()

    def _wait_writable(self) -> None:
        if not self._writing:
            self._writing = True
            self._engine.loop.add_writer(self._stdin, self._flush)

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._engine.loop.remove_writer(self._stdin)

    def _end_stdin(self) -> None:
        own_terminal = self._stdin in self._outputs.values()
        if (own_terminal or self._options.remote_terminal) and not self._end_written:
            # a terminal has no end of file, but a character that means it: in the middle of a
            # line the first one only sends the line
            self._end_written = True
            self._writes = deque([memoryview(b"\x04" if self._line_ended else b"\x04\x04")])
            self._flush()
        elif not own_terminal:
            self._drop_stdin()

    def _drop_stdin(self) -> None:
        if self._stdin >= 0:
            self._stop_writing()
            stdin, self._stdin = self._stdin, -1
            if stdin not in self._outputs.values():
                os.close(stdin)

    def let_go(self) -> None:
        """Close our ends of its streams, in the child of a fork: they are the parent's."""
        for fd in {self._stdin, *self._outputs.values()} - {-1}:
            with contextlib.suppress(OSError):
                os.close(fd)

    # --- signals

    def _time_out(self) -> None:
        self._timeout = None
        self._tell(self._listener.child_timed_out)
        self.kill(signal.SIGTERM, self._options.kill_timeout)

    def kill(self, sig: int, force_after: float | None) -> None:
        """Send a signal, and SIGKILL if it still lives `force_after` seconds later (None: no).

        A process that still waits for its turn to start is not started.
        """
        if self._ended:
            return
        if not self._pid:
            if sig in ENDING_SIGNALS:
                self._engine.fanout.withdraw(self)
                self._end(Exit(None, killed=True))
            return
        self._killed = self._killed or sig in ENDING_SIGNALS
        self._signal(sig)
        if force_after is not None and sig != signal.SIGKILL:
            deadline = self._engine.loop.time() + force_after
            if self._kill_deadline is None or deadline < self._kill_deadline:
                if self._force is not None:
                    self._force.cancel()
                self._kill_deadline = deadline
                self._force = self._engine.loop.call_at(deadline, self._force_kill)

    def _force_kill(self) -> None:
        self._forced = True
        self._signal(signal.SIGKILL)

    def _signal(self, sig: int) -> None:
        # it is reaped on this thread only, so its number can't be somebody else's
        try:
            if self._options.group:
                os.killpg(self._pid, sig)
            else:
                os.kill(self._pid, sig)
        except ProcessLookupError:
            pass
        except PermissionError as error:
            if sig not in ENDING_SIGNALS or not self._hang_up():
                logger.warning("can't send signal %d to process %d: %s", sig, self._pid, error)

    def _hang_up(self) -> bool:
        """Take its terminal away from a process; tell whether it had one.

        A program of another user, such as oarsh, which is sudo, takes no signal of ours; that of
        the kernel it does.
        """
        terminal = self._outputs.get(STDOUT)
        if not self._options.pty or terminal is None:
            return False
        self._drain(STDOUT, terminal)
        if STDOUT in self._outputs:
            self._close_output(STDOUT, terminal)
        self._drop_stdin()
        return True

    # --- end

    def _exited(self) -> None:
        try:
            # WNOWAIT: whether it is reaped now or with its group is decided below
            found = os.waitid(os.P_PID, self._pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self._close_streams()
            self._release()
            self._gone(Exit(None, error=_REAPED, killed=self._killed, forced=self._forced))
            return
        if found is None:
            return
        self._close_streams()
        if self._options.group and self._killed and self._kill_deadline is not None:
            self._engine.remnants.add(self._pid, self._kill_deadline, self._release)
        else:
            os.waitpid(self._pid, 0)
            self._release()
        signalled = found.si_code in (os.CLD_KILLED, os.CLD_DUMPED)
        code = -found.si_status if signalled else found.si_status
        self._gone(Exit(code, killed=self._killed, forced=self._forced))

    def _close_streams(self) -> None:
        self._engine.exits.forget(self._watch)
        for stream, fd in list(self._outputs.items()):
            self._drain(stream, fd)
            self._close_output(stream, fd)

    def _release(self) -> None:
        """Tell the keeper that nothing is left to be killed."""
        if self._kept >= 0:
            self._engine.keeper.release(self._kept)
            self._kept = -1

    def _gone(self, end: Exit) -> None:
        self._end(end)
        self._engine.forget(self)

    def _end(self, end: Exit) -> None:
        self._ended = True
        self._drop_stdin()
        for timer in (self._timeout, self._force):
            if timer is not None:
                timer.cancel()
        if self._writes:
            self._writes = None
            self._tell(self._listener.child_write_failed, "the process has ended")
        self._tell(self._listener.child_ended, end)

    def _tell(self, told: Callable[..., object], *what: object) -> None:
        tell(self._engine.loop, told, *what)


def _in_directory(argv: Sequence[str], directory: str | None) -> Sequence[str]:
    if directory is None or directory == working_directory():
        return argv
    # posix_spawn can't change it, and the script has left it since
    return ["env", "-C", directory, "--", *argv]


def working_directory() -> str | None:
    """Return the working directory; None if it has been deleted."""
    try:
        return os.getcwd()
    except OSError:
        return None


def tell(loop: asyncio.AbstractEventLoop, told: Callable[..., object], *what: object) -> None:
    """Tell a listener, whose errors do no harm: the life of the process goes on."""
    try:
        told(*what)
    except Exception as error:
        # such as a log handler of the script
        message = "error while telling what happened to a process"
        loop.call_exception_handler({"message": message, "exception": error})
