"""One taktuk, and what becomes of its commands. All methods run on the thread of the engine."""

import logging
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from execo._engine.child import STDOUT, ChildOptions, Exit, Listener
from execo._engine.loop import engine
from execo._taktuk.command import QUIT, Job, TreeSettings, options_text, positions, taktuk_argv
from execo._taktuk.folder import Folder
from execo._taktuk.frames import (
    COMMAND_FAILED,
    CONNEXION_FAILED,
    CONNEXION_LOST,
    READY,
    STARTED,
    Frame,
    FrameReader,
    connector_words,
    state_change,
)
from execo._taktuk.member import Member
from execo._taktuk.orders import Orders, delete_file

logger = logging.getLogger("execo")

_QUIT_TIME = 3.0
"""Seconds that taktuk has to leave hosts on which nothing runs, and then to end at SIGTERM."""

_WORDS_KEPT = 5
_ROOT = "0"
_GATEWAY = "1"
_INSTALL = "install it (apt-get install taktuk), or name it in connexion_params['taktuk']"


class Tree:
    """A taktuk with its commands, each of them with its own listener.

    Made by the thread that starts the processes; then the engine starts `child`.
    """

    def __init__(
        self,
        settings: TreeSettings,
        jobs: Sequence[tuple[Job, ChildOptions, Listener]],
        *,
        environment: Mapping[bytes, bytes] | None = None,
        directory: str | None = None,
    ) -> None:
        self.loop = engine().loop
        self.members = [Member(self, number, *job) for number, job in enumerate(jobs)]
        self.changed: Callable[[], object] = _nothing
        """Called when a command started, ended, or read more of its input."""
        self._gateway = settings.gateway[-1] if settings.gateway else None
        self.connector = settings.connector[0]
        """Program that connects to hosts."""
        self._gateway_words: list[str] = []
        self._words: deque[str] = deque(maxlen=_WORDS_KEPT)
        self._reader = FrameReader()
        self._folder = Folder()
        self.orders = Orders(self._folder)
        self._flushing = False
        self._paused: set[tuple[int, int]] = set()
        self._left = len(self.members)
        bare = [job for job, _, _ in jobs]
        places = positions(settings, len(bare))
        self._places = dict(zip(places, self.members, strict=True))
        self._hosts_file, impossible = "", None
        try:
            self._hosts_file = self._folder.write("hosts", options_text(settings, bare))
        except OSError as error:
            impossible = f"can't write the commands for taktuk: {error}"
        self._program = settings.program[0]
        options = ChildOptions(
            group=True,
            kill_at_exit=any(options.kill_at_exit for _, options, _ in jobs),
            environment=environment,
            directory=directory,
            impossible=impossible,
        )
        self.child = engine().child(taktuk_argv(settings, self._hosts_file), options, self)

    @property
    def settled(self) -> bool:
        """Whether each command started, or never will."""
        return all(member.started or member.ended for member in self.members)

    @property
    def running(self) -> list[Member]:
        """The commands that started and have not ended."""
        return [member for member in self.members if member.started and not member.ended]

    # --- what members want

    def signal(self, member: Member, sig: int) -> None:
        """Send a signal to a command."""
        self._order(member.number, int(sig))

    def input(self, member: Member, data: bytes | None) -> None:
        """Give input to a command; None ends it."""
        if data != b"":
            self._order(member.number, data)

    def _order(self, number: int, value: bytes | int | None) -> None:
        self.orders.add(number, value)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        everybody = {member.number for member in self.running} if self.settled else None

        def failed(number: int, reason: str) -> None:
            self.members[number].input_lost(reason)

        for command in self.orders.take(everybody, failed):
            self.tell(command)

    def tell(self, command: bytes) -> None:
        """Give a command to taktuk."""
        if not self.child.ended:
            self.child.write(command)

    def pause(self, number: int, stream: int) -> None:
        """Read nothing while a stream of a command wants no more."""
        self._paused.add((number, stream))
        self.child.pause(STDOUT)

    def resume(self, number: int, stream: int) -> None:
        """Note that a stream of a command wants more."""
        self._paused.discard((number, stream))
        if not self._paused:
            self.child.resume(STDOUT)

    def member_ended(self, member: Member) -> None:
        """Leave the hosts once nothing runs any more."""
        self._left -= 1
        self.changed()
        if self._left or self.child.ended:
            return
        if all(other.started or other.refused for other in self.members):
            self.tell(QUIT)
            self.child.close_stdin()
            self.loop.call_later(_QUIT_TIME, self._end)
        else:
            # some are still being connected to, for nothing
            self._end()

    def _end(self) -> None:
        self.child.kill(signal.SIGTERM, _QUIT_TIME)

    # --- what the engine tells of taktuk

    def child_started(self, pid: int | None) -> None:
        """Note that taktuk runs."""
        for member in self.members:
            member.tree_started(pid)

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take what taktuk prints."""
        if stream != STDOUT:
            self._words.extend(data.decode("utf-8", "replace").splitlines())
            return
        for frame in self._reader(data):
            try:
                self._take(frame)
            except ValueError:
                logger.warning("taktuk tells what is not understood: %r", frame)

    def _take(self, frame: Frame) -> None:
        if frame.kind == "S":
            self._state_changed(frame)
            return
        if frame.kind == "C":
            position, line = connector_words(frame.body)
            self._connector_said(position, line)
            return
        member = self._places.get(frame.position)
        if member is None:
            return
        if frame.kind == "O":
            read = member.read
            member.agent_printed(frame.body, frame.line_ended)
            if member.read != read:
                self.changed()
        elif frame.kind == "E":
            member.connector_said(frame.body.decode("utf-8", "replace"))
        elif frame.kind == "X":
            member.agent_ended(int(frame.body))

    def _connector_said(self, position: str, line: str) -> None:
        if position in self._places:
            self._places[position].connector_said(line)
        elif position == _GATEWAY:
            self._gateway_words.append(line)

    def _state_changed(self, frame: Frame) -> None:
        change = state_change(frame.body)
        member = self._places.get(change.peer or frame.position)
        if change.code == READY and frame.position == _ROOT:
            # all of it has been read
            delete_file(self._hosts_file)
            self._folder.tidy()
        elif self._gateway is not None and change.peer == _GATEWAY:
            self._gateway_changed(change.code)
        elif member is None:
            return
        elif change.code == STARTED:
            member.command_started()
            self.changed()
        elif change.code == COMMAND_FAILED:
            member.fail("taktuk can't start the command")
        elif change.code == CONNEXION_FAILED:
            member.not_connected()
        elif change.code == CONNEXION_LOST:
            member.lost()
            for position in change.given:
                if position in self._places:
                    self._places[position].lost(through=member.job.address)

    def _gateway_changed(self, code: int) -> None:
        words = "; ".join(self._gateway_words[-_WORDS_KEPT:]) or "its connector does not say why"
        happened = {
            CONNEXION_FAILED: f"can't connect to the gateway {self._gateway}: {words}",
            CONNEXION_LOST: f"the connexion to the gateway {self._gateway} is lost: {words}",
        }
        if code in happened:
            for member in self.members:
                member.fail(happened[code])

    def child_write_failed(self, reason: str) -> None:
        """Note that taktuk reads no commands; its end, which follows, is told to all."""
        logger.debug("taktuk reads no commands: %s", reason)

    def child_timed_out(self) -> None:
        """Do nothing: commands have timeouts, taktuk has none."""

    def child_ended(self, end: Exit) -> None:
        """End the commands that have not, and delete what taktuk was given to read."""
        reason = self._reason(end)
        for member in self.members:
            if end.killed:
                member.end(Exit(None, killed=True))
            else:
                member.fail(reason)
        self._folder.delete()

    def _reason(self, end: Exit) -> str:
        if end.error is not None:
            missing = "No such file" in end.error and "taktuk" in self._program
            return f"can't start taktuk: {end.error}{f': {_INSTALL}' if missing else ''}"
        stray = self._reader.stray.decode("utf-8", "replace").splitlines()
        words = "; ".join([*self._words, *stray][-_WORDS_KEPT:]) or "it does not say why"
        how = f"signal {-(end.code or 0)}" if (end.code or 0) < 0 else f"exit {end.code}"
        return f"taktuk ended before the command ({how}): {words}"


def _nothing() -> None:
    pass
