"""The test grid is what the other tests take it for: a small Grid'5000."""

import re
from pathlib import Path

import pytest

from testbed import Grid, wait_until
from testbed.faults import Faults
from testbed.plan import SITES, nodes_of
from tests.grid.conftest import Laptop, OnFrontend

JOB_KEY = "~/.ssh/oar_job_key"


class User:
    """A person at the laptop who types commands on a frontend."""

    def __init__(self, ssh: Laptop, site: str, name: str = "alice") -> None:
        self._ssh, self._site, self._name = ssh, site, name

    def type(self, command: str) -> str:
        done = self._ssh(self._site, command, user=self._name)
        assert done.returncode == 0, (command, done.returncode, done.stderr)
        return done.stdout

    def fails(self, command: str) -> tuple[int, str]:
        done = self._ssh(self._site, command, user=self._name)
        assert done.returncode != 0, (command, done.stdout)
        return done.returncode, done.stderr

    def state(self, job: str) -> str:
        return self.type(f"oarstat -sj {job}").strip().removeprefix(f"{job}: ")

    def runs_job(self, options: str) -> str:
        """Submit a job and wait until it runs."""
        job = self.submits(options)
        assert wait_until(lambda: self.state(job) == "Running", 60, pause=0.2)
        return job

    def submits(self, options: str) -> str:
        answer = self.type(f"oarsub {options} 'sleep 600'")
        found = re.search(r"^OAR_JOB_ID=(\d+)$", answer, re.MULTILINE)
        assert found, answer
        return found[1]

    def nodes(self, job: str) -> list[str]:
        return self.type(f"oarstat -pj {job} | oarprint host -f -").split()


@pytest.mark.parametrize("name", ["{0}", "{0}.grid5000.fr", "frontend.{0}.grid5000.fr"])
@pytest.mark.parametrize("site", SITES)
def test_each_frontend_answers_to_all_its_names(laptop_ssh: Laptop, site: str, name: str) -> None:
    assert laptop_ssh(name.format(site), "hostname").stdout == f"f{site}\n"


def test_an_unknown_host_is_unknown_at_once(laptop_ssh: Laptop) -> None:
    assert "Name or service not known" in laptop_ssh("nowhere.grid5000.fr", "true").stderr


@pytest.mark.parametrize("site", SITES)
def test_a_job_on_all_nodes_of_a_site_lives_and_dies(laptop_ssh: Laptop, site: str) -> None:
    alice, bob = User(laptop_ssh, site), User(laptop_ssh, site, "bob")
    job = alice.runs_job(f"-l nodes={len(nodes_of(site))},walltime=0:10:0")
    nodes = alice.nodes(job)
    assert sorted(nodes) == [host.fqdn for host in nodes_of(site)]
    for node in nodes:
        assert (
            alice.type(f"OAR_JOB_ID={job} oarsh {node} hostname -s").strip() == node.split(".")[0]
        )
    alice.type(f"echo hello > sent; OAR_JOB_ID={job} oarcp sent {nodes[0]}:/tmp/received")
    assert alice.type(f"OAR_JOB_ID={job} oarsh {nodes[0]} cat /tmp/received") == "hello\n"
    bob.fails(f"oardel {job}")
    alice.type(f"oardel {job}")
    assert wait_until(lambda: alice.state(job) == "Error", 60, pause=0.2)
    alice.fails(f"OAR_JOB_ID={job} oarsh {nodes[0]} true")


def test_a_job_key_opens_the_job_and_no_other_node(laptop_ssh: Laptop, job_key: Path) -> None:
    alice, alice_in_lyon = User(laptop_ssh, "nancy"), User(laptop_ssh, "lyon")
    job = alice.runs_job(f"-k -i {JOB_KEY} -l nodes=1,walltime=0:10:0")
    (node,) = alice.nodes(job)
    foreign = next(host.fqdn for host in nodes_of("nancy") if host.fqdn != node)
    short = node.split(".")[0]
    as_oar = ("-p", "6667", "-l", "oar", "-i", str(job_key))
    assert laptop_ssh(node, "hostname", *as_oar).stdout == f"{short}\n"
    assert laptop_ssh(foreign, "hostname", *as_oar).returncode == 255
    oarsh = f"OAR_JOB_KEY_FILE={JOB_KEY} oarsh"
    assert alice_in_lyon.type(f"{oarsh} {node} hostname") == f"{short}\n"
    alice_in_lyon.fails(f"{oarsh} {foreign} hostname")
    # a site's OAR knows nothing of the other sites' jobs
    alice_in_lyon.fails(f"OAR_JOB_ID={job} oarsh {node} hostname")


