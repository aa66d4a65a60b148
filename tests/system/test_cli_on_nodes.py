"""Commands, copies, shells and deployments from the command line."""

import json
import os
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import OarSubmission, get_oar_job_nodes, oarsub
from tests.system.helpers import until
from tests.system.screens import COMMAND, cli, on_terminal

BOTH = "grisou-[1-2].nancy.grid5000.fr"


@pytest.fixture
def job(sandbox):
    """A job that runs on two nodes, as it is written on the command line."""
    return running("nodes=2")


def running(resources, **fields):
    [job] = oarsub([(OarSubmission(resources, walltime=3600, **fields), "nancy")])
    assert get_oar_job_nodes(*job, timeout=30)
    return f"nancy:{job[0]}"


def test_equal_outputs_are_shown_once(job):
    done = cli("run", "-j", job, "--", "echo", "a  b", "$HOME")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"== {BOTH} (2) ==\na  b $HOME\n"


def test_a_command_that_looks_like_an_option_runs_on_the_nodes(job, tmp_path):
    for word in ("-V", "-x", f"-oProxyCommand=touch {tmp_path}/here"):
        done = cli("run", "-j", job, "--timeout", "20", "--", word)
        assert (done.returncode, "not found" in done.stdout) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_what_fails_is_shown_last_and_tells_why(job):
    done = cli("run", "-j", job, "echo said; [ $(hostname) = grisou-2 ] || exit 3")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "== grisou-2.nancy.grid5000.fr (1) ==", "said",
        "== grisou-1.nancy.grid5000.fr (1) exit 3 ==", "said",
    ]  # fmt: skip


def test_a_dead_node_is_one_failure_among_the_others(job, sandbox):
    sandbox.faults.kill_node("grisou-1")
    told = json.loads(cli("run", "-j", job, "--json", "hostname").stdout)
    assert told["ok"] is False
    assert [(host["host"], host["ok"]) for host in told["hosts"]] == [
        ("grisou-1.nancy.grid5000.fr", False), ("grisou-2.nancy.grid5000.fr", True),
    ]  # fmt: skip
    [well, _] = told["groups"]
    assert (well["hosts"], well["stdout"]) == ("grisou-2.nancy.grid5000.fr", "grisou-2\n")


def test_a_script_is_copied_run_and_deleted(job, tmp_path):
    script = tmp_path / "my script"
    script.write_text('#!/bin/sh\nbasename "$0" | cut -c1-5\nprintf "<%s>" "$@"\nexit 5\n')
    script.chmod(0o644)
    done = cli("run", "-j", job, "--script", str(script), "a b", "c")
    assert done.returncode == 1
    assert done.stdout == f"== {BOTH} (2) exit 5 ==\nexeco\n<a b><c>\n"
    left = cli("run", "-j", job, "ls /tmp | grep execo-")
    assert "my script" not in left.stdout


def test_a_script_that_is_ended_is_deleted_too(job, tmp_path):
    script = tmp_path / "slow"
    script.write_text("#!/bin/sh\necho started\nexec sleep 98766\n")
    late = cli("run", "-j", job, "--timeout", "2", "--script", str(script))
    assert late.returncode == 1
    until(lambda: "-slow" not in cli("run", "-j", job, "ls /tmp").stdout)


def test_bytes_that_are_no_text_are_printed(job):
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(
        [*COMMAND, "run", "-j", job, r"printf 'a\377\n'"], capture_output=True, env=environment
    )
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, b"a\xff")
    environment["PYTHONIOENCODING"] = "latin-1"
    assert cli("run", "-j", job, "echo €", env=environment).returncode == 0


def test_a_command_that_is_too_slow_is_ended(job):
    done = cli("run", "-j", job, "--timeout", "1", "sleep 31536000")
    assert (done.returncode, done.stdout) == (1, f"== {BOTH} (2) timeout ==\n")


def test_progress_is_shown_on_a_terminal_and_ctrl_c_ends_what_runs(job):
    with on_terminal("run", "-j", job, "[ $(hostname) = grisou-1 ] || exec sleep 98765") as own:
        own.until(lambda text: "running" in text and "1/2" in text)
        own.press("\x03")
        assert own.end() == 130
        assert "execo-g5k: interrupted" in own.text
        assert "Traceback" not in own.text
    until(lambda: "sleep" not in cli("run", "-j", job, "ps -eo args | grep 9876[5]").stdout)


def test_a_terminal_shows_groups(job):
    with on_terminal("run", "-j", job, "hostname") as own:
        assert own.end() == 0
        assert own.lines == [
            "== grisou-1.nancy.grid5000.fr (1) ==", "grisou-1",
            "== grisou-2.nancy.grid5000.fr (1) ==", "grisou-2",
        ]  # fmt: skip


@pytest.mark.parametrize("tool", ["scp", "chain"])
def test_files_go_to_nodes_and_come_back(job, tmp_path, tool):
    (tmp_path / "in put").write_text("payload")
    done = cli("copy", "-j", job, "--with", tool, str(tmp_path / "in put"), "/tmp/there")
    assert (done.returncode, done.stdout) == (0, f"copied to {BOTH}\n")
    back = cli("copy", "-j", job, "--get", "/tmp/there", str(tmp_path / "got"))
    assert (back.returncode, back.stdout) == (0, f"copied from {BOTH}\n")
    for node in ("grisou-1", "grisou-2"):
        assert (tmp_path / f"got/{node}.nancy.grid5000.fr/there").read_text() == "payload"


