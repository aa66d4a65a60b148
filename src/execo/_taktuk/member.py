"""One command of a tree: what the engine calls a child, for whoever owns the command.

All methods run on the thread of the engine.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from execo._engine.child import (
    ENDING_SIGNALS,
    STDERR,
    STDOUT,
    ChildOptions,
    Exit,
    Listener,
    tell,
)
from execo._engine.missing import what_to_do_about
from execo._taktuk.command import Job
from execo._taktuk.frames import AgentReader

if TYPE_CHECKING:
    from execo._taktuk.tree import Tree

_ANSWER_TIME = 5.0
"""Seconds in which a host answers to a SIGKILL; it is given up then."""

_STREAMS = {"o": STDOUT, "e": STDERR}
_WORDS_KEPT = 3


class Member:
    """A command on one host of a tree."""

    __slots__ = (
        "tree", "number", "job", "started", "ended", "refused", "read", "_options", "_listener",
        "_reader", "_status", "_words", "_inputs", "_killed", "_forced", "_timers", "_closed",
    )  # fmt: skip

    def __init__(
        self, tree: "Tree", number: int, job: Job, options: ChildOptions, listener: Listener
    ) -> None:
        self.tree = tree
        self.number = number
        self.job = job
        self.started = self.ended = False
        self.refused = False
        """Whether its host can't be connected to."""
        self.read = 0
        """Bytes of its input that it was given, when the agent tells that."""
        self._options = options
        self._listener = listener
        self._reader = AgentReader()
        self._status: int | None = None
        self._words: list[str] = []
        self._inputs: list[bytes | None] = []
        self._closed = self._killed = self._forced = False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    # --- what the owner wants

    def kill(self, sig: int, force_after: float | None) -> None:
        """Send a signal to the command; see `Child.kill`."""
        if self.ended:
            return
        if not self.started:
            if sig in ENDING_SIGNALS:
                self.end(Exit(None, killed=True))
            return
        self._killed = self._killed or sig in ENDING_SIGNALS
        self.tree.signal(self, sig)
        if sig == signal.SIGKILL:
            self._later("give up", _ANSWER_TIME, self._give_up)
        elif force_after is not None:
            self._later("force", force_after, self._force)

    def write(self, data: bytes) -> None:
        """Give `data` to the command, once it runs."""
        if self.ended or self._closed:
            self._tell(self._listener.child_write_failed, "its input is closed")
        elif self.started:
            self.tree.input(self, data)
        else:
            self._inputs.append(data)

    def close_stdin(self) -> None:
        """End the input of the command, after what was written."""
        if self.ended or self._closed:
            return
        self._closed = True
        if self.started:
            self.tree.input(self, None)
        else:
            self._inputs.append(None)

    def pause(self, stream: int) -> None:
        """Read nothing more of the whole tree: its output comes through one pipe."""
        self.tree.pause(self.number, stream)

    def resume(self, stream: int) -> None:
        """Go on, as far as this stream is concerned."""
        self.tree.resume(self.number, stream)

    # --- what the tree tells

    def tree_started(self, pid: int | None) -> None:
        """Note that taktuk runs."""
        if self.ended:
            return
        if self._options.timeout is not None:
            self._later("timeout", self._options.timeout, self._time_out)
        self._tell(self._listener.child_started, pid)

    def command_started(self) -> None:
        """Note that the command runs on its host."""
        self.started = True
        if self.ended:
            self.tree.signal(self, signal.SIGKILL)
            return
        inputs, self._inputs = self._inputs, []
        for data in inputs:
            self.tree.input(self, data)

    def connector_said(self, line: str) -> None:
        """Take a line of errors of what connects to the host, or runs the agent there."""
        if line:
            self._words = [*self._words, line][-_WORDS_KEPT:]

    def agent_printed(self, piece: bytes, line_ended: bool) -> None:
        """Take what the agent prints."""
        said = self._reader(piece, line_ended)
        if said is None or self.ended:
            return
        if said.kind in _STREAMS:
            if said.data:
                self._tell(self._listener.child_printed, _STREAMS[said.kind], said.data)
        elif said.kind == "a":
            self.read = int(said.data)
        elif said.kind == "x":
            self._status = int(said.data)

    def agent_ended(self, status: int) -> None:
        """Note the end of the agent, which comes after all that it printed."""
        told = self._status
        if told is None and status & 127:
            # a SIGKILL for the command ends its agent too
            told = status & 127
        if told is None:
            self.fail(f"can't run the command: {self._last_words(f'status {status >> 8}')}")
            return
        code = -(told & 127) if told & 127 else told >> 8
        self.end(Exit(code, killed=self._killed, forced=self._forced))

    def fail(self, reason: str) -> None:
        """End, for a reason that is not the command's."""
        if self.ended:
            return
        for line in self._words:
            self._tell(
                self._listener.child_printed, STDERR, f"{line}\n".encode("utf-8", "surrogateescape")
            )
        error = None if self._killed else f"{self.job.address}: {reason}"
        self.end(Exit(None, error=error, killed=self._killed, forced=self._forced))

    def not_connected(self) -> None:
        """End, since the host can't be connected to."""
        self.refused = True
        advice = what_to_do_about(self.tree.connector)
        if advice is not None:
            self._words.append(advice)
        self.fail(f"can't connect: {self._last_words('the connector does not say why')}")

    def lost(self, through: str | None = None) -> None:
        """End, since the connexion to the host, or to the one `through` which it went, is lost."""
        way = "" if through is None else f" to {through}, through which it was reached,"
        more = f": {self._words[-1]}" if self._words and through is None else ""
        self.fail(f"the connexion{way} is lost{more}")

    def input_lost(self, reason: str) -> None:
        """Tell that some input can't be given."""
        self._tell(self._listener.child_write_failed, reason)

    def end(self, end: Exit) -> None:
        """Tell the end."""
        if self.ended:
            return
        self.ended = True
        for timer in self._timers.values():
            timer.cancel()
        if any(self._inputs):
            self._tell(self._listener.child_write_failed, "the process has ended")
        self._inputs = []
        self._tell(self._listener.child_ended, end)
        self.tree.member_ended(self)

    # --- by itself

    def _tell(self, told: Callable[..., object], *what: object) -> None:
        tell(self.tree.loop, told, *what)

    def _last_words(self, default: str) -> str:
        return "; ".join(self._words) or default

    def _later(self, name: str, delay: float, call: Callable[[], object]) -> None:
        when = self.tree.loop.time() + delay
        before = self._timers.get(name)
        if before is not None and not before.cancelled() and before.when() <= when:
            return
        if before is not None:
            before.cancel()
        self._timers[name] = self.tree.loop.call_at(when, call)

    def _time_out(self) -> None:
        self._tell(self._listener.child_timed_out)
        self.kill(signal.SIGTERM, self._options.kill_timeout)

    def _force(self) -> None:
        self._forced = True
        self.kill(signal.SIGKILL, None)

    def _give_up(self) -> None:
        self.connector_said("no answer to SIGKILL")
        self.fail("no answer to SIGKILL")
