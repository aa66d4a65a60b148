"""The ways in which the tools of OAR print data: Perl's JSON, YAML, XML and Dumper."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

# what YAML.pm puts into quotes
_NOT_PLAIN = re.compile(r"[{}\[\],]|[:?-]\s|\s#|:$|^[~&*!|>%@`\"'#]|^\s|\s$|^$|^[-=]$")

_DOCTYPE = """\
<?xml version="1.0"?>
<!DOCTYPE perldata [
  <!ELEMENT scalar (#PCDATA)>
  <!ELEMENT scalarref (#PCDATA)>
  <!ATTLIST scalarref\x20
\tblessed_package CDATA #IMPLIED
   \tmemory_address CDATA #IMPLIED>
  <!ELEMENT arrayref (item*)>
  <!ATTLIST arrayref\x20
\tblessed_package CDATA #IMPLIED
   \tmemory_address CDATA #IMPLIED>
  <!ELEMENT hashref (item*)>
  <!ATTLIST hashref\x20
\tblessed_package CDATA #IMPLIED
   \tmemory_address CDATA #IMPLIED>
  <!ELEMENT item (#PCDATA|scalar|scalarref|arrayref|hashref)*>
  <!ATTLIST item\x20
\tkey CDATA #REQUIRED
\tdefined CDATA #IMPLIED>
  <!ELEMENT perldata (scalar|scalarref|arrayref|hashref)*>
]>
"""


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


def as_dumped_lines(data: object) -> str:
    """Return the same, on lines of their own, as oarstat -D prints it."""
    return _dumped(data, "") + "\n"


def _dumped(data: object, indent: str) -> str:
    deeper = indent + "  "
    if isinstance(data, Mapping) and data:
        lines = [f"{deeper}{_quoted(str(k))} => {_dumped(v, deeper)}" for k, v in data.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(data, Sequence) and not isinstance(data, str) and data:
        lines = [f"{deeper}{_dumped(value, deeper)}" for value in data]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    return as_dumper(data)


def as_xml(data: object) -> str:
    """Return data as the module XML::Dumper of Perl prints it; addresses mean nothing."""
    return f"{_DOCTYPE}<perldata>\n{''.join(_tree(data, ' '))}</perldata>\n"


def _tree(data: object, indent: str) -> Iterator[str]:
    is_hash = isinstance(data, Mapping)
    kind = "hashref" if is_hash else "arrayref"
    yield f'{indent}<{kind} memory_address="0x{id(data):x}">\n'
    pairs = sorted(data.items()) if isinstance(data, Mapping) else enumerate(_listed(data))
    for key, value in pairs:
        head = f'{indent} <item key="{_in_xml(key)}"'
        if value is None:
            yield f'{head} defined="false"></item>\n'
        elif isinstance(value, Mapping | list | tuple):
            yield f"{head}>\n"
            yield from _tree(value, f"{indent}  ")
            yield f"{indent} </item>\n"
        else:
            yield f"{head}>{_in_xml(value)}</item>\n"
    yield f"{indent}</{kind}>\n"


def _listed(data: object) -> Sequence[object]:
    return data if isinstance(data, Sequence) else ()


def _in_xml(value: object) -> str:
    return escape(str(value), {'"': "&quot;", "'": "&apos;"})


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
