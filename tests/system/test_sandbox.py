"""The sandbox as users meet it: ssh, scp, sftp, oarsh, the library, faults, the command line."""

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo import Get, Put, Remote, SshProcess, default_connexion_params
from execo_g5k import (
    OarSubmission,
    default_oarsh_oarcp_params,
    g5k_configuration,
    get_current_oar_jobs,
    get_oar_job_info,
    get_oar_job_nodes,
    oardel,
    oarsub,
    wait_oar_job_start,
)
from execo_g5k.sandbox import Cluster, Sandbox, SandboxError
from tests.system.helpers import until

PLAIN = {"ssh_options": ("-o", "BatchMode=yes")}
NODES = {"nancy": {"grisou": 4}, "lyon": {"nova": 2, "taurus": 2}}
COMMAND = [sys.executable, "-m", "execo_g5k.cli.main", "sandbox"]


def start(site="nancy", resources="nodes=1", **fields):
    """Submit a job and wait until it runs; return it and its nodes."""
    [job] = oarsub([(OarSubmission(resources, walltime=600, **fields), site)])
    assert wait_oar_job_start(*job, timeout=30)
    return job, get_oar_job_nodes(*job)


def ssh(host, command, **options):
    return SshProcess(command, host, PLAIN, nolog_exit_code=True, **options).run(timeout=30)


def ssh_in(node, command):
    return Remote(command, [node], default_oarsh_oarcp_params).run(timeout=30).processes[0].stdout


def test_hosts_are_entered_by_all_their_names(sandbox):
    for name in ("nancy", "nancy.grid5000.fr", "frontend.nancy.grid5000.fr", "fnancy"):
        assert ssh(name, "hostname").stdout == "fnancy\n"
    assert ssh("access.grid5000.fr", "hostname; uname -n").stdout == "access\naccess\n"


def test_commands_have_the_streams_and_the_exit_of_their_own(sandbox):
    done = ssh("lyon", "echo err >&2; exit 3")
    assert (done.exit_code, done.stderr) == (3, "err\n")
    process = SshProcess("wc -c", "lyon", PLAIN).start()
    process.write("x" * 300_000)
    assert process.close_stdin().wait(timeout=30).stdout.strip() == "300000"
    assert ssh("lyon", "kill -9 $$").exit_code == 255
    on_terminal = {"ssh_options": ("-tt", *PLAIN["ssh_options"])}
    killed = SshProcess("kill -9 $$", "lyon", on_terminal, nolog_exit_code=True).run(timeout=30)
    assert killed.exit_code == 255


def test_the_exit_code_of_a_command_is_never_lost(sandbox, tmp_path):
    shared = ["-o", "ControlMaster=auto", "-o", f"ControlPath={tmp_path}/s"]
    ssh_shared = ["ssh", *shared, "-o", "ControlPersist=60", "nancy"]
    options = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 60}
    codes = [subprocess.run([*ssh_shared, "exit 3"], **options).returncode for _ in range(30)]
    subprocess.run([*ssh_shared, "-O", "exit"], **options)
    assert codes == [3] * 30


def test_a_command_ends_when_nobody_takes_what_it_prints(sandbox):
    printing = ["ssh", "nancy", "echo $$; exec head -c 50000000 /dev/zero"]
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE}
    with subprocess.Popen(printing, **streams) as process:
        wait_until_stuck(int(process.stdout.readline()))
        process.stdout.close()
        assert process.wait(30) != 0


def wait_until_stuck(pid):
    """Wait until a process writes nothing more."""
    seen, looks = "", 0
    while looks < 10:
        before, seen = seen, Path(f"/proc/{pid}/io").read_text()
        looks = looks + 1 if seen == before else 0
        time.sleep(0.05)


