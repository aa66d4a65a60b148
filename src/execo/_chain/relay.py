"""One relay of a chain, seen from here. All methods run on the thread of the engine."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from execo._archive import ArchiveError
from execo._chain.source import Source
from execo._engine.child import STDERR, STDOUT, Controlled, Exit, Listener
from execo.quoting import quote

_WINDOW = 4 << 20
"""Bytes on their way to a relay."""

_WORDS_KEPT = 3
_PROGRAM = Path(__file__).with_name("relay.pl")


def program() -> bytes:
    """Return the program that relays run."""
    return _PROGRAM.read_bytes()


def relay_command(size: int) -> str:
    """Return the shell text that runs a program of `size` bytes, read from its input."""
    # sysread: what follows the program is for the program
    read = f"sysread(STDIN,$p,{size}-length$p,length$p)||exit 1"
    return "PERL_BADLANG=0 exec perl -e " + quote(
        f"$p=q();while(length($p)<{size}){{{read}}}eval($p);die($@)if($@)"
    )


class Told(Protocol):
    """Who decides what comes of a report."""

    def changed(self, relay: "Relay") -> None:
        """A relay is ready, or said how far it is."""

    def lost(self, relay: "Relay", offset: int) -> None:
        """A relay gets nothing more from the one before it."""

    def next_lost(self, relay: "Relay", reason: str) -> None:
        """A relay can't give to the next one."""

    def ended(self, relay: "Relay") -> None:
        """A relay has ended, well or not."""


class Relay:
    """A host of a chain. Listens to its ssh, and tells the process of the user."""

    def __init__(
        self, name: str, address: str, listener: Listener, unpack: str, source: Source
    ) -> None:
        """`name` of the host for messages; `address` where other hosts reach it."""
        self.name = name
        self.address = address
        self.token = secrets.token_hex(16)
        self.port: int | None = None
        self.got = 0
        """Bytes of the stream that it has."""
        self.heard_at = 0.0
        self.end: tuple[str, int] | None = None
        """Checksum and status that it told, once it has all."""
        self.ended = False
        self.before: Relay | None = None
        self.next: Relay | None = None
        self.linked = False
        """Whether it has been given a place in a chain."""
        self._listener = listener
        self._unpack_hex = unpack.encode("utf-8", "surrogateescape").hex()
        self._source = source
        self._told: Told
        self._child: Controlled
        self._pieces: Iterator[bytes] | None = None
        self._sent = 0
        self._pending = b""
        self._words: list[str] = []
        self._failure: str | None = None

    def attach(self, told: Told, child: Controlled) -> None:
        """Say who decides, and what to talk through; to be called before its start."""
        self._told, self._child = told, child

    # --- orders

    def _order(self, text: str, data: bytes = b"") -> None:
        if not self.ended:
            self._child.write(f"{text}\n".encode() + data)

    def give_to(self, other: "Relay") -> None:
        """Let it give the stream to another one."""
        self.next, other.before = other, self
        self._order(f"next {other.address} {other.port} {other.token}")

    def be_last(self) -> None:
        """Let it give the stream to nobody, from the start."""
        self._order("last")

    def drop(self) -> None:
        """Let it give the stream to nobody."""
        self._order("drop")

    def leave(self) -> None:
        """Let it take the stream from nobody, and say how far it is."""
        self._order("leave")

    @property
    def fed(self) -> bool:
        """Whether the stream comes from this machine."""
        return self._pieces is not None

    def feed(self, offset: int) -> None:
        """Give it the stream from `offset` on."""
        self._pieces, self._sent = self._source.pieces(offset), offset
        self.got = offset
        self._feed_more()

    def _feed_more(self) -> None:
        while self._pieces is not None and self._sent - self.got < _WINDOW and not self.ended:
            try:
                piece = next(self._pieces, None)
            except ArchiveError as error:
                self.give_up(str(error))
                return
            if piece is None:
                return
            self._sent += len(piece)
            self._order(f"data {len(piece)}", piece)

    def give_up(self, reason: str) -> None:
        """End it, for a reason that is not its own."""
        self._failure = self._failure or reason
        if not self.ended:
            self._child.kill(9, None)

    # --- what the engine tells of its ssh

    def child_started(self, pid: int | None) -> None:
        """Send the program, and what it needs to know."""
        self._listener.child_started(pid)
        hello = f"hello {self.token} {self._source.size} {self._unpack_hex}\n"
        self._child.write(program() + hello.encode())

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take reports; errors are those of the copy."""
        if stream == STDERR:
            if data:
                self._words += data.decode("utf-8", "replace").splitlines()
                del self._words[:-_WORDS_KEPT]
            self._listener.child_printed(stream, data)
            return
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._report(line.decode("utf-8", "replace"))

    def _report(self, line: str) -> None:
        told = self._told
        word, _, rest = line.partition(" ")
        if word == "port" and rest.isdecimal():
            self.port = int(rest)
            told.changed(self)
        elif word == "got" and rest.isdecimal():
            self.got = int(rest)
            self._feed_more()
            told.changed(self)
        elif word == "lost" and rest.isdecimal():
            told.lost(self, int(rest))
        elif word == "nonext":
            told.next_lost(self, rest)
        elif word == "end":
            checksum, _, status = rest.partition(" ")
            self.end = (checksum, int(status))
        else:
            # printed by start-up files of the shell there
            self._listener.child_printed(STDOUT, f"{line}\n".encode("utf-8", "surrogateescape"))

    def child_write_failed(self, reason: str) -> None:
        """Say nothing: the end, which follows, says why."""

    def child_timed_out(self) -> None:
        """Tell the process."""
        self._listener.child_timed_out()

    def child_ended(self, end: Exit) -> None:
        """Judge the copy by what the relay told, and tell the process."""
        self.ended = True
        self._told.ended(self)
        reason = end.error or self._failure
        if reason is None and not end.killed:
            reason = self._problem(end)
        error = None if reason is None else f"{self.name}: {reason}"
        self._listener.child_ended(
            Exit(end.code, error=error, killed=end.killed and error is None, forced=end.forced)
        )

    def _problem(self, end: Exit) -> str | None:
        if self.end is None:
            words = "; ".join(self._words) or "it does not say why"
            if self.port is None:
                return f"can't connect, or run perl there (exit {end.code}): {words}"
            return f"lost after {self.got} of {self._source.size} bytes (exit {end.code}): {words}"
        if self.end[0] != self._source.checksum:
            return f"the checksum of what it got is {self.end[0]}: the files there are corrupted"
        return None