def test_frontends_reach_each_other(laptop_ssh: Laptop) -> None:
    assert User(laptop_ssh, "nancy").type("ssh lyon hostname") == "flyon\n"
    assert User(laptop_ssh, "lyon").type("ssh nancy.grid5000.fr hostname") == "fnancy\n"


@pytest.mark.parametrize("site", SITES)
def test_python_on_a_frontend_imports_the_project(on_frontend: OnFrontend, site: str) -> None:
    done = on_frontend(site, "import execo, execo_g5k; print(execo.__file__)")
    assert done.stdout == "/opt/execo-g5k/src/execo/__init__.py\n", done.stderr


def test_a_frozen_frontend_accepts_and_says_nothing(laptop_ssh: Laptop, faults: Faults) -> None:
    faults.freeze_frontend("lyon")
    done = laptop_ssh("lyon", "true", "-o", "ConnectTimeout=2", "-o", "LogLevel=INFO")
    assert done.returncode == 255
    assert "timed out during banner exchange" in done.stderr
    faults.thaw_frontend("lyon")
    assert laptop_ssh("lyon", "hostname").stdout == "flyon\n"


def test_a_host_without_sshd_refuses_connexions(laptop_ssh: Laptop, faults: Faults) -> None:
    faults.stop_sshd("flyon")
    assert "Connection refused" in laptop_ssh("lyon", "true").stderr
    faults.start_sshd("flyon")
    assert laptop_ssh("lyon", "hostname").stdout == "flyon\n"


def test_without_its_server_oarsub_fails_and_oarstat_answers(
    laptop_ssh: Laptop, faults: Faults
) -> None:
    alice = User(laptop_ssh, "nancy")
    faults.stop_oar_server("nancy")
    code, error = alice.fails("oarsub -l nodes=1 'sleep 600'")
    assert code == 9
    assert "Cannot connect to executor" in error
    alice.type("oarstat")
    faults.start_oar_server("nancy")
    alice.runs_job("-l nodes=1,walltime=0:10:0")


def test_without_its_database_oarstat_fails(laptop_ssh: Laptop, faults: Faults) -> None:
    alice = User(laptop_ssh, "nancy")
    faults.stop_database("nancy")
    assert alice.fails("oarstat")[0] == 25
    faults.start_database("nancy")
    alice.runs_job("-l nodes=1,walltime=0:10:0")


def test_a_dead_node_is_unreachable_and_gets_suspected(laptop_ssh: Laptop, faults: Faults) -> None:
    alice = User(laptop_ssh, "lyon")
    faults.kill_node("taurus-2")
    assert laptop_ssh("taurus-2", "true", "-o", "ConnectTimeout=5").returncode == 255
    alice.submits("-l nodes=4,walltime=0:10:0")
    assert wait_until(lambda: "Suspected" in alice.type("oarnodes -s"), 90, pause=0.5)
    faults.revive_node("taurus-2")
    assert laptop_ssh("taurus-2", "hostname").stdout == "taurus-2\n"


def test_an_absent_node_takes_no_job(laptop_ssh: Laptop, faults: Faults) -> None:
    alice = User(laptop_ssh, "lyon")
    faults.set_node_state("nova-1", "Absent")
    job = alice.runs_job("-l nodes=3,walltime=0:10:0")
    assert "nova-1.lyon.grid5000.fr" not in alice.nodes(job)
    faults.set_node_state("nova-1", "Alive")


def test_clearing_leaves_no_job_behind(laptop_ssh: Laptop, grid: Grid) -> None:
    User(laptop_ssh, "nancy").runs_job("-l nodes=1,walltime=0:10:0")
    User(laptop_ssh, "nancy", "bob").submits("-l nodes=4,walltime=0:10:0")
    User(laptop_ssh, "lyon").submits("-l nodes=1,walltime=0:10:0")
    grid.jobs.clear()
    assert [grid.jobs.active(site) for site in SITES] == [[], []]
