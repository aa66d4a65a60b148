"""Two sandboxes on one machine, which have sites and job ids in common."""

import subprocess

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k.sandbox import Sandbox
from tests.system.helpers import until


@pytest.fixture
def pair():
    made = [Sandbox({"nancy": {"grisou": 1}}).start() for _ in range(2)]
    yield made
    for sandbox in made:
        sandbox.stop()


def on(grid, text):
    ssh = [grid.directory.outside / "ssh", "nancy", text]
    return subprocess.run(ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def state(grid):
    [job] = grid.jobs("nancy")
    return job["state"]


def test_the_end_of_a_job_is_no_end_of_its_namesake(pair):
    for grid in pair:
        assert "OAR_JOB_ID=1\n" in on(grid, "oarsub 'echo $$ > began; sleep 1000'").stdout
        until(lambda grid=grid: on(grid, "cat began").stdout)
    first, second = pair
    on(first, "oardel 1")
    until(lambda: state(first) == "Error")
    assert on(second, "kill -0 $(cat began) && oarstat -sj 1").stdout == "1: Running\n"
