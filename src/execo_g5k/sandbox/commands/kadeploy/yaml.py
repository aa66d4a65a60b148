"""The part of YAML in which environments are described: nested maps and lists of plain scalars.

What lies beyond is refused in words, never guessed: anchors, tags, block texts, several documents.
"""

import re
from dataclasses import dataclass
from typing import Any

_ENTRY = re.compile(
    r"(?P<key>[^\s:#'\"\[\]{}&*!|>%@`][^:#]*?|'[^']*'|\"[^\"]*\")\s*:(?:\s+|$)(?P<rest>.*)"
)
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_NUMBER = re.compile(r"[-+]?\d+")
_WORDS = {"true": True, "false": False, "yes": True, "no": False, "null": None, "~": None, "": None}


class BadYaml(ValueError):
    """Text that is no such YAML."""


@dataclass(frozen=True)
class _Line:
    number: int
    indent: int
    text: str


def load(text: str) -> Any:
    """Return what a text describes: dicts, lists, str, int, bool, None.

    Raises:
        BadYaml: it is no YAML, or more of it than is read here.
    """
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        kept = raw if re.search(r"['\"].*#", raw) else _COMMENT.sub("", raw)
        stripped = kept.strip()
        if not stripped or stripped == "---" or stripped.startswith("%"):
            continue
        if "\t" in kept[: len(kept) - len(kept.lstrip())]:
            why = "found character that cannot start any token while scanning for the next token"
            raise BadYaml(f"{why} at line {number} column 1")
        lines.append(_Line(number, len(kept) - len(kept.lstrip(" ")), stripped))
    if not lines:
        return None
    value, left = _node(lines)
    if left:
        raise _unexpected(left[0])
    return value


def _unexpected(line: _Line) -> BadYaml:
    where = f"at line {line.number} column {line.indent + 1}"
    return BadYaml(f"did not find expected key while parsing a block mapping {where}")


def _node(lines: list[_Line]) -> tuple[Any, list[_Line]]:
    first = lines[0]
    if first.text == "-" or first.text.startswith("- "):
        return _list(lines)
    if _ENTRY.fullmatch(first.text):
        return _map(lines)
    return _scalar(first.text, first.number, first.indent), lines[1:]


def _list(lines: list[_Line]) -> tuple[list[Any], list[_Line]]:
    indent, found = lines[0].indent, []
    while lines and lines[0].indent == indent and lines[0].text[:2] in ("-", "- "):
        first = lines[0]
        rest = first.text[1:].lstrip()
        if rest:
            # what stands behind the dash is the first line of a block of its own
            deeper = indent + len(first.text) - len(rest)
            lines = [_Line(first.number, deeper, rest), *lines[1:]]
        else:
            lines = lines[1:]
            if not lines or lines[0].indent <= indent:
                found.append(None)
                continue
        value, lines = _node(lines)
        found.append(value)
    return found, lines


def _map(lines: list[_Line]) -> tuple[dict[str, Any], list[_Line]]:
    indent, found = lines[0].indent, {}
    while lines and lines[0].indent == indent:
        line = lines[0]
        match = _ENTRY.fullmatch(line.text)
        if match is None:
            raise _unexpected(line)
        key, rest, lines = match["key"].strip("'\""), match["rest"], lines[1:]
        if rest:
            column = line.indent + line.text.rindex(rest)
            found[key] = _scalar(rest, line.number, column)
        elif lines and (lines[0].indent > indent or _is_item(lines[0], indent)):
            found[key], lines = _node(lines)
        else:
            found[key] = None
    return found, lines


def _is_item(line: _Line, indent: int) -> bool:
    return line.indent == indent and (line.text == "-" or line.text.startswith("- "))


def _scalar(text: str, line: int, column: int) -> Any:
    if text[0] == "[":
        return _flow(text, line, column)
    if text == "{}":
        return {}
    if text[0] in "'\"":
        if len(text) < 2 or text[-1] != text[0]:
            why = "found unexpected end of stream while scanning a quoted scalar"
            raise BadYaml(f"{why} at line {line} column {column + 1}")
        inner = text[1:-1]
        return inner.replace("''", "'") if text[0] == "'" else inner.replace('\\"', '"')
    if text[0] in "{&*!|>%@`":
        raise BadYaml(f"the sandbox reads no {text[0]!r} at line {line} column {column + 1}")
    if _NUMBER.fullmatch(text):
        return int(text)
    return _WORDS.get(text.lower(), text)


def _flow(text: str, line: int, column: int) -> list[Any]:
    inner = text[1:-1]
    if not text.endswith("]") or any(bracket in inner for bracket in "[]{}"):
        why = "did not find expected ',' or ']' while parsing a flow sequence"
        raise BadYaml(f"{why} at line {line} column {column}")
    words = [word.strip() for word in inner.split(",")] if inner.strip() else []
    return [_scalar(word, line, column) if word else None for word in words]
