import asyncio
import logging

import pytest

from execo._engine.clock import ManualClock
from execo_g5k.errors import FrontendUnreachable
from execo_g5k.jobs import Ended, JobState, NotFound, Started, TimedOut
from execo_g5k.watch import JobWatcher, Watched
from tests.unit.execo_g5k.scripted import Answer, ScriptedFrontend, jobs, run

CUT = Answer(raises=FrontendUnreachable("nancy", "Connection to nancy closed by remote host."))


class Watch:
    """A watcher of a scripted frontend, on a clock driven by hand."""

    def __init__(self, *answers: Answer, has_answered: bool = False) -> None:
        self.clock = ManualClock()
        self.frontend = ScriptedFrontend().on("oarstat", then=list(answers))
        self.watcher = JobWatcher(
            self.frontend, self.clock, 20, 10, lambda call: call(), lambda: has_answered
        )
        self.predictions: list[float] = []

    def wait(self, job_id: int = 12, timeout: float | None = None) -> "asyncio.Task[Watched]":
        return asyncio.create_task(
            self.watcher.until_started(job_id, timeout, self.predictions.append)
        )


def test_a_running_job_is_started_at_the_first_poll() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={"state": "Running"}))
        outcome, info = await watch.wait()
        assert outcome
        assert isinstance(outcome, Started)
        assert info is not None
        assert watch.watcher.num_calls == 1
        assert watch.clock.monotonic() == 0

    run(scenario())


def test_all_waits_of_a_frontend_share_one_oarstat_a_poll() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(**{f"j{n}": {"state": "Running"} for n in range(1, 101)}))
        waits = [watch.wait(n) for n in range(1, 101)]
        for wait in waits:
            assert (await wait).outcome
        assert watch.watcher.num_calls == 1
        assert watch.frontend.calls[0].count("-j") == 100

    run(scenario())


def test_a_twelve_hour_wait_polls_at_most_every_polling_interval() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={}))
        wait = watch.wait(timeout=12 * 3600)
        await watch.clock.advance(12 * 3600 - 1)
        assert not wait.done()
        await watch.clock.advance(2)
        assert isinstance((await wait).outcome, TimedOut)
        assert 2160 <= watch.watcher.num_calls <= 2170

    run(scenario())


def test_the_poll_after_a_predicted_start_is_at_that_start() -> None:
    async def scenario() -> None:
        watch = Watch()
        start = watch.clock.time() + 47
        watch.frontend.on(
            "oarstat",
            then=lambda _argv: jobs(
                j12={
                    "state": "Waiting" if watch.clock.time() < start else "Running",
                    "scheduledStart": start,
                }
            ),
        )
        watch.frontend.scripts.pop(0)
        wait = watch.wait()
        await watch.clock.advance(46.9)
        assert not wait.done()
        await watch.clock.advance(0.2)
        assert (await wait).outcome

    run(scenario())


def test_polls_are_close_when_the_predicted_start_is_past() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={"scheduledStart": 1}))
        wait = watch.wait()
        await watch.clock.advance(100)
        before = watch.watcher.num_calls
        await watch.clock.advance(100)
        assert watch.watcher.num_calls - before == 10
        wait.cancel()

    run(scenario())


def test_prediction_callback_is_called_at_each_change_and_may_fail(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        soon, later = {"scheduledStart": 1_800_000_000}, {"scheduledStart": 1_800_000_600}
        watch = Watch(
            jobs(j12=soon), jobs(j12=soon), jobs(j12=later), jobs(j12={"state": "Running"})
        )
        seen: list[float] = []

        def failing(date: float) -> None:
            seen.append(date)
            raise ZeroDivisionError

        wait = asyncio.create_task(watch.watcher.until_started(12, None, failing))
        await watch.clock.advance(60)
        assert (await wait).outcome
        assert seen == [1_800_000_000, 1_800_000_600]

    with caplog.at_level(logging.ERROR, "execo"):
        run(scenario())
    assert "prediction callback of job 12" in caplog.text


def test_waiting_for_an_unknown_job_says_not_found_after_two_polls() -> None:
    async def scenario() -> None:
        watch = Watch(jobs())
        wait = watch.wait(99999)
        await watch.clock.advance(5)
        assert isinstance((await wait).outcome, NotFound)
        assert watch.watcher.num_calls == 2

    run(scenario())


def test_a_job_missing_from_one_poll_only_is_still_waited_for() -> None:
    async def scenario() -> None:
        running = jobs(j12={"state": "Running"})
        watch = Watch(jobs(), jobs(j12={}), jobs(), jobs(j12={}), running)
        wait = watch.wait()
        await watch.clock.advance(60)
        assert (await wait).outcome

    run(scenario())


@pytest.mark.parametrize("state", ["Terminated", "Error"])
def test_a_job_that_ended_says_in_which_state(state: str) -> None:
    async def scenario() -> None:
        outcome, _ = await Watch(jobs(j12={"state": state})).wait()
        assert not outcome
        assert isinstance(outcome, Ended)
        assert outcome.state is JobState(state)

    run(scenario())


@pytest.mark.parametrize("state", ["Hold", "toLaunch", "Launching", "toError", "toAckReservation"])
def test_a_state_that_is_no_end_is_waited_through(state: str) -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={"state": state}), jobs(j12={"state": "Running"}))
        wait = watch.wait()
        await watch.clock.advance(2)
        assert (await wait).outcome

    run(scenario())


