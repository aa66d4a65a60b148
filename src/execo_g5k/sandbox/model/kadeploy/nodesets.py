"""Names of nodes as Kadeploy tells and reads them: graphene-[1-3,7].nancy.grid5000.fr."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"(?P<head>.*?-)(?P<number>\d+)(?P<tail>(?:-kavlan-\d+)?(?:\..*)?)")
_RANGE = re.compile(r"(?P<head>[^\[\]]*)\[(?P<numbers>[\d,-]+)\](?P<tail>[^\[\]]*)")
_ALLOWED = re.compile(r"[A-Za-z0-9.,\[\]-]+")


class BadName(ValueError):
    """Text that can name no node."""


def by_number(name: str) -> tuple[str, int, str]:
    """Return a key that puts node 2 before node 10."""
    match = _NAME.fullmatch(name)
    return (name, 0, "") if match is None else (match["head"], int(match["number"]), match["tail"])


def folded(nodes: Iterable[str]) -> str:
    """Return nodes in few words: ranges of those whose names differ in their number only."""
    numbers: dict[tuple[str, str], list[int]] = {}
    others = []
    for node in sorted(nodes, key=by_number):
        match = _NAME.fullmatch(node)
        if match is None:
            others.append(node)
        else:
            numbers.setdefault((match["head"], match["tail"]), []).append(int(match["number"]))
    ranges = (f"{head}{_told(found)}{tail}" for (head, tail), found in numbers.items())
    return ",".join([*ranges, *others])


def _told(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return "[" + ",".join(f"{a}-{b}" if a != b else f"{a}" for a, b in ranges) + "]"


def unfolded(text: str) -> list[str]:
    """Return the names that a word stands for.

    Raises:
        BadName: it has characters that no name has, or a range that is none.
    """
    if not _ALLOWED.fullmatch(text):
        raise BadName(text)
    if "[" not in text and "]" not in text:
        return [text]
    match = _RANGE.fullmatch(text)
    if match is None:
        raise BadName(text)
    names: list[str] = []
    for part in match["numbers"].split(","):
        first, _, last = part.partition("-")
        if not first.isdecimal() or not (last or first).isdecimal():
            raise BadName(text)
        numbers = range(int(first), int(last or first) + 1)
        names += [f"{match['head']}{number}{match['tail']}" for number in numbers]
    return names