def test_a_copy_that_fails_is_told(job):
    done = cli("copy", "-j", job, "/etc/passwd", "/no/such/directory/")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/no/such/directory" in done.stderr
    words = ["copy", "-j", job, "--json", "--get", "/no/such/file", "."]
    assert json.loads(cli(*words).stdout)["ok"] is False


def test_a_shell_is_opened_on_a_node_and_on_a_frontend(job):
    for where, host in ((job, "grisou-1"), ("lyon", "flyon"), ("grisou-2.nancy", "grisou-2")):
        with on_terminal("connect", where) as own:
            own.press("hostname | tr a-z A-Z; exit\r")
            assert own.end() == 0
            assert host.upper() in own.lines
    assert cli("connect", job, "--node", "3").stderr == (
        f"execo-g5k: --node 3: {job} has 2 nodes\n"
    )


def test_nodes_are_deployed_with_their_steps_shown(sandbox):
    job = running("nodes=2", job_type="deploy")
    sandbox.faults.fail_deployment("grisou-2", times=1)
    first = cli("deploy", "-j", job, "--env", "debian12-min")
    assert first.returncode == 1
    deployed, failed = first.stdout.splitlines()
    assert deployed == "deployed: grisou-1.nancy.grid5000.fr"
    assert failed.startswith("not deployed: grisou-2.nancy.grid5000.fr: ")
    assert "in step" in first.stderr
    with on_terminal("deploy", "-j", job, "--env", "debian12-min", "--tries", "2") as own:
        own.until(lambda text: "NODES" in text and "SetDeploymentEnv" in text)
        assert own.end() == 0
        assert own.lines[-3:] == [
            "deployed before, maybe otherwise: grisou-1.nancy.grid5000.fr (--again deploys them)",
            "deployed: grisou-2.nancy.grid5000.fr",
            f"next: `execo-g5k run -j {job} hostname`",
        ]
    told = json.loads(cli("deploy", "-j", job, "--env", "debian12-min", "--json").stdout)
    assert len(told["deployed_before"]) == 2
    for on in (["-j", job], ["--hosts", BOTH, "--user", "root"]):
        done = cli("run", *on, "whoami")
        assert done.stdout == f"== {BOTH} (2) ==\nroot\n"
    with on_terminal("connect", job) as own:
        own.press("whoami | tr a-z A-Z; exit\r")
        assert own.end() == 0
        assert "ROOT" in own.lines
    refused = cli("deploy", "-j", job, "--env", "nope", "--again")
    assert (refused.returncode, "`kaenv3 -l` on nancy" in refused.stdout) == (1, True)


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["run", "hostname"], 2, "on which hosts?"),
        (["run", "-j", "nancy:1"], 2, "which command?"),
        (["run", "-j", "nancy:999999", "hostname"], 1, "999999"),
        (["run", "--hosts", "grisou-[1", "hostname"], 2, "'grisou-[1'"),
        (["run", "--hosts", "x", "--script", "/no/script", "y"], 2, "/no/script"),
        (["copy", "--hosts", "x", "file"], 2, "DESTINATION"),
        (["copy", "--hosts", "x", "--get", "--with", "chain", "a", "b"], 2, "--with chain"),
        (["deploy", "--env", "x"], 2, "which nodes?"),
        (["deploy", "--hosts", "grisou-1.nancy"], 2, "env"),
        (["run", "-j", "nancy:999999", "--user", "root", "hostname"], 1, "999999"),
        (["copy", "--hosts", "x", "/no/file", "/tmp"], 2, "/no/file"),
        (["connect", "nancy:999999"], 1, "999999"),
    ],
)
def test_what_is_wrong_is_told_in_a_few_lines(sandbox, words, code, told):
    done = cli(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_job_that_is_for_no_deployment_is_refused_in_a_line(job):
    done = cli("deploy", "-j", job, "--env", "debian12-min")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"execo-g5k: {job} is no deploy job")
    assert "submit nancy -t deploy" in done.stderr


def test_nodes_without_their_job_tell_what_opens_them(job):
    done = cli("run", "--hosts", "grisou-1.nancy", "hostname")
    assert done.returncode == 1
    assert "-j SITE:ID" in done.stderr


def test_the_demo_runs_in_an_empty_home(tmp_path):
    done = cli("demo", env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    assert "nova-1.lyon.grid5000.fr says 42" in done.stdout
    assert "execo-g5k sandbox shell" in done.stderr
    shown = cli("demo", "--show").stdout
    assert shown == Path("examples/first_experiment.py").read_text()


CONFIGURED = """
g5k_configuration = {"oar_job_key_file": "~/.ssh/g5k_inside"}
default_oarsh_oarcp_params = {"ssh": "ssh", "user": "oar", "port": 6667, "keyfile": "~/.ssh/none"}
default_frontend_connexion_params = {"host_rewrite_func": lambda name: f"{name}.nowhere"}
"""


def test_what_is_set_for_the_real_sites_counts_in_no_sandbox(tmp_path):
    (tmp_path / ".execo.conf.py").write_text(CONFIGURED)
    done = cli("demo", env={**os.environ, "HOME": str(tmp_path), "EXECO_CONF": ""})
    assert done.returncode == 0, done.stderr
    assert "nova-1.lyon.grid5000.fr says 42" in done.stdout


def test_an_interrupted_demo_gives_its_jobs_back(tmp_path):
    with on_terminal("demo", env={**os.environ, "HOME": str(tmp_path)}) as own:
        own.until(lambda text: "submitted job" in text)
        own.press("\x03")
        assert own.end() == 130
        # the terminal may have put ^C in front of it
        assert "* all jobs are deleted" in own.text
        assert "interrupted" in own.lines
        assert "Traceback" not in own.text
