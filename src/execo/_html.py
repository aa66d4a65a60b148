"""What notebooks show: tables and outputs as HTML. Pure; all text is escaped."""

from collections.abc import Container, Iterable, Sequence

_FAILED = "color: #c0392b; font-weight: bold"
_CELL = "text-align: left; padding: 0.15em 0.8em 0.15em 0"
_SHORT = 60
"""Characters of a cell that stay in a line."""
_OUTPUT = "margin: 0.2em 0 0.8em 0; padding-left: 0.8em; border-left: 3px solid #8888"

LINES = 40
"""Lines of an output that are shown."""
ROWS = 100
"""Rows of a table that are shown."""


def table(
    titles: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    title: str = "",
    failed: Container[int] = (),
) -> str:
    """Return a table; the rows whose numbers are in `failed` stand out."""
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in titles)
    body = "".join(_row(row, failed=number in failed) for number, row in enumerate(rows[:ROWS]))
    if len(rows) > ROWS:
        body += _row([f"... and {len(rows) - ROWS} more"], failed=False)
    above = f"<b>{escape(title)}</b>" if title else ""
    return f"<div>{above}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _row(cells: Iterable[str], *, failed: bool) -> str:
    inside = "".join(_cell(cell, failed=failed) for cell in cells)
    return f"<tr>{inside}</tr>"


def _cell(text: str, *, failed: bool) -> str:
    wrap = "white-space: nowrap" if len(text) <= _SHORT else "overflow-wrap: anywhere"
    style = f"{_CELL}; {wrap}; {_FAILED}" if failed else f"{_CELL}; {wrap}"
    return f'<td style="{style}">{escape(text)}</td>'


def output(title: str, text: str, *, failed: bool) -> str:
    """Return what was printed, below a title."""
    lines = text.splitlines()
    more = [f"... and {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    style = f' style="{_FAILED}"' if failed else ""
    shown = escape("\n".join([*lines[:LINES], *more]))
    return f'<div><b{style}>{escape(title)}</b><pre style="{_OUTPUT}">{shown}</pre></div>'


def bar(what: str, ended: int, failed: int, total: int, seconds: float) -> str:
    """Return a bar that tells how far something is."""
    words = f"{ended} of {total}, {seconds:.0f} s"
    wrong = f' <span style="{_FAILED}">{failed} failed</span>' if failed else ""
    return (
        f"<div>{escape(what)} "
        f'<progress value="{ended}" max="{max(total, 1)}"></progress> {words}{wrong}</div>'
    )


def escape(text: str) -> str:
    """Return text as HTML shows it."""
    # few programs show HTML, and all would pay for the import
    from html import escape as escaped

    return escaped(text)
