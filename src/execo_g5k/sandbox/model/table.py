"""The resources of a site: rows of properties, chosen by SQL and by hierarchies.

A set of resources is a mask: an int whose bit n is the resource with id n + 1. Sets are compared
and joined thousands of times in one round of the scheduler, and an int does that in no time.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator

from execo_g5k.sandbox.model.platform import Row, Value
from execo_g5k.sandbox.model.request import ALL, BEST, Group, Level, Request

USABLE = "Alive"
DEAD = "Dead"


# what conditions may use: anything else could take the server's time, memory or secrets
_FUNCTIONS = (
    "abs", "coalesce", "count", "length", "like", "lower", "max", "min", "mod",
    "nullif", "round", "substr", "sum", "trim", "upper",
)  # fmt: skip
_LONGEST_PATTERN = 200
_STEPS = 100_000
_TURNS = 300
"""Of so many steps of the database: a condition that takes more is given up."""


class BadSql(ValueError):
    """A condition that the database does not understand; the message is PostgreSQL's."""


class ResourceTable:
    """The resources of a site."""

    def __init__(self, rows: Iterable[Row]) -> None:
        """`rows`: the properties of each, by the order of their ids, which count from 1."""
        given = list(rows)
        # a property that only some clusters have is NULL for the others
        names = dict.fromkeys(name for row in given for name in row)
        self.columns = tuple(names) or ("resource_id",)
        self.rows: list[Row] = [{name: row.get(name) for name in self.columns} for row in given]
        self.all = (1 << len(self.rows)) - 1
        self._database = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA case_sensitive_like = ON")
        typed = ", ".join(f'"{column}" {self._affinity(column)}' for column in self.columns)
        self._database.execute(f"CREATE TABLE resources ({typed})")
        marks = ", ".join("?" * len(self.columns))
        self._database.executemany(
            f"INSERT INTO resources VALUES ({marks})", (tuple(row.values()) for row in self.rows)
        )
        self._database.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LONGEST_PATTERN)
        self._selected: dict[str, int] = {}
        self._masks: dict[str, dict[Value, int]] = {}
        self._leasts: dict[tuple[tuple[Level, ...], int], int] = {}
        self._alive: int | None = None
        self._dead: int | None = None

    def _affinity(self, column: str) -> str:
        # so that core_count = '4' and cpuset = 0 mean what they mean to PostgreSQL
        texts = any(isinstance(row[column], str) for row in self.rows)
        return "TEXT" if texts else "INTEGER"

    # --- what there is

    @property
    def alive(self) -> int:
        """The mask of the resources that jobs can get."""
        if self._alive is None:
            self._alive = self._in_state(USABLE)
        return self._alive

    @property
    def dead(self) -> int:
        """The mask of the resources that count no more: ALL is all but these."""
        if self._dead is None:
            self._dead = self._in_state(DEAD)
        return self._dead

    def _in_state(self, state: str) -> int:
        ids = (row["resource_id"] for row in self.rows if row["state"] == state)
        return mask_of(int(n) for n in ids if n is not None)

    def set_state(self, mask: int, state: str) -> None:
        """Change the state of resources: Alive, Suspected, Absent or Dead."""
        for resource_id in ids_of(mask):
            self.rows[resource_id - 1]["state"] = state
            self._database.execute(
                "UPDATE resources SET state = ? WHERE resource_id = ?", (state, resource_id)
            )
        self._selected.clear()
        self._masks.pop("state", None)
        self._alive = self._dead = None

    def values(self, mask: int, column: str) -> list[Value]:
        """Return the different values of a property, in the order of the resources."""
        return list(dict.fromkeys(self.rows[i - 1][column] for i in ids_of(mask)))

    def hosts(self, mask: int) -> list[str]:
        """Return the addresses of the nodes of some resources, in order; vlans have none."""
        return [str(value) for value in self.values(mask, "network_address") if value]

    def of_host(self, address: str) -> int:
        """Return the mask of the resources of a node, 0 if there is none of this name."""
        return self._by_value("network_address").get(address, 0)

    # --- what is asked for

    def select(self, where: str) -> int:
        """Return the mask of the resources that satisfy an SQL condition.

        Raises:
            BadSql: the condition is none.
        """
        if where not in self._selected:
            self._selected[where] = self._asked(where)
        return self._selected[where]

    def _asked(self, where: str) -> int:
        turns = iter(range(_TURNS))
        self._database.set_authorizer(_allowed)
        self._database.set_progress_handler(lambda: next(turns, None) is None, _STEPS)
        try:
            found = self._database.execute(f"SELECT resource_id FROM resources WHERE {where}")
            return mask_of(row[0] for row in found)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise BadSql(as_postgresql(str(error))) from None
        finally:
            self._database.set_authorizer(None)
            self._database.set_progress_handler(None, 0)

    def choose(self, request: Request, where: str, free: int) -> int | None:
        """Return resources that satisfy a request, all of them in `free`; None if there are none.

        `where`: a condition on all resources, above those of the groups.

        Raises:
            BadSql: a condition is none, or a level no property.
        """
        chosen = 0
        for group in request.groups:
            wanted = self.select(f"({where or '1 = 1'}) AND ({group.where or '1 = 1'})")
            wanted &= ~self.dead
            if (wanted & free & ~chosen).bit_count() < self._least(group.levels, wanted):
                return None
            found = self._fit(group.levels, wanted, free & ~chosen)
            if not found:
                return None
            chosen |= found
        return chosen

    def check_levels(self, group: Group) -> None:
        """Raise BadSql if a level is no property."""
        for level in group.levels:
            if level.name not in self.columns:
                raise BadSql(f'column "{level.name}" does not exist')

    def _least(self, levels: tuple[Level, ...], wanted: int) -> int:
        """Return how many resources a group takes at least: most rounds need no closer look."""
        key = (levels, wanted)
        if key not in self._leasts:
            self._leasts[key] = self._counted(levels, wanted)
        return self._leasts[key]

    def _counted(self, levels: tuple[Level, ...], wanted: int) -> int:
        if not levels:
            return wanted.bit_count()
        inside = (wanted & mask for mask in self._by_value(levels[0].name).values())
        counts = sorted(self._counted(levels[1:], mask) for mask in inside if mask)
        count = levels[0].count
        return sum(counts[:count]) if isinstance(count, int) else sum(counts[:1])

    def _fit(self, levels: tuple[Level, ...], wanted: int, free: int) -> int:
        if not levels:
            # a part of what is asked for is taken by another job
            return wanted if wanted & free == wanted else 0
        level = levels[0]
        chosen = count = 0
        for mask in self._by_value(level.name).values():
            inside = wanted & mask
            if not inside:
                continue
            found = self._fit(levels[1:], inside, free)
            if found:
                chosen |= found
                count += 1
                if count == level.count:
                    return chosen
            elif level.count == ALL:
                return 0
        return chosen if level.count in (ALL, BEST) else 0

    def _by_value(self, column: str) -> dict[Value, int]:
        if column not in self._masks:
            if column not in self.columns:
                raise BadSql(f'column "{column}" does not exist')
            masks: dict[Value, int] = {}
            for index, row in enumerate(self.rows):
                masks[row[column]] = masks.get(row[column], 0) | 1 << index
            self._masks[column] = masks
        return self._masks[column]


