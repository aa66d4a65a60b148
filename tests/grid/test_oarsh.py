"""Nodes of jobs, entered from a laptop by the job's key, and from a frontend by oarsh."""

import json
from pathlib import Path

import pytest

from execo import Get, Put, Remote
from execo_g5k import (
    OarSubmission,
    g5k_configuration,
    get_oar_job_nodes,
    node_connexion_params,
    oarsub,
)
from testbed.plan import nodes_of


@pytest.mark.parametrize("how", ["environment", "configuration", "relative to the home"])
def test_a_laptop_enters_the_nodes_of_two_sites_by_the_key_of_the_job(
    how, job_key, key_on_frontends, monkeypatch, tmp_path: Path
):
    if how == "environment":
        monkeypatch.setenv("OAR_JOB_KEY_FILE", key_on_frontends)
    else:
        key = key_on_frontends if how == "configuration" else "~/.ssh/oar_job_key"
        monkeypatch.setenv("OAR_JOB_KEY_FILE", "/is/overridden")
        monkeypatch.setitem(g5k_configuration, "oar_job_key_file", key)
    jobs = oarsub([(OarSubmission("nodes=1", walltime=300), site) for site in ("lyon", "nancy")])
    nodes = [host for job in jobs for host in get_oar_job_nodes(*job, timeout=40)]
    short = [host.address.split(".")[0] for host in nodes]
    params = node_connexion_params(str(job_key))
    assert (params["user"], params["port"]) == ("oar", 6667)

    remote = Remote("hostname; basename $HOME", nodes, params).run(30)
    assert [process.stdout.split() for process in remote.processes] == [
        [name, "alice"] for name in short
    ]
    sent, got = tmp_path / "a file", tmp_path / "got"
    sent.write_text("hello\n")
    got.mkdir()
    assert Put(nodes, [str(sent)], "/tmp", params).run(30).ok
    seen = Remote("cat '/tmp/a file' && echo from $(hostname) > /tmp/answer", nodes, params)
    assert [process.stdout for process in seen.run(30).processes] == ["hello\n"] * 2
    fetched = Get(nodes, ["/tmp/answer"], f"{got}/{{{{{{host}}}}}}", params).run(30)
    assert fetched.ok
    assert [(got / host.address).read_text() for host in nodes] == [f"from {n}\n" for n in short]

    foreign = next(n.fqdn for n in nodes_of("nancy") if n.fqdn != nodes[1].address)
    refused = Remote("hostname", [foreign], params, process_args={"nolog_exit_code": True})
    assert [process.exit_code for process in refused.run(30).processes] == [255]


ON_FRONTEND = """
import json, logging, os, tempfile, pathlib
os.environ["OAR_JOB_KEY_FILE"] = os.path.expanduser("~/.ssh/oar_job_key")
from execo import *
from execo_g5k import *
g5k_configuration["polling_interval"] = 1
params = default_oarsh_oarcp_params
assert node_connexion_params() == params
jobs = oarsub([(OarSubmission("nodes=2", walltime=300), site) for site in (None, "lyon")])
try:
    nodes = [host for job in jobs for host in get_oar_job_nodes(*job, timeout=40)]
    remote = Remote("hostname; exit 3", nodes, params).run(30)
    directory = pathlib.Path(tempfile.mkdtemp())
    (directory / "sent").write_text("hello from the frontend\\n")
    put = Put(nodes, [str(directory / "sent")], "/tmp/received", params).run(30)
    get = Get(nodes, ["/tmp/received"], str(directory) + "/{{{host}}}", params).run(30)
    got = [(directory / host.address).read_text() for host in nodes]
    foreign = Remote("hostname", [FOREIGN], params).run(30)
finally:
    oardel(jobs)
print(json.dumps({
    "sites": [site for _, site in jobs],
    "nodes": [host.address for host in nodes],
    "names": [p.stdout.strip() for p in remote.processes],
    "exits": [p.exit_code for p in remote.processes],
    "failed": [f"{p} {p.stderr}" for p in put.processes + get.processes if not p.ok], "got": got,
    "foreign": [p.ok for p in foreign.processes],
}))
"""


def test_a_script_on_a_frontend_uses_the_nodes_of_both_sites_by_oarsh_and_oarcp(on_frontend):
    source = ON_FRONTEND.replace("FOREIGN", repr(nodes_of("lyon")[3].fqdn))
    done = on_frontend("nancy", source, timeout=100)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["sites"] == [None, "lyon"]
    assert [name.split(".")[1] for name in found["nodes"]] == ["nancy", "nancy", "lyon", "lyon"]
    assert found["names"] == [name.split(".")[0] for name in found["nodes"]]
    assert found["exits"] == [3] * 4
    assert found["failed"] == []
    assert found["got"] == ["hello from the frontend\n"] * 4
    assert found["foreign"] == [False]


KILLED_ON_FRONTEND = """
import os
os.environ["OAR_JOB_KEY_FILE"] = os.path.expanduser("~/.ssh/oar_job_key")
from execo import *
from execo_g5k import *
g5k_configuration["polling_interval"] = 1
with reservation((OarSubmission("nodes=2", 300), "nancy")) as nodes:
    sleeps = Remote("echo began; exec sleep 4321", nodes, default_oarsh_oarcp_params).start()
    sleeps.expect("began", timeout=30)
    sleeps.kill().wait(30)
    print([(process.ended, process.killed, process.ok) for process in sleeps.processes])
    quiet = {"nolog_exit_code": True, "ignore_exit_code": True}
    left = Remote("pgrep -fx 'sleep 4321'", nodes, default_oarsh_oarcp_params, quiet)
    for _ in range(50):
        if not any(process.stdout for process in left.run(30).processes):
            break
        left.reset()
        sleep(0.2)
    print([process.stdout for process in left.processes])
"""


def test_commands_by_oarsh_on_a_frontend_can_be_killed(on_frontend):
    # oarsh there is a program of another user, which takes no signal of alice's
    done = on_frontend("nancy", KILLED_ON_FRONTEND, timeout=100)
    assert done.stdout.splitlines() == [str([(True, True, True)] * 2), str(["", ""])], done
    assert done.stderr == ""
