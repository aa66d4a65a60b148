"""The sandbox as seen from outside: one machine answers, and leads to the others."""

import os
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import ChainPut, Get, PortForwarder, Put, Remote, SshProcess, TaktukRemote, quoting
from execo_g5k import (
    Deployment,
    OarSubmission,
    default_oarsh_oarcp_params,
    deploy,
    get_oar_job_nodes,
    node_connexion_params,
    oarsub,
    wait_oar_job_start,
)
from execo_g5k.sandbox import Sandbox, SandboxError
from tests.system.helpers import free_port, until

COMMAND = [sys.executable, "-m", "execo_g5k.cli.main", "sandbox"]
DIRECTLY = ("-o", "BatchMode=yes", "-o", "ProxyJump=none", "-p", "2222")


@pytest.fixture(scope="session")
def outside_sandbox():
    sandbox = Sandbox({"nancy": {"grisou": 3}, "lyon": {"nova": 1}}, outside=True).start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def outside(outside_sandbox):
    """A sandbox in which the test runs, as on a laptop that is set up."""
    with outside_sandbox.entered():
        yield outside_sandbox
    outside_sandbox.faults.mend_all()
    for site in outside_sandbox.sites:
        outside_sandbox.clear(site)


def run(*argv, env=None, cwd=None):
    return subprocess.run(
        argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def started(site="nancy", resources="nodes=1", **fields):
    [job] = oarsub([(OarSubmission(resources, walltime=600, **fields), site)])
    assert wait_oar_job_start(*job, timeout=30)
    return get_oar_job_nodes(*job)


def address_of(sandbox, name):
    hosts = sandbox._ask(do="status")["hosts"]
    return next(host["address"] for host in hosts if host["name"] == name)


@pytest.mark.parametrize("name", ["frontend.nancy.grid5000.fr", "grisou-1.nancy.grid5000.fr"])
def test_no_host_but_the_access_machine_answers_from_outside(outside, name):
    address = address_of(outside, name)
    refused = run("ssh", *DIRECTLY, "-o", f"HostName={address}", name, "hostname")
    assert refused.returncode == 255
    assert refused.stderr.startswith("kex_exchange_identification: ")
    address = address_of(outside, "access.grid5000.fr")
    entered = run("ssh", *DIRECTLY, "-o", f"HostName={address}", "access", "hostname")
    assert (entered.returncode, entered.stdout) == (0, "access\n")


def test_all_names_lead_through_the_access_machine(outside):
    access = address_of(outside, "access.grid5000.fr")
    for name in ("nancy", "nancy.g5k", "frontend.lyon.grid5000.fr", "flyon"):
        process = SshProcess("echo $SSH_CONNECTION", name).run(30)
        assert process.stdout.split()[0] == access, process.stderr


def test_nodes_enter_one_another_as_ever(outside):
    first, second = started(resources="nodes=2", job_type="allow_classic_ssh")
    command = f"ssh {second} hostname; oarsh {second} hostname; echo x > x; scp x {second}:/tmp/y"
    process = SshProcess(f"OAR_JOB_KEY_FILE=$HOME/.ssh/oar_job_key; {command}", first).run(30)
    assert process.ok, process.stdout
    name = second.address.partition(".")[0]
    assert process.stdout.split()[0] == name


def test_there_is_no_oarsh_and_the_key_of_the_job_does_without(outside, tmp_path):
    assert "execo-sandbox" not in (shutil.which("oarsh") or "")
    nodes = started(resources="nodes=2")
    params = node_connexion_params()
    assert params["user"] == "oar"
    names = [node.address.partition(".")[0] for node in nodes]
    remote = Remote("hostname", nodes, params).run(30)
    assert [process.stdout.strip() for process in remote.processes] == names
    (tmp_path / "sent").write_text("hello")
    assert Put(nodes, tmp_path / "sent", "/tmp", params).run(30).ok
    assert ChainPut(nodes, tmp_path / "sent", "/tmp/by_chain", params).run(30).ok
    assert Get(nodes[:1], "/tmp/by_chain", tmp_path / "got", params).run(30).ok
    assert (tmp_path / "got").read_text() == "hello"


def test_a_script_that_wants_oarsh_is_told_how_to_do_without(outside):
    action = Remote("hostname", ["grisou-1"], default_oarsh_oarcp_params, {"nolog_error": True})
    [process] = action.run(30).processes
    assert process.error
    assert "'oarsh': no oarsh nor oarcp on this machine" in process.error_reason
    assert "port 6667 with the key of the job" in process.error_reason
    [copy] = Put(["grisou-1"], __file__, "/tmp", default_oarsh_oarcp_params).run(30).processes
    assert "node_connexion_params" in copy.error_reason


@pytest.mark.skipif(shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk")
def test_a_tree_starts_at_a_gateway_and_its_key_is_that_of_the_home_there(outside):
    nodes = started(resources="nodes=3")
    params = node_connexion_params("~/.ssh/oar_job_key", taktuk_gateway="nancy.grid5000.fr")
    tree = TaktukRemote("hostname", nodes, params).run(60)
    assert [process.error_reason for process in tree.processes] == [None] * 3
    assert [p.stdout.strip() for p in tree.processes] == ["grisou-1", "grisou-2", "grisou-3"]


def test_nodes_are_deployed_and_checked_from_outside(outside):
    nodes = started(job_type="deploy")
    deployed, undeployed = deploy(Deployment(nodes, env_name="debian11-min"))
    assert (deployed, undeployed) == (set(nodes), set())
    assert SshProcess("id -un", nodes[0], {"user": "root"}).run(30).stdout.strip() == "root"


def test_a_port_of_a_node_is_forwarded_to_here(outside):
    [node] = started(job_type="allow_classic_ssh")
    port = free_port(["127.0.0.1"])
    serve = f"python3 -m http.server {port} --bind 127.0.0.1"
    with (
        SshProcess(serve, node).start(),
        PortForwarder(node, "localhost", port).start() as forwarder,
    ):
        assert forwarder.forwarding.wait(20)
        url = f"http://localhost:{forwarder.local_port}/"
        fetch = f"import urllib.request as u; print(u.urlopen({url!r}).status)"
        until(lambda: run(sys.executable, "-c", fetch).stdout == "200\n")


def test_a_laptop_finds_the_access_machine_and_nothing_else(outside_sandbox, tmp_path):
    variables = {**os.environ, **outside_sandbox.laptop(tmp_path)}
    known = ("-o", "StrictHostKeyChecking=accept-new", "-l", outside_sandbox.user)
    entered = run("ssh", *known, "access.grid5000.fr", "hostname", env=variables)
    assert (entered.returncode, entered.stdout) == (0, "access\n"), entered.stderr
    assert (tmp_path / ".ssh/known_hosts").read_text().startswith("access.grid5000.fr ")
    lost = run("ssh", *known, "nancy.grid5000.fr", "true", env=variables)
    assert "Could not resolve hostname nancy.grid5000.fr" in lost.stderr
    user = outside_sandbox.user
    (tmp_path / ".ssh/config").write_text(
        f"Host *.grid5000.fr\n  User {user}\n"
        "Host *.grid5000.fr !access.grid5000.fr\n  ProxyJump access.grid5000.fr\n"
    )
    inside = run("ssh", *known, "nancy.grid5000.fr", "hostname", env=variables)
    assert (inside.returncode, inside.stdout) == (0, "fnancy\n"), inside.stderr
    stranger = run("ssh", "-l", "stranger", "access.grid5000.fr", "true", env=variables)
    assert "Permission denied" in stranger.stderr


def test_only_keys_that_a_home_authorizes_enter(outside_sandbox):
    with outside_sandbox.entered():
        keys = outside_sandbox.directory.home_of("lyon", outside_sandbox.user)
        keys = keys / ".ssh/authorized_keys"
        before = keys.read_text()
        keys.write_text(f"# {before}")
        try:
            assert SshProcess("true", "lyon").run(30).exit_code == 255
        finally:
            keys.write_text(f'from="*" {before}')
        assert SshProcess("true", "lyon").run(30).ok


def test_a_laptop_needs_a_sandbox_that_is_seen_from_outside(sandbox, tmp_path):
    with pytest.raises(SandboxError, match="outside=True"):
        sandbox.laptop(tmp_path)


def test_the_command_runs_it_too(tmp_path):
    words = ["run", "--outside", "--site", "nancy=grisou:1", "--", "sh", "-c"]
    done = run(*COMMAND, *words, "command -v oarsh; ssh nancy 'echo $SSH_CONNECTION; hostname'")
    assert done.returncode == 0, done.stderr
    ends, name = done.stdout.splitlines()[-2:]
    assert name == "fnancy"
    assert ends.split()[0] != "127.0.0.1"


def test_the_command_gives_a_laptop_to_set_up(tmp_path):
    (tmp_path / ".execo.conf.py").write_text("raise SystemExit('this is another home')")
    program = tmp_path / "execo-g5k"
    program.write_text(f'#!/bin/sh\nexec {quoting.join(COMMAND[:-1])} "$@"\n')
    program.chmod(0o755)
    steps = (
        "execo-g5k configure --user alice --site nancy --yes >configured; "
        "execo-g5k doctor --site nancy; pwd; ls -A ~; "
        "execo-g5k run -j $(execo-g5k submit nancy) hostname"
    )
    words = ["run", "--laptop", "--site", "nancy=grisou:1", "--", "sh", "-c", steps]
    variables = {**os.environ, "HOME": str(tmp_path), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = run(*COMMAND, *words, env=variables, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "wrong" not in done.stdout
    assert done.stdout.endswith("== grisou-1.nancy.grid5000.fr (1) ==\ngrisou-1\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".execo.conf.py", "configured", "execo-g5k"
    ]  # fmt: skip
