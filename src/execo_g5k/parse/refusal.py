"""Why kadeploy3 refused a whole run, from its last words; exits: exit codes since 3.2."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from execo_g5k.parse.nodeset import expand_nodes


class RefusalKind(enum.Enum):
    """Why a run was refused."""

    NODES = "unknown nodes"
    RIGHTS = "no rights"
    LOCKED = "all nodes are in another deployment"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A run that did nothing: `nodes` are those that kadeploy3 names as the cause, if it does."""

    kind: RefusalKind
    text: str
    """Kadeploy's own words."""
    nodes: tuple[str, ...] = ()
    number: int | None = None
    """Number of the error, of Kadeploy."""


_NUMBER = re.compile(r"\[Kadeploy Error #(\d+)\]|\(error #(\d+)\)")
_UNKNOWN = re.compile(
    r"^The nodes (.+) do(?:es)? not belongs? to any server$"
    r"|^ERROR: The node (\S+) does not exist$"
    r"|^Invalid hostname: (\S+)$"
)
_NO_RIGHTS_ON = re.compile(r"^You do not have the rights to deploy on the node ([^\s:]+)")
_NO_RIGHTS = re.compile(r"You do not have (?:sufficient|the) rights? ")
_ALL_LOCKED = re.compile(r"All the nodes have been discarded")
_RIGHTS_NUMBER, _LOCKED_NUMBER = 6, 14
_SHOWN = 4


def parse_refusal(words: Iterable[str]) -> Refusal:
    """Return why a run was refused; `words`: the lines that tell nothing else."""
    lines = [line.strip() for line in words]
    text = " ".join(lines[-_SHOWN:])
    number = next((int(m[1] or m[2]) for m in map(_NUMBER.search, lines) if m), None)
    unknown = [group for m in map(_UNKNOWN.match, lines) if m for group in m.groups() if group]
    if unknown:
        nodes = tuple(node for names in unknown for node in expand_nodes(names))
        return Refusal(RefusalKind.NODES, text, nodes, number)
    forbidden = tuple(m[1] for m in map(_NO_RIGHTS_ON.match, lines) if m)
    if forbidden or number == _RIGHTS_NUMBER or _NO_RIGHTS.search(text):
        return Refusal(RefusalKind.RIGHTS, text, forbidden, number)
    if number == _LOCKED_NUMBER or _ALL_LOCKED.search(text):
        return Refusal(RefusalKind.LOCKED, text, (), number)
    return Refusal(RefusalKind.OTHER, text, (), number)
