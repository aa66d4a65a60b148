"""Grid jobs on a frontend that has the commands of OARGrid: recorded answers, a fake frontend."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from execo.errors import TimedOut
from execo_g5k.config import g5k_configuration
from execo_g5k.errors import CommandFailed, FrontendUnreachable, GridJobNotFound, JobEnded
from execo_g5k.gridjobs import flows
from execo_g5k.jobs import Ended, NotFound
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.oargrid_transcripts import grid_transcript
from tests.unit.execo_g5k.scripted import Answer, ScriptedFrontend, World, jobs, run, world

SPECS = [
    (OarSubmission("/nodes=2"), "nancy"),
    (OarSubmission("/nodes=1", job_type="deploy"), "lyon"),
]
CUT = Answer(raises=FrontendUnreachable("nancy", "Connection to nancy closed by remote host."))
NO_ROUTE = Answer(raises=FrontendUnreachable("nancy", "ssh: connect to host nancy port 22: no"))
LATE = Answer(raises=TimedOut("no answer in time"))
DETECTED = ("sh", "-c", "command -v oargridsub")
KEY = "/tmp/oargrid/oargrid_ssh_key_games_2"
NODES = ["graphene-1.nancy.grid5000.fr", "graphene-2.nancy.grid5000.fr"]


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("OAR_JOB_KEY_FILE", raising=False)
    monkeypatch.setitem(g5k_configuration, "oar_job_key_file", None)


def recorded(name: str) -> Answer:
    transcript = grid_transcript(name)
    return Answer(transcript.stdout, transcript.exit_code, transcript.stderr)


@pytest.fixture
def grid() -> Iterator[World]:
    with world("nancy", "lyon") as found:
        found["nancy"].on("sh", then=Answer("/usr/bin/oargridsub\n"))
        yield found


def mark_of(frontend: ScriptedFrontend) -> str:
    [argv] = frontend.called("oargridsub")
    return argv[-1].partition(":name=")[2].partition(",")[0]


def listed(grid_job_id: int, mark: str) -> str:
    """What oargridstat prints of the grid job with a mark, among others."""
    text = grid_transcript("20").stdout
    line = "cmd : -w 1:00:00 nancy:rdef=/nodes=2"
    assert line in text
    return text.replace(line, f"{line}:name={mark}").replace("# 2:", f"# {grid_job_id}:")


# --- submission


def test_the_frontend_that_has_oargridsub_runs_it(grid: World) -> None:
    nancy = grid["nancy"].on("oargridsub", then=recorded("02"))
    assert run(flows.oargridsub(SPECS, walltime="0:30:0")) == (2, KEY)
    [argv] = nancy.called("oargridsub")
    assert argv[1:3] == ("-w", "0:30:00")
    assert argv[3].replace(mark_of(nancy), "M") == (
        "nancy:rdef=/nodes=2:name=M,lyon:rdef=/nodes=1:type=deploy"
    )
    assert grid["lyon"].calls == []
    assert not nancy.called("oarsub")


def test_the_frontend_is_asked_once_whether_it_has_oargridsub(grid: World) -> None:
    grid["nancy"].on("oargridsub", then=recorded("02"))
    run(flows.oargridsub(SPECS))
    run(flows.oargridsub(SPECS))
    assert grid["nancy"].calls.count(DETECTED) == 1


def test_the_key_of_the_environment_is_passed(grid: World, monkeypatch: pytest.MonkeyPatch) -> None:
    nancy = grid["nancy"].on("oargridsub", then=recorded("02"))
    monkeypatch.setenv("OAR_JOB_KEY_FILE", "/home/alice/env_key")
    assert run(flows.oargridsub(SPECS)) == (2, "/home/alice/env_key")
    monkeypatch.setitem(g5k_configuration, "oar_job_key_file", "~/conf_key")
    assert run(flows.oargridsub(SPECS)) == (2, "~/conf_key")
    first, second = nancy.called("oargridsub")
    assert first[first.index("-i") + 1] == "/home/alice/env_key"
    assert second[second.index("-i") + 1] == "conf_key"


@pytest.mark.parametrize("name", ["03", "04", "05", "06", "07", "08", "14"])
def test_a_refusal_is_none_and_its_words(
    grid: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    nancy = grid["nancy"].on("oargridsub", then=recorded(name))
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert "no grid job from `oargridsub" in caplog.text
    assert not nancy.called("oargridstat")


@pytest.mark.parametrize("name", ["10", "11"])
def test_a_site_that_may_keep_a_job_is_named(
    grid: World, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oargridsub", then=recorded(name))
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert "nancy: oargridsub did not understand its answer: a job may be left" in caplog.text


def test_what_cannot_be_said_is_refused_before_anything_is_submitted(grid: World) -> None:
    bad = [(OarSubmission(sql_properties="cluster in ('a','b')"), "nancy")]
    with pytest.raises(ValueError, match=r"job_specs\[0\]: sql_properties"):
        run(flows.oargridsub(bad))
    assert not grid["nancy"].called("oargridsub")


def test_no_submission_at_all_is_none(grid: World, caplog: pytest.LogCaptureFixture) -> None:
    assert run(flows.oargridsub([])) == (None, None)
    assert "job_specs is empty" in caplog.text
    assert grid["nancy"].calls == []


def test_an_unreachable_frontend_is_none() -> None:
    with world("nancy") as grid:
        grid["nancy"].on("sh", then=NO_ROUTE)
        assert run(flows.oargridsub(SPECS[:1])) == (None, None)
        assert grid["nancy"].calls == [DETECTED]


# --- submissions cut short


def marked(nancy: ScriptedFrontend, then: str = "") -> None:
    """Let oargridstat list, from its second call on, the grid job that was submitted."""

    def reply(argv: object) -> Answer:
        first = len(nancy.called("oargridstat")) == 1
        return Answer(then) if first else Answer(listed(2, mark_of(nancy)))

    nancy.on("oargridstat", "-k", "2", then=recorded("42"))
    nancy.on("oargridstat", then=reply)


def test_a_grid_job_whose_answer_was_lost_is_found(grid: World) -> None:
    async def scenario() -> None:
        nancy = grid["nancy"].on("oargridsub", then=CUT)
        marked(nancy)
        task = asyncio.create_task(flows.oargridsub(SPECS))
        key = "/tmp/oargrid/oargrid_ssh_key_retrieved_games_2"
        assert await grid.spend(task) == (2, key)
        assert not nancy.called("oargriddel")

    run(scenario())


def test_39_an_id_that_is_missing_though_exit_0_is_looked_for(grid: World) -> None:
    async def scenario() -> None:
        nancy = grid["nancy"].on("oargridsub", then=Answer("nancy:rdef=/nodes=1\n"))
        marked(nancy)
        assert (await grid.spend(asyncio.create_task(flows.oargridsub(SPECS))))[0] == 2

    run(scenario())


def test_a_grid_job_made_after_the_timeout_is_deleted(grid: World) -> None:
    async def scenario() -> None:
        nancy = grid["nancy"].on("oargridsub", then=LATE).on("oargriddel", then=recorded("50"))
        marked(nancy)
        assert await grid.spend(asyncio.create_task(flows.oargridsub(SPECS))) == (None, None)
        assert nancy.called("oargriddel") == [("oargriddel", "2")]

    run(scenario())


def test_an_interrupted_submission_is_found_and_deleted_though_interrupted_twice(
    grid: World,
) -> None:
    async def scenario() -> None:
        nancy = grid["nancy"].on("oargridsub", then=Answer(hangs=True))
        nancy.on("oargriddel", then=recorded("50"))
        marked(nancy)
        task = asyncio.create_task(flows.oargridsub(SPECS))
        await grid.clock.advance(1)
        task.cancel()
        await grid.clock.advance(0.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await grid.spend(task)
        assert nancy.called("oargriddel") == [("oargriddel", "2")]

    run(scenario())


def test_a_submission_that_cannot_be_found_is_told_with_its_mark(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        nancy = grid["nancy"].on("oargridsub", then=CUT).on("oargridstat", then=recorded("20"))
        assert await grid.spend(asyncio.create_task(flows.oargridsub(SPECS))) == (None, None)
        assert f"the one with {mark_of(nancy)} in `oargridstat`" in caplog.text
        assert len(nancy.called("oargridstat")) > 3

    run(scenario())


def test_nothing_is_looked_for_when_the_frontend_was_not_reached(grid: World) -> None:
    grid["nancy"].on("oargridsub", then=NO_ROUTE)
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert not grid["nancy"].called("oargridstat")


# --- information


def test_information_has_the_keys_of_execo(grid: World) -> None:
    grid["nancy"].on("oargridstat", then=recorded("21"))
    info = run(flows.get_oargrid_job_info(2))
    assert info["start_date"] == 1795387568
    assert info["walltime"] == info["duration"] == 3600
    assert info["user"] == "games"
    assert info["jobs"] == [(1091123, "lyon"), (1091124, "nancy")]
    assert grid["nancy"].calls == [("oargridstat", "2")]


def test_39_an_unknown_id_is_an_error_though_exit_0(grid: World) -> None:
    grid["nancy"].on("oargridstat", then=recorded("22"))
    for flow in (flows.get_oargrid_job_info, flows.get_oargrid_job_oar_jobs):
        with pytest.raises(GridJobNotFound, match="999 is unknown"):
            run(flow(999))
    outcome = run(flows.wait_oargrid_job_start(999))
    assert isinstance(outcome, NotFound)
    assert not outcome


def test_an_error_of_oargridstat_is_no_unknown_id(grid: World) -> None:
    grid["nancy"].on("oargridstat", then=Answer("", 25, "DBI connect failed"))
    with pytest.raises(CommandFailed, match="DBI"):
        run(flows.get_oargrid_job_info(2))


def test_an_id_of_oargrid_is_unknown_where_there_is_none(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oargridstat", then=Answer("", 127, "oargridstat: command not found"))
    with pytest.raises(GridJobNotFound, match="no oargridstat on nancy to ask") as raised:
        run(flows.get_oargrid_job_info("2"))
    assert raised.value.frontend == "nancy"
    assert "nancy: there is no oargridstat: oargridstat: command not found" in caplog.text


def test_a_wait_without_time_is_over_at_once(grid: World) -> None:
    def silent(_argv):
        raise TimedOut("oargridstat on nancy: no answer in time")

    grid["nancy"].on("oargridstat", then=silent)
    outcome = run(flows.wait_oargrid_job_start(2, timeout=0))
    assert type(outcome).__name__ == "TimedOut"
    assert not outcome


def test_35_the_jobs_of_a_cluster_are_those_of_its_site(grid: World) -> None:
    text = grid_transcript("21").stdout.replace("nancy -->", "graphene -->")
    grid["nancy"].on("--list_aliases", then=recorded("43"))
    grid["nancy"].on("oargridstat", then=Answer(text))
    assert run(flows.get_oargrid_job_oar_jobs(2)) == [(1091123, "lyon"), (1091124, "nancy")]


def test_35_an_alias_that_nobody_knows_stays(grid: World) -> None:
    text = grid_transcript("21").stdout.replace("nancy -->", "mars -->")
    grid["nancy"].on("--list_aliases", then=Answer("", 25, "no"))
    grid["nancy"].on("oargridstat", then=Answer(text))
    assert run(flows.get_oargrid_job_oar_jobs(2)) == [(1091123, "lyon"), (1091124, "mars")]


def test_the_key_is_the_restored_one_or_where_oargridsub_left_it(grid: World) -> None:
    old = Answer("", 1, "Unknown option: k")
    grid["nancy"].on("oargridstat", "-k", then=[recorded("42"), old])
    grid["nancy"].on("oargridstat", then=recorded("21"))
    key = "/tmp/oargrid/oargrid_ssh_key_retrieved_games_2"
    assert run(flows.get_oargrid_job_key(2)) == key
    assert run(flows.get_oargrid_job_key(2)) == KEY


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [2, 3, 4, 5]),
        ((1795387569, None), None, [3, 4, 5]),
        ((None, 1795387571), None, [2, 3]),
        (None, (None, 1795387577 + 600), [5]),
    ],
)
def test_current_grid_jobs_are_chosen_by_their_dates(
    grid: World,
    start: tuple[float | None, float | None] | None,
    end: tuple[float | None, float | None] | None,
    expected: list[int],
) -> None:
    grid["nancy"].on("oargridstat", then=recorded("20"))
    assert run(flows.get_current_oargrid_jobs(start, end)) == expected


def test_38_the_timeout_of_current_grid_jobs_is_no_connexion_param(grid: World) -> None:
    grid["nancy"].on("oargridstat", then=recorded("20"))
    assert run(flows.get_current_oargrid_jobs(timeout=30)) == [2, 3, 4, 5]


# --- waits and nodes


def running(job_id: int, *hosts: str, state: str = "Running") -> Answer:
    return jobs(**{f"j{job_id}": {"state": state, "assigned_network_address": list(hosts)}})


def test_37_nodes_come_when_all_jobs_run_once_and_sorted(grid: World) -> None:
    async def scenario() -> None:
        nancy, lyon = grid["nancy"], grid["lyon"]
        nancy.on("oargridstat", "-l", then=recorded("30")).on("oargridstat", then=recorded("21"))
        nancy.on("oarstat", then=running(1091124, *NODES))
        lyon.on("oarstat", then=[jobs(j1091123={}), running(1091123, "sagittaire-7")])
        task = asyncio.create_task(flows.get_oargrid_job_nodes(2))
        hosts = await grid.spend(task)
        assert [host.address for host in hosts] == [*NODES, "sagittaire-7.lyon.grid5000.fr"]

    run(scenario())


def test_a_job_that_ended_ends_the_wait_and_is_named(grid: World) -> None:
    grid["nancy"].on("oargridstat", then=recorded("21")).on("oarstat", then=jobs(j1091124={}))
    grid["lyon"].on("oarstat", then=running(1091123, state="Terminated"))
    outcome = run(flows.wait_oargrid_job_start(2))
    assert isinstance(outcome, Ended)
    assert outcome.message == "job 1091123 of lyon"
    assert not outcome


def test_36_nodes_of_a_finished_grid_job_are_those_that_it_had(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oargridstat", "-l", then=recorded("30"))
    grid["nancy"].on("oargridstat", then=recorded("21"))
    grid["nancy"].on("oarstat", then=running(1091124, *NODES))
    grid["lyon"].on("oarstat", then=running(1091123, state="Terminated"))
    assert len(run(flows.get_oargrid_job_nodes(2))) == 3
    assert "grid job 2: job 1091123 of lyon has ended" in caplog.text


def test_36_a_grid_job_that_ended_without_nodes_is_an_error(grid: World) -> None:
    grid["nancy"].on("oargridstat", "-l", then=recorded("35"))
    grid["nancy"].on("oargridstat", then=recorded("21"))
    grid["nancy"].on("oarstat", then=running(1091124, state="Error"))
    grid["lyon"].on("oarstat", then=jobs(j1091123={}))
    with pytest.raises(JobEnded, match="1091124"):
        run(flows.get_oargrid_job_nodes(2))


def test_a_wait_ends_at_its_timeout(grid: World) -> None:
    async def scenario() -> None:
        grid["nancy"].on("oargridstat", then=recorded("21"))
        grid["nancy"].on("oarstat", then=running(1091124, *NODES))
        grid["lyon"].on("oarstat", then=jobs(j1091123={}))
        task = asyncio.create_task(flows.wait_oargrid_job_start(2, timeout=30))
        outcome = await grid.spend(task)
        assert not outcome
        assert not isinstance(outcome, Ended)
        with pytest.raises(TimedOut):
            await grid.spend(asyncio.create_task(flows.get_oargrid_job_nodes(2, timeout=30)))

    run(scenario())


def test_the_first_to_start_may_end_before_the_last_starts(grid: World) -> None:
    async def scenario() -> None:
        ended = running(1091124, state="Terminated")
        grid["nancy"].on("oargridstat", then=recorded("21"))
        grid["nancy"].on("oarstat", then=[running(1091124), ended])
        waiting = jobs(j1091123={})
        grid["lyon"].on("oarstat", then=[waiting, waiting, running(1091123)])
        outcome = await grid.spend(asyncio.create_task(flows.wait_oargrid_job_start(2)))
        assert isinstance(outcome, Ended)
        assert outcome.message == "job 1091124 of nancy"

    run(scenario())


def test_an_interrupted_wait_names_the_grid_job(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        grid["nancy"].on("oargridstat", then=recorded("21")).on("oarstat", then=jobs(j1091124={}))
        grid["lyon"].on("oarstat", then=jobs(j1091123={}))
        task = asyncio.create_task(flows.wait_oargrid_job_start(2))
        await grid.clock.advance(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(scenario())
    assert "oargriddel([2])" in caplog.text


# --- deletion


def test_each_grid_job_is_deleted_by_a_command_of_its_own(grid: World) -> None:
    nancy = grid["nancy"].on("oargriddel", then=recorded("50"))
    run(flows.oargriddel([2, "3", None, 2]))
    assert sorted(nancy.calls) == [("oargriddel", "2"), ("oargriddel", "3")]
    run(flows.oargriddel(4))
    run(flows.oargriddel(None))
    assert len(nancy.calls) == 3


def test_unknown_and_ended_grid_jobs_are_ignored(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oargriddel", "999", then=recorded("52"))
    grid["nancy"].on("oargriddel", then=recorded("50"))
    with caplog.at_level(logging.WARNING, "execo"):
        run(flows.oargriddel([999, 2]))
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (recorded("51"), "lyon: job 1091121 of grid job 2 may be left: oargriddel: ERROR 256"),
        (CUT, "grid job 2 may be left"),
        (Answer("[OAR_GRIDDEL] not the owner of n\udcb02\n"), "not the owner of n°2"),
    ],
)
def test_what_may_be_left_is_told(
    grid: World, answer: Answer, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oargriddel", then=answer)
    run(flows.oargriddel([2]))
    assert words in caplog.text


def test_a_wrong_id_is_named_before_anything_is_deleted(grid: World) -> None:
    with pytest.raises(TypeError, match=r"job_ids\[1\].*first item"):
        run(flows.oargriddel([2, (3, KEY)]))  # type: ignore[list-item]
    assert grid["nancy"].calls == []