def of_shell(text, **options):
    """Run a command line of this machine; return its exit code and output."""
    command = ["bash", "-c", text]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, **options)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("command", "end"),
    [
        ("ssh nancy 'head -c 20M /dev/zero' </dev/null | (sleep 0.5; wc -c)", (0, "20971520\n")),
        (
            "ssh -tt nancy 'head -c 2M /dev/zero' </dev/null 2>&- | (sleep 0.5; wc -c)",
            (0, "2097152\n"),
        ),
        ("head -c 3M /dev/zero | ssh nancy 'exec <&-; echo hi'", (0, "hi\n")),
        ("head -c 3M /dev/zero | ssh nancy 'head -c 1 | wc -c'", (0, "1\n")),
        ("ssh nancy yes | head -1", (0, "y\n")),
        ("ssh nancy 'kill -40 $$'", (255, "")),
        ("ssh nancy 'sleep 0.3 & echo first'", (0, "first\n")),
        ("echo 'basename $(command -v oarsub)' | ssh nancy", (0, "oarsub\n")),
        ("ssh nancy 'bash -lc \"command -v oarsh\" | xargs basename'", (0, "oarsh\n")),
    ],
)
def test_streams_and_shells_are_as_those_of_sshd(sandbox, command, end):
    assert of_shell(command) == end


def test_a_command_that_reads_nothing_leaves_the_others_of_its_connexion_alone(sandbox, tmp_path):
    shared = f"ssh -o ControlMaster=auto -o ControlPath={tmp_path}/s -o ControlPersist=9 nancy"
    assert of_shell(f"{shared} true") == (0, "")
    other = subprocess.Popen([*shared.split(), "sleep 1; echo fine"], stdout=subprocess.PIPE)
    assert of_shell(f"head -c 3M /dev/zero | {shared} true")[1] == ""
    assert other.communicate(timeout=30)[0] == b"fine\n"
    of_shell(f"{shared} -O exit")


def test_a_fifo_in_the_place_of_a_file_stops_nothing(sandbox):
    assert of_shell("ssh nancy 'mkfifo f; oarsub -k -e f true'")[0] != 0
    assert of_shell("ssh nancy 'oarsub -O f true'")[0] == 0
    assert "Job id" in of_shell("ssh nancy oarstat")[1]


def test_a_job_whose_file_for_errors_is_none_any_more_is_deleted(sandbox):
    (job_id, _), _ = start(command="rm OAR.*.stderr; mkdir OAR.$OAR_JOB_ID.stderr; sleep 600")
    until(lambda: of_shell("ssh nancy 'ls -d OAR.*.stderr/'")[0] == 0)
    oardel([(job_id, "nancy")])
    until(lambda: get_current_oar_jobs(["nancy"]) == [])


class Interactive:
    """`oarsub -I` on a terminal of the frontend."""

    def __init__(self):
        self.terminal, far = os.openpty()
        self.process = subprocess.Popen(
            ["ssh", "-tt", "nancy", "oarsub -I"], stdin=far, stdout=far, stderr=far
        )
        os.close(far)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def read_until(self, words):
        while words not in self.said:
            try:
                self.said += os.read(self.terminal, 4096)
            except OSError:
                pytest.fail(f"{words!r} is not in {self.said!r}")


def test_an_interactive_job_finds_its_nodes(sandbox):
    with Interactive() as oarsub_there:
        os.write(oarsub_there.terminal, b"sort -u $OAR_NODEFILE | tr a-z A-Z\n")
        oarsub_there.read_until(b"GRISOU-1.NANCY")


def test_ctrl_c_deletes_an_interactive_job_that_waits(sandbox):
    sandbox.run_as("carol", "nancy", ["oarsub", "-l", "nodes=4", "sleep 600"])
    with Interactive() as oarsub_there:
        oarsub_there.read_until(b"waiting")
        os.write(oarsub_there.terminal, b"\x03")
        oarsub_there.read_until(b"Job(s) deleted.")
        assert b"Caught Interrupt (^C), Deleting the job" in oarsub_there.said
        assert oarsub_there.process.wait(20) == 1
    until(lambda: get_current_oar_jobs(["nancy"]) == [])


def test_the_loss_of_the_connexion_ends_an_interactive_job(sandbox):
    with Interactive() as oarsub_there:
        oarsub_there.read_until(b"Connect to OAR job")
    until(lambda: get_current_oar_jobs(["nancy"]) == [], 20)


def test_a_terminal_is_one(sandbox):
    done = SshProcess("tty; stty size; exit 4", "nancy", nolog_exit_code=True).run(timeout=30)
    assert done.exit_code == 4
    assert "/dev/pts/" in done.stdout


