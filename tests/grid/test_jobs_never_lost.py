"""Scripts that are killed on the laptop: OAR shows which jobs are theirs."""

import os
import signal

import pytest

from execo_g5k import OarSubmission, get_oar_job_info, jobs_left, oardel, reservation
from testbed import wait_until
from testbed.plan import SITES
from tests.grid.conftest import SshWrapper

HEAD = """
import time
from execo_g5k import *
job = OarSubmission("nodes=1", 300)
"""


@pytest.fixture(autouse=True)
def _no_jobs_of_other_tests(clean_grid) -> None:
    oardel(jobs_left())


def killed(running, number=signal.SIGKILL):
    os.killpg(running.process.pid, number)
    return running.end()


def left_on(*sites):
    found = jobs_left()
    assert not found.unanswered
    return sorted(left.job for left in found if left.site in sites)


def test_a_script_killed_before_it_has_read_the_answer_leaves_a_job_that_is_found(
    script, tmp_path, active
):
    body = (
        f'case "$*" in *oarsub*) ssh "$@" >{tmp_path}/answer; exec sleep 1000;; esac\nexec ssh "$@"'
    )
    wrapper = SshWrapper(tmp_path, body)
    source = f"oarsub([(job, 'nancy')], {{'ssh': {str(wrapper.path)!r}}})"
    running = script(HEAD + source)
    assert wait_until(lambda: active("nancy"), 40, pause=0.2)
    killed(running)
    # OAR writes the request of a job after the job
    assert wait_until(lambda: left_on("nancy") == [(active("nancy")[0], "nancy")], 20, pause=0.5)
    [left] = jobs_left()
    assert left.script.pid == running.process.pid
    oardel([left])
    assert wait_until(lambda: not active("nancy"), 40, pause=0.3)
    assert jobs_left() == []


def test_a_script_killed_while_its_jobs_run_is_taken_over_by_the_next(script, active):
    source = """
with reservation([(job, site) for site in ("nancy", "lyon")], name="grid test") as nodes:
    print(*nodes, flush=True)
    time.sleep(1000)
"""
    running = script(HEAD + source)
    hosts = running.line().split()
    assert len(hosts) == 2
    killed(running)
    jobs = left_on(*SITES)
    assert jobs == [(active("lyon")[0], "lyon"), (active("nancy")[0], "nancy")]
    specs = [(OarSubmission("nodes=1", 300), site) for site in ("nancy", "lyon")]
    with reservation(specs, name="grid test") as nodes:
        assert sorted(nodes.jobs) == sorted(jobs)
        assert [host.address for host in nodes] == hosts
        assert get_oar_job_info(*nodes.jobs[0]).state.running
    assert wait_until(lambda: not active("nancy") + active("lyon"), 40, pause=0.3)
    assert jobs_left() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_jobs_of_a_block(script, active, number):
    source = """
with reservation([(job, "nancy"), (job, "lyon")]) as nodes:
    print(len(nodes), flush=True)
    time.sleep(1000)
"""
    running = script(HEAD + source)
    assert running.line() == "2"
    killed(running, number)
    assert wait_until(lambda: not active("nancy") + active("lyon"), 40, pause=0.3)
    assert left_on(*SITES) == []
