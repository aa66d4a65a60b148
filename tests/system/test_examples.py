"""The examples, run as their docstrings say, in the sandbox."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import get_current_oar_jobs
from tests.system.helpers import until

EXAMPLES = Path(__file__).parents[2] / "examples"


def start(name, *words, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def run(name, *words, **options):
    """Return the lines that an example prints; it leaves no job."""
    with start(name, *words, **options) as example:
        out, err = example.communicate(timeout=100)
    assert example.returncode == 0, out + err
    return out.splitlines()


@pytest.fixture(autouse=True)
def _no_job_is_left(sandbox):
    yield
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])


def test_there_are_ten_and_a_list_tells_of_each():
    names = {path.name for path in EXAMPLES.glob("*.py")}
    told = (EXAMPLES / "README.md").read_text()
    manual = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    assert len(names) >= 10
    assert [name for name in names if f"]({name})" not in told] == []
    assert [name for name in names if f"include}} ../examples/{name}\n" not in manual] == []


def test_clients_measure_against_servers():
    title, *lines = run("client_server")
    assert title == "client,server,MB/s"
    rows = [line.split(",") for line in lines]
    assert [row[:2] for row in rows] == [
        [f"grisou-{client}.nancy.grid5000.fr", f"grisou-{server}.nancy.grid5000.fr"]
        for client, server in ((3, 1), (4, 2))
    ]
    assert all(float(speed) > 0 for *_, speed in rows)


def test_a_sweep_goes_on_with_what_is_missing(tmp_path):
    results = tmp_path / "results.jsonl"
    assert run("sweep", results)[0] == "0 done, 6 to do"
    lines = results.read_text().splitlines()
    found = {tuple(json.loads(line)["parameters"].values()): json.loads(line) for line in lines}
    assert found[4000, 2]["result"] == 2 * sum(range(4001))
    results.write_text("".join(f"{line}\n" for line in lines[:4]))
    assert run("sweep", results)[0] == "4 done, 2 to do"
    assert sorted(results.read_text().splitlines()) == sorted(lines)
    assert run("sweep", results) == ["6 done, 0 to do"]


def test_files_have_names_when_none_is_given(tmp_path):
    run("sweep", cwd=tmp_path)
    run("killed_and_restarted", cwd=tmp_path)
    run("watch_outputs", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.jsonl", "progress.txt",
        "grisou-1.nancy.grid5000.fr.log", "grisou-2.nancy.grid5000.fr.log",
    }  # fmt: skip


def test_a_file_is_sent_to_all_nodes():
    assert run("broadcast", "3")[-1] == "4 of 4 nodes have the file"


def test_all_sites_or_none():
    *lines, last = run("all_or_nothing")
    assert lines == [
        "nancy: grisou-1.nancy.grid5000.fr, grisou-2.nancy.grid5000.fr",
        "lyon: nova-1.lyon.grid5000.fr, nova-2.lyon.grid5000.fr",
    ]
    assert last == "4 nodes are ready, together"
    with start("all_or_nothing", "5") as example:
        _, err = example.communicate(timeout=100)
    assert (example.returncode, "nothing was kept" in err) == (1, True)


def test_a_script_that_is_killed_goes_on_when_it_is_started_again(tmp_path):
    progress = tmp_path / "progress"
    with start("killed_and_restarted", progress) as first:
        job = first.stdout.readline().partition(",")[0]
        assert first.stdout.readline() == "done: echo prepared\n"
        first.send_signal(signal.SIGKILL)
    first_line, *others = run("killed_and_restarted", progress)
    assert first_line == f"{job}, 1 steps were done before"
    assert others == ["done: sleep 1; echo measured", "done: echo collected"]


def test_the_first_to_find_something_ends_the_search(tmp_path):
    [line] = run("watch_outputs", tmp_path)
    assert line.startswith("grisou-2.nancy.grid5000.fr found it; ")
    [loser, winner] = sorted(tmp_path.iterdir())
    assert "FOUND" in winner.read_text()
    assert "FOUND" not in loser.read_text()


def test_each_site_goes_its_own_way_and_one_may_fail(sandbox):
    assert sorted(run("asynchronous")) == [
        "lyon: 500500", "nancy: 500500", "this process did other things meanwhile",
    ]  # fmt: skip
    sandbox.faults.refuse("lyon")
    lines = run("asynchronous")
    assert "nancy: 500500" in lines
    assert [line for line in lines if line.startswith("failed: lyon: ")]


def test_hundreds_of_processes_need_no_testbed():
    environment = {
        name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ
    }
    lines = run("local_pool", "100", env=environment)
    assert "30 processes went well, and printed:" in lines
    assert "2 lasted too long: ['sleep 1000', 'sleep 1000']" in lines
