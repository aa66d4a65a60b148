"""OARGrid in a running sandbox: what a user types on a frontend, over ssh."""

import re
import subprocess
import time

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k.sandbox import Sandbox
from tests.system.helpers import until

SITES = {"nancy": {"grisou": 3}, "lyon": {"nova": 2}, "lille": {"chifflot": 1}}
USER = "alice"
SPEED = 10
KEY = f"/tmp/oargrid/oargrid_ssh_key_{USER}_"


@pytest.fixture(scope="module")
def started():
    sandbox = Sandbox(SITES, user=USER, speed=SPEED, oargrid=True).start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def grid(started):
    """A sandbox without jobs and without faults."""
    yield started
    started.faults.mend_all()
    for site in SITES:
        started.clear(site)


def on(grid, site, text, *options):
    ssh = [grid.directory.outside / "ssh", *options, site, text]
    return subprocess.run(
        ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def reserved(grid, site, words):
    """Reserve, and return the id."""
    done = on(grid, site, f"oargridsub {words}")
    assert done.returncode == 0, done
    [number] = re.findall(r"Grid reservation id = (\d+)", done.stdout)
    return int(number)


def nodes(grid, number, site="nancy"):
    """Return the nodes of a reservation, once all run."""
    done = on(grid, site, f"oargridstat -wl {number}")
    assert done.returncode == 0, done
    return sorted(set(done.stdout.split()))


def states(grid):
    return sorted((site, job["state"]) for site in SITES for job in grid.jobs(site))


def over(grid, *sites):
    wanted = sites or SITES
    return all(state in ("Error", "Terminated") for site, state in states(grid) if site in wanted)


def test_the_life_of_a_reservation(grid):
    words = "-w 0:30:00 -t deploy nancy:rdef=/nodes=2,lyon:rdef=/nodes=1:name=one"
    number = reserved(grid, "nancy", words)
    assert nodes(grid, number) == [
        "grisou-1.nancy.grid5000.fr", "grisou-2.nancy.grid5000.fr", "nova-1.lyon.grid5000.fr"
    ]  # fmt: skip
    # all frontends know it
    shown = on(grid, "lille", "oargridstat").stdout
    assert f"Reservation # {number}:\n" in shown
    assert f"\tuser : {USER}\n" in shown
    assert shown.count("Reservation #") == 1, "those that were cleared are over"
    jobs = dict(re.findall(r"^\t\t(\w+) --> (\d+) ", shown, re.MULTILINE))
    assert set(jobs) == {"nancy", "lyon"}
    # the jobs are jobs of OAR
    full = on(grid, "lyon", f"oarstat -fj {jobs['lyon']}").stdout
    assert "    reservation = Scheduled\n" in full
    assert "    state = Running\n" in full
    assert "PRIVATE KEY" not in full
    done = on(grid, "lille", f"oargriddel {number}")
    assert done.returncode == 0
    assert len(re.findall(r"\.\.\. DONE$", done.stdout, re.MULTILINE)) == 2
    until(lambda: over(grid), 20)
    assert f"# {number}:" not in on(grid, "lille", "oargridstat").stdout


def test_its_key_enters_its_nodes_alone(grid):
    number = reserved(grid, "nancy", "nancy:rdef=/nodes=1,lyon:rdef=/nodes=1")
    here, there = nodes(grid, number)
    with_key = f"OAR_JOB_KEY_FILE={KEY}{number} oarsh"
    assert on(grid, "nancy", f"{with_key} {here} hostname").stdout == "grisou-1\n"
    assert on(grid, "nancy", f"{with_key} {there} hostname").stdout == "nova-1\n"
    assert on(grid, "nancy", f"{with_key} grisou-2 hostname").returncode != 0
    assert on(grid, "nancy", f"stat -c %a {KEY}{number}").stdout == "600\n"


def test_its_key_is_on_the_frontend_where_it_was_made_and_can_be_restored(grid):
    number = reserved(grid, "nancy", "nancy")
    assert on(grid, "lyon", f"cat {KEY}{number}").returncode == 1
    lost = on(
        grid, "nancy", f"ssh-keygen -lf {KEY}{number}.pub; rm {KEY}{number}; ls {KEY}{number}"
    )
    assert lost.returncode == 2
    retrieved = f"/tmp/oargrid/oargrid_ssh_key_retrieved_{USER}_{number}"
    done = on(grid, "lyon", f"oargridstat -k {number}")
    assert (done.returncode, done.stdout) == (0, f"Key restored into {retrieved}\n")
    [node] = nodes(grid, number)
    entered = on(grid, "lyon", f"OAR_JOB_KEY_FILE={retrieved} oarsh {node} hostname")
    assert entered.stdout == "grisou-1\n"


def test_one_site_that_refuses_leaves_nothing_anywhere(grid):
    done = on(grid, "lyon", "oargridsub nancy:rdef=/nodes=99,lyon:rdef=/nodes=1,lille")
    assert done.returncode == 3
    assert (
        "[OAR_GRIDSUB] [nancy]Your reservation was rejected when contacting nancy\n" in done.stdout
    )
    assert done.stdout.count("[OAR_GRIDSUB] Delete job ") == 2
    assert "Grid reservation" not in done.stdout
    until(lambda: over(grid), 20)
    done = on(grid, "lyon", "oargridsub -F -t deploy nancy:rdef=/nodes=99,lyon:rdef=/nodes=1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Grid reservation id = " in done.stdout


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("refuse", "[nancy] I am not able to parse correctly the output"),
        ("hang", "[nancy] Command timed out"),
        ("stop_database", "[nancy] Command timed out"),
        ("stop_server", "[nancy] I am not able to parse correctly the output"),
    ],
)
def test_one_site_that_is_ill_ends_it_all(grid, fault, words):
    getattr(grid.faults, fault)("nancy")
    done = on(grid, "lyon", "oargridsub nancy,lyon")
    assert done.returncode == 3
    assert words in done.stdout
    assert "I delete jobs already submitted\n" in done.stdout
    until(lambda: over(grid, "lyon"), 20)


