"""Grid jobs without OARGrid: oarsub on each of several fake frontends."""

import asyncio
import errno
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from execo.errors import ConfigError, TimedOut
from execo.times import Deadline
from execo_g5k.config import g5k_configuration
from execo_g5k.dates import format_oar_date
from execo_g5k.errors import FrontendUnreachable, GridJobNotFound, GridJobNotRecorded
from execo_g5k.grid import Grid, using
from execo_g5k.gridjobs import flows
from execo_g5k.gridjobs.record import FIRST_NATIVE_ID
from execo_g5k.gridjobs.request import grid_request
from execo_g5k.gridjobs.sites import SiteGridJobs
from execo_g5k.gridjobs.store import GridStore
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.scripted import (
    Answer,
    ScriptedFrontend,
    World,
    jobs,
    refused,
    run,
    submitted,
    world,
)

SPECS = [(OarSubmission("/nodes=2"), "nancy"), (OarSubmission("/nodes=1"), "lyon")]
NOW = 1_700_000_100
CUT = Answer(raises=FrontendUnreachable("lyon", "Connection to lyon closed by remote host."))
NO_ROUTE = Answer(raises=FrontendUnreachable("lyon", "ssh: connect to host lyon port 22: no"))
LATE = Answer(raises=TimedOut("no answer in time"))
KEY = "/home/alice/key"
RUNNING = {"state": "Running", "startTime": 1000}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("OAR_JOB_KEY_FILE", KEY)
    monkeypatch.setitem(g5k_configuration, "oar_job_key_file", None)
    return tmp_path / "execo-g5k" / "oargrid"


@pytest.fixture
def grid() -> Iterator[World]:
    with world("nancy", "lyon") as found:
        for frontend in found.frontends.values():
            frontend.on("sh", "command -v oargridsub", then=Answer("", 127))
            frontend.on("date", then=Answer(f"{NOW}\n"))
            frontend.on("oardel", then=Answer())
        yield found


def accept(grid: World, nancy: int = 5, lyon: int = 7) -> None:
    grid["nancy"].on("oarsub", then=submitted(nancy))
    grid["lyon"].on("oarsub", then=submitted(lyon))


def obtained(*arguments: Any, **named: Any) -> int:
    """Submit a grid job that is obtained; return its id."""
    grid_job_id, _ = run(flows.oargridsub(*arguments, **named))
    assert grid_job_id is not None
    return grid_job_id


def value(argv: Sequence[str], option: str) -> str:
    return argv[argv.index(option) + 1]


def marks_of(argv: Sequence[str]) -> list[str]:
    at = [index for index, word in enumerate(argv) if word == "--checkpoint"]
    return [argv[index + 1] for index in at if argv[index + 1] != "0"]


def has(frontend: ScriptedFrontend, **by_id: dict[str, object]) -> None:
    frontend.on("oarstat", then=jobs(**by_id))


# --- submission


def test_each_site_gets_its_oarsub_for_a_common_date(grid: World) -> None:
    accept(grid)
    grid["lyon"].scripts.insert(0, (("date",), [Answer(f"banner\n{NOW + 2}\n")]))
    grid_job_id, key = run(flows.oargridsub(SPECS, walltime="0:30:0", job_type="deploy"))
    assert grid_job_id is not None
    assert grid_job_id >= FIRST_NATIVE_ID
    assert key == KEY
    [nancy], [lyon] = (grid[site].called("oarsub") for site in ("nancy", "lyon"))
    assert value(nancy, "-l") == "/nodes=2,walltime=0:30:00"
    assert value(lyon, "-t") == "deploy"
    assert value(nancy, "-i") == value(lyon, "-i") == KEY
    # a few seconds after the clock that is ahead
    assert value(nancy, "-r") == value(lyon, "-r") == format_oar_date(NOW + 2 + 5)
    assert run(flows.get_oargrid_job_oar_jobs(grid_job_id)) == [(5, "nancy"), (7, "lyon")]
    assert run(flows.get_oargrid_job_key(str(grid_job_id))) == KEY


def test_a_site_that_answers_too_late_for_the_date_is_asked_for_a_later_one(grid: World) -> None:
    late = refused("Reservation too old")
    grid["nancy"].on("oarsub", then=[submitted(4), submitted(5)])
    grid["nancy"].on("oardel", then=Answer("Deleting the job = 4 ...REGISTERED.\n"))
    grid["lyon"].on("oarsub", then=[late, submitted(7)])
    grid_job_id = obtained(SPECS)
    assert run(flows.get_oargrid_job_oar_jobs(grid_job_id)) == [(5, "nancy"), (7, "lyon")]
    [deleted] = grid["nancy"].called("oardel")
    assert "4" in deleted
    for site in ("nancy", "lyon"):
        dates = [value(argv, "-r") for argv in grid[site].called("oarsub")]
        assert dates == [format_oar_date(NOW + 5), format_oar_date(NOW + 30)]


