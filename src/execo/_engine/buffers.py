"""What a process printed: bytes as they came, text when asked for."""

import codecs
import threading
from collections import deque

from execo._engine.forks import fork_safe_lock

_SMALL = 4096
_FULL = 65536


class OutputBuffer:
    """The output of one stream.

    Appending is constant time and memory stays linear: big chunks are kept as they came, small
    ones are gathered. Text is UTF-8; a byte that is none becomes a surrogate (surrogateescape),
    so nothing is lost; a character cut between two chunks comes out whole.

    Bytes are appended on one thread and text is asked for on any.
    """

    __slots__ = ("_busy", "_chunks", "_decoder", "_decoding", "_small", "_text")

    # one for all buffers: it is held for an append, and there are thousands of buffers
    _lock = fork_safe_lock()

    def __init__(self) -> None:
        self._chunks: deque[bytes] | None = None
        self._small: bytearray | None = None
        self._text = ""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._decoding: threading.RLock | None = None
        self._busy = False

    def append(self, data: bytes) -> None:
        """Add bytes."""
        with self._lock:
            if len(data) >= _SMALL:
                self._gather()
                self._keep(data)
                return
            if self._small is None:
                self._small = bytearray()
            self._small += data
            if len(self._small) >= _FULL:
                self._gather()

    def _gather(self) -> None:
        if self._small:
            self._keep(bytes(self._small))
            self._small = None

    def _keep(self, data: bytes) -> None:
        if self._chunks is None:
            self._chunks = deque()
        self._chunks.append(data)

    def text(self, *, final: bool) -> str:
        """Return all that was appended, as text.

        `final` says that nothing more comes: a character that is still incomplete is then given
        as surrogates.
        """
        with self._lock:
            if self._decoding is None:
                self._decoding = threading.RLock()
        with self._decoding:
            # asked for in a signal handler, in the middle of this: what is decoded is given
            if not self._busy:
                self._busy = True
                try:
                    self._text = self._decoded(final)
                finally:
                    self._busy = False
            return self._text

    def _decoded(self, final: bool) -> str:
        with self._lock:
            self._gather()
            chunks, self._chunks = self._chunks, None
        if not chunks and not (final and self._decoder):
            return self._text
        decoder = self._decoder or text_decoder()
        pieces = [self._text]
        # bytes are let go as they become text: never three copies
        while chunks:
            pieces.append(decoder.decode(chunks.popleft()))
        if final:
            pieces.append(decoder.decode(b"", True))
        self._decoder = None if final else decoder
        return "".join(pieces)


def text_decoder() -> codecs.IncrementalDecoder:
    """Return a decoder that keeps the beginning of a cut character for the next call."""
    return codecs.getincrementaldecoder("utf-8")("surrogateescape")


class NewlineFilter:
    """Turn each CR LF of a stream into LF, also when the pair is cut between two chunks."""

    __slots__ = ("_pending",)

    def __init__(self) -> None:
        self._pending = False

    def __call__(self, data: bytes) -> bytes:
        """Return what can be given on; b"" ends the stream and gives what was held back."""
        if self._pending:
            data = b"\r" + data
            self._pending = False
            if data == b"\r":
                return data
        if data.endswith(b"\r"):
            self._pending = True
            data = data[:-1]
        return data.replace(b"\r\n", b"\n") if b"\r" in data else data