def test_a_site_has_one_home_and_each_host_a_tmp_of_its_own(sandbox):
    _, nodes = start(resources="nodes=2")
    written = Remote("hostname > /tmp/name; hostname > $(hostname).txt", nodes, ON_NODES())
    assert written.run(timeout=30).ok
    read = Remote("cat /tmp/name", nodes, ON_NODES()).run(timeout=30)
    assert sorted(p.stdout.strip() for p in read.processes) == ["grisou-1", "grisou-2"]
    assert ssh("nancy", "cat grisou-*.txt; cat /tmp/name").stdout == "grisou-1\ngrisou-2\n"


def ON_NODES():
    return {**default_oarsh_oarcp_params, "pty": False, "ssh_options": PLAIN["ssh_options"]}


def test_a_node_opens_to_the_job_that_has_it_alone(sandbox):
    (job_id, _), [node] = start()
    assert ssh(node, "true").exit_code == 255
    assert Remote("hostname", [node], default_oarsh_oarcp_params).run(timeout=30).ok
    other = "grisou-2" if "grisou-1" in node.address else "grisou-1"
    refused = Remote("true", [other], default_oarsh_oarcp_params, {"nolog_exit_code": True})
    assert not refused.run(timeout=30).ok
    oardel([(job_id, "nancy")])
    until(lambda: get_oar_job_info(job_id, "nancy")["state"] == "Error", 20)
    late = Remote("true", [node], default_oarsh_oarcp_params, {"nolog_exit_code": True})
    assert not late.run(timeout=30).ok


def test_a_node_of_a_classic_ssh_job_opens_to_ssh(sandbox):
    _, [node] = start(job_type="allow_classic_ssh")
    assert ssh(node, "hostname").stdout.strip() == node.address.partition(".")[0]


def test_files_go_to_nodes_and_come_back(sandbox, tmp_path):
    _, nodes = start(resources="nodes=2")
    (tmp_path / "in put").write_text("payload")
    params = default_oarsh_oarcp_params
    assert Put(nodes, [tmp_path / "in put"], "/tmp/there", params).run(timeout=30).ok
    worked = Remote("(cat /tmp/there; hostname) > /tmp/back", nodes, params).run(timeout=30)
    assert worked.ok
    assert Get(nodes, ["/tmp/back"], f"{tmp_path}/{{{{{{host}}}}}}", params).run(timeout=30).ok
    for node in nodes:
        short = node.address.partition(".")[0]
        assert (tmp_path / node.address).read_text() == f"payload{short}\n"


