"""Deployments in the sandbox, over real ssh: nodes that switch, and the library's own deploy."""

import os
import pty
import signal
import subprocess

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import Get, Put, Remote
from execo_g5k import (
    Deployment,
    Kadeployer,
    OarSubmission,
    deploy,
    get_kavlan_host_name,
    get_oar_job_nodes,
    oardel,
    oarsub,
)
from execo_g5k.sandbox import Sandbox, SandboxError
from tests.system.helpers import until

ROOT = {"user": "root"}
QUIET = {"nolog_exit_code": True, "nolog_error": True}
RELEASE = ". /etc/os-release; echo $PRETTY_NAME"
ENTERED = pytest.mark.skipif(os.geteuid() != 0, reason="only root's sandbox has root's uid")


def job_on(*sites, nodes=2):
    """Submit deploy jobs, wait for them, and return them with their nodes."""
    submission = OarSubmission(f"nodes={nodes}", 3600, "deploy")
    jobs = oarsub([(submission, site) for site in sites])
    return jobs, [node for job in jobs for node in get_oar_job_nodes(*job, timeout=30)]


def as_root(command, nodes):
    return Remote(command, nodes, ROOT, QUIET).run(timeout=30)


def outputs(action):
    return [process.stdout.strip() for process in action.processes]