def test_w_waits_for_a_late_site_and_tells_each_round(grid):
    grid.faults.mute_scheduler("lyon")
    number = reserved(grid, "nancy", "nancy,lyon")
    ssh = [grid.directory.outside / "ssh", "nancy", f"oargridstat -w -l {number}"]
    waiting = subprocess.Popen(ssh, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert waiting.stderr is not None
    round_of_five = "Not all jobs are running on lyon, I wait 5 seconds\n"
    # told as it goes on: the command still runs
    assert [waiting.stderr.readline(), waiting.stderr.readline()] == [round_of_five] * 2
    assert waiting.poll() is None
    grid.faults.mend_scheduler("lyon")
    out, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0
    assert sorted(set(out.split())) == ["grisou-1.nancy.grid5000.fr", "nova-1.lyon.grid5000.fr"]
    assert out.endswith("\n\n")


def test_w_gives_up_and_is_killed_with_its_connexion(grid):
    grid.faults.mute_scheduler("nancy")
    number = reserved(grid, "nancy", "nancy")
    done = on(grid, "nancy", f"oargridstat -w -p 5 -m 10 -l {number}")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith("I wait 5 seconds\nMax polling time reached\n")
    started = time.monotonic()
    stopped = on(grid, "nancy", f"timeout 1 oargridstat -w -l {number}", "-tt")
    assert stopped.returncode == 124
    assert time.monotonic() - started < 30


def test_a_job_that_ended_is_told_with_the_nodes_of_the_others(grid):
    number = reserved(grid, "nancy", "nancy,lyon")
    nodes(grid, number)
    [job] = [job for job in grid.jobs("lyon") if job["state"] == "Running"]
    on(grid, "lyon", f"oardel {job['job_id']}")
    until(lambda: ("lyon", "Running") not in states(grid), 20)
    done = on(grid, "nancy", f"oargridstat -wl {number}")
    assert done.returncode == 4
    assert set(done.stdout.split()) == {"grisou-1.nancy.grid5000.fr"}
    assert done.stderr == f"ERROR: job {job['job_id']} is ended on cluster lyon\n"
    again = on(grid, "nancy", f"oargridstat -wl {number} 2>/dev/null || oargridstat -l {number}")
    assert "nova-1.lyon.grid5000.fr" in again.stdout


def test_a_reservation_of_later_starts_at_its_date_and_runs_its_program(grid):
    soon = int(grid.now()) + 40
    [date] = on(grid, "nancy", f"TZ=Europe/Paris date -d @{soon} '+%F %T'").stdout.splitlines()
    number = reserved(grid, "nancy", f"-s '{date}' -p 'hostname > ~/began' -d /tmp lille,lyon")
    assert states(grid)[-2:] != [("lille", "Running"), ("lyon", "Running")]
    shown = on(grid, "nancy", f"oargridstat {number}").stdout
    assert f"start date : {date}\n" in shown
    assert "program : hostname > ~/began\n" in shown
    until(lambda: on(grid, "lille", "cat began").stdout == "chifflot-1\n", 30)
    until(lambda: on(grid, "lyon", "cat began").stdout == "nova-1\n", 30)


def test_a_terminal_shows_both_streams(grid):
    done = on(grid, "nancy", "oargridsub nancy:foo=1; oargridstat -l abc", "-tt")
    assert "ERROR: foo=1: unknown keyword\n" in done.stdout
    assert 'Value "abc" invalid for option l (number expected)\n' in done.stdout


def test_sandboxes_have_no_oargrid_unless_they_are_told(tmp_path):
    with Sandbox({"nancy": {"a": 1}}) as plain:
        assert on(plain, "nancy", "command -v oargridsub").returncode == 1
        assert on(plain, "nancy", "oargridstat").returncode == 127
        assert on(plain, "nancy", "command -v kavlan g5k-subnets").stdout.count("\n") == 2
