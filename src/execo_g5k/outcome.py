"""What became of the hosts of one kadeploy3: deployed, or not and why. Pure."""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from execo.host import Host
from execo_g5k.nodes import AskedNodes
from execo_g5k.parse.kadeploy import KadeployOutput
from execo_g5k.parse.refusal import Refusal, RefusalKind, parse_refusal

# kadeploy3 3.3.11, of a name that is in no environment of the user
_NO_ENVIRONMENT = "Resource not found /environments"


class FailureKind(enum.Enum):
    """Why a host is not deployed."""

    FAILED = "failed"
    """Kadeploy tried, and says why it failed."""
    LOCKED = "locked"
    """Another deployment has it."""
    REFUSED = "refused"
    """Kadeploy does not know it, or its environment, or gives no rights on it."""
    REFUSED_TOGETHER = "refused together"
    """Kadeploy refused all hosts of the run, because of others or without telling which."""
    ERROR = "error"
    """The run did not come to its end (no connexion, no server, no environment, interrupted...)."""
    CHECK = "check"
    """Kadeploy deployed it, and the check command failed."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a host is not deployed, for programs and in words."""

    kind: FailureKind
    """Why, for programs."""
    text: str
    """Why, in the words of Kadeploy, or of the check."""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Outcome:
    """The end of a run."""

    deployed: frozenset[Host] = frozenset()
    failures: Mapping[Host, Failure] = field(default_factory=dict)
    """Each host that was asked for and is not deployed."""
    refusal: Refusal | None = None
    """Why nothing was done, if kadeploy3 says it."""


def merged(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the union of outcomes of different hosts."""
    failures = {host: why for outcome in outcomes for host, why in outcome.failures.items()}
    return Outcome(frozenset().union(*(outcome.deployed for outcome in outcomes)), failures)


def settle(asked: AskedNodes, heard: KadeployOutput, frontend: str, ending: str = "") -> Outcome:
    """Return what became of the hosts that were asked for.

    `ending`: what the end of kadeploy3 tells, such as "exit 6"; "" for nothing. A host is deployed
    if it is listed so, and not listed as failed too.
    """
    failed = {host: why for node, why in heard.failed.items() for host in asked.find(node)}
    deployed = _hosts(asked, heard.deployed) - failed.keys()
    discarded = _hosts(asked, heard.discarded)
    refusal = None if heard.launched or heard.deployed or heard.failed else _refusal(heard)
    if refusal is None and heard.discarded and not heard.deployed and not heard.failed:
        refusal = parse_refusal(heard.words)
        if refusal.kind is not RefusalKind.LOCKED:
            refusal = None
    named = _hosts(asked, refusal.nodes) if refusal else set()
    failures = {}
    for host in asked.hosts:
        if host in failed:
            failures[host] = Failure(FailureKind.FAILED, failed[host] or "failed, without a reason")
        elif host in discarded:
            text = f"another deployment has it, kadeploy3 on {frontend} left it out"
            failures[host] = Failure(FailureKind.LOCKED, text)
        elif host not in deployed:
            failures[host] = _unlisted(heard, frontend, ending, refusal, host in named)
    return Outcome(frozenset(deployed), failures, refusal)


def _hosts(asked: AskedNodes, nodes: Iterable[str]) -> set[Host]:
    return {host for node in nodes for host in asked.find(node)}


def _refusal(heard: KadeployOutput) -> Refusal | None:
    return parse_refusal(heard.words) if heard.words else None


def _unlisted(
    heard: KadeployOutput, frontend: str, ending: str, refusal: Refusal | None, named: bool
) -> Failure:
    last = refusal.text if refusal else " ".join(list(heard.words)[-2:])
    no_environment = _NO_ENVIRONMENT in last
    if no_environment:
        last += f" (there is no such environment: `kaenv3 -l` on {frontend} lists those there are)"
    elif refusal and refusal.kind is RefusalKind.RIGHTS:
        last += " (are the nodes in a job of yours of type deploy, which runs?)"
    words = ": ".join(filter(None, (ending, last))) or "it is in no list of its answer"
    text = f"kadeploy3 on {frontend}: {words}"
    if named or no_environment:
        return Failure(FailureKind.REFUSED, text)
    if refusal and refusal.kind is RefusalKind.LOCKED:
        return Failure(FailureKind.LOCKED, text)
    if refusal and refusal.kind in (RefusalKind.NODES, RefusalKind.RIGHTS):
        return Failure(FailureKind.REFUSED_TOGETHER, text)
    return Failure(FailureKind.ERROR, text)
