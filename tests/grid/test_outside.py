"""From outside: through the access machine, with aliases and settings as users write them."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.grid.conftest import ON_SANDBOX
from tests.grid.outside import Laptop, ssh_of_home

with_taktuk = pytest.mark.skipif(
    shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk"
)


@pytest.fixture(scope="module")
def outside(grid, tmp_path_factory) -> Iterator[Laptop]:
    """A laptop from which all goes through the access machine."""
    home, programs = tmp_path_factory.mktemp("outside"), tmp_path_factory.mktemp("programs")
    if not ON_SANDBOX:
        path = {"PATH": ssh_of_home(programs)}
        yield Laptop(home, grid.work.user_key("alice"), grid.work.job_key("alice"), path)
        return
    from execo_g5k.sandbox import Sandbox
    from tests.grid.on_sandbox import SITES

    with pytest.MonkeyPatch.context() as patch:
        # the laptop of the other tests has an ssh of its own
        patch.setenv("PATH", os.defpath)
        sandbox = Sandbox(SITES, user="alice", outside=True).start()
    try:
        files = sandbox.directory
        yield Laptop(home, files.user_key, files.job_key, sandbox.laptop(home))
    finally:
        sandbox.stop()


JOBS = """
import json, os, pathlib, tempfile
from execo import *
from execo_g5k import *
params = default_oarsh_oarcp_params
quiet = {"nolog_exit_code": True, "nolog_error": True}
directory = pathlib.Path(tempfile.mkdtemp())
found = {}
jobs = oarsub([(OarSubmission("nodes=2", walltime=300), site) for site in ("nancy", "lyon")])
try:
    nodes = [host for job in jobs for host in get_oar_job_nodes(*job, timeout=40)]
    short = [host.address.split(".")[0] for host in nodes]
    WHAT
finally:
    oardel(jobs)
print(json.dumps({"nodes": [host.address for host in nodes], "short": short, **found}))
"""


def on_nodes(laptop: Laptop, what: str) -> dict[str, Any]:
    return laptop.script(JOBS.replace("WHAT", what.strip()))


def test_frontends_and_nodes_are_reached_from_the_access_machine_alone(outside):
    access = outside.run("ssh", "access.grid5000.fr", "echo $SSH_CONNECTION; hostname")
    ends, name = access.stdout.splitlines()
    assert name == "access"
    found = on_nodes(
        outside,
        """
    sites = Remote("echo $SSH_CONNECTION", ["nancy", "lyon"]).run(60)
    found["from"] = [p.stdout.split()[0] for p in sites.processes]
    inside = Remote("echo $SSH_CONNECTION", nodes, params).run(60)
    found["reached"] = [p.stdout.split()[0] for p in inside.processes]
    """,
    )
    address_of_access = ends.split()[2]
    assert found["from"] == [address_of_access] * 2
    assert found["reached"] == [address_of_access] * 4


def test_nodes_are_used_with_the_key_of_the_job_and_no_oarsh(outside):
    assert outside.run("sh", "-c", "command -v oarsh").returncode != 0
    found = on_nodes(
        outside,
        """
    remote = Remote("hostname; exit 3", nodes, params, process_args=quiet).run(60)
    found["names"] = [p.stdout.strip() for p in remote.processes]
    found["exits"] = [p.exit_code for p in remote.processes]
    assert node_connexion_params("~/.ssh/oar_job_key")["user"] == "oar"
    (directory / "a file").write_text("hello")
    put = Put(nodes, [str(directory / "a file")], "/tmp", params).run(60)
    answer = Remote("cat '/tmp/a file' > /tmp/answer; hostname >> /tmp/answer", nodes, params)
    get = answer.run(60) and Get(nodes, ["/tmp/answer"], f"{directory}/{{{{{{host}}}}}}", params)
    found["failed"] = [f"{p} {p.stderr}" for p in [*put.processes, *get.run(60).processes]
                       if not p.ok]
    found["got"] = [(directory / host.address).read_text() for host in nodes]
    """,
    )
    assert found["failed"] == []
    assert found["names"] == found["short"]
    assert found["exits"] == [3] * 4
    assert found["got"] == [f"hello{name}\n" for name in found["short"]]


@with_taktuk
def test_a_tree_of_connexions_starts_at_its_gateway(outside):
    found = on_nodes(
        outside,
        """
    tree = TaktukRemote("hostname; exit 3", nodes, params, quiet).run(60)
    found["out"] = [p.stdout.strip() for p in tree.processes]
    found["exits"] = [p.exit_code for p in tree.processes]
    found["reasons"] = [p.error_reason for p in tree.processes]
    (directory / "sent").write_text("hello")
    put = TaktukPut(nodes, [str(directory / "sent")], "/tmp/from_tree", params).run(60)
    get = TaktukGet(nodes, ["/tmp/from_tree"], str(directory) + "/{{{host}}}", params).run(60)
    found["failed"] = [f"{p} {p.stderr}" for p in put.processes + get.processes if not p.ok]
    found["got"] = [(directory / host.address).read_text() for host in nodes]
    """,
    )
    assert found["reasons"] == [None] * 4
    assert found["out"] == found["short"]
    assert found["exits"] == [3] * 4
    assert (found["failed"], found["got"]) == ([], ["hello"] * 4)


def test_a_chain_passes_data_from_node_to_node(outside):
    found = on_nodes(
        outside,
        """
    import hashlib
    data = os.urandom(5_000_000)
    (directory / "big").write_bytes(data)
    put = ChainPut(nodes, [str(directory / "big")], "/tmp/from_chain", params).run(60)
    sums = Remote("sha256sum < /tmp/from_chain", nodes, params).run(60)
    found["reasons"] = [p.error_reason for p in put.processes]
    found["sums"] = [p.stdout.split()[0] for p in sums.processes]
    found["sent"] = hashlib.sha256(data).hexdigest()
    """,
    )
    assert found["reasons"] == [None] * 4
    assert found["sums"] == [found["sent"]] * 4


def test_a_node_that_is_in_no_job_of_ours_lets_nobody_in(outside):
    found = on_nodes(
        outside,
        """
    others = [f"taurus-{n}.lyon.grid5000.fr" for n in (1, 2)]
    others += [f"nova-{n}.lyon.grid5000.fr" for n in (1, 2)]
    foreign = [name for name in others if name not in {host.address for host in nodes}]
    refused = Remote("hostname", foreign, params, process_args=quiet).run(60)
    found["exits"] = [p.exit_code for p in refused.processes]
    """,
    )
    assert found["exits"] == [255] * 2


def test_without_the_job_key_of_the_laptop_the_library_says_how_nodes_are_reached(outside: Laptop):
    source = """