def test_a_job_that_oar_submits_again_names_the_new_one() -> None:
    async def scenario() -> None:
        event = {
            "type": "RESUBMIT_JOB_AUTOMATICALLY",
            "description": "[NodeChangeState] Resubmitting job 57 => 58) (due to event CPUSET_ERROR"
            " & job is neither a reservation nor an interactive job)",
            "date": 1,
        }
        outcome, _ = await Watch(jobs(j57={"state": "Error", "events": [event]})).wait(57)
        assert "58" in repr(outcome)

    run(scenario())


def test_a_wait_with_timeout_zero_polls_once() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={}))
        assert isinstance((await watch.wait(timeout=0)).outcome, TimedOut)
        assert watch.watcher.num_calls == 1

    run(scenario())


def test_the_timeout_of_a_wait_holds_when_the_frontend_hangs() -> None:
    async def scenario() -> None:
        watch = Watch(Answer(hangs=True))
        wait = watch.wait(timeout=30)
        await watch.clock.advance(36)
        assert isinstance((await wait).outcome, TimedOut)

    run(scenario())


def test_a_frontend_that_stops_answering_is_waited_for_and_logged_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={}), *[CUT] * 12, jobs(j12={"state": "Running"}))
        wait = watch.wait()
        await watch.clock.advance(400)
        assert (await wait).outcome

    with caplog.at_level(logging.WARNING, "execo"):
        run(scenario())
    assert 2 <= len(caplog.records) <= 4
    assert "no news of jobs 12 of nancy" in caplog.text


def test_a_frontend_that_no_one_can_reach_is_an_error_at_once() -> None:
    async def scenario() -> None:
        error = FrontendUnreachable("x", "ssh: Could not resolve hostname x: Name not known")
        with pytest.raises(FrontendUnreachable):
            await Watch(Answer(raises=error)).wait()

    run(scenario())


def test_an_oarstat_that_fails_is_not_taken_for_an_unknown_job() -> None:
    async def scenario() -> None:
        down = Answer("", 25, "DB connection error, exiting.")
        wrong = Answer("", 0, "DBD::Pg::st execute failed: ERROR")
        watch = Watch(down, wrong, down, wrong, jobs(j12={"state": "Running"}))
        wait = watch.wait()
        await watch.clock.advance(60)
        assert (await wait).outcome

    run(scenario())


def test_a_wait_that_joins_is_polled_for_at_once_and_polls_end_with_the_last_wait() -> None:
    async def scenario() -> None:
        watch = Watch(
            jobs(j12={}), jobs(j12={}, j13={"state": "Running"}), jobs(j12={"state": "Running"})
        )
        first = watch.wait(12)
        await watch.clock.advance(0.5)
        assert (await watch.wait(13)).outcome
        assert watch.watcher.num_calls == 2
        await watch.clock.advance(30)
        assert (await first).outcome
        assert watch.watcher.idle
        calls = watch.watcher.num_calls
        await watch.clock.advance(1000)
        assert watch.watcher.num_calls == calls

    run(scenario())


def test_a_cancelled_wait_leaves_the_others_alone() -> None:
    async def scenario() -> None:
        watch = Watch(jobs(j12={}, j13={}), jobs(j13={"state": "Running"}))
        gone, stays = watch.wait(12), watch.wait(13)
        await watch.clock.advance(0.5)
        gone.cancel()
        await watch.clock.advance(30)
        assert gone.cancelled()
        assert (await stays).outcome
        assert watch.frontend.calls[-1][-2:] == ("-j", "13")

    run(scenario())


def test_a_frontend_that_has_answered_others_is_waited_for() -> None:
    refused = "ssh: connect to host nancy port 22: Connection refused"
    down = Answer(raises=FrontendUnreachable("nancy", refused))

    async def scenario() -> None:
        unknown = Watch(down)
        with pytest.raises(FrontendUnreachable):
            await unknown.wait()
        known = Watch(down, jobs(j12={"state": "Running"}), has_answered=True)
        waiting = known.wait()
        while not waiting.done():
            await known.clock.advance(30)
        assert (await waiting).outcome

    run(scenario())
