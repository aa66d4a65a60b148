"""Trees and chains to the nodes of a job, with oarsh, in a sandbox."""

import shutil

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import ChainPut, Remote, TaktukGet, TaktukPut, TaktukRemote
from execo_g5k import (
    OarSubmission,
    default_oarsh_oarcp_params,
    get_oar_job_nodes,
    oarsub,
    wait_oar_job_start,
)

with_taktuk = pytest.mark.skipif(
    shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk"
)
QUIET = {"nolog_exit_code": True, "nolog_error": True}


@pytest.fixture
def nodes(sandbox):
    """Return the nodes of a job that runs."""
    [job] = oarsub([(OarSubmission("nodes=3", walltime=600), "nancy")])
    assert wait_oar_job_start(*job, timeout=30)
    return get_oar_job_nodes(*job)


@with_taktuk
def test_a_tree_runs_commands_on_the_nodes_of_a_job_and_on_no_other(nodes):
    hosts = [*nodes, "grisou-4.nancy.grid5000.fr"]
    cmd = "hostname; echo {{{host}}} >&2; exit 3"
    action = TaktukRemote(cmd, hosts, default_oarsh_oarcp_params, QUIET).run(60)
    for node, process in zip(nodes, action.processes, strict=False):
        assert process.stdout == node.address.partition(".")[0] + "\n"
        assert (process.stderr, process.exit_code) == (f"{node}\n", 3)
    refused = action.processes[3]
    assert refused.error
    assert refused.error_reason.startswith("grisou-4.nancy.grid5000.fr: can't connect: ")


@with_taktuk
def test_a_tree_carries_input_and_files_to_nodes_and_back(nodes, tmp_path):
    action = TaktukRemote("read x; echo $x $(hostname)", nodes, default_oarsh_oarcp_params).start()
    action.write("hello\n")
    names = [node.address.partition(".")[0] for node in nodes]
    assert [p.stdout for p in action.wait(60).processes] == [f"hello {n}\n" for n in names]
    (tmp_path / "in put").write_text("payload")
    (tmp_path / "got").mkdir()
    put = TaktukPut(nodes, tmp_path / "in put", "/tmp/there", default_oarsh_oarcp_params)
    assert put.run(60).ok
    assert Remote("hostname >> /tmp/there", nodes, default_oarsh_oarcp_params).run(60).ok
    into = f"{tmp_path}/got/{{{{{{host}}}}}}"
    assert TaktukGet(nodes, "/tmp/there", into, default_oarsh_oarcp_params).run(60).ok
    for node, name in zip(nodes, names, strict=True):
        assert (tmp_path / "got" / node.address).read_text() == f"payload{name}\n"


def test_a_chain_goes_from_node_to_node(nodes, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 10_000)
    hosts = [nodes[0], "grisou-4.nancy.grid5000.fr", *nodes[1:]]
    action = ChainPut(hosts, tmp_path / "file", "/tmp", default_oarsh_oarcp_params, QUIET).run(60)
    assert [process.ok for process in action.processes] == [True, False, True, True]
    assert "can't connect" in action.processes[1].error_reason
    size = Remote("stat -c %s /tmp/file", nodes, default_oarsh_oarcp_params).run(60)
    assert [process.stdout.strip() for process in size.processes] == ["2560000"] * 3
