"""The OAR functions, as scripts on a laptop use them, on real OAR."""

import logging
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from execo import Host
from execo_g5k import (
    OarSubmission,
    get_current_oar_jobs,
    get_oar_job_info,
    get_oar_job_nodes,
    oardel,
    oarsub,
    oarsubgrid,
    wait_oar_job_start,
)
from execo_g5k.jobs import Ended, JobState, Started, TimedOut
from testbed import wait_until
from testbed.plan import nodes_of
from tests.grid.conftest import SshWrapper

SLEEP = OarSubmission("nodes=1", walltime=300, name="one")


def names(site, *indexes):
    return [nodes_of(site)[index].fqdn for index in indexes]


def test_jobs_of_two_sites_come_in_order_run_are_known_and_are_deleted(active):
    specs = [
        (SLEEP, "lyon"),
        (OarSubmission("{cluster='grisou'}/nodes=3", walltime="0:5:0"), "nancy"),
        (OarSubmission(["{cluster='taurus'}/nodes=1", "{cluster='nova'}/nodes=1"]), "lyon"),
    ]
    before = time.time()
    jobs = oarsub(specs)
    assert [site for _, site in jobs] == ["lyon", "nancy", "lyon"]
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(lambda job: wait_oar_job_start(*job, timeout=40), jobs))
        assert outcomes == [Started()] * 3
        hosts = list(pool.map(lambda job: get_oar_job_nodes(*job), jobs))
    assert [len(some) for some in hosts] == [1, 3, 2]
    assert all(isinstance(host, Host) for some in hosts for host in some)
    addresses = [host.address for host in hosts[1]]
    assert addresses == sorted(addresses)
    assert set(addresses) < set(names("nancy", 0, 1, 2, 3))
    assert [host.address.split("-")[0] for host in hosts[2]] == ["nova", "taurus"]

    info = get_oar_job_info(*jobs[0])
    assert info.state is JobState.RUNNING
    assert (info["name"], info["user"], info["queue"]) == ("one", "alice", "default")
    assert (info["walltime"], info["duration"]) == (300, 300)
    assert before - 2 <= info["submission_date"] <= info["start_date"] <= time.time() + 2
    assert info["hosts"] == [hosts[0][0].address]
    assert info["command"] == "sleep 31536000"

    assert get_current_oar_jobs(["nancy", "lyon"]) == [jobs[1], *sorted((jobs[0], jobs[2]))]
    oardel(jobs)
    assert wait_until(lambda: not active("nancy") + active("lyon"), 40, pause=0.2)
    assert get_current_oar_jobs(["nancy", "lyon"]) == []
    ended = wait_oar_job_start(*jobs[1])
    assert not ended
    assert ended == Ended(JobState.ERROR)
    oardel(jobs)


def test_a_job_behind_others_waits_tells_its_predicted_start_and_runs_when_they_are_gone():
    ((first, site),) = oarsub([(OarSubmission("nodes=4", walltime=600), "lyon")])
    assert wait_oar_job_start(first, site, timeout=40)
    start = get_oar_job_info(first, site)["start_date"]
    ((second, _),) = oarsub([(SLEEP, "lyon")])
    predicted: list[float] = []
    waited = wait_oar_job_start(second, site, timeout=3, prediction_callback=predicted.append)
    assert waited == TimedOut()
    assert wait_until(lambda: bool(predicted), 5)
    assert 595 <= predicted[-1] - start <= 660
    assert get_current_oar_jobs("lyon", start_between=(start + 300, None)) == [(second, "lyon")]
    assert get_current_oar_jobs("lyon", start_between=(None, start)) == [(first, "lyon")]
    assert get_current_oar_jobs("lyon", end_between=(start + 599, start + 601)) == [(first, "lyon")]
    oardel([(first, site)])
    assert wait_oar_job_start(second, site, timeout=40) == Started()


def test_every_field_of_a_submission_reaches_oar():
    submission = OarSubmission(
        "{cluster='grisou'}/nodes=1/core=2,walltime=0:7:0",
        job_type=["allow_classic_ssh", "exotic"],
        sql_properties="host != 'grisou-1.nancy.grid5000.fr' AND cputype LIKE '%Xeon%'",
        queue="production",
        directory="/tmp",
        project="project x",
        name='my "own" job',
        additional_options=["--stdout", "out of job", "--stderr", "/dev/null"],
        command="hostname; sleep 200",
    )
    ((job, site),) = oarsub([(submission, "nancy")])
    (node,) = get_oar_job_nodes(job, site, timeout=40)
    assert node.address in names("nancy", 1, 2, 3)
    info = get_oar_job_info(job, site)
    assert info["types"] == ["allow_classic_ssh", "exotic"]
    assert "host != 'grisou-1.nancy.grid5000.fr'" in info["properties"]
    assert (info["queue"], info["project"]) == ("production", "project x")
    assert info["name"] == 'my "own" job'
    assert (info["command"], info["walltime"]) == ("hostname; sleep 200", 420)
    assert (info["directory"], info["stdout_file"]) == ("/tmp", "out of job")
    assert len(info["resources"]) == 2