def test_a_date_that_is_given_is_that_of_all(grid: World) -> None:
    accept(grid)
    run(flows.oargridsub(SPECS, NOW + 7200))
    assert value(grid["lyon"].called("oarsub")[0], "-r") == format_oar_date(NOW + 7200)
    assert not grid["nancy"].called("date")


def test_a_single_part_waits_for_its_turn(grid: World) -> None:
    accept(grid)
    run(flows.oargridsub(SPECS[:1]))
    [argv] = grid["nancy"].called("oarsub")
    assert "-r" not in argv


def test_the_default_site_is_recorded_by_its_name(grid: World) -> None:
    accept(grid)
    grid_job_id = obtained([(SPECS[0][0], None)])
    assert run(flows.get_oargrid_job_oar_jobs(grid_job_id)) == [(5, "nancy")]


def test_clocks_that_differ_are_told(grid: World, caplog: pytest.LogCaptureFixture) -> None:
    accept(grid)
    grid["lyon"].scripts.insert(0, (("date",), [Answer(f"{NOW + 600}\n")]))
    assert run(flows.oargridsub(SPECS))[0]
    assert f"nancy {NOW}, lyon {NOW + 600}" in caplog.text


@pytest.mark.parametrize("answer", [NO_ROUTE, LATE, Answer("no date\n"), Answer("", 127)])
def test_a_site_that_does_not_tell_its_date_lets_nothing_be_submitted(
    grid: World, answer: Answer, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    accept(grid)
    grid["lyon"].scripts.insert(0, (("date",), [answer]))
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert "nothing was submitted" in caplog.text
    assert not grid["nancy"].called("oarsub")
    assert os.listdir(state) == []


def test_a_site_that_refuses_leaves_nothing_on_the_others(
    grid: World, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grid["nancy"].on("oarsub", then=submitted(5))
    grid["lyon"].on("oarsub", then=refused())
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert grid["nancy"].called("oardel") == [("oardel", "5")]
    assert "what was obtained is deleted: [(5, 'nancy')]" in caplog.text


def test_sites_that_all_refuse_leave_no_record(grid: World, state: Path) -> None:
    for site in ("nancy", "lyon"):
        grid[site].on("oarsub", then=refused())
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert os.listdir(state) == []


def test_what_was_obtained_is_kept_when_that_was_asked_for(grid: World) -> None:
    grid["nancy"].on("oarsub", then=submitted(5))
    grid["lyon"].on("oarsub", then=refused())
    grid_job_id = obtained(SPECS, additional_options="-F")
    assert run(flows.get_oargrid_job_oar_jobs(grid_job_id)) == [(5, "nancy")]
    assert not grid["nancy"].called("oardel")


def test_a_wrong_option_is_told_before_anything_is_submitted(grid: World, state: Path) -> None:
    with pytest.raises(ValueError, match="there is no oargridsub here"):
        run(flows.oargridsub(SPECS, additional_options="--project x"))
    assert not grid["nancy"].called("oarsub")
    assert not state.exists()


def test_without_a_default_frontend_the_first_site_is_asked() -> None:
    frontend = ScriptedFrontend("lyon").on("sh", then=Answer("", 1)).on("oarsub", then=submitted(7))

    def frontends(site: str | None, _params: object) -> ScriptedFrontend:
        if site is None:
            raise ConfigError("default_frontend", "test", "none")
        return frontend

    with using(Grid(frontends)):
        grid_job_id = obtained(SPECS[1:])
        frontend.on("oarstat", then=jobs(j7=RUNNING))
        assert run(flows.get_current_oargrid_jobs()) == [grid_job_id]


# --- keys


def test_without_a_configured_key_one_is_made_and_brought_to_each_site(
    grid: World, monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    monkeypatch.delenv("OAR_JOB_KEY_FILE")
    accept(grid)
    for site in ("nancy", "lyon"):
        grid[site].on("sh", then=Answer())
    grid_job_id, key = run(flows.oargridsub(SPECS))
    assert key == str(state / f"{grid_job_id}.key")
    assert Path(key).read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert Path(key).stat().st_mode & 0o777 == 0o600
    for site in ("nancy", "lyon"):
        calls = grid[site].calls
        [argv] = grid[site].called("oarsub")
        assert value(argv, "-i") == f".ssh/oargrid_{grid_job_id}"
        put, removed = (
            next(i for i, call in enumerate(calls) if word in " ".join(call))
            for word in ("cat >", "rm -f")
        )
        assert put < calls.index(argv) < removed
        assert "PRIVATE" not in str(calls)


def test_a_site_that_takes_no_key_lets_nothing_be_submitted(
    grid: World,
    monkeypatch: pytest.MonkeyPatch,
    state: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("OAR_JOB_KEY_FILE")
    accept(grid)
    grid["nancy"].on("sh", then=Answer())
    grid["lyon"].on("sh", then=Answer("", 1, "sh: 1: cannot create: Disk quota exceeded"))
    assert run(flows.oargridsub(SPECS)) == (None, None)
    assert "Disk quota exceeded" in caplog.text
    assert not grid["nancy"].called("oarsub")
    assert "rm -f" in str(grid["nancy"].calls[-1])
    assert os.listdir(state) == []


def test_without_ssh_keygen_the_jobs_have_no_common_key(
    grid: World,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("OAR_JOB_KEY_FILE")
    monkeypatch.setenv("PATH", str(tmp_path))
    accept(grid)
    grid_job_id, key = run(flows.oargridsub(SPECS))
    assert grid_job_id
    assert key is None
    assert "no ssh-keygen here" in caplog.text


# --- records


def test_a_directory_that_takes_no_record_is_told_before_anything_is_submitted(
    grid: World, state: Path
) -> None:
    accept(grid)
    state.parent.mkdir()
    state.write_text("")
    with pytest.raises(GridJobNotRecorded, match="nothing was submitted"):
        run(flows.oargridsub(SPECS))
    assert not grid["nancy"].called("oarsub")


def test_a_disk_that_fills_up_meanwhile_costs_the_jobs_and_names_them(
    grid: World, state: Path
) -> None:
    accept(grid)
    writes: list[int] = []

    def second_fails(file: int, content: bytes) -> int:
        writes.append(file)
        if len(writes) > 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.write(file, content)

    native = SiteGridJobs(grid.grid, None, GridStore(state, second_fails))
    request = grid_request(SPECS, key_file=KEY)
    with pytest.raises(GridJobNotRecorded, match=r"No space left.*\[\(5, 'nancy'\), \(7, 'lyon'\)"):
        run(native.submit(request, Deadline.of(60)))
    assert grid["nancy"].called("oardel") == [("oardel", "5")]
    assert grid["lyon"].called("oardel") == [("oardel", "7")]


def test_an_id_that_is_not_recorded_is_unknown(grid: World) -> None:
    with pytest.raises(GridJobNotFound, match="no record of it in"):
        run(flows.get_oargrid_job_info(10**12))
    assert not run(flows.wait_oargrid_job_start(10**12))
    run(flows.oargriddel([10**12]))
    assert not any(frontend.calls for frontend in grid.frontends.values())


@pytest.mark.parametrize("wrong", [1.5, "x", 0, [3, True]])
def test_what_is_no_grid_job_is_named(wrong):
    with pytest.raises((TypeError, ValueError), match=r"job_ids\[\d\]: .* is no id of a grid job"):
        run(flows.oargriddel(wrong))


# --- submissions cut short


async def interrupted(grid: World, state: Path) -> int:
    """Interrupt a submission when nancy has taken its part and lyon does not answer."""
    grid["nancy"].on("oarsub", then=submitted(5))
    grid["lyon"].on("oarsub", then=Answer(hangs=True)).on("oarstat", "--sql", then=jobs(j7={}))
    task = asyncio.create_task(flows.oargridsub(SPECS))
    await grid.clock.advance(1)
    [name] = os.listdir(state)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await grid.spend(task)
    return int(name.partition(".")[0])


def test_an_interrupted_submission_leaves_nothing(grid: World, state: Path) -> None:
    run(interrupted(grid, state))
    assert grid["nancy"].called("oardel") == [("oardel", "5")]
    assert grid["lyon"].called("oardel") == [("oardel", "7")]


def test_what_an_interrupted_submission_left_is_found_by_its_mark(
    grid: World, state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grid_job_id = run(interrupted(grid, state))
    for site in ("nancy", "lyon"):
        grid[site].scripts = [s for s in grid[site].scripts if "oarstat" not in s[0]]
    has(grid["nancy"])
    has(grid["lyon"], j7=RUNNING, j8={"state": "Error"})
    assert run(flows.get_current_oargrid_jobs()) == [grid_job_id]
    assert f"oargriddel([{grid_job_id}])" in caplog.text
    asked = grid["lyon"].called("oarstat")[0][-1]
    assert any(mark in asked for mark in marks_of(grid["lyon"].called("oarsub")[0]))
    grid["lyon"].calls.clear()
    run(flows.oargriddel(grid_job_id))
    assert grid["lyon"].called("oardel") == [("oardel", "7")]


def test_the_record_of_a_cut_submission_goes_away_when_it_is_old(grid: World, state: Path) -> None:
    async def scenario() -> None:
        await interrupted(grid, state)
        for site in ("nancy", "lyon"):
            grid[site].scripts = [s for s in grid[site].scripts if "oarstat" not in s[0]]
            has(grid[site])
        assert await flows.get_current_oargrid_jobs() == []
        assert len(os.listdir(state)) == 1
        await grid.clock.advance(700)
        assert await flows.get_current_oargrid_jobs() == []
        assert os.listdir(state) == []

    run(scenario())


def test_a_lost_answer_is_found_and_the_grid_job_is_whole(grid: World) -> None:
    async def scenario() -> None:
        grid["nancy"].on("oarsub", then=submitted(5))
        grid["lyon"].on("oarsub", then=CUT).on("oarstat", then=jobs(j31={}))
        grid_job_id, _ = await grid.spend(asyncio.create_task(flows.oargridsub(SPECS)))
        assert grid_job_id is not None
        parts = await flows.get_oargrid_job_oar_jobs(grid_job_id)
        assert parts == [(5, "nancy"), (31, "lyon")]

    run(scenario())


# --- afterwards


def test_current_grid_jobs_have_a_part_that_is_alive(grid: World, state: Path) -> None:
    accept(grid)
    first = obtained(SPECS)
    grid["nancy"].on("oarstat", then=[jobs(j5=RUNNING), jobs(j5={"state": "Terminated"}), CUT])
    grid["lyon"].on("oarstat", then=[jobs(j7={"state": "Error"}), jobs()])
    assert run(flows.get_current_oargrid_jobs()) == [first]
    assert run(flows.get_current_oargrid_jobs()) == []
    # it is over: nobody is asked again
    calls = len(grid["nancy"].calls)
    assert run(flows.get_current_oargrid_jobs()) == []
    assert len(grid["nancy"].calls) == calls


def test_a_site_without_an_answer_keeps_its_grid_jobs(
    grid: World, caplog: pytest.LogCaptureFixture
) -> None:
    accept(grid)
    first = obtained(SPECS)
    has(grid["nancy"], j5={"state": "Terminated"})
    grid["lyon"].on("oarstat", then=CUT)
    assert run(flows.get_current_oargrid_jobs()) == [first]
    assert "lyon: no news of its jobs" in caplog.text


@pytest.mark.parametrize(
    ("start", "end", "count"),
    [(None, None, 1), ((None, 2000), None, 1), ((2001, None), None, 0), (None, (5601, None), 0)],
)
def test_current_grid_jobs_are_chosen_by_the_date_when_all_parts_run(
    grid: World,
    start: tuple[int | None, int | None],
    end: tuple[int | None, int | None],
    count: int,
) -> None:
    accept(grid)
    run(flows.oargridsub(SPECS, walltime=3600))
    has(grid["nancy"], j5=RUNNING)
    has(grid["lyon"], j7={"scheduledStart": 2000})
    assert len(run(flows.get_current_oargrid_jobs(start, end))) == count


def test_information_is_what_was_asked_for_and_what_the_sites_know(grid: World) -> None:
    accept(grid)
    grid_job_id = obtained(SPECS, walltime=1800, directory="/exp")
    has(grid["nancy"], j5={**RUNNING, "owner": "bob"})
    grid["lyon"].on("oarstat", then=[jobs(j7={**RUNNING, "startTime": 1003}), CUT])
    info = run(flows.get_oargrid_job_info(grid_job_id))
    assert info["start_date"] == 1003
    assert info["walltime"] == info["duration"] == 1800
    assert info["directory"] == "/exp"
    assert info["jobs"] == [(5, "nancy"), (7, "lyon")]
    assert info["user"]
    without_lyon = run(flows.get_oargrid_job_info(grid_job_id))
    assert without_lyon["start_date"] == NOW + 5


def test_nodes_are_those_of_all_sites(grid: World) -> None:
    accept(grid)
    grid_job_id = obtained(SPECS)
    names = ["grisou-10.nancy.grid5000.fr", "grisou-2.nancy.grid5000.fr"]
    has(grid["nancy"], j5={**RUNNING, "assigned_network_address": [*names, names[0]]})
    has(grid["lyon"], j7={**RUNNING, "assigned_network_address": ["nova-1.lyon.grid5000.fr"]})
    assert [host.address for host in run(flows.get_oargrid_job_nodes(grid_job_id))] == [
        names[1],
        names[0],
        "nova-1.lyon.grid5000.fr",
    ]


def test_grid_jobs_of_both_kinds_are_told_apart_by_their_ids(grid: World) -> None:
    accept(grid)
    first = obtained(SPECS)
    grid["nancy"].on("oargriddel", then=Answer())
    run(flows.oargriddel([first, 12]))
    assert grid["nancy"].called("oargriddel") == [("oargriddel", "12")]
    assert grid["nancy"].called("oardel") == [("oardel", "5")]