import json
from execo_g5k import default_oarsh_oarcp_params, g5k_configuration, node_connexion_params
g5k_configuration["oar_job_key_file"] = default_oarsh_oarcp_params["keyfile"] = None
try:
    node_connexion_params()
except ValueError as error:
    print(json.dumps({"said": str(error)}))
"""
    said = outside.script(source)["said"]
    assert "6667" in said
    assert "oar_job_key_file" in said


USER = """
import json
from execo import *
from execo_g5k import *
jobs = oarsub([(OarSubmission("nodes=1", walltime=300), site) for site in ("nancy", "lyon")])
try:
    nodes = [host for job in jobs for host in get_oar_job_nodes(*job, timeout=40)]
    remote = Remote("hostname", nodes, default_oarsh_oarcp_params).run(60)
finally:
    oardel(jobs)
short = [host.address.split(".")[0] for host in nodes]
print(json.dumps({"short": short, "names": [p.stdout.strip() for p in remote.processes]}))
"""


def test_configure_sets_up_an_empty_home_and_doctor_finds_nothing_wrong(outside, grid, tmp_path):
    pytest.importorskip("rich", reason="the command line needs click and rich")
    key = outside.home / ".ssh/id_grid"
    pair = tmp_path / "registered"
    shutil.copy(key, pair)
    public = outside.run("ssh-keygen", "-y", "-f", str(pair)).stdout
    Path(f"{pair}.pub").write_text(public)
    laptop = Laptop.bare(tmp_path / "home", pair, outside.environment)
    command = [sys.executable, "-m"]
    sites = ["--site", "nancy", "--site", "lyon"]
    try:
        done = laptop.run(*command, "execo_g5k.cli.configure", "--user", "alice", *sites, "--yes")
        assert done.returncode == 0, done.stdout + done.stderr
        found = laptop.run(*command, "execo_g5k.cli.doctor", "--json")
        wrong = [f for f in json.loads(found.stdout)["findings"] if f["state"] == "wrong"]
        assert (found.returncode, wrong) == (0, [])
        again = laptop.run(*command, "execo_g5k.cli.configure", "--yes")
        assert again.stdout == "nothing to change, for alice through access.grid5000.fr\n"
        ran = laptop.script(USER)
        assert ran["names"] == ran["short"]
    finally:
        for site in ("nancy", "lyon"):
            undo = "sed -i /inside/d ~/.ssh/authorized_keys; rm -f ~/.ssh/*g5k_inside*"
            outside.run("ssh", f"{site}.grid5000.fr", f"{undo}; rm -f ~/.ssh/*.execo-*")
