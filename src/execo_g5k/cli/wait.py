"""`execo-g5k wait`."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from execo.errors import Error
from execo.times import format_date, format_seconds
from execo_g5k.aio import wait_oar_job_start
from execo_g5k.cli._args import jobs_argument, timeout_option, told
from execo_g5k.cli._out import console, is_terminal, json_option, quiet_library, say, show_json
from execo_g5k.jobs import Ended, JobRef, NotFound, Started, TimedOut

_TIME_IS_OVER = 3
_A_LOOK = 0.5
"""Seconds between two pictures of what is waited for."""

_WORDS = {Started: "runs", NotFound: "is not known", TimedOut: "has not started in time"}


@dataclass
class _Wait:
    job: JobRef
    predicted: float | None = None
    """Unix timestamp."""
    outcome: Any = None
    failure: str | None = None
    """Why the wait itself failed."""

    def words(self, now: float) -> str:
        """Say how it is."""
        if self.failure is not None:
            return f"can't be waited for: {self.failure}"
        if isinstance(self.outcome, Ended):
            return f"has ended: {self.outcome.state.value}"
        if self.outcome is not None:
            return _WORDS[type(self.outcome)]
        if self.predicted is None:
            return "waits"
        left = self.predicted - now
        when = f"in {format_seconds(left)}" if left >= 1 else "now"
        return f"starts {when} ({format_date(self.predicted)})"


@click.command()
@jobs_argument
@timeout_option
@json_option
@quiet_library
def wait(jobs: tuple[JobRef, ...], timeout: float | None, as_json: bool) -> int:
    """Wait until all JOBS (SITE:ID) run.

    The exit code is 0 when all run, 3 when the time is over before, 1 when a job ended, failed or
    is not known.

    \b
    In Python:
      started = wait_oar_job_start(1234, "nancy", timeout=3600)
      if not started:
          print(started)    # Ended(...), NotFound(...) or TimedOut()
    """
    waits = [_Wait(job) for job in jobs]
    with _shown(waits, live=is_terminal() and not as_json) as changed:
        asyncio.run(_all(waits, timeout, changed))
    if as_json:
        show_json([_document(one) for one in waits])
    outcomes = [one.outcome for one in waits]
    if all(outcomes):
        return 0
    late = any(isinstance(outcome, TimedOut) for outcome in outcomes)
    others = any(isinstance(outcome, Ended | NotFound | None) for outcome in outcomes)
    return _TIME_IS_OVER if late and not others else 1


async def _all(
    waits: list[_Wait], timeout: float | None, changed: Callable[[_Wait], object]
) -> None:
    await asyncio.gather(*(_one(one, timeout, changed) for one in waits))


async def _one(one: _Wait, timeout: float | None, changed: Callable[[_Wait], object]) -> None:
    def predict(date: float) -> None:
        one.predicted = date
        changed(one)

    try:
        one.outcome = await wait_oar_job_start(
            *one.job, timeout=timeout, prediction_callback=predict
        )
    except Error as error:
        # the others are waited for
        one.failure = str(error)
    changed(one)


@contextlib.contextmanager
def _shown(waits: list[_Wait], *, live: bool) -> Iterator[Callable[[_Wait], object]]:
    """Show waits while they go on; give what is to be called at each change."""
    if not live:
        yield lambda one: say(f"{told(one.job)} {one.words(time.time())}")
        return
    from rich.live import Live

    picture = Live(
        get_renderable=lambda: _picture(waits), console=console(err=True),
        refresh_per_second=1 / _A_LOOK,
    )  # fmt: skip
    with picture:
        yield lambda one: None


def _picture(waits: list[_Wait]) -> str:
    now = time.time()
    return "\n".join(f"{told(one.job)} {one.words(now)}" for one in waits)


def _document(one: _Wait) -> dict[str, Any]:
    ended = isinstance(one.outcome, Ended)
    return {
        "site": one.job.frontend,
        "job_id": one.job.job_id,
        "outcome": None if one.outcome is None else type(one.outcome).__name__,
        "state": one.outcome.state.value if ended else None,
        "predicted_start": one.predicted,
        "error": one.failure,
    }
