"""Who gives the stream to whom. All methods run on the thread of the engine."""

import asyncio
import logging
from collections.abc import Sequence

from execo._chain.relay import Relay
from execo._chain.source import Source

logger = logging.getLogger("execo")


class Chain:
    """Relays in a row; hosts that are lost are gone around.

    It begins with the relays that are ready when all the others have failed, or none became ready
    for `patience` seconds. Those that come later make another chain. A relay that says nothing for
    `silence` seconds is lost.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        relays: Sequence[Relay],
        source: Source,
        *,
        patience: float,
        silence: float,
    ) -> None:
        self._loop = loop
        self._relays = list(relays)
        self._source = source
        self._patience = patience
        self._silence = silence
        self._starting: asyncio.TimerHandle | None = None
        self._watching: asyncio.TimerHandle | None = None

    # --- what relays tell

    def changed(self, relay: Relay) -> None:
        """Note that a relay lives."""
        relay.heard_at = self._loop.time()
        if not relay.linked:
            self._someone_is_ready()

    def _someone_is_ready(self) -> None:
        if self._watching is None:
            self._watching = self._loop.call_later(self._silence / 2, self._watch)
        if self._starting is not None:
            self._starting.cancel()
        self._starting = self._loop.call_later(self._patience, self._begin)
        self._begin_if_settled()

    def _begin_if_settled(self) -> None:
        if all(relay.ended or relay.port is not None for relay in self._relays):
            self._begin()

    def _begin(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        ready = [r for r in self._relays if r.port is not None and not r.linked and not r.ended]
        for relay in ready:
            relay.linked = True
        for before, after in zip(ready, ready[1:], strict=False):
            before.give_to(after)
        if ready:
            ready[-1].be_last()
            ready[0].feed(0)

    def lost(self, relay: Relay, offset: int) -> None:
        """Send the rest to a relay that gets nothing more."""
        if relay.fed:
            return
        before = relay.before.name if relay.before else "?"
        logger.info("%s gets nothing more from %s: this machine sends the rest", relay.name, before)
        relay.feed(offset)

    def next_lost(self, relay: Relay, reason: str) -> None:
        """Let the next relay know that it gets nothing more."""
        after = relay.next
        if after is not None and not after.fed and not after.ended:
            logger.info("%s can't give to %s: %s", relay.name, after.name, reason)
            after.leave()

    def ended(self, relay: Relay) -> None:
        """Go around a relay that has ended."""
        after = relay.next
        if relay.end is None and after is not None and not after.fed and not after.ended:
            after.leave()
        if all(other.ended for other in self._relays):
            for timer in (self._starting, self._watching):
                if timer is not None:
                    timer.cancel()
        elif relay.port is None:
            self._begin_if_settled()

    def _watch(self) -> None:
        now = self._loop.time()
        for relay in self._relays:
            silent = relay.port is not None and relay.got < self._source.size
            if silent and not relay.ended and now - relay.heard_at > self._silence:
                relay.give_up(f"says nothing for {self._silence:g} s")
                if relay.before is not None:
                    relay.before.drop()
        self._watching = self._loop.call_later(self._silence / 2, self._watch)