def _allowed(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    reads = action == sqlite3.SQLITE_READ and first == "resources"
    calls = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FUNCTIONS
    if reads or calls or action == sqlite3.SQLITE_SELECT:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


def mask_of(resource_ids: Iterable[int]) -> int:
    """Return the mask of resources given by their ids."""
    mask = 0
    for resource_id in resource_ids:
        mask |= 1 << (resource_id - 1)
    return mask


def ids_of(mask: int) -> Iterator[int]:
    """Yield the ids of the resources of a mask, in order."""
    while mask:
        lowest = mask & -mask
        yield lowest.bit_length()
        mask ^= lowest


def as_postgresql(message: str) -> str:
    """Return what PostgreSQL says where SQLite says `message`."""
    if match := re.search(r"no such column: (\S+)", message):
        return f'column "{match[1]}" does not exist'
    if match := re.search(r'near "(.*)": syntax error', message):
        return f'syntax error at or near "{match[1]}"'
    if match := re.search(r"no such function: (\S+)", message):
        return f"function {match[1].lower()}() does not exist"
    if match := re.search(r"not authorized to use function: (\S+)", message):
        return f"function {match[1].lower()}() does not exist"
    if match := re.search(r"access to (\w+)\.\w+ is prohibited", message):
        return f'relation "{match[1]}" does not exist'
    if message == "interrupted":
        return "canceling statement due to statement timeout"
    if message.startswith("unrecognized token"):
        return f"unterminated quoted string at or near {message.partition(': ')[2]}"
    return message