def test_the_programs_of_openssh_connect_too(sandbox, tmp_path):
    (tmp_path / "file").write_text("x")
    for command in (
        ["scp", "-q", "file", "nancy:one"],
        ["scp", "-q", "-O", "file", "nancy:two"],
        ["scp", "-q", "nancy:one", "back"],
        ["sh", "-c", "echo 'put file three' | sftp -q -b - nancy"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, (command, done)
    assert ssh("nancy", "cat one two three").stdout == "xxx"
    assert (tmp_path / "back").read_text() == "x"
    ssh("nancy", "rm one two three")


@pytest.mark.skipif(not shutil.which("rsync"), reason="no rsync here, nor on the sandbox's hosts")
def test_rsync_connects_too(sandbox, tmp_path):
    (tmp_path / "file").write_text("x")
    command = ["rsync", "-a", f"{tmp_path}/file", "nancy:rsynced"]
    assert subprocess.run(command, timeout=30, check=False).returncode == 0
    assert ssh("nancy", "cat rsynced; rm rsynced").stdout == "x"


def test_other_users_have_jobs_and_nobody_deletes_them(sandbox):
    theirs = sandbox.run_as(
        "bob", "nancy", ["oarsub", "-l", "nodes=4,walltime=1", "echo $USER; sleep 99"]
    )
    assert theirs.returncode == 0
    [bobs] = [job["job_id"] for job in sandbox.jobs("nancy") if job["user"] == "bob"]
    assert wait_oar_job_start(bobs, "nancy", timeout=30)
    [mine] = oarsub([(OarSubmission("nodes=1", 60), "nancy")])
    started = wait_oar_job_start(*mine, timeout=2)
    assert not started
    oardel([(bobs, "nancy")])
    assert get_oar_job_info(bobs, "nancy")["state"] == "Running"
    assert [job for job, _ in get_current_oar_jobs(["nancy"])] == [mine[0]]
    assert sandbox.run_as("bob", "nancy", ["oardel", str(bobs)]).returncode == 0
    assert wait_oar_job_start(*mine, timeout=30)
    home = sandbox.directory.home_of("nancy", "bob")
    assert (home / f"OAR.{bobs}.stdout").read_text() == "bob\n"
    with pytest.raises(SandboxError, match="rennes.*nancy"):
        sandbox.run_as("bob", "rennes", ["oarstat"])
    with pytest.raises(SandboxError, match="reboot"):
        sandbox.run_as("bob", "nancy", ["reboot"])


def test_scripts_run_on_frontends(sandbox):
    source = (
        "from execo_g5k import *; [job] = oarsub([(OarSubmission('nodes=1'), 'nancy')]);"
        " print(len(get_oar_job_nodes(*job))); oardel([job])"
    )
    done = ssh("nancy", f'python3 -c "{source}"')
    assert (done.stdout, done.stderr, done.exit_code) == ("1\n", "", 0)


def test_a_job_in_tmp_leaves_its_files_in_that_of_its_node(sandbox):
    script = "mkdir /tmp/work && cd /tmp/work && pwd > here; sleep 60"
    name = f"/tmp/{uuid.uuid4()}"
    job, [node] = start(command=script, directory="/tmp", additional_options=["-O", name])
    until(lambda: ssh_in(node, "cat /tmp/work/here") == "/tmp/work\n")
    assert ssh_in(node, f"ls {name}") == f"{name}\n"
    assert not os.path.exists(name)
    oardel([job])
    there = f"host = '{node.address}'"
    job, _ = start(command="pwd; sleep 60", directory="/tmp/work", sql_properties=there)
    until(lambda: ssh_in(node, f"cat /tmp/work/OAR.{job[0]}.stdout") == "/tmp/work\n")


def test_jobs_that_are_killed_leave_no_process(sandbox):
    [job] = oarsub([(OarSubmission("nodes=1", command="setsid sleep 7777 & sleep 8888"), "nancy")])
    assert wait_oar_job_start(*job, timeout=30)
    until(lambda: running("sleep 7777"), 20)
    oardel([job])
    until(lambda: not running("sleep 7777") and not running("sleep 8888"), 20)


def running(command):
    done = subprocess.run(["pgrep", "-fx", command], capture_output=True, timeout=30)
    return done.returncode == 0


# --- faults


def test_a_job_is_deleted_also_while_its_command_shows_no_variables(sandbox):
    job, _ = start(command="exec env -i sleep 100001")
    until(lambda: subprocess.run(["pgrep", "-fx", "sleep 100001"], capture_output=True).stdout)
    oardel([job])
    until(lambda: get_oar_job_info(*job)["state"] == "Error")


def test_a_frontend_that_refuses_is_told(sandbox, caplog):
    sandbox.faults.refuse("nancy")
    jobs = oarsub([(OarSubmission("nodes=1"), site) for site in ("nancy", "lyon")])
    assert [job_id is None for job_id, _ in jobs] == [True, False]
    assert "Connection refused" in caplog.text
    sandbox.faults.mend("nancy")
    assert ssh("nancy", "true").ok


def test_a_frontend_that_hangs_costs_the_timeout(sandbox, caplog):
    sandbox.faults.hang("nancy")
    assert oarsub([(OarSubmission("nodes=1"), "nancy")], timeout=1)[0][0] is None
    assert "nancy" in caplog.text


def test_a_frontend_that_is_slow_answers(sandbox):
    sandbox.faults.slow("nancy", 0.5)
    began = time.monotonic()
    assert ssh("nancy", "true").ok
    assert time.monotonic() - began >= 0.5


def test_banners_and_garbage_hide_no_job(sandbox):
    sandbox.faults.banner("nancy", "Welcome to Grid'5000!\n")
    assert oarsub([(OarSubmission("nodes=1"), "nancy")])[0][0] is not None
    sandbox.faults.garbage("nancy", "loading your .bashrc\n")
    assert oarsub([(OarSubmission("nodes=1"), "nancy")])[0][0] is not None
    assert len(get_current_oar_jobs(["nancy"])) == 2


def test_connexions_are_cut_in_the_middle(sandbox):
    sandbox.faults.cut_output("nancy", after=3)
    cut = ssh("nancy", "echo much more; touch it-went-on")
    assert (cut.exit_code, cut.stdout) == (255, "muc")
    until(lambda: (sandbox.directory.home_of("nancy", sandbox.user) / "it-went-on").exists())
    sandbox.faults.mend("nancy")
    process = SshProcess("sleep 60", "nancy", PLAIN, nolog_exit_code=True).start()
    process.started_event.wait()
    until(lambda: running("sleep 60"), 20)
    sandbox.faults.cut("nancy")
    assert process.wait(timeout=30).exit_code == 255


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda faults: faults.refuse("nohost"), "nohost"),
        (lambda faults: faults.slow("nancy", -1), "delay: -1"),
        (lambda faults: faults.cut_output("nancy", -1), "cut_after: -1"),
        (lambda faults: faults.set_node_state("grisou-1", "Broken"), "Broken.*Alive"),
        (lambda faults: faults.kill_node("nancy"), "'nancy' is no node"),
        (lambda faults: faults.stop_server("rennes"), "rennes.*nancy, lyon"),
        (lambda faults: faults.shift_clock(float("inf")), "inf"),
    ],
)
def test_faults_that_are_none_are_refused(sandbox, harm, words):
    with pytest.raises(SandboxError, match=words):
        harm(sandbox.faults)


