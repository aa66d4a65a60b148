"""The same data to all commands of a tree. All runs on the thread of the engine."""

import signal
from collections import deque

from execo._archive import Archive, ArchiveError
from execo._taktuk.command import close_command, input_command
from execo._taktuk.member import Member
from execo._taktuk.orders import delete_file
from execo._taktuk.tree import Tree

_WINDOW = 4 << 20
"""Bytes on their way: taktuk keeps in memory what a host does not take."""

_STALLED_AFTER = 30.0
"""Seconds after which the others no longer wait for a host that takes nothing."""


class Feed:
    """Gives an archive to the commands of a tree, as fast as the slowest of them takes it.

    Begins when each host is connected to, or can't be. The agents tell what they took.
    """

    def __init__(self, tree: Tree, archive: Archive) -> None:
        self._tree = tree
        self._pieces = archive.pieces()
        self._sent = 0
        self._closed = False
        self._files: deque[tuple[int, str]] = deque()
        self._stalled: set[int] = set()
        self._read_before: dict[int, int] = {}
        self._watched = False
        tree.changed = self.go_on

    def go_on(self) -> None:
        """Send what there is room for."""
        if self._closed or not self._tree.settled or self._tree.child.ended:
            return
        if not self._watched:
            self._watched = True
            self._tree.loop.call_later(_STALLED_AFTER, self._watch)
        running = self._tree.running
        while running and not self._closed:
            taken = min((m.read for m in running if m.number not in self._stalled), default=None)
            self._forget_files(self._sent if taken is None else taken)
            if taken is not None and self._sent - taken >= _WINDOW:
                return
            self._send_piece(running)

    def _forget_files(self, taken: int) -> None:
        while self._files and self._files[0][0] <= taken:
            delete_file(self._files.popleft()[1])

    def _send_piece(self, running: list[Member]) -> None:
        try:
            piece = next(self._pieces, None)
            if piece is None:
                self._closed = True
                self._tree.tell(close_command(None))
                return
            path = self._tree.orders.new_file(piece)
        except (ArchiveError, OSError) as error:
            self._closed = True
            for member in running:
                self._tree.signal(member, signal.SIGKILL)
                member.fail(str(error))
            return
        self._sent += len(piece)
        self._files.append((self._sent, path))
        self._tree.tell(input_command(path, None))

    def _watch(self) -> None:
        if self._closed or self._tree.child.ended:
            return
        for member in self._tree.running:
            late = self._sent - member.read >= _WINDOW
            if late and self._read_before.get(member.number) == member.read:
                self._stalled.add(member.number)
            else:
                self._stalled.discard(member.number)
            self._read_before[member.number] = member.read
        self._tree.loop.call_later(_STALLED_AFTER, self._watch)
        self.go_on()
