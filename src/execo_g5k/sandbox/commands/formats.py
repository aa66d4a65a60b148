"""The ways in which the tools of OAR print data: Perl's JSON, YAML and Dumper."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

# what YAML.pm puts into quotes
_NOT_PLAIN = re.compile(r"[{}\[\],]|[:?-]\s|\s#|:$|^[~&*!|>%@`\"'#]|^\s|\s$|^$|^[-=]$")


def as_json(data: object) -> str:
    """Return data as the module JSON of Perl prints it, nicely."""
    return json.dumps(data, indent=3, separators=(",", " : "), ensure_ascii=False) + "\n"


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return data as the module YAML of Perl prints it."""
    return "---\n" + "".join(_entries(data, "")) if data else "--- {}\n"


def as_dumper(data: object) -> str:
    """Return data as the module Data::Dumper of Perl prints it on one line."""
    if data is None:
        return "undef"
    if isinstance(data, Mapping):
        pairs = (f"{_quoted(str(key))} => {as_dumper(value)}" for key, value in data.items())
        return f"{{{','.join(pairs)}}}"
    if isinstance(data, Sequence) and not isinstance(data, str):
        return f"[{','.join(map(as_dumper, data))}]"
    return str(data) if isinstance(data, int) else _quoted(str(data))


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _entries(data: Mapping[str, Any], indent: str) -> list[str]:
    return [f"{indent}{_scalar(key)}:{_value(data[key], indent)}" for key in sorted(data)]


def _value(value: object, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(value, Mapping):
        return "\n" + "".join(_entries(value, deeper)) if value else " {}\n"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "\n" + "".join(_items(value, deeper)) if value else " []\n"
    return f" {_scalar(value)}\n"


def _items(values: Sequence[object], indent: str) -> list[str]:
    items = []
    for value in values:
        if isinstance(value, Mapping):
            first, *others = _entries(value, indent + "  ") or ["{}\n"]
            items += [f"{indent}- {first.lstrip()}", *others]
        else:
            items.append(f"{indent}- {_scalar(value)}\n")
    return items


def _scalar(value: object) -> str:
    if value is None:
        return "~"
    text = str(value)
    if "\n" in text:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if not _NOT_PLAIN.search(text):
        return text
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
