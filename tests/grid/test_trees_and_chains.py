"""Trees and chains of connexions from a frontend to the nodes of two sites, through oarsh."""

import json
import shutil

import pytest

from testbed.plan import nodes_of

ON_FRONTEND = """
import hashlib, json, os, pathlib, tempfile
os.environ["OAR_JOB_KEY_FILE"] = os.path.expanduser("~/.ssh/oar_job_key")
from execo import *
from execo_g5k import *
g5k_configuration["polling_interval"] = 1
params = default_oarsh_oarcp_params
quiet = {"nolog_exit_code": True, "nolog_error": True}
jobs = oarsub([(OarSubmission("nodes=2", walltime=300), site) for site in (None, "lyon")])
try:
    nodes = [host for job in jobs for host in get_oar_job_nodes(*job, timeout=40)]
    hosts = [*nodes[:2], FOREIGN, *nodes[2:]]
    directory = pathlib.Path(tempfile.mkdtemp())
    found = WHAT
finally:
    oardel(jobs)
print(json.dumps({"nodes": [host.address for host in nodes], **found}))
"""

TREE = """{}
    remote = TaktukRemote("hostname; echo {{{host}}} >&2; exit 3", hosts, params, quiet).run(60)
    found["out"] = [p.stdout.strip() for p in remote.processes]
    found["err"] = [p.stderr.strip() for p in remote.processes]
    found["exits"] = [p.exit_code for p in remote.processes]
    found["reasons"] = [p.error_reason for p in remote.processes]
    (directory / "sent").write_text("hello")
    put = TaktukPut(nodes, [str(directory / "sent")], "/tmp/from_tree", params).run(60)
    get = TaktukGet(nodes, ["/tmp/from_tree"], str(directory) + "/{{{host}}}", params).run(60)
    found["failed"] = [f"{p} {p.stderr}" for p in put.processes + get.processes if not p.ok]
    found["got"] = [(directory / host.address).read_text() for host in nodes]
"""

CHAIN = """{}
    data = os.urandom(20_000_000)
    (directory / "big").write_bytes(data)
    put = ChainPut(hosts, [str(directory / "big")], "/tmp/from_chain", params, quiet).run(60)
    sums = Remote("sha256sum < /tmp/from_chain", nodes, params).run(60)
    found["ok"] = [p.ok for p in put.processes]
    found["reasons"] = [p.error_reason for p in put.processes]
    found["sums"] = [p.stdout.split()[0] for p in sums.processes]
    found["sent"] = hashlib.sha256(data).hexdigest()
"""


def run(on_frontend, what):
    foreign = nodes_of("lyon")[3].fqdn
    source = ON_FRONTEND.replace("FOREIGN", repr(foreign)).replace("WHAT", what.strip())
    done = on_frontend("nancy", source, timeout=100)
    assert done.returncode == 0, done.stderr
    return foreign, json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk")
def test_a_tree_tells_nodes_that_answer_from_one_that_lets_nobody_in(on_frontend):
    foreign, found = run(on_frontend, TREE)
    nodes = found["nodes"]
    hosts = [*nodes[:2], foreign, *nodes[2:]]
    assert found["out"] == [name.split(".")[0] if name != foreign else "" for name in hosts]
    assert [err for err, name in zip(found["err"], hosts, strict=True) if name in nodes] == nodes
    assert found["exits"] == [3, 3, None, 3, 3]
    assert found["reasons"][2].startswith(f"{foreign}: can't connect: ")
    assert found["failed"] == []
    assert found["got"] == ["hello"] * 4


def test_a_chain_passes_by_a_node_that_lets_nobody_in(on_frontend):
    foreign, found = run(on_frontend, CHAIN)
    assert found["ok"] == [True, True, False, True, True]
    assert "can't connect" in found["reasons"][2]
    assert found["sums"] == [found["sent"]] * 4
