"""What users attach to processes and actions: lifecycle handlers and output handlers.

Handlers run on one thread of their own, in order for each process. An exception in a handler is
logged and stops nothing; what a handler of output raises after its first exception is not logged.
"""

import errno
import logging
import os
import re
import select
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from execo._engine.buffers import text_decoder
from execo._engine.forks import fork_safe_lock

if TYPE_CHECKING:
    from execo.action import Action
    from execo.process import ProcessBase

logger = logging.getLogger("execo")

STDOUT = 1
"""Number of the stream of standard output."""

STDERR = 2
"""Number of the stream of standard error."""


class ProcessLifecycleHandler:
    """Base class of what is told the life of processes; override what is of interest.

    Handlers run on one thread of their own. An exception in a handler is logged, and stops nothing.
    """

    def start(self, process: "ProcessBase") -> None:
        """Take note that the process was started (`pid` and `start_date` are known)."""

    def end(self, process: "ProcessBase") -> None:
        """Take note that the process ended, in any way; all that it printed is there."""

    def reset(self, process: "ProcessBase") -> None:
        """Take note that the process was reset and can be started again."""


class ActionLifecycleHandler:
    """Base class of what is told the life of actions; override what is of interest.

    Handlers run on one thread of their own. An exception in a handler is logged, and stops nothing.
    """

    def start(self, action: "Action") -> None:
        """Take note that the action was started."""

    def end(self, action: "Action") -> None:
        """Take note that all processes of the action ended."""

    def reset(self, action: "Action") -> None:
        """Take note that the action was reset and can be started again."""


class ProcessOutputHandler:
    """Base class of what is told the output of processes.

    Override `read_line` to get whole lines, or `read` to get text as it comes. Handlers run on one
    thread of their own, in the order of the output of each process. The first exception in a
    handler is logged, and stops nothing.
    """

    def __init__(self) -> None:
        self._partial: dict[tuple[int, int], list[str]] = {}

    def read(
        self, process: "ProcessBase", stream: int, string: str, eof: bool, error: bool
    ) -> None:
        """Take text printed on `stream` (STDOUT or STDERR).

        `eof` tells that the stream ends with it; `string` may be empty then. `error` tells that it
        could not be read to its end. This implementation cuts it into lines and gives them to
        `read_line`.
        """
        partial = self._lines_begun()
        key = (id(process), stream)
        begun = partial.setdefault(key, [])
        begun.append(string)
        if "\n" not in string and not eof:
            return
        lines = "".join(partial.pop(key)).split("\n")
        last = lines.pop()
        read_line = self.read_line
        for line in lines:
            read_line(process, stream, line)
        if last and eof:
            read_line(process, stream, last)
        elif last:
            partial[key] = [last]

    def read_line(self, process: "ProcessBase", stream: int, string: str) -> None:
        """Take one line printed on `stream`, without its end of line."""

    def _lines_begun(self) -> dict[tuple[int, int], list[str]]:
        # a subclass in a script may not call our __init__
        try:
            return self._partial
        except AttributeError:
            self._partial = {}
            return self._partial


class WritableFile(Protocol):
    """An open file."""

    def write(self, data: str, /) -> object:
        """Take text."""
        ...


H = TypeVar("H", ProcessLifecycleHandler, ActionLifecycleHandler)

_OUTPUT_HANDLER = "a ProcessOutputHandler, an open file, a file descriptor or a file name"

OutputHandler = ProcessOutputHandler | WritableFile | int | str | os.PathLike[str]
"""A handler, an open file (text or binary), a file descriptor, or the name of a file."""


class OutputSink(Protocol):
    """Where the bytes of one stream of one process go."""

    def __call__(self, data: bytes, eof: bool) -> None:
        """Take bytes; `eof` with the last of them."""
        ...

    def __str__(self) -> str:
        """Return what it is, for a message."""
        ...


def output_sink(handler: OutputHandler, process: Any, stream: int) -> OutputSink:
    """Return what gives bytes printed by `process` on `stream` to `handler`.

    Raises:
        OSError: a file can't be opened.
    """
    if isinstance(handler, ProcessOutputHandler):
        return _TextSink(handler, process, stream)
    if isinstance(handler, int):
        return _DescriptorSink(handler)
    if isinstance(handler, str | os.PathLike):
        return _NamedFileSink(os.fspath(handler))
    return _FileSink(handler)


OutputHandlers = Iterable[OutputHandler] | OutputHandler | None
"""One or several, or None."""


def output_handlers(handlers: OutputHandlers, argument: str) -> list[OutputHandler]:
    """Return output handlers, given one or several, as a list; a list is returned itself.

    Raises:
        TypeError: it is no handler, and there are none in it.
    """
    if isinstance(handlers, list):
        return handlers
    if handlers is None:
        return []
    if _is_output_handler(handlers):
        return [handlers]  # type: ignore[list-item]
    if not isinstance(handlers, Iterable) or isinstance(handlers, bytes):
        raise TypeError(f"{argument}: {handlers!r}: expected {_OUTPUT_HANDLER}, or several")
    return list(handlers)


def _is_output_handler(handler: object) -> bool:
    return not isinstance(handler, bool | type) and (
        isinstance(handler, ProcessOutputHandler | int | str | os.PathLike)
        or callable(getattr(handler, "write", None))
    )


def lifecycle_handlers(handlers: object, expected: type[H]) -> list[H]:
    """Return lifecycle handlers, given one or several, as a list; a list is returned itself.

    Raises:
        TypeError: it is no handler, and there are none in it.
    """
    if isinstance(handlers, list):
        return handlers
    if handlers is None:
        return []
    if _is_lifecycle_handler(handlers):
        return [handlers]  # type: ignore[list-item]
    if not isinstance(handlers, Iterable) or isinstance(handlers, str | bytes):
        raise TypeError(f"lifecycle_handlers: {handlers!r}: expected {_a(expected)}, or several")
    return list(handlers)


