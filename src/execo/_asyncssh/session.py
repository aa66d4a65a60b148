"""One command on a host, by asyncssh: what the engine calls a child.

All methods run on the thread of the engine.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from execo._asyncssh.connexions import Connexion, connexions
from execo._asyncssh.failures import is_short, never_began, words
from execo._asyncssh.target import Target
from execo._engine.child import (
    ENDING_SIGNALS,
    STDERR,
    STDOUT,
    ChildOptions,
    Exit,
    Listener,
    tell,
)
from execo.connexion import SSH_FAILED

if TYPE_CHECKING:
    from execo._engine.loop import Engine

_GRACE = 2.0
"""Seconds that a command has to end after a signal, before its host is left."""


class Session:
    """A command on a host."""

    def __init__(
        self,
        engine: "Engine",
        target: Target,
        command: str,
        options: ChildOptions,
        listener: Listener,
    ) -> None:
        self._engine = engine
        self._connexions = connexions(engine)
        self._target = target
        self._command = command
        self._options = options
        self._listener = listener
        self._connexion: Connexion | None = None
        self._task: asyncio.Task[None] | None = None
        self._made: Any = None
        """The channel, which can be closed; `_channel` once its command runs."""
        self._channel: Any = None
        self._status: int | None = None
        self._inputs: list[bytes] = []
        self._line_ended = True
        self._unsent = False
        self._started = self._opening = self._warned = False
        self._closed = self._ended = self._killed = self._forced = False
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._paused: set[int] = set()

    @property
    def ended(self) -> bool:
        """Whether it ended, or will not be started."""
        return self._ended

    @property
    def kill_at_exit(self) -> bool:
        """Whether it dies with the interpreter: its connexion does."""
        return True

    # --- start

    def spawn(self) -> None:
        """Begin to connect; raises ValueError when that can't be."""
        if self._options.impossible is not None:
            raise ValueError(self._options.impossible)
        self._engine.live.add(self)
        self._task = self._engine.loop.create_task(self._run())
        if self._options.timeout is not None:
            self._later("timeout", self._options.timeout, self._time_out)
        if not self._started:
            self._started = True
            self._tell(self._listener.child_started, None)

    def fail(self, reason: str) -> None:
        """End without having run."""
        self._end(Exit(None, error=reason))

    async def _run(self) -> None:
        try:
            await self._begin()
        except Exception as error:
            self._failed(error)

    async def _begin(self) -> None:
        shared = self._target.shared
        try:
            await self._open(self._connexions.lease(self._target, shared=shared))
        except Exception as error:
            if self._connexion is None or not shared or not never_began(error):
                raise
            # as ssh does when a shared connexion takes no further session
            self._connexions.refused(self._connexion)
            await self._open(self._connexions.lease(self._target, shared=False))

    async def _open(self, connexion: Connexion) -> None:
        self._connexion, self._opening = connexion, False
        # a connexion may be awaited by several, and outlives one that is cancelled
        try:
            connected = await asyncio.shield(connexion.opening)
        finally:
            self._warn(connexion)
        terminal = self._options.remote_terminal or connexion.asks_for_terminal
        self._opening = True
        await connected.create_session(
            lambda: _Channel(self),
            self._command,
            request_pty="force" if terminal else False,
            term_type=os.environ.get("TERM") if terminal else None,
            encoding=None,
        )

    def _failed(self, error: Exception) -> None:
        connexion = self._connexion
        if self._ended or connexion is None:
            return
        # a command that may have begun is not run twice
        if not self._opening and is_short(error) and self._wait_again():
            return
        self._print(words(error, connexion))
        self._gone(Exit(SSH_FAILED, killed=self._killed, forced=self._forced))

    def _wait_again(self) -> bool:
        """Wait for descriptors that others give back; tell whether there is hope."""
        self._let_connexion_go()
        if not self._engine.fanout.again(self):
            return False
        self._engine.live.discard(self)
        self._task, self._opening = None, False
        if "timeout" in self._timers:
            self._timers.pop("timeout").cancel()
        return True

    def _warn(self, connexion: Connexion) -> None:
        if not self._warned and not self._ended:
            self._warned = True
            for warning in connexion.warnings:
                self._print(warning)

    def _print(self, line: str) -> None:
        self._tell(self._listener.child_printed, STDERR, f"{line}\n".encode())

    # --- what the channel tells

    def made(self, channel: Any) -> None:
        """Note that there is a channel, whose command may run from now on."""
        if self._ended:
            # killed meanwhile: the command is not told to the host
            channel.abort()
        else:
            self._made = channel

    def opened(self, channel: Any) -> None:
        """Note that the command runs."""
        if self._ended:
            return
        self._channel = channel
        # it is told at once when something waits to be sent, and when nothing does any more
        channel.set_write_buffer_limits(0)
        if self._paused:
            channel.pause_reading()
        inputs, self._inputs = self._inputs, []
        for data in inputs:
            self._write(data)
        if self._closed:
            self._end_input()

    def printed(self, stream: int, data: bytes) -> None:
        """Take output."""
        if not self._ended:
            self._listener.child_printed(stream, data)

    def sending(self, waits: bool) -> None:
        """Note whether input waits for the host to take it."""
        self._unsent = waits

    def exited(self, status: int) -> None:
        """Note the exit status."""
        self._status = status

    def closed(self, error: Exception | None) -> None:
        """End: nothing more will come."""
        if self._ended:
            return
        connexion = self._connexion
        if error is not None and self._status is None and not self._killed and connexion:
            self._print(words(error, connexion))
        # ssh exits with 255 too when a command is killed by a signal
        status = SSH_FAILED if self._status is None else self._status
        self._gone(Exit(status, killed=self._killed, forced=self._forced))

    # --- what the owner wants

    def pause(self, stream: int) -> None:
        """Read nothing more: both streams come through one channel."""
        if not self._paused and self._channel is not None:
            self._channel.pause_reading()
        self._paused.add(stream)

    def resume(self, stream: int) -> None:
        """Go on, as far as this stream is concerned."""
        was_paused = bool(self._paused)
        self._paused.discard(stream)
        if was_paused and not self._paused and self._channel is not None:
            self._channel.resume_reading()

    def write(self, data: bytes) -> None:
        """Give `data` to the command, once it runs."""
        if self._ended or self._closed:
            self._tell(self._listener.child_write_failed, "its input is closed")
        elif self._channel is None:
            self._inputs.append(data)
        else:
            self._write(data)

    def _write(self, data: bytes) -> None:
        if data:
            self._line_ended = data.endswith(b"\n")
        try:
            self._channel.write(data)
        except OSError as error:
            self._tell(self._listener.child_write_failed, str(error))

    def close_stdin(self) -> None:
        """End the input of the command, after what was written."""
        if not self._closed:
            self._closed = True
            if self._channel is not None:
                self._end_input()

    def _end_input(self) -> None:
        try:
            if self._options.remote_terminal:
                # in the middle of a line the first one only sends the line
                self._channel.write(b"\x04" if self._line_ended else b"\x04\x04")
            else:
                self._channel.write_eof()
        except OSError as error:
            self._tell(self._listener.child_write_failed, str(error))

    def kill(self, sig: int, force_after: float | None) -> None:
        """Send a signal to the command; see `Child.kill`.

        One that does not end of it is left: its channel is closed, which hangs up on a terminal.
        The sshd of OpenSSH 9.2 passes no signals to commands of root.
        """
        if self._ended:
            return
        ending = sig in ENDING_SIGNALS
        if self._task is None:
            if ending:
                self._engine.fanout.withdraw(self)
                self._end(Exit(-sig if self._started else None, killed=True))
            return
        self._killed = self._killed or ending
        if self._made is None:
            if ending:
                # else a channel that its host is opening would stay, with its command
                if not self._opening:
                    self._task.cancel()
                self._gone(Exit(-sig, killed=True))
            return
        self._send(sig)
        if sig == signal.SIGKILL:
            self._leave(-sig)
        elif ending:
            # the end of the interpreter waits for nobody: all connexions are closed then
            at_once = self._options.remote_terminal or self._engine.ending
            grace = 0.0 if at_once else _GRACE
            self._later("leave", grace, lambda: self._leave(SSH_FAILED, sig))
        elif force_after is not None:
            self._later("force", force_after, self._force)

    def _send(self, sig: int) -> None:
        try:
            self._made.send_signal(signal.Signals(sig).name.removeprefix("SIG"))
        except OSError:
            # it has just ended
            pass

    def _leave(self, status: int, sig: int | None = None) -> None:
        if sig is not None:
            # a host may have lost the first one: to a command that had not quite started
            self._send(sig)
        self._made.abort()
        self._gone(Exit(status, killed=self._killed, forced=self._forced))

    def _force(self) -> None:
        self._forced = True
        self.kill(signal.SIGKILL, None)

    def _time_out(self) -> None:
        self._tell(self._listener.child_timed_out)
        self.kill(signal.SIGTERM, self._options.kill_timeout)

    def let_go(self) -> None:
        """Close our end of its connexion, in the child of a fork: it is the parent's."""
        if self._connexion is not None:
            self._connexion.let_go()

    # --- end

    def _later(self, name: str, delay: float, call: Callable[[], object]) -> None:
        if name in self._timers:
            self._timers[name].cancel()
        self._timers[name] = self._engine.loop.call_later(delay, call)

    def _gone(self, end: Exit) -> None:
        if self._ended:
            return
        self._let_connexion_go()
        self._end(end)
        self._engine.forget(self)

    def _let_connexion_go(self) -> None:
        connexion, self._connexion = self._connexion, None
        if connexion is not None:
            self._connexions.release(connexion)

    def _end(self, end: Exit) -> None:
        self._ended = True
        for timer in self._timers.values():
            timer.cancel()
        if self._unsent or any(self._inputs):
            self._tell(self._listener.child_write_failed, "the process has ended")
        self._tell(self._listener.child_ended, end)

    def _tell(self, told: Callable[..., object], *what: object) -> None:
        tell(self._engine.loop, told, *what)


class _Channel:
    """What asyncssh tells of a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def connection_made(self, channel: Any) -> None:
        self._channel = channel
        self._session.made(channel)

    def session_started(self) -> None:
        self._session.opened(self._channel)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._session.printed(STDOUT if datatype is None else STDERR, data)

    def eof_received(self) -> bool:
        # else asyncssh closes a channel whose output has ended, and the exit status is lost
        return True

    def exit_status_received(self, status: int) -> None:
        self._session.exited(status)

    def exit_signal_received(self, *_: object) -> None:
        pass

    def xon_xoff_requested(self, _: bool) -> None:
        pass

    def pause_writing(self) -> None:
        self._session.sending(True)

    def resume_writing(self) -> None:
        self._session.sending(False)

    def connection_lost(self, error: Exception | None) -> None:
        self._session.closed(error)