def on(host, *words, **options):
    return subprocess.run(
        ["ssh", host, *words], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.fixture(scope="module", params=["3.3", "3.1"])
def sandbox_of_family(request):
    grid = Sandbox(
        {"nancy": {"grisou": 3}, "lyon": {"nova": 2}}, kadeploy=request.param, deploy_time=1
    )
    grid.start()
    yield grid
    grid.stop()


@pytest.fixture
def family(sandbox_of_family):
    grid = sandbox_of_family
    with grid.entered():
        yield grid
    grid.faults.mend_all()
    for site in grid.sites:
        grid.clear(site)


def test_nodes_of_two_sites_are_deployed_and_entered_as_root(family):
    jobs, nodes = job_on("nancy", "lyon")
    assert not any(process.ok for process in as_root("true", nodes).processes)
    deployed, undeployed = deploy(Deployment(nodes, env_name="debian12-min"))
    assert (deployed, undeployed) == (set(nodes), set())
    told = as_root(f"hostname; {RELEASE}; cat ~/.ssh/authorized_keys | wc -l", nodes)
    names = [node.address.partition(".")[0] for node in nodes]
    assert outputs(told) == [f"{name}\ndebian 12 (bookworm) - min\n1" for name in names]
    oardel(jobs)
    until(lambda: not any(process.ok for process in as_root("true", nodes).processes), 20)


def test_a_node_that_fails_is_tried_again(family):
    _, nodes = job_on("nancy", "lyon")
    family.faults.fail_deployment("grisou-2")
    result = deploy(Deployment(nodes, env_name="debian12-min"), num_tries=2)
    assert result.deployed == set(nodes)
    assert [len(one.attempted) for one in result.tries[-2:]] == [4, 1]


def test_what_kadeploy_says_of_a_node_that_fails_is_its_reason(family):
    _, nodes = job_on("nancy")
    family.faults.fail_deployment(
        "grisou-2", step="send_environment", reason="tar: Unexpected\nEOF"
    )
    action = Kadeployer(Deployment(nodes, env_name="debian12-min")).run()
    [ill] = action.undeployed_hosts
    assert "tar: Unexpected\nEOF" in action.errors[ill]
    assert action.deployed_hosts == {nodes[0]}


def test_a_node_that_only_seems_deployed_is_found_by_the_check(family):
    _, nodes = job_on("nancy")
    family.faults.spoil_deployment("grisou-1", "ssh")
    family.faults.spoil_deployment("grisou-2", "system")
    result = deploy(Deployment(nodes, env_name="debian12-min"), num_tries=2, check_timeout=5)
    assert result.deployed == set(nodes)
    assert len(result.tries[1].deployed) == 0


def test_a_server_that_is_down_is_told(family):
    _, nodes = job_on("nancy")
    family.faults.stop_kadeploy("nancy")
    result = deploy(Deployment(nodes, env_name="debian12-min"))
    assert result.undeployed == set(nodes)
    assert "server is unreachable" in result.errors[nodes[0]]
    family.faults.start_kadeploy("nancy")
    assert deploy(Deployment(nodes, env_name="debian12-min")).deployed == set(nodes)


@pytest.fixture
def deployed(sandbox):
    """Nodes of nancy that are deployed."""
    _, nodes = job_on("nancy")
    assert deploy(Deployment(nodes, env_name="debian12-min")).deployed == set(nodes)
    return nodes


def test_a_fresh_disk_has_nothing_of_before(sandbox, deployed, tmp_path):
    (tmp_path / "file").write_text("mine")
    assert Put(deployed, tmp_path / "file", "/tmp", ROOT).run(timeout=30).ok
    assert as_root("cp /tmp/file ~/kept", deployed).ok
    into = f"{tmp_path}/{{{{{{host}}}}}}"
    assert Get(deployed, "kept", into, ROOT).run(timeout=30).ok
    assert (tmp_path / deployed[0].address).read_text() == "mine"
    again = Kadeployer(Deployment(deployed, env_name="debian11-min")).run()
    assert again.deployed_hosts == set(deployed)
    told = as_root(f"{RELEASE}; ls ~ /tmp", deployed)
    assert all("debian 11" in text and "kept" not in text for text in outputs(told))
    assert all("file" not in text for text in outputs(told))


def test_oarsh_and_other_accounts_do_not_enter_a_deployed_node(sandbox, deployed):
    name = deployed[0].address
    assert on(name, "true").returncode == 255
    oarsh = subprocess.run(["oarsh", name, "true"], capture_output=True, check=False)
    assert oarsh.returncode != 0


def test_a_node_that_reboots_answers_no_more_until_it_is_back(sandbox, deployed):
    name = deployed[0].address
    sandbox.faults.slow_down_reboots(name, 0.5)
    reboot = subprocess.Popen(
        ["ssh", "nancy", f"kareboot3 -r simple -m {name}"], stdout=subprocess.PIPE, text=True
    )
    until(lambda: not as_root("true", [name]).ok, 20)
    said, _ = reboot.communicate(timeout=30)
    assert "The reboot operation is successful on nodes" in said
    assert outputs(as_root(RELEASE, [name])) == ["debian 12 (bookworm) - min"]


def test_in_a_vlan_a_node_answers_by_its_name_there_alone(sandbox):
    _, nodes = job_on("nancy", nodes=1)
    result = deploy(Deployment(nodes, env_name="debian12-min", vlan=4))
    assert result.deployed == set(nodes)
    there = get_kavlan_host_name(nodes[0], 4)
    assert outputs(as_root("hostname", [there])) == ["grisou-1"]
    assert not as_root("true", nodes).ok


def test_somebody_elses_nodes_and_locked_ones_are_not_deployed(sandbox):
    _, nodes = job_on("nancy", nodes=1)
    refused = on("nancy", "kadeploy3 -e debian12-min -m grisou-4")
    assert (refused.returncode, refused.stdout) == (6, "")
    assert "sufficient rights" in refused.stderr
    sandbox.faults.lock_node(nodes[0].address)
    discarded = on("nancy", f"kadeploy3 -e debian12-min -m {nodes[0].address}")
    assert discarded.returncode == 14


def test_nodes_come_from_standard_input_too_and_results_go_to_files(sandbox):
    _, nodes = job_on("nancy")
    names = "".join(f"{node.address}\n" for node in nodes)
    done = on("nancy", "kadeploy3 -e debian12-min -f - -o ok -n ko; cat ok", input=names)
    assert done.stdout.endswith(names * 2)


def test_a_script_that_is_given_runs_at_the_end(sandbox):
    _, nodes = job_on("nancy", nodes=1)
    script = "printf '#!/bin/sh\\necho in script; exit 1' > s.sh; chmod +x s.sh"
    done = on("nancy", f"{script}; kadeploy3 -e debian12-min -m {nodes[0].address} -s s.sh")
    assert done.stdout.endswith("Running s.sh\nin script\n\nFail !\n")
    assert done.returncode == 0


def begin_on_terminal(command):
    """Start a command on a terminal of the frontend; return it and our end of the terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(["ssh", "-tt", "nancy", command], stdin=slave, stdout=slave)
    os.close(slave)
    return process, master


def read_until(terminal, words):
    said = b""
    while words not in said:
        try:
            said += os.read(terminal, 4096)
        except OSError:
            pytest.fail(f"{words!r} is not in {said!r}")


def test_ctrl_c_on_a_terminal_cancels_and_the_nodes_are_free(sandbox):
    _, nodes = job_on("nancy", nodes=1)
    command = f"kadeploy3 -e debian12-min -m {nodes[0].address}"
    process, terminal = begin_on_terminal(command)
    read_until(terminal, b"switch_pxe")
    os.write(terminal, b"\n")
    read_until(terminal, b"Deployment status")
    os.write(terminal, b"\x03")
    read_until(terminal, b"SIGINT trapped")
    assert process.wait(20) == 1
    os.close(terminal)
    assert on("nancy", command).returncode == 0


def test_a_client_that_is_cut_leaves_its_deployment_to_the_server(sandbox):
    _, nodes = job_on("nancy", nodes=1)
    command = f"kadeploy3 -e debian12-min -k -m {nodes[0].address}"
    process, terminal = begin_on_terminal(command)
    read_until(terminal, b"switch_pxe")
    process.send_signal(signal.SIGKILL)
    process.wait()
    os.close(terminal)
    assert on("nancy", command).returncode == 14
    until(lambda: as_root("true", nodes).ok, 30)


def test_a_console_is_one_on_a_terminal_alone(sandbox, deployed):
    name = deployed[0].address
    refused = on("nancy", f"kaconsole3 -m {name}")
    assert (refused.returncode, "must be a TTY" in refused.stdout) == (1, True)
    process, terminal = begin_on_terminal(f"kaconsole3 -m {name}")
    read_until(terminal, b"grisou-1 login: ")
    os.write(terminal, b"\x1b\x1b\x1b\x1b")
    assert process.wait(20) == 0
    os.close(terminal)


def test_a_node_that_dies_while_it_is_deployed_fails(sandbox):
    _, nodes = job_on("nancy")
    action = Kadeployer(Deployment(nodes, env_name="debian12-min")).start()
    until(lambda: any("switch_pxe" in process.stdout for process in action.processes), 20)
    sandbox.faults.kill_node(nodes[0].address)
    action.wait()
    assert action.deployed_hosts == {nodes[1]}
    assert "Unreachable after the reboot" in action.errors[nodes[0]]


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda f: f.fail_deployment("grisou-1", step="nosuch"), "step: 'nosuch'"),
        (lambda f: f.fail_deployment("nancy"), "is no node"),
        (lambda f: f.spoil_deployment("grisou-1", "roof"), "what: 'roof'"),
        (lambda f: f.stop_kadeploy("nosuch"), "no site of this sandbox"),
    ],
)
def test_troubles_that_are_none_are_told(sandbox, harm, words):
    with pytest.raises(SandboxError, match=words):
        harm(sandbox.faults)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match=r"kadeploy: '2': expected one of 3\.3, 3\.1"):
        Sandbox(kadeploy="2")
    with pytest.raises(ValueError, match="deploy_time: 0: expected more than 0"):
        Sandbox(deploy_time=0)
