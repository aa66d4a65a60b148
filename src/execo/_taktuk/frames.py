"""What taktuk prints -> events. Pure.

Templates of ours make taktuk print frames: a header line, `STX kind position eol length`, then as
many bytes as it says. Whatever bytes are inside, and wherever reads cut them, a frame is a frame.
What an agent prints comes as lines, which taktuk may cut into several frames.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FRAME = '"\\x02%s $position %s ".length($f)."\\n$f"'


def _template(kind: str, body: str = "$line", eol: str = "0") -> str:
    return f'do{{my $f="{body}";{_FRAME % (kind, eol)}}}'


_PLACES = "$line $peer_position $peers_given"

TEMPLATES = {
    "default": "undef",
    "connector": _template("C", "$peer_position $line"),
    "error": _template("E", eol='".length($eol)."'),
    "output": _template("O", eol='".length($eol)."'),
    # 17, 18: a host has no command that an input or a signal is for; it is for others
    "state": f"($line==17||$line==18)?undef:{_template('S', _PLACES)}",
    "status": _template("X"),
}
"""Name of a stream of taktuk -> Perl expression of what is printed of it."""

_HEADER = re.compile(rb"\x02([A-Z]) ([\d.]+) ([01]) (\d+)\Z")
_LONGEST_HEADER = 100
_STRAY_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Frame:
    """Something that taktuk printed."""

    kind: str
    """C connector, E error, O output, S state, X status."""
    position: str
    """Where, such as "12", or "1.12" behind a gateway; "0" is the root."""
    line_ended: bool
    body: bytes


class FrameReader:
    """Cuts what taktuk prints into frames."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._header: tuple[str, str, bool, int] | None = None
        self.stray = b""
        """What was printed outside of frames, the last of it: words of Perl, mostly."""

    def __call__(self, data: bytes) -> Iterator[Frame]:
        """Give the frames that are complete with `data`."""
        self._pending += data
        start = 0
        while True:
            if self._header is None:
                end = self._pending.find(b"\n", start)
                if end < 0:
                    break
                self._read_header(bytes(self._pending[start:end]))
                start = end + 1
                continue
            kind, position, line_ended, length = self._header
            if len(self._pending) - start < length:
                break
            body = bytes(self._pending[start : start + length])
            start += length
            self._header = None
            yield Frame(kind, position, line_ended, body)
        del self._pending[:start]

    def _read_header(self, line: bytes) -> None:
        match = _HEADER.search(line[-_LONGEST_HEADER:])
        stray = line
        if match:
            kind, position, line_ended, length = match.groups()
            self._header = (kind.decode(), position.decode(), line_ended == b"1", int(length))
            stray = line[: -len(match[0])]
        if stray:
            self.stray = (self.stray + stray + b"\n")[-_STRAY_KEPT:]


@dataclass(frozen=True, slots=True)
class Said:
    """What an agent says."""

    kind: str
    """o output, e errors, a bytes that its command was given, x the status of its end."""
    data: bytes


class AgentReader:
    """Cuts what taktuk carries from one agent into what the agent says."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def __call__(self, piece: bytes, line_ended: bool) -> Said | None:
        """Return what is said with `piece`, None if that needs more of them."""
        self._pieces.append(piece)
        if not line_ended:
            return None
        line = b"".join(self._pieces)
        self._pieces.clear()
        return Said(line[:1].decode("latin-1"), plain(line[1:]))


def plain(data: bytes) -> bytes:
    """Return what an agent wrote as `data` to have no end of line in it."""
    if b"\x01" not in data:
        return data
    return data.replace(b"\x01b", b"\n").replace(b"\x01a", b"\x01")


@dataclass(frozen=True, slots=True)
class StateChange:
    """A frame of kind S."""

    code: int
    peer: str
    """Position of the host that it is about, "" for the host that tells it."""
    given: tuple[str, ...]
    """Positions of the hosts that this host was to connect to."""


READY = 0
CONNEXION_FAILED = 3
CONNEXION_LOST = 5
STARTED = 6
COMMAND_FAILED = 7


def state_change(body: bytes) -> StateChange:
    """Read the body of a frame of kind S; hosts are given as "name:position"."""
    code, peer, given = (body.decode("utf-8", "replace") + "  ").split(" ", 2)
    positions = tuple(word.rpartition(":")[2] for word in given.split())
    return StateChange(int(code), peer, positions)


def connector_words(body: bytes) -> tuple[str, str]:
    """Return the position of a host, and a line that its connector printed."""
    position, _, words = body.decode("utf-8", "replace").partition(" ")
    return position, words.rstrip("\r")
