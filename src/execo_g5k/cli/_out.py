"""What commands print: JSON, tables, progress. Answers go to stdout, all else to stderr."""

import contextlib
import functools
import io
import json
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document, and nothing else."
)


def show_json(document: object) -> None:
    """Print a document."""
    click.echo(json.dumps(document, indent=2, default=str))


def as_unicode(text: str) -> str:
    """Return text whose bytes that are no characters are replaced: JSON has no place for them."""
    return text.encode(errors="surrogateescape").decode(errors="replace")


def write_anything() -> None:
    """Let what nodes print be printed, whatever bytes or characters it holds."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            unicode = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if unicode else "backslashreplace")


def drop_unwritten() -> None:
    """Let go of answers that can't be written: Python would try again at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """Tell something that is not the answer; where nobody can hear it, go on."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def console(*, err: bool = False) -> "Console":
    """Return what prints in colours on a terminal, and plainly elsewhere."""
    from rich.console import Console

    return Console(stderr=err, highlight=False, soft_wrap=True)


def show_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: on a terminal with a bold title, elsewhere as aligned plain columns."""
    lines = [list(row) for row in rows]
    if sys.stdout.isatty():
        _show_rich(titles, lines)
        return
    table = [list(titles), *lines]
    widths = [max(len(row[i]) for row in table) for i in range(len(titles))]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _show_rich(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, header_style="bold", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)


def is_terminal(stream: IO[str] | None = None) -> bool:
    """Tell whether a stream (stderr when omitted) is a terminal."""
    return (stream or sys.stderr).isatty()


class LibraryWarnings(logging.Handler):
    """What the library warns of while a command runs: told on stderr, and kept in `texts`."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take a warning."""
        self.texts.append(record.getMessage())
        say(record.getMessage())


@contextlib.contextmanager
def warnings_told(level: int = logging.WARNING) -> Iterator[LibraryWarnings]:
    """Tell what the library warns of plainly, from a level on, and nothing else of it."""
    logger = logging.getLogger("execo")
    before = logger.handlers[:], logger.level, logger.propagate
    heard = LibraryWarnings()
    heard.setLevel(level)
    logger.handlers[:] = [heard]
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield heard
    finally:
        logger.handlers[:], logger.level, logger.propagate = before


def quiet_library(function: F) -> F:
    """Have a command show itself what happens: of the library only errors are told."""

    @functools.wraps(function)
    def quietly(*args: Any, **kwargs: Any) -> Any:
        with warnings_told(logging.ERROR):
            return function(*args, **kwargs)

    return quietly  # type: ignore[return-value]
