import asyncio
import logging
import os
from collections.abc import Sequence

import pytest

from execo.errors import TimedOut
from execo_g5k import reserve
from execo_g5k.config import g5k_configuration
from execo_g5k.errors import FrontendUnreachable, SubmissionRefused
from execo_g5k.reserve import NotAllSubmitted
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.scripted import Answer, jobs, refused, run, submitted, world

CUT = Answer(raises=FrontendUnreachable("nancy", "Connection to nancy closed by remote host."))
NO_ROUTE = Answer(raises=FrontendUnreachable("nancy", "ssh: connect to host nancy port 22: no"))
LATE = Answer(raises=TimedOut("no answer in time"))
JOB = OarSubmission("nodes=2", walltime=600, command="sleep 600")


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAR_JOB_KEY_FILE", raising=False)
    monkeypatch.setitem(g5k_configuration, "oar_job_key_file", None)


def mark_of(argv: Sequence[str]) -> str:
    return argv[argv.index("--checkpoint") + 1]


def test_jobs_come_back_in_the_order_given_from_any_iterable() -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarsub", then=[submitted(5), submitted(6)])
        grid["lyon"].on("oarsub", then=submitted(7))
        sites = ("nancy", "lyon", "nancy", None)
        result = run(reserve.oarsub((JOB, site) for site in sites[:3]))
        assert result == [(5, "nancy"), (7, "lyon"), (6, "nancy")]
        assert run(reserve.oarsub([(JOB, None)])) == [(6, None)]


def test_submissions_to_a_site_run_together_but_not_all_at_once() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5))
        assert len(run(reserve.oarsub([(JOB, "nancy")] * 40))) == 40
        assert 2 <= grid["nancy"].most_running <= 10


def test_a_refused_submission_is_none_and_logs_the_words_of_oar(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with world() as grid, caplog.at_level(logging.WARNING, "execo"):
        grid["nancy"].on("oarsub", then=[refused(), submitted(8)])
        assert run(reserve.oarsub([(JOB, "nancy"), (JOB, "nancy")])) == [
            (None, "nancy"),
            (8, "nancy"),
        ]
    assert "not enough resources" in caplog.text


def test_abort_on_error_lists_what_was_obtained_and_deletes_nothing() -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarsub", then=refused())
        grid["lyon"].on("oarsub", then=submitted(9))
        with pytest.raises(NotAllSubmitted, match="not enough resources") as caught:
            run(reserve.oarsub([(JOB, "nancy"), (JOB, "lyon")], abort_on_error=True))
        assert isinstance(caught.value, SubmissionRefused)
        assert caught.value.obtained == [(9, "lyon")]
        assert "(9, 'lyon')" in str(caught.value)
        assert not grid["lyon"].called("oardel")


def test_an_array_gives_its_first_job() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(46, 47, 48))
        assert run(reserve.oarsub([(JOB, "nancy")])) == [(46, "nancy")]


@pytest.mark.parametrize(
    ("job_specs", "error", "words"),
    [
        ((JOB, "nancy"), TypeError, r"list of pairs.*\[\(OarSubmission"),
        ([JOB], TypeError, r"job_specs\[0\]"),
        ([(JOB, "nancy"), "nancy"], TypeError, r"job_specs\[1\]"),
        ([(JOB, "nancy"), ("nodes=2", "nancy")], TypeError, r"job_specs\[1\]"),
        ([(JOB, "nancy"), (JOB, 12)], TypeError, r"job_specs\[1\]"),
        ([(JOB, "nancy", 3)], TypeError, r"job_specs\[0\]"),
        ("nancy", TypeError, "job_specs"),
    ],
)
def test_a_wrong_item_is_named_before_anything_is_submitted(
    job_specs: object, error: type[Exception], words: str
) -> None:
    with world() as grid:
        with pytest.raises(error, match=words):
            run(reserve.oarsub(job_specs))  # type: ignore[arg-type]
        assert not grid["nancy"].calls


def test_each_submission_has_its_own_mark_that_the_job_does_not_keep() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5))
        run(reserve.oarsub([(JOB, "nancy")] * 3))
        calls = grid["nancy"].called("oarsub")
        assert len({mark_of(argv) for argv in calls}) == 3
        assert all(argv[3:5] == ("--checkpoint", "0") for argv in calls)


def test_a_scanned_script_gets_no_mark() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5))
        script = OarSubmission("nodes=1", additional_options="-S", command="./s.sh")
        run(reserve.oarsub([(script, "nancy")]))
        assert "--checkpoint" not in grid["nancy"].calls[0]


def test_a_job_whose_answer_was_lost_is_found_by_its_mark() -> None:
    async def scenario() -> None:
        with world() as grid:
            nancy = grid["nancy"].on("oarsub", then=CUT)
            nancy.on("oarstat", then=[CUT, jobs(), jobs(j31={})])
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(31, "nancy")]
            condition = nancy.called("oarstat")[0][-1]
            assert mark_of(nancy.calls[0]) in condition

    run(scenario())


def test_a_reservation_whose_answer_was_lost_is_waited_for_until_oar_decided() -> None:
    async def scenario() -> None:
        with world() as grid:
            nancy = grid["nancy"].on("oarsub", then=CUT)
            undecided = jobs(j31={"state": "toAckReservation"})
            nancy.on("oarstat", then=[undecided, jobs(j31={"state": "Error"})])
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(None, "nancy")]

    run(scenario())