def test_a_reservation_is_accepted_and_starts_at_its_date():
    date = int(time.time()) + 600
    submission = OarSubmission("nodes=2", walltime=300, reservation_date=date)
    jobs = oarsub([(submission, "nancy"), (submission, "lyon")])
    for job in jobs:
        info = get_oar_job_info(*job)
        assert (info["start_date"], info["scheduled_start"]) == (date, date)
        assert wait_oar_job_start(*job, timeout=1) == TimedOut()
    assert get_current_oar_jobs(["lyon"], start_between=(date - 1, date + 1)) == [jobs[1]]
    assert get_current_oar_jobs(["lyon"], start_between=(date + 1, None)) == []
    assert get_current_oar_jobs(["lyon"], end_between=(None, date + 299)) == []


def test_an_array_gives_its_first_job_and_logs_the_others(caplog, active):
    caplog.set_level(logging.INFO, "execo")
    submission = OarSubmission("nodes=1", additional_options="--array 3 --hold")
    ((first, _),) = oarsub([(submission, "nancy")])
    assert active("nancy") == [first, first + 1, first + 2]
    assert f"submitted job {first}, {first + 1}, {first + 2}" in caplog.text


def test_oarsubgrid_gives_all_or_nothing(active):
    jobs = oarsubgrid([(SLEEP, "nancy"), (SLEEP, "lyon")], walltime=120)
    assert [site for _, site in jobs] == ["nancy", "lyon"]
    assert [get_oar_job_nodes(*job, timeout=40) != [] for job in jobs] == [True, True]
    assert get_oar_job_info(*jobs[0])["walltime"] == 120
    too_many = OarSubmission("nodes=99")
    assert oarsubgrid([(SLEEP, "nancy"), (too_many, "lyon"), (SLEEP, "lyon")]) == []
    own = {"nancy": [jobs[0][0]], "lyon": [jobs[1][0]]}
    for site, ids in own.items():
        assert wait_until(lambda site=site, ids=ids: active(site) == ids, 30, pause=0.2)


def test_ten_waits_on_a_site_cost_one_oarstat_a_round(tmp_path):
    # nobody can start: all poll until their time is over
    hold = OarSubmission("nodes=1", additional_options="--hold")
    jobs = oarsub([(hold, "nancy")] * 10)
    wrapper = SshWrapper(tmp_path)
    params = {"ssh": str(wrapper.path)}
    with ThreadPoolExecutor(10) as pool:
        waits = [pool.submit(wait_oar_job_start, job_id, site, params, 5) for job_id, site in jobs]
    assert [wait.result() for wait in waits] == [TimedOut()] * 10
    # a poll a second, some more when waits begin one after the other
    assert 3 <= wrapper.calls("oarstat") <= 9


def text(longest, without=""):
    # OAR's database is UTF-8: lone surrogates are no text for it
    alphabet = st.characters(exclude_characters="\0" + without, exclude_categories=("Cs",))
    return st.text(alphabet, min_size=1, max_size=longest).filter(str.strip)


# OAR 2.5.9 puts name and project as they are between ' ' in a request to its database
LABEL = text(100, without="'\\")
COMMAND = text(2000)


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    # an example costs seconds here: a failing one is shown as it is
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(jobs=st.lists(st.tuples(LABEL, LABEL, COMMAND), min_size=4, max_size=4))
def test_any_name_project_and_command_arrive_as_they_are(jobs):
    specs = [
        (OarSubmission(name=name, project=project, command=cmd, additional_options="--hold"), site)
        for (name, project, cmd), site in zip(jobs, ("nancy", "lyon") * 2, strict=True)
    ]
    submitted = oarsub(specs)
    with ThreadPoolExecutor() as pool:
        infos = list(pool.map(lambda job: get_oar_job_info(*job), submitted))
    assert [(info["name"], info["project"], info["command"]) for info in infos] == jobs
    oardel(submitted)


@pytest.mark.parametrize(
    "command",
    [
        "echo '$HOME' \"$HOME\" `id` $(id) | cat > /tmp/x; (true) && false || echo \\n # *",
        "line 1\nline 2\n\tline 3",
        "é à ü 漢字 😀",
        "-v --version",
        "~ %s {} [a-z]* !! ^ ; & < >",
    ],
)
def test_these_texts_arrive_as_they_are(command):
    name = command.replace("'", '"')
    submission = OarSubmission(name=name, command=command, additional_options="--hold")
    ((job, site),) = oarsub([(submission, "nancy")])
    info = get_oar_job_info(job, site)
    assert (info["name"], info["command"]) == (name, command)


def test_a_command_runs_as_the_shell_of_the_job_reads_it(laptop_ssh):
    command = "printf '%s|' \"$OAR_JOB_NAME\" 'a  b' $((6*7)) \"it's\" > ~/printed"
    ((job, site),) = oarsub([(OarSubmission(name="x y", command=command), "nancy")])
    assert wait_until(lambda: get_oar_job_info(job, site).state.final, 40, pause=0.5)
    assert laptop_ssh("nancy", "cat printed").stdout == "x y|a  b|42|it's|"
    info = get_oar_job_info(job, site)
    assert (info.state, info["exit_code"]) == (JobState.TERMINATED, 0)


def test_awaitable_twins_share_an_event_loop(tmp_path: Path):
    import asyncio

    from execo_g5k import aio

    async def both():
        jobs = await aio.oarsub([(SLEEP, "nancy"), (SLEEP, "lyon")])
        nodes = await asyncio.gather(*(aio.get_oar_job_nodes(*job, timeout=40) for job in jobs))
        await aio.oardel(jobs)
        return nodes

    found = asyncio.run(both())
    assert [len(nodes) for nodes in found] == [1, 1]
    assert re.fullmatch(r"grisou-\d\.nancy\.grid5000\.fr", found[0][0].address)
