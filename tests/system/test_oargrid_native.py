"""Grid jobs without OARGrid, on the sandbox: two sites, real ssh, oarsub and oarsh."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import Remote, SshProcess
from execo_g5k import (
    GridJobNotFound,
    OarSubmission,
    default_oarsh_oarcp_params,
    g5k_configuration,
    get_current_oar_jobs,
    get_current_oargrid_jobs,
    get_oar_job_info,
    get_oargrid_job_info,
    get_oargrid_job_key,
    get_oargrid_job_nodes,
    get_oargrid_job_oar_jobs,
    oardel,
    oargriddel,
    oargridsub,
    wait_oargrid_job_start,
)
from tests.system.helpers import until

SPECS = [
    (OarSubmission(resources="/nodes=2"), "nancy"),
    (OarSubmission("/nodes=1", job_type="allow_classic_ssh"), "lyon"),
]
SITES = ["nancy", "lyon"]


@pytest.fixture(autouse=True)
def state(sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "state"
    monkeypatch.setenv("EXECO_G5K_STATE_DIRECTORY", str(directory))
    g5k_configuration["state_directory"] = str(directory)
    return directory / "oargrid"


def live_jobs(sandbox):
    """Return the jobs that OAR has, whatever the library thinks."""
    final = ("Terminated", "Error")
    return [
        (site, job["job_id"])
        for site in SITES
        for job in sandbox.jobs(site)
        if job["state"] not in final
    ]


def in_another_process(source):
    done = subprocess.run(
        [sys.executable, "-c", f"from execo_g5k import *\n{source}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_script_reserves_waits_uses_its_nodes_and_deletes(sandbox):
    (gridjob, key) = oargridsub(SPECS, walltime="0:30:0")
    assert gridjob
    assert wait_oargrid_job_start(gridjob, timeout=60)
    nodes = get_oargrid_job_nodes(gridjob)
    assert [node.address.split("-")[0] for node in nodes] == ["grisou", "grisou", "nova"]
    params = {**default_oarsh_oarcp_params, "keyfile": key}
    remote = Remote("hostname", nodes, connexion_params=params).run(timeout=60)
    assert [p.stdout.strip() for p in remote.processes] == [
        node.address.split(".")[0] for node in nodes
    ]
    jobs = get_oargrid_job_oar_jobs(gridjob)
    assert [site for _, site in jobs] == SITES
    info = get_oargrid_job_info(gridjob)
    assert info["walltime"] == info["duration"] == 1800
    assert info["user"] == sandbox.user
    starts = [get_oar_job_info(*job)["start_date"] for job in jobs]
    assert info["start_date"] == max(starts)
    assert get_oar_job_info(*jobs[1])["types"] == ["allow_classic_ssh"]
    assert get_current_oargrid_jobs() == [gridjob]
    oargriddel([gridjob])
    until(lambda: not live_jobs(sandbox), 20)
    assert get_current_oargrid_jobs() == []
    assert get_oargrid_job_info(gridjob)["walltime"] == 1800


def test_the_parts_start_at_the_same_time(sandbox):
    gridjob, _ = oargridsub(SPECS, walltime="0:10:0")
    assert wait_oargrid_job_start(gridjob, timeout=60)
    starts = [get_oar_job_info(*job)["start_date"] for job in get_oargrid_job_oar_jobs(gridjob)]
    assert max(starts) - min(starts) <= 3


def test_another_process_finds_the_grid_job_by_its_id(sandbox):
    gridjob, key = oargridsub(SPECS, walltime="0:10:0")
    assert in_another_process("print(get_current_oargrid_jobs())") == f"[{gridjob}]"
    assert in_another_process(f"print(get_oargrid_job_key({gridjob}))") == str(key)
    source = f"print(len(get_oargrid_job_nodes({gridjob}))); oargriddel({gridjob})"
    assert in_another_process(source) == "3"
    until(lambda: not live_jobs(sandbox), 20)


def test_a_site_that_refuses_leaves_nothing_on_the_other(sandbox, caplog):
    specs = [SPECS[0], (OarSubmission("/nodes=200"), "lyon")]
    assert oargridsub(specs, walltime="0:10:0") == (None, None)
    assert "not enough resources" in caplog.text
    until(lambda: not live_jobs(sandbox), 20)
    assert get_current_oargrid_jobs() == []


def test_a_site_that_is_busy_refuses(sandbox):
    first, _ = oargridsub([(OarSubmission("/nodes=4"), "nancy")], walltime="0:10:0")
    assert wait_oargrid_job_start(first, timeout=60)
    assert oargridsub(SPECS, walltime="0:10:0") == (None, None)
    until(lambda: len(live_jobs(sandbox)) == 1, 20)
    assert get_current_oargrid_jobs() == [first]


def test_a_frontend_that_is_down_lets_nothing_be_submitted(sandbox, caplog, state):
    sandbox.faults.refuse("lyon")
    before = sandbox.jobs("nancy")
    assert oargridsub(SPECS, walltime="0:10:0") == (None, None)
    assert "Connection refused" in caplog.text
    assert sandbox.jobs("nancy") == before
    assert not list(state.glob("*.json"))


def test_a_frontend_that_fails_at_the_submission_leaves_nothing_on_the_other(sandbox):
    sandbox.faults.hang("lyon")
    date = sandbox.now() + 3600
    assert oargridsub(SPECS, date, walltime="0:10:0", timeout=5) == (None, None)
    sandbox.faults.mend("lyon")
    until(lambda: not live_jobs(sandbox), 30)


def test_without_a_configured_key_the_grid_job_has_its_own(sandbox, monkeypatch, state):
    monkeypatch.delenv("OAR_JOB_KEY_FILE")
    gridjob, key = oargridsub(SPECS, walltime="0:10:0")
    assert Path(key).parent == state
    assert Path(key).stat().st_mode & 0o777 == 0o600
    assert get_oargrid_job_key(gridjob) == key
    nodes = get_oargrid_job_nodes(gridjob)
    params = {**default_oarsh_oarcp_params, "keyfile": key}
    assert Remote("true", nodes, connexion_params=params).run(timeout=60).ok
    for site in SITES:
        assert "oargrid_" not in SshProcess("ls .ssh", site).run(timeout=30).stdout
    oargriddel([gridjob])
    until(lambda: get_current_oargrid_jobs() == [], 20)
    assert not Path(key).exists()


def test_a_process_that_is_killed_while_it_submits_loses_nothing(sandbox, caplog):
    sandbox.faults.hang("lyon")
    source = (
        "from execo_g5k import *\n"
        "specs = [(OarSubmission('/nodes=1'), site) for site in ('nancy', 'lyon')]\n"
        "oargridsub(specs, '2037-01-01 10:00:00', walltime='0:10:0')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", source])
    until(lambda: live_jobs(sandbox), 30)
    process.kill()
    process.wait()
    sandbox.faults.mend("lyon")
    [gridjob] = get_current_oargrid_jobs()
    assert "its submission was cut" in caplog.text
    assert f"oargriddel([{gridjob}])" in caplog.text
    oargriddel([gridjob])
    until(lambda: not live_jobs(sandbox), 30)


def test_a_part_that_ends_ends_the_wait_and_is_named(sandbox):
    gridjob, _ = oargridsub(SPECS, sandbox.now() + 3600, walltime="0:10:0")
    lyon = get_oargrid_job_oar_jobs(gridjob)[1]
    oardel([lyon])
    outcome = wait_oargrid_job_start(gridjob, timeout=60)
    assert not outcome
    assert f"job {lyon[0]} of lyon" in outcome.message
    assert len(get_current_oar_jobs(SITES)) == 1
    oargriddel([gridjob])


def test_an_unknown_grid_job_is_told(sandbox):
    unknown = 10**12
    assert not wait_oargrid_job_start(unknown)
    with pytest.raises(GridJobNotFound, match=str(unknown)):
        get_oargrid_job_info(unknown)
    oargriddel([unknown, None])
