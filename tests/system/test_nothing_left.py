"""What OAR submits again of a job whose node was dead goes with the job."""

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import (
    JobEnded,
    OarSubmission,
    get_current_oar_jobs,
    get_oar_job_nodes,
    oardel,
    oarsub,
    reservation,
)
from tests.system.helpers import until


def test_the_copy_of_a_job_is_deleted_with_it(sandbox):
    sandbox.faults.kill_node("grisou-1")
    jobs = oarsub([(OarSubmission("nodes=1", walltime=600), "nancy")])
    try:
        with pytest.raises(JobEnded, match=r"suspects .* grisou-1.*submitted it again as job"):
            get_oar_job_nodes(*jobs[0], timeout=30)
    finally:
        oardel(jobs)
    until(lambda: get_current_oar_jobs(["nancy"]) == [])


def test_a_block_whose_node_is_dead_leaves_nothing(sandbox):
    sandbox.faults.kill_node("grisou-1")
    submission = OarSubmission("nodes=1", walltime=600)
    with pytest.raises(JobEnded), reservation((submission, "nancy"), timeout=30):
        pass
    until(lambda: get_current_oar_jobs(["nancy"]) == [])
