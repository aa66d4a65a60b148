"""What `oarsub -l` asks for: text -> groups of levels."""

import re
from dataclasses import dataclass, field, replace

ALL = "ALL"
BEST = "BEST"

# the word of users -> the column that OAR looks at
_ALIASES = {"nodes": "network_address", "node": "network_address"}

_LEVEL = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)\s*=\s*(?P<count>\d+|ALL|BEST)\s*")
_NAMES_TYPE = re.compile(r"(^|[\s(])type[\s=]")
_WALLTIME = re.compile(
    r"\s*,\s*walltime\s*=\s*(?P<hours>\d+)(?::(?P<minutes>\d+))?(?::(?P<seconds>\d+))?\s*"
)


class BadRequest(ValueError):
    """Text that asks for nothing; the message is oarsub's."""


@dataclass(frozen=True)
class Level:
    """So many different values of a property."""

    name: str
    count: int | str


@dataclass(frozen=True)
class Group:
    """A hierarchy of levels over the resources that satisfy a condition."""

    levels: tuple[Level, ...]
    where: str = ""

    def with_type(self) -> "Group":
        """Return the same, with a condition on the type of its resources."""
        if _NAMES_TYPE.search(self.where):
            return self
        subnet = all(level.name.startswith("slash_") for level in self.levels)
        condition = f"type = '{'subnet' if subnet else 'default'}'"
        return replace(self, where=f"({self.where}) AND {condition}" if self.where else condition)


@dataclass(frozen=True)
class Request:
    """One way to satisfy a job: all groups at once, for `walltime` seconds."""

    groups: tuple[Group, ...]
    walltime: int | None = None

    def with_type(self) -> "Request":
        """Return the same, of resources of one type, as OAR rewrites it.

        Groups that name no type are of nodes, or of subnets if they ask for prefixes, as on
        Grid'5000.
        """
        return replace(self, groups=tuple(group.with_type() for group in self.groups))

    def __str__(self) -> str:
        groups = "+".join(
            f"{{{g.where}}}/" + "/".join(f"{level.name}={level.count}" for level in g.levels)
            for g in self.groups
        )
        walltime = "" if self.walltime is None else f",walltime={told_duration(self.walltime)}"
        return f"{groups}{walltime}"


DEFAULT = Request((Group((Level("resource_id", 1),)),))


def told_duration(seconds: int) -> str:
    """Return seconds as OAR tells durations: "0:10:0"."""
    minutes, rest = divmod(abs(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{'-' if seconds < 0 else ''}{hours}:{minutes}:{rest}"


def parse_request(text: str) -> Request:
    """Read the value of -l.

    Raises:
        BadRequest: it is none.
    """
    groups, rest = _Reader(text).groups()
    if not rest:
        return Request(groups)
    match = _WALLTIME.fullmatch(rest)
    if match is None:
        raise BadRequest(f"/!\\ Cannot recognize -- {rest} -- resource")
    hours, minutes, seconds = (int(number or 0) for number in match.groups())
    return Request(groups, hours * 3600 + minutes * 60 + seconds)


@dataclass
class _Reader:
    text: str
    position: int = field(default=0)

    def groups(self) -> tuple[tuple[Group, ...], str]:
        if self.text.lstrip().startswith("walltime"):
            return DEFAULT.groups, "," + self.text.lstrip()
        found = [self._group()]
        while self._skip("+"):
            found.append(self._group())
        return tuple(found), self.text[self.position :]

    def _skip(self, char: str) -> bool:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1
        if self.text[self.position : self.position + 1] != char:
            return False
        self.position += 1
        return True

    def _group(self) -> Group:
        where = self._condition() if self._skip("{") else ""
        self._skip("/")
        levels = [self._level()]
        while self._skip("/"):
            levels.append(self._level())
        return Group(tuple(levels), where)

    def _condition(self) -> str:
        start, depth = self.position, 1
        while depth:
            if self.position >= len(self.text):
                raise self._unknown()
            depth += {"{": 1, "}": -1}.get(self.text[self.position], 0)
            self.position += 1
        return self.text[start : self.position - 1].strip()

    def _level(self) -> Level:
        match = _LEVEL.match(self.text, self.position)
        if match is None:
            raise self._unknown()
        self.position = match.end()
        name, count = match["name"], match["count"]
        return Level(_ALIASES.get(name, name), int(count) if count.isdecimal() else count)

    def _unknown(self) -> BadRequest:
        described = self.text.partition(",")[0]
        return BadRequest(f"/!\\ Cannot recognize the resource description : {described}")
