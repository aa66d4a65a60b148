"""Trees and chains to the nodes of a job, with oarsh, in a sandbox."""

import contextlib
import shutil
import signal
import textwrap
from pathlib import Path

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
from tests.system.helpers import end_of, script, until

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


@with_taktuk
@pytest.mark.parametrize("command", ["sleep 31536000", "cat /dev/zero"])
def test_ctrl_c_ends_a_tree_and_its_connexions_without_a_false_word(nodes, command):
    source = f"""
        from execo import ProcessOutputHandler, TaktukRemote
        from execo_g5k import default_oarsh_oarcp_params
        heard = set()
        class Heard(ProcessOutputHandler):
            def read(self, process, stream, string, eof, error):
                if process not in heard:
                    print("heard", flush=True)
                    heard.add(process)
        options = {{"stdout_handlers": [Heard()]}}
        nodes = {[node.address for node in nodes]!r}
        TaktukRemote("echo; exec {command}", nodes, default_oarsh_oarcp_params, options).run()
    """
    with script(textwrap.dedent(source)) as process:
        for _ in nodes:
            assert process.stdout.readline() == "heard\n"
        process.send_signal(signal.SIGINT)
        code, said = end_of(process, 30)
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in said
    assert "taktuk ended" not in said
    until(lambda: not connectors_to(nodes))


def connectors_to(nodes):
    """Return the command lines of what connects to nodes for a tree."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    connecting = [line for line in lines if " perl -- - " in line]
    return [line for line in connecting if any(node.address in line for node in nodes)]


def test_a_chain_goes_from_node_to_node(nodes, tmp_path):
    (tmp_path / "file").write_bytes(bytes(range(256)) * 10_000)
    hosts = [nodes[0], "grisou-4.nancy.grid5000.fr", *nodes[1:]]
    action = ChainPut(hosts, tmp_path / "file", "/tmp", default_oarsh_oarcp_params, QUIET).run(60)
    assert [process.ok for process in action.processes] == [True, False, True, True]
    assert "can't connect" in action.processes[1].error_reason
    size = Remote("stat -c %s /tmp/file", nodes, default_oarsh_oarcp_params).run(60)
    assert [process.stdout.strip() for process in size.processes] == ["2560000"] * 3
