import asyncio
import logging

import pytest

from execo.errors import TimedOut
from execo_g5k import follow, network
from execo_g5k.config import g5k_configuration
from execo_g5k.errors import CommandFailed, FrontendUnreachable, JobEnded, JobNotFound
from tests.unit.execo_g5k.scripted import Answer, jobs, run, world

CUT = Answer(raises=FrontendUnreachable("nancy", "ssh: connect to host nancy port 22: no"))
NODES = ["grisou-10.nancy.grid5000.fr", "grisou-2.nancy.grid5000.fr"]
RUNNING = {"state": "Running", "startTime": 1000, "assigned_network_address": NODES}


def test_current_jobs_come_site_by_site_in_the_order_of_their_ids() -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarstat", "-u", then=jobs(j12={}, j3=RUNNING))
        grid["lyon"].on("oarstat", "-u", then=jobs(j7={}))
        assert run(follow.get_current_oar_jobs(["lyon", "nancy"])) == [
            (7, "lyon"),
            (3, "nancy"),
            (12, "nancy"),
        ]
        assert run(follow.get_current_oar_jobs("lyon")) == [(7, "lyon")]
        assert run(follow.get_current_oar_jobs()) == [(3, None), (12, None)]


def test_no_current_job_is_an_empty_list() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=Answer())
        assert run(follow.get_current_oar_jobs()) == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, [1, 2, 3]),
        ((900, 1100), None, [1]),
        ((None, 1100), None, [1]),
        ((1100, None), None, [2]),
        ((None, None), None, [1, 2]),
        (None, (1500, 1700), [1]),
        (None, (2600, None), [2]),
    ],
)
def test_ranges_of_dates_choose_jobs_and_leave_out_those_without_a_date(
    start: tuple[float | None, float | None] | None,
    end: tuple[float | None, float | None] | None,
    expected: list[int],
) -> None:
    with world() as grid:
        grid["nancy"].on(
            "oarstat",
            then=jobs(
                j1={**RUNNING, "walltime": 600},
                j2={"scheduledStart": 2000, "walltime": 600},
                j3={"walltime": 600},
            ),
        )
        found = run(follow.get_current_oar_jobs(None, start, end))
        assert [job_id for job_id, _ in found] == expected


def test_a_site_without_an_answer_is_logged_or_raises(caplog: pytest.LogCaptureFixture) -> None:
    with world("nancy", "lyon") as grid, caplog.at_level(logging.WARNING, "execo"):
        grid["nancy"].on("oarstat", then=CUT)
        grid["lyon"].on("oarstat", then=jobs(j7={}))
        assert run(follow.get_current_oar_jobs(["nancy", "lyon"])) == [(7, "lyon")]
        assert "nancy" in caplog.text
        with pytest.raises(FrontendUnreachable):
            run(follow.get_current_oar_jobs(["nancy", "lyon"], abort_on_error=True))


def test_info_of_an_unknown_job_is_an_error() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=Answer())
        with pytest.raises(JobNotFound):
            run(follow.get_oar_job_info(99999, "nancy"))


def test_info_of_a_job_has_the_keys_of_execo() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12={**RUNNING, "walltime": 600}))
        info = run(follow.get_oar_job_info(12, "nancy"))
        assert info["start_date"] == 1000
        assert info["walltime"] == 600
        assert info["hosts"] == NODES
        assert grid["nancy"].calls == [("oarstat", "-J", "-f", "-j", "12")]


def test_the_job_of_the_environment_is_the_default_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12=RUNNING))
        monkeypatch.setenv("OAR_JOB_ID", "12")
        assert run(follow.get_oar_job_info())["state"] == "Running"
        monkeypatch.delenv("OAR_JOB_ID")
        with pytest.raises(ValueError, match="OAR_JOB_ID"):
            run(follow.get_oar_job_info())


@pytest.mark.parametrize(
    ("job_id", "error"), [((12, "nancy"), TypeError), ("abc", ValueError), (True, TypeError)]
)
def test_what_is_no_job_id_is_refused(job_id: object, error: type[Exception]) -> None:
    with world(), pytest.raises(error, match="oar_job_id"):
        run(follow.wait_oar_job_start(job_id, "nancy"))  # type: ignore[arg-type]