def test_a_full_disk_takes_no_file(sandbox, tmp_path):
    (tmp_path / "file").write_text("x")
    sandbox.faults.fill_disk("nancy")
    quiet = {"nolog_exit_code": True}
    put = Put(["nancy"], [tmp_path / "file"], "there", PLAIN, process_args=quiet)
    assert not put.run(timeout=30).ok


def test_a_node_that_dies_is_dead_for_ssh_and_for_the_next_job(sandbox):
    _, nodes = start(resources="nodes=2")
    sandbox.faults.kill_node(nodes[0].address)
    remote = Remote("hostname", nodes, default_oarsh_oarcp_params, {"nolog_exit_code": True})
    assert [p.ok for p in remote.run(timeout=30).processes] == [False, True]
    sandbox.clear("nancy")
    [job] = oarsub([(OarSubmission("nodes=4", walltime=600), "nancy")])
    assert not wait_oar_job_start(*job, timeout=30)
    assert "CPUSET_ERROR" in str(get_oar_job_info(*job)["events"])
    sandbox.faults.mend_all()
    sandbox.clear("nancy")
    start(resources="nodes=4")


def test_the_death_of_the_first_node_leaves_the_others_of_its_job_alone(sandbox):
    _, nodes = start(resources="nodes=3")
    command = "hostname; sleep 3; echo fine"
    action = Remote(command, nodes, default_oarsh_oarcp_params, {"nolog_exit_code": True}).start()
    until(lambda: all(process.stdout for process in action.processes))
    sandbox.faults.kill_node(nodes[0].address)
    action.wait(30)
    assert [process.ok for process in action.processes] == [False, True, True]


def test_a_scheduler_that_never_answers_leaves_jobs_waiting(sandbox):
    sandbox.faults.mute_scheduler("nancy")
    [job] = oarsub([(OarSubmission("nodes=1"), "nancy")])
    assert not wait_oar_job_start(*job, timeout=1)
    sandbox.faults.mend_scheduler("nancy")
    assert wait_oar_job_start(*job, timeout=30)


def test_without_its_server_a_site_keeps_jobs_and_without_its_database_nothing_answers(sandbox):
    sandbox.faults.stop_server("nancy")
    done = ssh("nancy", "oarsub -l nodes=1 'sleep 60'; echo $?; oarstat -u | wc -l")
    assert done.stdout.split()[-2:] == ["9", "3"]
    assert "Cannot connect to executor" in done.stderr
    sandbox.faults.start_server("nancy")
    sandbox.faults.stop_database("nancy")
    assert ssh("nancy", "oarstat").exit_code == 25
    waiting = SshProcess("oardel 1", "nancy", PLAIN, nolog_exit_code=True).start()
    assert not waiting.wait(timeout=1).ended
    sandbox.faults.start_database("nancy")
    assert waiting.wait(timeout=30).ended


def test_a_clock_that_is_put_forward_ends_walltimes(sandbox):
    [job] = oarsub([(OarSubmission("nodes=1", walltime="10:0:0"), "nancy")])
    assert wait_oar_job_start(*job, timeout=30)
    sandbox.faults.shift_clock(36_100)
    until(lambda: get_oar_job_info(*job)["state"] == "Error", 20)


# --- sandboxes


