"""Waiting for jobs to start: one poller a frontend, whatever the number of waits.

A poll is one `oarstat` for all the jobs waited for. The first is at once; then each wait asks for
the next one after 1, 2, 4... seconds up to the polling interval, at the start that OAR predicts,
and at its own deadline; the earliest wins. Near the predicted start, and past it, polls are at
most `tiny_polling_interval` apart. A job that two polls in a row do not know is unknown.
"""

import asyncio
import functools
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from execo._engine.clock import Clock
from execo._engine.dispatch import dispatch
from execo.errors import TimedOut as CallTimedOut
from execo.times import Deadline, format_date
from execo_g5k.errors import CommandFailed, FrontendUnreachable, UnparsableOutput
from execo_g5k.frontend import Frontend, may_have_run
from execo_g5k.jobs import Ended, JobInfo, JobState, NotFound, Started, TimedOut
from execo_g5k.query import fetch_jobs

logger = logging.getLogger("execo")

Outcome = Started | Ended | TimedOut | NotFound
"""What became of a wait; only Started is true."""

PredictionCallback = Callable[[float], object]
"""Takes a predicted start, as a unix timestamp."""

RunCallback = Callable[[Callable[[], object]], object]
"""Runs a call to a callback, some time."""

CALL_TIMEOUT = 60.0
"""Seconds that one poll may take: oarstat answers in less than one, or never."""

_FIRST_DELAY = 1.0
_MISSES_BEFORE_UNKNOWN = 2
_LAST_WORD = 5.0
"""Seconds past its deadline that a wait leaves to a poll that is under way."""

_COMPLAIN_EVERY = 60.0

_ABOUT_TO_CHANGE = frozenset(
    {JobState("toLaunch"), JobState("Launching"), JobState("toError"), JobState("Finishing")}
)


class Watched(NamedTuple):
    """The end of a wait, and the last that was heard of the job."""

    outcome: Outcome
    info: JobInfo | None


@dataclass(eq=False)
class _Wait:
    job_id: int
    limit: float | None
    callback: PredictionCallback | None
    done: "asyncio.Future[Outcome]"
    info: JobInfo | None = None
    prediction: float | None = None
    delay: float = _FIRST_DELAY
    misses: int = 0
    on_hold: bool = False


@dataclass
class _Silence:
    """How long a frontend has not answered, to complain about it now and then."""

    since: float
    complained: float = field(default=float("-inf"))


