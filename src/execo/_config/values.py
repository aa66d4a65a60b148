"""Values of settings: checked against the types of their fields, and read from text."""

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from execo.times import get_seconds

Types = tuple[type, ...]
"""What isinstance can check; () accepts anything."""

_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


def accepted_types(record: type[Any]) -> dict[str, Types]:
    """Return the types that each field of a dataclass accepts."""
    hints = typing.get_type_hints(record)
    return {field.name: _runtime_types(hints[field.name]) for field in dataclasses.fields(record)}


def _runtime_types(hint: Any) -> Types:
    members = typing.get_args(hint) if _is_union(hint) else (hint,)
    found: list[type] = []
    for member in members:
        origin = typing.get_origin(member) or member
        if origin is Any or origin is Callable or not isinstance(origin, type):
            return ()
        found.append(origin)
        if origin is float:
            found.append(int)
        if origin is tuple:
            found.append(list)
    return tuple(dict.fromkeys(found))


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def checked(value: Any, accepted: Types) -> Any:
    """Return a value as its field holds it; a duration in any of its forms, in seconds.

    Raises:
        TypeError: it is of another type.
        ValueError: it is a negative duration, or text that is none.
    """
    if not accepted:
        return value
    if float in accepted and isinstance(value, float | int | timedelta | str):
        if not isinstance(value, bool):
            return get_seconds(value)
    elif isinstance(value, accepted) and (bool in accepted or not isinstance(value, bool)):
        return value
    raise TypeError(f"{value!r}: expected {_told(accepted)}")


def parsed(text: str, accepted: Types) -> Any:
    """Return the value that text of the environment means for a field.

    Lists are given with commas, dicts in JSON, nothing by "none" or by an empty text.

    Raises:
        ValueError: it is no value of the field.
    """
    word = text.strip().lower()
    if type(None) in accepted and word in ("", "none"):
        return None
    if bool in accepted and word in _YES + _NO:
        return word in _YES
    try:
        return _parsed_by_type(text, accepted)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{text!r}: expected {_told(accepted)}") from error


def _parsed_by_type(text: str, accepted: Types) -> Any:
    if float in accepted:
        return get_seconds(text)
    if int in accepted and text.strip().isdecimal():
        return int(text)
    if dict in accepted:
        return checked(json.loads(text), accepted)
    if tuple in accepted and str not in accepted:
        return tuple(int(number) for number in text.split(","))
    if not accepted or str in accepted:
        return text
    raise ValueError(text)


def _told(accepted: Types) -> str:
    if float in accepted:
        forms = 'a duration: seconds, a timedelta, or text such as "1:30:00"'
        return f"{forms}, or None" if type(None) in accepted else forms
    names = ["None" if t is type(None) else t.__name__ for t in accepted]
    return " or ".join(names)