def _is_lifecycle_handler(handler: object) -> bool:
    return not isinstance(handler, type) and all(
        callable(getattr(handler, event, None)) for event in ("start", "end", "reset")
    )


def check_lifecycle_handler(
    handler: object,
    expected: type[ProcessLifecycleHandler | ActionLifecycleHandler] = ProcessLifecycleHandler,
) -> None:
    """Raise TypeError if `handler` can't be told of the life of a process or an action."""
    if not _is_lifecycle_handler(handler):
        raise TypeError(f"lifecycle handler {handler!r}: expected {_a(expected)}")


def _a(kind: type[object]) -> str:
    return f"a{'n' if kind.__name__[0] in 'AEIOU' else ''} {kind.__name__}"


def check_output_handler(handler: object) -> None:
    """Raise TypeError if `handler` is none of the things that output can be given to."""
    if not _is_output_handler(handler):
        raise TypeError(f"output handler {handler!r}: expected {_OUTPUT_HANDLER}")


class _TextSink:
    def __init__(self, handler: ProcessOutputHandler, process: Any, stream: int) -> None:
        self._handler, self._read = handler, handler.read
        self._process, self._stream = process, stream
        self._decoder = text_decoder()

    def __str__(self) -> str:
        return repr(self._handler)

    def __call__(self, data: bytes, eof: bool) -> None:
        text = self._decoder.decode(data, eof)
        if text or eof:
            self._read(self._process, self._stream, text, eof, False)


class _DescriptorSink:
    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __str__(self) -> str:
        return f"descriptor {self._fd}"

    def __call__(self, data: bytes, eof: bool) -> None:
        _write_all(self._fd, data)


class _FileSink:
    def __init__(self, file: WritableFile) -> None:
        self._file = file
        self._decoder = text_decoder()

    def __str__(self) -> str:
        return repr(self._file)

    def __call__(self, data: bytes, eof: bool) -> None:
        text = self._decoder.decode(data, eof)
        try:
            self._file.write(text)
        except TypeError:
            # opened in binary mode
            self._file.write(text.encode("utf-8", "surrogateescape"))  # type: ignore[arg-type]
        except UnicodeEncodeError:
            # bytes that are no text in the encoding of the file
            self._file.write(text.encode("ascii", "backslashreplace").decode("ascii"))


class _NamedFileSink:
    """Appends to a file that every process naming it shares, opened while one of them lives."""

    _open: dict[str, tuple[int, int]] = {}
    _lock = fork_safe_lock()

    def __init__(self, name: str) -> None:
        self._path = os.path.abspath(os.path.expanduser(name))
        with self._lock:
            fd, users = self._open.get(self._path, (-1, 0))
            if fd < 0:
                fd = _opened(self._path)
            self._open[self._path] = (fd, users + 1)
        self._fd = fd

    def __str__(self) -> str:
        return self._path

    def __call__(self, data: bytes, eof: bool) -> None:
        try:
            _write_all(self._fd, data)
        finally:
            if eof:
                self._release()

    def _release(self) -> None:
        with self._lock:
            fd, users = self._open[self._path]
            if users > 1:
                self._open[self._path] = (fd, users - 1)
            else:
                del self._open[self._path]
                os.close(fd)


def _opened(path: str) -> int:
    # a FIFO would keep us, and all who want the lock, until somebody reads it
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        reason = "nobody reads it: a FIFO is to be open for reading before the start"
        raise OSError(error.errno, reason, path) from error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            _wait_until_writable(fd)


def _wait_until_writable(fd: int) -> None:
    writable = select.poll()
    writable.register(fd, select.POLLOUT)
    writable.poll()


class ExpectOutputHandler(ProcessOutputHandler):
    """Looks for regular expressions in the output of a process.

    `read` may be called from one thread only; `found` is called once, with the index of the
    regular expression that matched first and its match, or (None, None) at the end of the stream.
    All that one call of `read` gives is looked at; of what came before, the last 256 Ki characters
    are looked at again, so that a long output is not searched from its start for each piece.
    """

    _AGAIN = 1 << 18

    def __init__(
        self,
        regexes: Sequence[str | re.Pattern[str]],
        found: Callable[[int | None, re.Match[str] | None], object],
    ) -> None:
        super().__init__()
        self._regexes = [re.compile(r) if isinstance(r, str) else r for r in regexes]
        self._found: Callable[[int | None, re.Match[str] | None], object] | None = found
        self._text = ""
        self._dropped = 0
        self.consumed = 0
        """Characters read up to the end of the match."""

    def read(
        self, process: "ProcessBase", stream: int, string: str, eof: bool, error: bool
    ) -> None:
        """Look for a match in what was read since the handler was made."""
        if self._found is None:
            return
        start = max(0, len(self._text) - self._AGAIN)
        if start > self._AGAIN:
            # one character stays before the search, where ^ doesn't match
            self._dropped += start - 1
            self._text, start = self._text[start - 1 :], 1
        self._text += string
        matches = [
            (match.start(), index, match)
            for index, regex in enumerate(self._regexes)
            if (match := regex.search(self._text, start))
        ]
        if matches:
            _, index, match = min(matches, key=lambda found: found[:2])
            self.consumed = self._dropped + match.end()
            self._tell(index, match)
        elif eof:
            self._tell(None, None)

    def _tell(self, index: int | None, match: re.Match[str] | None) -> None:
        found, self._found = self._found, None
        if found is not None:
            found(index, match)