class JobWatcher:
    """The only poller of a frontend.

    `num_calls` counts its polls. Must be used in a single event loop. `run_callback` runs the
    calls to prediction callbacks, by default on the thread where users' handlers run.
    """

    def __init__(
        self,
        frontend: Frontend,
        clock: Clock,
        polling_interval: float,
        tiny_polling_interval: float,
        run_callback: RunCallback | None = None,
        has_answered: Callable[[], bool] = lambda: False,
    ) -> None:
        """`has_answered`: whether the frontend is known to have answered somebody else."""
        self.frontend = frontend
        self.num_calls = 0
        self._clock = clock
        self._interval = polling_interval
        self._tiny_interval = min(tiny_polling_interval, polling_interval)
        self._run_callback = run_callback or functools.partial(dispatch, self)
        self._waits: list[_Wait] = []
        self._news = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._answered = False
        self._has_answered = has_answered
        self._silence: _Silence | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing is waited for."""
        return not self._waits

    async def until_started(
        self,
        job_id: int,
        timeout: float | None = None,
        prediction_callback: PredictionCallback | None = None,
    ) -> Watched:
        """Wait until a job runs, or never will; at most `timeout` seconds (None: no limit).

        Raises FrontendUnreachable when the frontend never answered and, as it looks, never will
        (unknown name, refused key); any later failure of the frontend is waited out.
        """
        now = self._clock.monotonic()
        limit = None if timeout is None else now + timeout
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        wait = _Wait(job_id, limit, prediction_callback, done)
        wait.delay = min(_FIRST_DELAY, self._interval)
        self._waits.append(wait)
        self._news.set()
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll_while_waited_for())
        try:
            return Watched(await self._outcome(wait), wait.info)
        finally:
            self._forget(wait)
            # an answer that comes later is nobody's
            done.cancel()

    async def _outcome(self, wait: _Wait) -> Outcome:
        if wait.limit is None:
            return await wait.done
        spare = wait.limit - self._clock.monotonic() + _LAST_WORD
        late = asyncio.create_task(self._clock.sleep(spare))
        either: list[asyncio.Future[Any]] = [wait.done, late]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            late.cancel()
        return wait.done.result() if wait.done.done() else TimedOut()

    def _forget(self, wait: _Wait) -> None:
        if wait in self._waits:
            self._waits.remove(wait)
        if not self._waits:
            self._news.set()

    async def _poll_while_waited_for(self) -> None:
        while self._waits:
            self._news.clear()
            await self._poll()
            self._expire()
            if self._waits:
                await self._pause(self._until_next_poll())

    async def _pause(self, seconds: float) -> None:
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._clock.sleep(seconds)),
            asyncio.create_task(self._news.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    async def _poll(self) -> None:
        asked = list(self._waits)
        self.num_calls += 1
        job_ids = sorted({wait.job_id for wait in asked})
        try:
            infos = await fetch_jobs(self.frontend, job_ids, Deadline.of(CALL_TIMEOUT))
        except (FrontendUnreachable, CallTimedOut, CommandFailed, UnparsableOutput) as error:
            self._no_answer(error, asked)
            return
        except Exception as error:
            # a wait that nobody ends would hang its caller for ever
            self._give_up(error, asked)
            return
        self._answered = True
        if self._silence is not None:
            logger.info("%s answers again", self.frontend.name)
            self._silence = None
        for wait in asked:
            self._hear(wait, infos.get(wait.job_id))

    def _no_answer(self, error: Exception, asked: Sequence[_Wait]) -> None:
        now = self._clock.monotonic()
        never_will = isinstance(error, FrontendUnreachable) and not may_have_run(error)
        if never_will and not self._answered and not self._has_answered():
            self._give_up(error, asked)
            return
        if self._silence is None:
            self._silence = _Silence(since=now)
        if now - self._silence.complained >= _COMPLAIN_EVERY:
            self._silence.complained = now
            logger.warning(
                "no news of jobs %s of %s for %.0f s, still trying: %s",
                ", ".join(str(wait.job_id) for wait in asked),
                self.frontend.name,
                now - self._silence.since,
                error,
            )

    def _give_up(self, error: Exception, asked: Sequence[_Wait]) -> None:
        for wait in asked:
            if not wait.done.done():
                wait.done.set_exception(error)
            self._forget(wait)

    def _hear(self, wait: _Wait, info: JobInfo | None) -> None:
        if info is None:
            wait.misses += 1
            if wait.misses >= _MISSES_BEFORE_UNKNOWN:
                self._end(wait, NotFound(wait.job_id, self.frontend.name))
            return
        wait.misses = 0
        before, wait.info = wait.info, info
        state = JobState(info["state"])
        if state.final:
            self._end(wait, Ended(state, ended_message(wait.job_id, info)))
        elif state.running:
            self._end(wait, Started())
        else:
            if before is None or before["state"] != info["state"]:
                wait.delay = min(_FIRST_DELAY, self._interval)
            self._tell_hold(wait, state)
            self._tell_prediction(wait, info)

    def _tell_hold(self, wait: _Wait, state: JobState) -> None:
        on_hold = state is JobState("Hold")
        if on_hold and not wait.on_hold:
            logger.info(
                "job %s of %s is on hold: it waits until `oarresume %s`",
                wait.job_id,
                self.frontend.name,
                wait.job_id,
            )
        wait.on_hold = on_hold

    def _tell_prediction(self, wait: _Wait, info: JobInfo) -> None:
        predicted = info.get("scheduled_start")
        if predicted is None or predicted == wait.prediction:
            return
        wait.prediction = predicted
        logger.debug("job %s is predicted to start at %s", wait.job_id, format_date(predicted))
        callback = wait.callback
        if callback is None:
            return

        def call() -> None:
            try:
                callback(predicted)
            except Exception:
                logger.exception("error in the prediction callback of job %s", wait.job_id)

        self._run_callback(call)

    def _end(self, wait: _Wait, outcome: Outcome) -> None:
        if not wait.done.done():
            wait.done.set_result(outcome)
        self._forget(wait)

    def _expire(self) -> None:
        now = self._clock.monotonic()
        for wait in list(self._waits):
            if wait.limit is not None and wait.limit <= now:
                self._end(wait, TimedOut())

    def _until_next_poll(self) -> float:
        return max(0.0, min(self._next_delay(wait) for wait in self._waits))

    def _next_delay(self, wait: _Wait) -> float:
        delay = wait.delay
        wait.delay = min(delay * 2, self._interval)
        if wait.info is not None:
            if JobState(wait.info["state"]) in _ABOUT_TO_CHANGE:
                delay = min(delay, _FIRST_DELAY)
            predicted = wait.info.get("scheduled_start")
            if predicted is not None:
                ahead = predicted - self._clock.time()
                if ahead <= self._interval:
                    delay = min(delay, self._tiny_interval)
                if ahead > 0:
                    delay = min(delay, ahead)
        if wait.limit is not None:
            delay = min(delay, wait.limit - self._clock.monotonic())
        return delay


def ended_message(job_id: int, info: JobInfo) -> str | None:
    """Tell what OAR did about a job that ended, and why; None when it did nothing."""
    copy = copy_of(job_id, info)
    if copy is None:
        return None
    events = info.get("events") or ()
    said = [str(event.get("description", "")) for event in events]
    # OAR 2.5.9: [bipbip] OAR suspects nodes for the job 57 : grisou-4.nancy.grid5000.fr
    reasons = [words for words in said if "suspects nodes" in words]
    return "; ".join([*reasons[:1], f"OAR submitted it again as job {copy}"])


def copy_of(job_id: int, info: JobInfo) -> int | None:
    """Return the id of the copy that OAR submitted of a job whose nodes failed; None for none."""
    for event in info.get("events") or ():
        if event.get("type") == "RESUBMIT_JOB_AUTOMATICALLY":
            match = re.search(rf"{job_id}\s*=>\s*(\d+)", str(event.get("description", "")))
            if match:
                return int(match[1])
    return None
