"""What becomes of what a process prints: kept, given to handlers, or both."""

import logging
from collections.abc import Callable

from execo._engine.buffers import NewlineFilter, OutputBuffer
from execo._engine.dispatch import dispatch
from execo._engine.safely import safely
from execo.config import settings
from execo.handlers import OutputSink

logger = logging.getLogger("execo")

_NEAR = 1 << 16
"""Characters of past output that are given first: what is looked for is mostly near."""

_QUEUED_MAX = 1 << 20
"""Bytes that may wait for slow handlers before the process is made to wait too."""


def in_short(text: str) -> str:
    """Return the beginning and the end of text longer than the threshold of the settings."""
    most = settings().compact_output_threshold
    if not 0 < most < len(text):
        return text
    head, tail = most - most // 2, most // 2
    left_out = f"\n[... {len(text) - most} characters ...]\n"
    return f"{text[:head]}{left_out}{text[len(text) - tail :]}"


class StreamOutput:
    """One stream of one process. `printed` runs on the thread of the engine."""

    __slots__ = (
        "_buffer", "_failed", "_filter", "_flow", "_owner", "_paused", "_queued", "_sinks", "ended",
        "expected",
    )  # fmt: skip

    def __init__(
        self, owner: object, *, keep: bool, merge_crlf: bool, sinks: list[OutputSink]
    ) -> None:
        """`keep` the text; turn CR LF into LF with `merge_crlf`; give all to `sinks`."""
        self._owner = owner
        self._buffer = OutputBuffer() if keep else None
        self._filter = NewlineFilter() if merge_crlf else None
        self._sinks = sinks
        # only the thread of the handlers touches it
        self._failed: list[OutputSink] | None = None
        self._queued = 0
        self._paused = False
        self._flow: Callable[[bool], object] | None = None
        self.ended = False
        self.expected = 0
        """Characters up to the end of what `expect` found last."""

    @property
    def handled(self) -> bool:
        """Whether handlers get what is printed."""
        return bool(self._sinks)

    def text(self) -> str:
        """Return what was kept so far."""
        return "" if self._buffer is None else self._buffer.text(final=self.ended)

    def control_flow(self, flow: Callable[[bool], object]) -> None:
        """Call `flow(False)` on the engine to stop reading the stream, `flow(True)` to go on."""
        self._flow = flow

    def printed(self, data: bytes) -> None:
        """Take bytes; b"" when the stream ends."""
        if self.ended:
            return
        eof = not data
        if self._filter is not None:
            data = self._filter(data)
        if data and self._buffer is not None:
            self._buffer.append(data)
        if eof:
            self.ended = True
        if self._sinks:
            self._queue(data, eof)

    def attach(self, sink: OutputSink, skip: int, enough: Callable[[], bool]) -> None:
        """Give to `sink` the text kept so far, but for its first `skip` characters, and the rest.

        What was kept is given in two pieces, until there is `enough`. Runs on the engine's thread.
        """
        past, ended = self.text(), self.ended
        dispatch(self._owner, lambda: self._give_past(sink, past, skip, ended, enough))
        if not ended:
            self._sinks = [*self._sinks, sink]

    def detach(self, sink: OutputSink) -> None:
        """Give nothing more to `sink`. Runs on the thread of the engine."""
        self._sinks = [other for other in self._sinks if other is not sink]

    def _queue(self, data: bytes, eof: bool) -> None:
        sinks = self._sinks
        self._queued += len(data)

        def give() -> None:
            for sink in sinks:
                self._give(sink, data, eof)
            self._queued -= len(data)
            if self._paused and self._queued <= _QUEUED_MAX // 2:
                self._paused = False
                if self._flow is not None:
                    self._flow(True)

        dispatch(self._owner, give)
        if self._queued > _QUEUED_MAX and not self._paused and self._flow is not None and not eof:
            self._paused = True
            self._flow(False)

    def _give(self, sink: OutputSink, data: bytes, eof: bool) -> None:
        try:
            sink(data, eof)
        except BaseException as error:
            # an exit asked for in a handler ends neither the script nor the flow of the output
            safely(self._tell, sink, error)

    def _tell(self, sink: OutputSink, error: BaseException) -> None:
        if self._failed is None:
            self._failed = []
        if sink in self._failed:
            # a disk that is full fails for each piece of the output
            return
        self._failed.append(sink)
        if isinstance(error, OSError):
            logger.error("%r: output is lost, not written to %s: %s", self._owner, sink, error)
        else:
            logger.error("%r: error in the output handler %s", self._owner, sink, exc_info=error)

    def _give_past(
        self, sink: OutputSink, text: str, skip: int, ended: bool, enough: Callable[[], bool]
    ) -> None:
        for piece in (slice(skip, skip + _NEAR), slice(skip + _NEAR, None)):
            if enough():
                return
            self._give(sink, text[piece].encode("utf-8", "surrogateescape"), False)
        if ended:
            self._give(sink, b"", True)