def test_settings_and_programs_come_back_at_the_end(monkeypatch):
    default_connexion_params["user"] = "somebody"
    g5k_configuration["polling_interval"] = 17
    path = os.environ["PATH"]
    with Sandbox({"toulouse": {"montcalm": 1}}) as grid:
        assert default_connexion_params["user"] is None
        assert grid.hosts() == ["montcalm-1.toulouse.grid5000.fr"]
        start("toulouse")
        directory = grid.directory.path
    assert default_connexion_params["user"] == "somebody"
    assert g5k_configuration["polling_interval"] == 17
    assert os.environ["PATH"] == path
    assert not directory.exists()
    assert grid.faults is not None
    with pytest.raises(SandboxError, match="call start"):
        grid.hosts()


def test_it_may_be_entered_in_itself():
    before = os.environ["PATH"]
    with Sandbox() as grid:
        inside = os.environ["PATH"]
        with grid.entered():
            pass
        assert os.environ["PATH"] == inside
    assert os.environ["PATH"] == before


def test_what_a_dead_server_and_forked_processes_leave_ends_with_the_sandbox():
    number = str(3_000_000 + os.getpid())
    with Sandbox() as grid:
        start(command=f"sleep {number}")
        own = subprocess.Popen(["sleep", "100"])
        os.kill(grid.pid, signal.SIGKILL)
    until(lambda: not running(f"sleep {number}"))
    assert own.poll() is None, "a program of the user is killed"
    own.kill()
    own.wait()
    with Sandbox() as grid:
        start(command=f"sleep {number}")
        # it holds the other end of the server's input
        forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(100,))
        forked.start()
        pid = grid.pid
    assert not Path(f"/proc/{pid}").exists()
    until(lambda: not running(f"sleep {number}"))
    forked.kill()
    forked.join()


def test_a_directory_that_is_there_is_refused(tmp_path):
    with pytest.raises(SandboxError, match="File exists"):
        Sandbox(directory=tmp_path).start()


def test_a_sandbox_that_runs_is_not_started_again(sandbox):
    with pytest.raises(SandboxError, match="runs already"):
        sandbox.start()


def test_two_sandboxes_at_once_know_nothing_of_each_other():
    with Sandbox({"nancy": {"grisou": 1}}) as one:
        start()
        with Sandbox({"nancy": {"gros": 2}}) as two:
            start(resources="nodes=2")
            assert [job["job_id"] for job in two.jobs("nancy")] == [1]
        assert one.hosts("nancy") == ["grisou-1.nancy.grid5000.fr"]
        assert get_oar_job_nodes(1, "nancy")[0].address == "grisou-1.nancy.grid5000.fr"


@pytest.fixture
def without_namespaces(tmp_path, monkeypatch):
    """This machine without the program that makes namespaces."""
    for directory in os.environ["PATH"].split(os.pathsep):
        for program in Path(directory).glob("*") if directory else ():
            link = tmp_path / program.name
            if program.name != "unshare" and not link.is_symlink():
                link.symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))


def test_where_there_are_no_namespaces_hosts_have_names_and_jobs_nevertheless(without_namespaces):
    with Sandbox({"nancy": {"grisou": 2}}):
        _, nodes = start(resources="nodes=2")
        told = Remote("hostname; cat $OAR_NODEFILE", nodes, default_oarsh_oarcp_params)
        lines = [process.stdout.split() for process in told.run(timeout=30).processes]
        hosts = sorted({node.address for node in nodes})
        assert [(name, sorted(set(rest))) for name, *rest in lines] == [
            ("grisou-1", hosts),
            ("grisou-2", hosts),
        ]


def test_hosts_have_the_date_of_the_sandbox():
    with Sandbox(speed=60) as grid:
        grid.faults.shift_clock(86400)
        before = time.time()
        for host in ("nancy", "access"):
            _, told = of_shell(f"ssh {host} date +%s")
            assert int(told) >= before + 86400
        assert of_shell("ssh nancy 'date -d @0 -u +%Y'") == (0, "1970\n")
        ahead = int(of_shell("ssh nancy date +%s")[1]) - time.time()
        until(lambda: int(of_shell("ssh nancy date +%s")[1]) - time.time() > ahead + 30, 20)


def test_time_may_run_faster():
    with Sandbox({"nancy": {"grisou": 1}}, speed=600) as grid:
        [job] = oarsub([(OarSubmission("nodes=1", walltime="0:20:0"), "nancy")])
        until(lambda: grid.jobs("nancy")[0]["state"] == "Error", 20)
        assert job.job_id == 1


