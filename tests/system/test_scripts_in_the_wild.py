"""Scripts written as users write them, unchanged, in the sandbox."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k.sandbox import Sandbox

SCRIPTS = Path(__file__).parents[1] / "scripts"
EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name, directory=SCRIPTS):
    command = [sys.executable, directory / f"{name}.py"]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)


def test_wildcard_imports_and_positional_arguments(sandbox):
    done = run("wildcard")
    assert done.returncode == 0, done.stderr
    *talk, count = done.stdout.splitlines()
    assert count == "2"
    assert [line.split()[1:3] for line in talk] == [["from", "nova-1"], ["from", "nova-2"]]
    assert [line.split()[4].partition(".")[0] for line in talk] == ["nova-2", "nova-1"]


def test_threads_that_each_reserve_and_connect(sandbox):
    done = run("threads")
    assert (done.returncode, done.stdout) == (0, "[0, 1, 2, 3, 4, 5]\nALL\n"), done.stderr


def test_a_machine_file_with_each_host_several_times(sandbox):
    done = run("machine_file")
    assert done.stdout.splitlines() == [
        "True True True True",
        "[['4', '0'], ['4', '1'], ['4', '2'], ['4', '3']]",
        "['grisou-1', 'grisou-2']",
    ], done


def test_actions_composed_reset_and_watched(sandbox):
    done = run("actions")
    assert done.stdout.splitlines() == [
        "3 True ['grisou-1: ready']",
        "Running None True",
    ], done


def test_a_campaign_on_several_sites_gives_all_back(sandbox):
    done = run("campaign")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["2 jobs", "True False False", "[]"], done.stderr
    assert "nosuchsite" in done.stderr


def test_a_grid_job_on_frontends_without_oargrid(sandbox, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    done = run("grid_job")
    assert done.stdout.splitlines() == [
        "['grisou-1', 'grisou-2', 'nova-1']",
        "['nancy', 'lyon']",
        "1800 True True",
    ], done


@pytest.mark.skipif(not shutil.which("taktuk"), reason="no taktuk: apt-get install taktuk")
@pytest.mark.parametrize("oargrid", [True, False])
def test_a_grid_job_that_is_deployed_and_used_through_taktuk(oargrid, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Sandbox(oargrid=oargrid, deploy_time=1):
        done = run("deploy_grid_job")
    nodes = ["grisou-1.nancy", "grisou-2.nancy", "nova-1.lyon"]
    assert done.stdout.splitlines() == [
        "3 0",
        "True ['grisou-1', 'grisou-2', 'nova-1']",
        str([f"{node}.grid5000.fr" for node in nodes]),
    ], done


def test_the_example_of_a_deployment_with_a_node_that_fails():
    done = run("deploy_in_a_sandbox", EXAMPLES)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    [first, second] = [line.split()[-7:] for line in lines if line.split()[:1] in (["1"], ["2"])]
    assert first == ["4", "3", "1", "0", "0", "0", "3"]
    assert second == ["1", "1", "0", "0", "0", "0", "4"]
    told = sorted(line.split()[2] for line in lines if ", debian 12" in line)
    assert told == ["grisou-1,", "grisou-2,", "nova-1,", "nova-2,"]
    assert lines[-1] == "* all jobs are deleted"
