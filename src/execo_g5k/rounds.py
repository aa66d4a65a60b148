"""The rounds of `deploy`: check, deploy the undeployed, check... on what it is given to act with.

- A try counts for each host that kadeploy3 tried. One that another deployment had does not: those
  are tried again after 30, 60, 120... seconds, all in all as long as `lock_timeout`.
- Kadeploy refuses a whole run for one host that it does not know, or gives no rights on. What it
  names is left out; what it does not name is looked for by halves. That is no try.
- A host is deployed if kadeploy3 says so and the check, where there is one, passes.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from execo._engine.clock import Clock
from execo.host import Host, fold_hosts
from execo_g5k.outcome import Failure, FailureKind, Outcome, merged
from execo_g5k.parse.refusal import RefusalKind
from execo_g5k.stray import despite_cancel
from execo_g5k.tries import Deployed, Try

logger = logging.getLogger("execo")

Hosts = Sequence[Host]

_FIRST_WAIT = 30.0
_LONGEST_WAIT = 240.0
_AFTER_ERROR = 10.0
"""Seconds before a run is repeated that came to nothing: no server, no connexion, no time."""

_RERUNS = 64
"""Runs, in all, that may be repeated in part because Kadeploy refuses them for a host."""


@dataclass(frozen=True)
class Means:
    """What `deploy` acts with; tests bring their own."""

    run: Callable[[Hosts], Awaitable[Outcome]]
    """Deploys hosts of one frontend."""
    group: Callable[[Hosts], Mapping[str, Hosts]]
    """Gives the hosts of each frontend."""
    check: Callable[[Hosts], Awaitable[Mapping[Host, str]]] | None
    """Gives the hosts that fail the check, and why; None: kadeploy3 is believed."""
    enough: Callable[[set[Host], set[Host]], Awaitable[bool]]
    """Tells, of the deployed and the undeployed, whether that is enough."""
    clock: Clock
    lock_timeout: float
    """Longest time, in all, to wait for hosts that another deployment has."""


async def together(runs: Iterable[Coroutine[Any, Any, Outcome]]) -> list[Outcome]:
    """Return the outcomes of runs that go on at once; cancelled, end when all of them have."""
    tasks = [asyncio.create_task(run) for run in runs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        # gather ends with the first of them, and the others still cancel their deployments
        for task in tasks:
            if not task.cancelling():
                task.cancel()
        if tasks:
            await despite_cancel(asyncio.wait(tasks))
        raise


class Rounds:
    """One call of `deploy`."""

    def __init__(self, hosts: Iterable[Host], num_tries: int, means: Means) -> None:
        self._hosts = list(dict.fromkeys(hosts))
        self._num_tries = num_tries
        self._means = means
        self._deployed: set[Host] = set()
        self._failures: dict[Host, Failure] = {}
        self._not_tried = dict.fromkeys(self._hosts, "not tried")
        self._attempts: Counter[Host] = Counter()
        self._tries: list[Try] = []
        self._reruns = _RERUNS
        self._wait = _FIRST_WAIT
        self._lock_time = means.lock_timeout
        self._in_vain = False

    async def run(self) -> Deployed:
        """Go through the rounds; return what came of them."""
        await self._first_check()
        while not await self._is_enough():
            batch = await self._next_batch()
            if not batch:
                break
            await self._try(batch)
        result = self.result()
        logger.info("%s", result.table())
        return result

    def result(self) -> Deployed:
        """Return what came of the rounds so far."""
        failures = {host: failure.text for host, failure in self._failures.items()}
        undeployed = self._undeployed()
        errors = {host: failures.get(host, self._not_tried[host]) for host in undeployed}
        return Deployed(self._deployed, undeployed, self._tries, errors)

    def _undeployed(self) -> list[Host]:
        return [host for host in self._hosts if host not in self._deployed]

    async def _is_enough(self) -> bool:
        # sets of its own: the script may keep or change them
        return await self._means.enough(set(self._deployed), set(self._undeployed()))

    # --- what is done

    async def _first_check(self) -> None:
        if self._means.check is None or not self._hosts:
            return
        start = self._means.clock.time(), self._means.clock.monotonic()
        failed = await self._means.check(self._hosts)
        self._not_tried |= {host: f"not tried; before, {why}" for host, why in failed.items()}
        passed = frozenset(self._hosts) - failed.keys()
        if passed:
            logger.warning(
                "%s: not deployed, since the check passes already; check_deployed_command=None"
                " deploys whatever is there",
                fold_hosts(passed),
            )
        self._note(0, start, self._hosts, Outcome(passed))

    async def _try(self, batch: Hosts) -> None:
        start = self._means.clock.time(), self._means.clock.monotonic()
        number = max((one.number for one in self._tries), default=0) + 1
        logger.info("deploying %s (try %d)", fold_hosts(batch), number)
        groups = self._means.group(batch).values()
        outcome = merged(await together(self._deploy(group) for group in groups))
        self._in_vain = not outcome.deployed and all(
            failure.kind is FailureKind.ERROR for failure in outcome.failures.values()
        )
        for host in batch:
            failure = outcome.failures.get(host)
            if failure is None or failure.kind is not FailureKind.LOCKED:
                self._attempts[host] += 1
        self._note(number, start, batch, await self._checked(outcome))

    async def _checked(self, outcome: Outcome) -> Outcome:
        if self._means.check is None or not outcome.deployed:
            return outcome
        said = [host for host in self._hosts if host in outcome.deployed]
        failed = await self._means.check(said)
        failures = {
            host: Failure(FailureKind.CHECK, f"kadeploy3 deployed it, and {why}")
            for host, why in failed.items()
        }
        return Outcome(frozenset(said) - failed.keys(), {**outcome.failures, **failures})

    def _note(
        self, number: int, start: tuple[float, float], batch: Hosts, outcome: Outcome
    ) -> None:
        self._deployed |= outcome.deployed
        for host in batch:
            self._failures.pop(host, None)
        self._failures.update(outcome.failures)
        date, begun = start
        self._tries.append(
            Try(
                number,
                date,
                self._means.clock.monotonic() - begun,
                frozenset(batch),
                outcome.deployed,
                dict(outcome.failures),
                len(self._deployed),
            )
        )

    # --- what is to be tried next

    async def _next_batch(self) -> Hosts:
        left = [host for host in self._undeployed() if self._may_try(host)]
        free = [host for host in left if not self._is(host, FailureKind.LOCKED)]
        if not left or free:
            if free and self._in_vain:
                await self._means.clock.sleep(_AFTER_ERROR)
            return free
        wait = min(self._wait, self._lock_time)
        if wait <= 0:
            logger.warning("%s: still in another deployment, given up", fold_hosts(left))
            return []
        logger.warning(
            "%s: in another deployment; next try in %g s, for %g s at most",
            fold_hosts(left),
            wait,
            self._lock_time,
        )
        self._lock_time -= wait
        self._wait = min(2 * self._wait, _LONGEST_WAIT)
        await self._means.clock.sleep(wait)
        return left

    def _may_try(self, host: Host) -> bool:
        refused = self._is(host, FailureKind.REFUSED)
        return not refused and self._attempts[host] < self._num_tries

    def _is(self, host: Host, kind: FailureKind) -> bool:
        failure = self._failures.get(host)
        return failure is not None and failure.kind is kind

    # --- hosts for which Kadeploy refuses a whole run

    async def _deploy(self, hosts: Hosts) -> Outcome:
        """Deploy hosts of one frontend, without those for which it refuses all."""
        outcome = await self._means.run(hosts)
        refusal = outcome.refusal
        if refusal is None or refusal.kind not in (RefusalKind.NODES, RefusalKind.RIGHTS):
            return outcome
        if self._reruns <= 0:
            return outcome
        self._reruns -= 1
        culprits = self._culprits(hosts, outcome)
        rest = [host for host in hosts if host not in culprits]
        if culprits:
            logger.warning("going on without %s: %s", fold_hosts(culprits), refusal.text)
            failures = {
                host: Failure(FailureKind.REFUSED, outcome.failures[host].text) for host in culprits
            }
            parts: list[Hosts] = [rest] if rest else []
        else:
            logger.warning(
                "%s: all refused, by halves now to find for which: %s",
                fold_hosts(hosts),
                refusal.text,
            )
            failures = {}
            parts = [hosts[: len(hosts) // 2], hosts[len(hosts) // 2 :]]
        others = await together(self._deploy(part) for part in parts)
        return merged([Outcome(failures=failures), *others])

    def _culprits(self, hosts: Hosts, outcome: Outcome) -> list[Host]:
        if len(hosts) == 1:
            return list(hosts)
        return [host for host in hosts if outcome.failures[host].kind is FailureKind.REFUSED]
