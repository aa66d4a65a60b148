"""What `deploy` did: a record for each try, and the table of them. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from execo import _html
from execo.host import Host
from execo.times import format_date, format_seconds
from execo_g5k.outcome import Failure, FailureKind


@dataclass(frozen=True, slots=True)
class Try:
    """One round of `deploy`."""

    number: int
    """From 1; 0 is the check before the first deployment."""
    start_date: float
    """Unix timestamp."""
    duration: float
    """Seconds."""
    attempted: frozenset[Host]
    """Hosts that were deployed in it, or checked."""
    deployed: frozenset[Host]
    """Those of `attempted` that are deployed now."""
    failures: Mapping[Host, Failure]
    """A Failure for each of the others."""
    total_deployed: int
    """Hosts deployed after it, of this and earlier tries."""

    def count(self, *kinds: FailureKind) -> int:
        """Return how many hosts failed for these reasons, one or several FailureKind."""
        return sum(failure.kind in kinds for failure in self.failures.values())


class _Pair(NamedTuple):
    deployed: set[Host]
    undeployed: set[Host]


class Deployed(_Pair):
    """The tuple (deployed, undeployed), two sets of Host, and how it came to that."""

    tries: tuple[Try, ...]
    """A Try for each round, in order; `kadeploy` has none."""
    errors: dict[Host, str]
    """A reason for each undeployed host."""

    def __new__(  # noqa: D102  (results are read, not made)
        cls,
        deployed: Iterable[Host],
        undeployed: Iterable[Host],
        tries: Sequence[Try] = (),
        errors: Mapping[Host, str] | None = None,
    ) -> "Deployed":
        pair = super().__new__(cls, set(deployed), set(undeployed))
        pair.tries = tuple(tries)
        pair.errors = dict(errors or {})
        return pair

    def table(self) -> str:
        """Return what each try did, as a table in text: a line for each."""
        return _tries_table(self.tries, len(self.deployed | self.undeployed))

    def _repr_html_(self) -> str:
        hosts = sorted(self.deployed | self.undeployed, key=str)
        rows = [[str(host), self._outcome(host)] for host in hosts]
        failed = {number for number, host in enumerate(hosts) if host in self.undeployed}
        tries = [[cell(one) for _, cell in _COLUMNS] for one in self.tries]
        nodes = _html.table(
            ("node", ""), rows, title=f"{len(self.deployed)} deployed", failed=failed
        )
        return nodes + _html.table([title for title, _ in _COLUMNS], tries)

    def _outcome(self, host: Host) -> str:
        return "deployed" if host in self.deployed else self.errors[host]

    def __reduce__(self) -> tuple[Any, ...]:
        return (Deployed, (self.deployed, self.undeployed, self.tries, self.errors))


_COLUMNS: tuple[tuple[str, Callable[[Try], str]], ...] = (
    ("try", lambda t: str(t.number) if t.number else "check"),
    ("start", lambda t: format_date(t.start_date)),
    ("length", lambda t: format_seconds(t.duration)),
    ("attempted", lambda t: str(len(t.attempted))),
    ("deployed", lambda t: str(len(t.deployed))),
    ("failed", lambda t: str(t.count(FailureKind.FAILED, FailureKind.ERROR))),
    ("check failed", lambda t: str(t.count(FailureKind.CHECK))),
    ("locked", lambda t: str(t.count(FailureKind.LOCKED))),
    ("refused", lambda t: str(t.count(FailureKind.REFUSED, FailureKind.REFUSED_TOGETHER))),
    ("total deployed", lambda t: str(t.total_deployed)),
)


def _tries_table(tries: Iterable[Try], hosts: int) -> str:
    rows = [[title for title, _ in _COLUMNS]]
    rows += [[cell(one) for _, cell in _COLUMNS] for one in tries]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    return "\n".join([f"deployment of {hosts} hosts", *lines])