def test_a_lost_answer_that_cannot_be_looked_for_logs_site_mark_and_command(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> str:
        with world() as grid:
            nancy = grid["nancy"].on("oarsub", then=CUT).on("oarstat", then=CUT)
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(None, "nancy")]
            return mark_of(nancy.calls[0])

    with caplog.at_level(logging.WARNING, "execo"):
        mark = run(scenario())
    assert "nancy: a job may have been submitted" in caplog.text
    assert f"oarstat --sql 'initial_request LIKE '\"'\"'%{mark}%" in caplog.text


def test_nothing_is_looked_for_when_the_frontend_was_never_reached() -> None:
    with world() as grid:
        nancy = grid["nancy"].on("oarsub", then=NO_ROUTE)
        assert run(reserve.oarsub([(JOB, "nancy")])) == [(None, "nancy")]
        assert len(nancy.calls) == 1


def test_a_job_submitted_after_the_timeout_is_deleted() -> None:
    async def scenario() -> None:
        with world() as grid:
            nancy = grid["nancy"].on("oarsub", then=LATE).on("oardel", then=Answer())
            nancy.on("oarstat", then=[jobs(), jobs(j31={})])
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(None, "nancy")]
            assert nancy.called("oardel") == [("oardel", "31")]

    run(scenario())


def test_a_timeout_with_no_job_found_warns_that_one_may_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        with world() as grid:
            grid["nancy"].on("oarsub", then=LATE).on("oarstat", then=jobs())
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(None, "nancy")]

    with caplog.at_level(logging.WARNING, "execo"):
        run(scenario())
    assert "may be later" in caplog.text


def test_an_interrupted_call_deletes_what_it_obtained_and_what_it_was_submitting() -> None:
    async def scenario() -> None:
        with world("nancy", "lyon") as grid:
            grid["lyon"].on("oarsub", then=submitted(70)).on("oardel", then=Answer())
            nancy = grid["nancy"].on("oarsub", then=Answer(hangs=True))
            nancy.on("oarstat", then=jobs(j31={})).on("oardel", then=Answer())
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy"), (JOB, "lyon")]))
            await grid.clock.advance(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await grid.spend(task)
            assert nancy.called("oardel") == [("oardel", "31")]
            assert grid["lyon"].called("oardel") == [("oardel", "70")]

    run(scenario())


def test_a_second_interruption_does_not_stop_the_clean_up() -> None:
    async def scenario() -> None:
        with world() as grid:
            nancy = grid["nancy"].on("oarsub", then=Answer(hangs=True))
            nancy.on("oarstat", then=[jobs(), jobs(j31={})]).on("oardel", then=Answer())
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            await grid.clock.advance(1)
            task.cancel()
            await grid.clock.advance(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await grid.spend(task)
            assert nancy.called("oardel") == [("oardel", "31")]

    run(scenario())


def test_a_job_that_oar_says_killed_because_its_server_is_down_is_deleted() -> None:
    async def scenario() -> None:
        with world() as grid:
            down = "[ERROR] Cannot connect to executor nancy:6666. Job is killed.\n"
            nancy = grid["nancy"].on("oarsub", then=Answer("OAR_JOB_ID=63\n", 9, down))
            nancy.on("oarstat", then=jobs(j63={})).on("oardel", then=Answer("", 2, "no socket"))
            task = asyncio.create_task(reserve.oarsub([(JOB, "nancy")]))
            assert await grid.spend(task) == [(None, "nancy")]
            assert nancy.called("oardel") == [("oardel", "63")]

    run(scenario())


def test_a_refused_reservation_is_left_to_oar() -> None:
    with world() as grid:
        words = (
            "OAR_JOB_ID=37\nReservation mode: waiting validation...\n"
            "Reservation not valid --> KO (This reservation could run at 2026-11-23 03:09:21)\n"
        )
        nancy = grid["nancy"].on("oarsub", then=Answer(words, 10))
        assert run(reserve.oarsub([(JOB, "nancy")])) == [(None, "nancy")]
        assert len(nancy.calls) == 1


def test_the_configured_key_wins_over_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world() as grid:
        nancy = grid["nancy"].on("oarsub", then=submitted(5))
        monkeypatch.setitem(os.environ, "OAR_JOB_KEY_FILE", "/home/alice/env_key")
        run(reserve.oarsub([(JOB, "nancy")]))
        monkeypatch.setitem(g5k_configuration, "oar_job_key_file", "/home/alice/conf_key")
        run(reserve.oarsub([(JOB, "nancy")]))
        first, second = nancy.called("oarsub")
        assert first[first.index("-i") + 1] == "/home/alice/env_key"
        assert second[second.index("-i") + 1] == "/home/alice/conf_key"
        assert "-k" in first


def test_a_grid_job_has_all_its_parts_or_none() -> None:
    with world("nancy", "lyon") as grid:
        grid["lyon"].on("oarsub", then=[submitted(9), refused()])
        grid["nancy"].on("oarsub", then=submitted(5)).on("oardel", then=Answer())
        specs = [(JOB, "nancy"), (JOB, "lyon")]
        assert run(reserve.oarsubgrid(specs)) == [(5, "nancy"), (9, "lyon")]
        assert run(reserve.oarsubgrid(specs)) == []
        assert grid["nancy"].called("oardel") == [("oardel", "5")]


def test_a_grid_job_leaves_the_submissions_of_the_caller_as_they_are() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5))
        spec = OarSubmission("nodes=1", walltime=60, queue="default")
        run(reserve.oarsubgrid([(spec, "nancy")], walltime=7200, queue="testing"))
        assert spec == OarSubmission("nodes=1", walltime=60, queue="default")
