"""Who is measured, the checks of results, and the cage."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.__main__ import chosen, sides_of
from bench.peers import bare, common
from bench.report import UNITS
from bench.results import Results
from bench.run import ROOT, Run
from bench.sides import SIDES
from bench.workloads import WORKLOADS

PEERS = Path(bare.__file__).parent


def test_all_sides_exist_and_have_a_script():
    for workload in WORKLOADS:
        for name in workload.sides:
            script = workload.script or SIDES[name].script
            assert (PEERS / f"{script}.py").is_file()


def test_targets_are_about_sides_that_are_measured():
    for workload in WORKLOADS:
        for target in workload.targets:
            assert target.of is None or target.of in workload.sides
            assert target.measure in UNITS


def test_names_choose_workloads():
    assert [workload.name for workload in chosen(["W3"], short=False)] == [
        "W3a", "W3b", "W3c", "W3d", "W3e", "W3f",
    ]  # fmt: skip
    assert chosen([], short=False) == list(WORKLOADS)
    assert all(workload.short for workload in chosen([], short=True))


def test_the_everyday_bench_leaves_slow_peers_out():
    for workload in chosen([], short=True):
        sides = sides_of(workload, [], short=True)
        assert sides[0] == workload.sides[0]
        assert "execo" not in sides


def test_wrong_results_are_counted():
    assert common.wrong(["a", "b"], ["a", "b"]) == 0
    assert common.wrong(["a", "x"], ["a", "b"]) == 1
    assert common.wrong(["a"], ["a", "b"]) == 1
    assert common.wrong(["a", "b", "c"], ["a", "b"]) == 1


@pytest.mark.parametrize("window", [0, 3])
def test_the_bare_loop_does_its_work(window):
    timed = common.Timed()
    job = {"kind": "window", "n": 20, "window": window}
    assert common.wrong(bare.window(job, timed), common.expected(job)) == 0
    assert timed.measures["wall"] > 0


def test_results_come_back_from_their_file(tmp_path):
    results = Results(tmp_path / "results.json")
    results.add("W", "ours", Run({"wall": 1.5}))
    results.add("W", "peer", Run(failure="> 60 s", stopped=60))
    assert Results.load(results.path).runs == results.runs


def caged(argv, limit=60, files=None):
    spec = json.dumps({"argv": argv, "limit": limit, "files": files})
    cage = subprocess.run(
        [sys.executable, "-m", "bench.cage", spec], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    return json.loads(cage.stdout)


def test_the_cage_tells_the_last_line_and_the_exit_code():
    end = caged(["sh", "-c", "echo 1; echo 2; echo 3 >&2; exit 4"])
    assert (end["code"], end["output"], end["errors"]) == (4, "2", "3\n")


def test_the_cage_stops_at_its_limit():
    assert caged(["sleep", "1000"], limit=0.2)["code"] is None


def test_nothing_survives_the_cage():
    end = caged(["sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!"])
    assert end["code"] == 0
    assert not Path("/proc", end["output"]).exists()


def test_the_cage_limits_open_files():
    assert caged(["sh", "-c", "ulimit -n; ulimit -Hn"], files=64)["output"] == "64"
