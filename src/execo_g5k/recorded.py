"""Fields of records, read with suspicion: a file of state may hold anything. Pure."""

import json
from typing import Any


def content_of(text: bytes, version: int) -> dict[str, Any]:
    """Return what the file of a record holds.

    Raises:
        ValueError: it is no record of this version.
    """
    try:
        content = json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(content, dict) or content.get("version") != version:
        raise ValueError("it is of another version")
    return content


def of(kind: type, value: Any) -> Any:
    """Return a value of exactly this type; raise TypeError if it is of another."""
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def optional(kind: type, value: Any) -> Any:
    """Return a value of this type, or None; raise TypeError if it is neither."""
    return None if value is None else of(kind, value)


def within(low: int, end: int, value: Any, what: str) -> int:
    """Return a whole number from `low` to below `end`; raise TypeError if it is no such `what`."""
    if not low <= of(int, value) < end:
        raise TypeError(f"{value!r:.40} is no {what}")
    return int(value)


def site_name(value: Any) -> str:
    """Return the name of a site; raise TypeError or ValueError if it is none."""
    site = str(of(str, value))
    # half a character is no part of a name, and can't be written in that of a file
    site.encode()
    return site
