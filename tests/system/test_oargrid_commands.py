"""Grid jobs by the commands of OARGrid, on a sandbox whose frontends have them."""

import inspect
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import Remote
from execo_g5k import (
    GridJobNotFound,
    OarSubmission,
    default_oarsh_oarcp_params,
    get_current_oargrid_jobs,
    get_oargrid_job_info,
    get_oargrid_job_key,
    get_oargrid_job_nodes,
    get_oargrid_job_oar_jobs,
    oargriddel,
    oargridsub,
    wait_oargrid_job_start,
)
from execo_g5k.sandbox import Sandbox
from tests.system.helpers import until

pytestmark = pytest.mark.skipif(
    "oargrid" not in inspect.signature(Sandbox).parameters,
    reason="this sandbox has no commands of OARGrid",
)
SPECS = [
    (OarSubmission("{cluster='grisou'}/nodes=2"), "nancy"),
    (OarSubmission("/nodes=1", job_type="allow_classic_ssh"), "lyon"),
]


@pytest.fixture(scope="module")
def sandbox_with_oargrid():
    grid = Sandbox({"nancy": {"grisou": 4}, "lyon": {"nova": 2}}, oargrid=True).start()
    yield grid
    grid.stop()


@pytest.fixture
def oargrid(sandbox_with_oargrid):
    with sandbox_with_oargrid.entered():
        yield sandbox_with_oargrid
    sandbox_with_oargrid.faults.mend_all()
    for site in sandbox_with_oargrid.sites:
        sandbox_with_oargrid.clear(site)


def live(oargrid, site):
    return [job for job in oargrid.jobs(site) if job["state"] not in ("Terminated", "Error")]


def test_a_script_reserves_waits_uses_its_nodes_and_deletes(oargrid):
    (gridjob, key) = oargridsub(SPECS, walltime="0:30:0")
    assert 0 < gridjob < 2**32
    assert wait_oargrid_job_start(gridjob, timeout=60)
    nodes = get_oargrid_job_nodes(gridjob)
    params = {**default_oarsh_oarcp_params, "keyfile": key}
    remote = Remote("hostname", nodes, connexion_params=params).run(timeout=60)
    names = [process.stdout.strip() for process in remote.processes]
    assert names == ["grisou-1", "grisou-2", "nova-1"]
    info = get_oargrid_job_info(gridjob)
    assert (info["walltime"], info["user"]) == (1800, oargrid.user)
    assert [site for _, site in get_oargrid_job_oar_jobs(gridjob)] == ["lyon", "nancy"]
    assert str(gridjob) in get_oargrid_job_key(gridjob)
    assert get_current_oargrid_jobs() == [gridjob]
    oargriddel([gridjob])
    until(lambda: get_current_oargrid_jobs() == [], 20)


def test_a_refusal_leaves_nothing_on_any_site(oargrid, caplog):
    specs = [(OarSubmission("/nodes=200"), "nancy"), (OarSubmission("/nodes=1"), "lyon")]
    assert oargridsub(specs) == (None, None)
    assert "Your reservation was rejected when contacting nancy" in caplog.text
    until(lambda: not live(oargrid, "lyon"), 20)


def test_a_submission_whose_answer_is_cut_is_found(oargrid):
    # so that the frontend is known to have oargridsub
    assert get_current_oargrid_jobs() == []
    oargrid.faults.cut_output("nancy")
    with ThreadPoolExecutor() as threads:
        submission = threads.submit(oargridsub, SPECS)
        until(lambda: oargrid.jobs("nancy") and oargrid.jobs("lyon"), 20)
        oargrid.faults.mend("nancy")
        gridjob, _ = submission.result()
    assert get_current_oargrid_jobs() == [gridjob]


def test_an_unknown_grid_job_is_told(oargrid):
    with pytest.raises(GridJobNotFound, match="999"):
        get_oargrid_job_info(999)
    oargriddel(999)