def test_nodes_are_those_of_the_started_job_sorted_naturally_and_once() -> None:
    async def scenario() -> None:
        with world() as grid:
            started = {**RUNNING, "assigned_network_address": [*NODES, NODES[0], ""]}
            grid["nancy"].on("oarstat", then=[jobs(j12={}), jobs(j12=started)])
            task = asyncio.create_task(follow.get_oar_job_nodes(12, "nancy"))
            hosts = await grid.spend(task)
            assert [host.address for host in hosts] == [NODES[1], NODES[0]]

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "error"),
    [(jobs(), JobNotFound), (jobs(j12={"state": "Error"}), JobEnded), (jobs(j12={}), TimedOut)],
)
def test_nodes_that_will_not_come_are_an_error(answer: Answer, error: type[Exception]) -> None:
    async def scenario() -> None:
        with world() as grid:
            grid["nancy"].on("oarstat", then=answer)
            task = asyncio.create_task(follow.get_oar_job_nodes(12, "nancy", timeout=30))
            with pytest.raises(error):
                await grid.spend(task)

    run(scenario())


def test_a_timeout_of_false_is_one_that_is_not_given() -> None:
    async def scenario() -> None:
        g5k_configuration["default_timeout"] = 1
        with world() as grid:
            grid["nancy"].on("oarstat", then=jobs(j12={}))
            task = asyncio.create_task(follow.wait_oar_job_start(12, "nancy", timeout=False))
            await grid.clock.advance(1000)
            assert not task.done()
            task.cancel()

    run(scenario())


def test_waits_of_several_calls_for_a_site_share_a_poller() -> None:
    async def scenario() -> None:
        with world() as grid:
            grid["nancy"].on("oarstat", then=jobs(j12=RUNNING, j13=RUNNING))
            waits = [follow.wait_oar_job_start(job, "nancy") for job in (12, 13)]
            assert all(await asyncio.gather(*waits))
            assert len(grid["nancy"].calls) == 1

    run(scenario())


def test_an_interrupted_wait_says_which_job_is_left(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        with world() as grid:
            grid["nancy"].on("oarstat", then=jobs(j12={}))
            task = asyncio.create_task(follow.wait_oar_job_start(12, "nancy"))
            await grid.clock.advance(1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with caplog.at_level(logging.WARNING, "execo"):
        run(scenario())
    assert "job left: nancy:12" in caplog.text
    assert "oardel([(12, 'nancy')])" in caplog.text


def test_subnets_are_addresses_and_what_to_configure() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12=RUNNING))
        fields = [
            "10.158.0.0/22",
            "10.159.255.255",
            "255.252.0.0",
            "10.159.255.254",
            "10.156.0.0",
            "dns.nancy.grid5000.fr",
            "131.254.203.235",
        ]
        grid["nancy"].on("-im", then=Answer("10.158.0.1\t00:16:3e:9e:00:01\n"))
        grid["nancy"].on("-a", then=Answer("\t".join(fields) + "\n" + "\t".join(fields) + "\n"))
        addresses, subnet = run(network.get_oar_job_subnets(12, "nancy"))
        assert addresses == [("10.158.0.1", "00:16:3e:9e:00:01")]
        assert list(subnet.values()) == fields
        assert subnet["ip_prefix"] == "10.158.0.0/22"
        assert subnet["dns_ip"] == "131.254.203.235"


@pytest.mark.parametrize(
    ("answer", "vlans"),
    [
        (Answer("4\n"), [4]),
        (Answer("4\r\n16\r\n"), [4, 16]),
        (Answer("no vlan found\n", 1), []),
        (Answer("", 1, "Can't find VLAN from OAR properties of job 12, abort"), []),
    ],
)
def test_vlans_of_a_job(answer: Answer, vlans: list[int]) -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12=RUNNING)).on("kavlan", then=answer)
        assert run(network.get_oar_job_kavlan(12, "nancy")) == vlans


def test_a_missing_kavlan_command_is_an_error_not_an_absence_of_vlans() -> None:
    with world() as grid:
        missing = Answer("", 127, "bash: line 1: kavlan: command not found")
        grid["nancy"].on("oarstat", then=jobs(j12=RUNNING)).on("kavlan", then=missing)
        with pytest.raises(CommandFailed):
            run(network.get_oar_job_kavlan(12, "nancy"))
