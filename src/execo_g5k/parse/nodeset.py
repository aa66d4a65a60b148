"""Sets of nodes as Kadeploy writes them: `graphene-[1-3,7].nancy.grid5000.fr`."""

import re
from collections.abc import Iterator

_GROUP = re.compile(r"^([^\[\]]*)\[([0-9,-]+)\](.*)$")
_RANGE = re.compile(r"^(\d+)(?:-(\d+))?$")

_LONGEST = 10000
"""Nodes of one range: a longer one is no set of nodes."""


def expand_nodes(text: str) -> tuple[str, ...]:
    """Return the names of a set of nodes, in its order, without duplicates.

    `text`: names and ranges, between commas. What is no range is given as it is.
    """
    names = (name for item in _items(text) for name in _expanded(item))
    return tuple(dict.fromkeys(names))


def _items(text: str) -> list[str]:
    # the commas inside of brackets belong to ranges
    items = re.split(r",(?![^\[]*\])", text)
    return [item.strip() for item in items if item.strip()]


def _expanded(item: str) -> Iterator[str]:
    group = _GROUP.match(item)
    ranges = [_RANGE.match(part) for part in group[2].split(",")] if group else []
    if group is None or not all(ranges):
        yield item
        return
    prefix, _, suffix = group.groups()
    for limits in filter(None, ranges):
        first, last = limits[1], limits[2] or limits[1]
        if int(last) - int(first) >= _LONGEST:
            yield item
            return
        for number in range(int(first), int(last) + 1):
            for rest in _expanded(suffix) if "[" in suffix else (suffix,):
                yield f"{prefix}{number:0{len(first)}}{rest}"