def test_clusters_have_the_properties_that_they_are_given():
    cluster = Cluster(nodes=2, cores=8, properties={"gpu_count": 4, "wattmeter": "YES"})
    with Sandbox({"lille": {"chifflot": cluster, "other": 2}}):
        job = OarSubmission("/nodes=2", sql_properties="gpu_count = 4 and wattmeter = 'YES'")
        [ref] = oarsub([(job, "lille")])
        assert [n.address.partition("-")[0] for n in get_oar_job_nodes(*ref)] == ["chifflot"] * 2


@pytest.mark.parametrize(
    ("sites", "error", "words"),
    [
        ({}, TypeError, "sites"),
        ({"nancy": {}}, TypeError, "nancy"),
        ({"nancy": {"grisou": 0}}, ValueError, "nodes: 0"),
        ({"nancy": {"grisou": "many"}}, TypeError, "many"),
        ({"na ncy": {"grisou": 1}}, ValueError, "na ncy"),
        ({"localhost": {"grisou": 1}}, ValueError, "localhost"),
        ({"nancy": {"grisou": 40_000, "gros": 30_000}}, ValueError, "70000 nodes"),
    ],
)
def test_sites_that_are_none_are_refused(sites, error, words):
    with pytest.raises(error, match=words):
        Sandbox(sites)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"speed": "fast"}, TypeError),
        ({"speed": 0}, ValueError),
        ({"speed": float("nan")}, ValueError),
        ({"launch_delay": -1}, ValueError),
        ({"first_job_id": 0}, ValueError),
        ({"user": "../bob"}, ValueError),
        ({"user": ""}, ValueError),
    ],
)
def test_impossible_options_are_refused(options, error):
    [name] = options
    with pytest.raises(error, match=f"{name}: "):
        Sandbox(**options)


@pytest.mark.parametrize("name", ["state", "Memory", "a b"])
def test_properties_that_are_none_are_refused(name):
    with pytest.raises(ValueError, match=name):
        Cluster(nodes=1, properties={name: 1})


def test_a_script_that_is_killed_takes_its_sandbox_with_it():
    source = (
        "from execo_g5k.sandbox import Sandbox; import time;"
        " grid = Sandbox({'nancy': {'grisou': 1}}).start(); print(grid.directory.path, flush=True);"
        " time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True) as own:
        assert own.stdout is not None
        directory = own.stdout.readline().strip()
        own.send_signal(signal.SIGKILL)
    until(lambda: not running(f".*sandbox.servers.main {directory}"), 20)
    assert not os.path.exists(directory)


# --- the command line


def sandbox_command(*words, **options):
    return subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False, **options
    )


def test_a_command_runs_in_a_sandbox_of_its_own():
    done = sandbox_command("run", "--site", "nancy=grisou:1", "--", "ssh", "nancy", "hostname")
    assert (done.returncode, done.stdout) == (0, "fnancy\n")
    assert sandbox_command("run", "--", "sh", "-c", "exit 7").returncode == 7


def test_a_sandbox_is_started_entered_and_stopped(own_home):
    assert sandbox_command("status").returncode == 1
    assert sandbox_command("start", "--site", "nancy=grisou:2").returncode == 0
    try:
        assert "grisou-2.nancy.grid5000.fr" in sandbox_command("status").stdout
        again = sandbox_command("start")
        assert (again.returncode, "runs already" in again.stderr) == (1, True)
        shell = own_home / "shell"
        shell.write_text("#!/bin/sh\nssh nancy oarstat -V\n")
        shell.chmod(0o755)
        entered = sandbox_command("shell", env={**os.environ, "SHELL": str(shell)})
        assert entered.stdout == "OAR version : 2.5.9 (Canicule)\n"
    finally:
        assert sandbox_command("stop").returncode == 0
    assert sandbox_command("status").returncode == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run"], 2, "Missing argument 'COMMAND...'"),
        (["run", "--site", "nancy", "true"], 2, "'--site': nancy: expected such as"),
        (["run", "--speed", "0", "true"], 2, "speed: 0.0"),
        (["run", "--", "/no/such/program"], 1, "/no/such/program"),
    ],
)
def test_a_wrong_command_line_is_told(words, code, told):
    done = sandbox_command(*words)
    assert done.returncode == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr
