"""Jobs from the command line: in pipes, as JSON, on a terminal."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import OarSubmission, get_current_oar_jobs, get_oar_job_info, oarsub
from execo_g5k.ledger.book import jobs_directory
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.scripts import this_script
from execo_g5k.ledger.store import JobStore
from tests.system.helpers import until
from tests.system.screens import COMMAND, cli, on_terminal

pytestmark = pytest.mark.usefixtures("sandbox")


def submitted(*words):
    """Submit from the command line; return the jobs as they are written there."""
    done = cli("submit", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_jobs_are_submitted_waited_for_shown_and_deleted():
    jobs = submitted("nancy", "lyon", "-l", "nodes=2", "-w", "1:0:0", "-n", "my job")
    assert [job.partition(":")[0] for job in jobs] == ["nancy", "lyon"]
    waited = cli("wait", *jobs, "--timeout", "60")
    assert (waited.returncode, waited.stdout) == (0, "")
    assert cli("nodes", jobs[0]).stdout == (
        "grisou-1.nancy.grid5000.fr\ngrisou-2.nancy.grid5000.fr\n"
    )
    folded = cli("nodes", "--fold", *jobs)
    assert folded.stdout == "grisou-[1-2].nancy.grid5000.fr, nova-[1-2].lyon.grid5000.fr\n"
    title, *lines = cli("jobs").stdout.splitlines()
    assert title.split() == ["JOB", "STATE", "START", "WALLTIME", "NAME", "NODES"]
    assert sorted(line.split()[0] for line in lines) == sorted(jobs)
    assert all("Running" in line and "my job" in line for line in lines)
    deleted = cli("delete", *jobs)
    assert (deleted.returncode, deleted.stdout) == (0, f"asked to delete: {', '.join(jobs)}\n")
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])
    none = cli("jobs")
    assert (none.returncode, none.stdout) == (0, "")
    assert "execo-g5k submit" in none.stderr


def test_each_answer_can_be_had_as_json():
    made = json.loads(cli("submit", "nancy", "--json", "-l", "nodes=1").stdout)
    [job] = [f"nancy:{made[0]['job_id']}"]
    [waited] = json.loads(cli("wait", job, "--json").stdout)
    assert (waited["outcome"], waited["site"]) == ("Started", "nancy")
    [shown] = json.loads(cli("jobs", "nancy", "--json").stdout)
    assert (shown["state"], shown["hosts"]) == ("Running", ["grisou-1.nancy.grid5000.fr"])
    assert json.loads(cli("job", job, "--json").stdout)["job_id"] == made[0]["job_id"]
    assert json.loads(cli("nodes", job, "--json").stdout) == {job: ["grisou-1.nancy.grid5000.fr"]}
    assert json.loads(cli("delete", job, "--json").stdout) == [job]
    settings = json.loads(cli("config", "--json").stdout)
    assert {"dict", "key", "value", "origin"} == settings[0].keys()


def test_the_exit_code_of_a_wait_tells_its_outcome():
    oarsub([(OarSubmission("nodes=4", walltime=3600), "nancy")])
    [late] = submitted("nancy", "-l", "nodes=1")
    waited = cli("wait", late, "--timeout", "2")
    assert waited.returncode == 3
    assert f"{late} has not started in time" in waited.stderr
    assert cli("delete", late).returncode == 0
    until(lambda: get_oar_job_info(late.partition(":")[2], "nancy")["state"] == "Error")
    ended = cli("wait", late)
    assert (ended.returncode, f"{late} has ended: Error\n" in ended.stderr) == (1, True)
    assert cli("wait", "nancy:999999").returncode == 1


def test_a_terminal_shows_the_predicted_start_counting_down():
    oarsub([(OarSubmission("nodes=4", walltime=3600), "nancy")])
    [late] = submitted("nancy", "-l", "nodes=1")
    with on_terminal("wait", late) as terminal:
        first = terminal.until(lambda text: f"{late} starts in " in text)
        terminal.until(lambda text: f"{late} starts in " in text and text != first)
        terminal.press("\x03")
        assert terminal.end() == 130
        assert "execo-g5k: interrupted" in terminal.text
        assert "Traceback" not in terminal.text
    assert cli("jobs", "nancy").stdout.count("Waiting") == 1


def test_a_terminal_shows_jobs_as_a_table():
    [job] = submitted("nancy", "-l", "nodes=1", "-w", "0:30:0")
    assert cli("wait", job).returncode == 0
    with on_terminal("jobs") as terminal:
        assert terminal.end() == 0
        title, line = terminal.lines
    assert title.split() == ["JOB", "STATE", "START", "WALLTIME", "NAME", "NODES"]
    words = line.split()
    assert [words[0], words[1], *words[-2:]] == [
        job, "Running", "30m", "grisou-1.nancy.grid5000.fr",
    ]  # fmt: skip


def test_all_or_nothing_leaves_nothing_when_a_site_refuses():
    asked = ("nancy", "lyon", "-l", "nodes=4")
    done = cli("submit", *asked, "-p", "cluster='grisou'", "--all-or-nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert "lyon" in done.stderr
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])
    partly = cli("submit", *asked, "-p", "cluster='grisou'")
    assert partly.returncode == 1
    assert partly.stdout.startswith("nancy:")


def test_jobs_are_deleted_by_site():
    jobs = submitted("nancy", "nancy", "-l", "nodes=1")
    assert len(jobs) == 2
    assert cli("delete", "--all", "nancy").returncode == 0
    until(lambda: get_current_oar_jobs(["nancy"]) == [])
    assert cli("delete", "--all", "nancy").stderr == "no job to delete\n"


SUBMITS_AND_WAITS = """
from execo_g5k import *
print(oarsub([(OarSubmission("nodes=1", walltime=600, name="lost"), "lyon")])[0], flush=True)
input()
"""


def test_jobs_of_scripts_that_are_gone_are_shown_and_deleted(sandbox):
    [own] = submitted("nancy", "-l", "nodes=1")
    with subprocess.Popen(
        [sys.executable, "-c", SUBMITS_AND_WAITS], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as script:
        assert script.stdout.readline()
        none = cli("jobs", "--mine-left")
        assert (none.stdout, none.stderr) == ("", "no script has left a job\n")
        script.kill()
    title, line = cli("jobs", "--mine-left").stdout.splitlines()
    assert title.split() == ["JOB", "STATE", "START", "NAME", "DIRECTORY", "SCRIPT"]
    assert line.startswith("lyon:")
    found = json.loads(cli("jobs", "--mine-left", "--json").stdout)
    [told] = found.pop("jobs")
    assert (told["name"], told["script"]["pid"]) == ("lost", script.pid)
    assert found == {"elsewhere": [], "undecided": [], "unanswered": {}}
    deleted = cli("delete", "--mine-left")
    assert deleted.stdout == f"asked to delete: {line.split()[0]}\n"
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [(int(own[6:]), "nancy")])
    assert cli("jobs", "--mine-left").stdout == ""


def test_a_site_that_is_down_is_told_and_the_others_are_shown(sandbox):
    [job] = submitted("lyon", "-l", "nodes=1")
    sandbox.faults.refuse("nancy")
    shown = cli("jobs")
    assert shown.returncode == 1
    assert job in shown.stdout
    assert "nancy does not answer" in shown.stderr
    kept = cli("delete", "nancy:12", job)
    assert (kept.returncode, kept.stdout) == (1, f"asked to delete: {job}\n")
    assert "nancy: jobs 12 may be left" in kept.stderr


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["wait", "nancy"], 2, "'nancy' is no job: expected SITE:ID"),
        (["job", "nancy:999999"], 1, "999999"),
        (["submit", "nancy", "-w", "1:99:x"], 2, "walltime: duration: '1:99:x'"),
        (["submit", "nancy", "-l", "nodes=99"], 1, "not enough resources"),
        (["submit", "nncy"], 1, "did you mean 'nancy'?"),
        (["delete"], 2, "which jobs?"),
        (["config", "defualt_timeout"], 2, "is no setting"),
        (["password", "--forget"], 2, "--user LOGIN"),
        (["nodes", "nancy:12", "--timeout", "soon"], 2, "'soon' is no duration"),
        (["jobs", "nancy:12"], 2, "`execo-g5k job nancy:12`"),
        (["jbos"], 2, "no command 'jbos'"),
        ([], 2, "execo-g5k sandbox shell"),
    ],
)
def test_what_is_wrong_is_told_in_a_few_lines(words, code, told):
    done = cli(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_jobs_that_nobody_can_be_told_of_are_deleted():
    for words in ([], ["--json"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [*COMMAND, "submit", "nancy", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert done.returncode == 1
        assert "nobody was told of them" in done.stderr
    until(lambda: get_current_oar_jobs(["nancy"]) == [])


def test_a_job_is_told_although_its_site_falls_silent(sandbox):
    # oarstat needs the database, which oarsub has filled
    with subprocess.Popen(
        [*COMMAND, "submit", "nancy", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        until(lambda: get_current_oar_jobs(["nancy"]))
        sandbox.faults.stop_database("nancy")
        [made] = json.loads(process.stdout.read())
    sandbox.faults.mend_all()
    assert get_current_oar_jobs(["nancy"]) == [(made["job_id"], "nancy")]


def test_damaged_records_are_told(sandbox):
    oarsub([(OarSubmission("nodes=1", walltime=600), "nancy")])
    damaged = max(jobs_directory().iterdir(), key=lambda path: path.stat().st_mtime_ns)
    damaged.write_text("{")
    shown = cli("jobs", "--mine-left", "--json")
    damaged.unlink()
    assert (shown.returncode, json.loads(shown.stdout)["jobs"]) == (1, [])
    assert damaged.name in shown.stderr


def test_submissions_that_were_cut_a_moment_ago_are_told(sandbox):
    directory = jobs_directory()
    script = replace(this_script(), argv=("lost.py",), pid=1 << 22)
    entry = Entry("123", "nancy", time.time(), ("oarsub",), script)
    JobStore(directory).put(entry)
    try:
        [cut] = json.loads(cli("jobs", "--mine-left", "--json").stdout)["undecided"]
        assert (cut["site"], cut["request"], cut["script"]["argv"]) == (
            "nancy",
            "oarsub",
            ["lost.py"],
        )
        deleted = cli("delete", "--mine-left")
    finally:
        JobStore(directory).remove(entry)
    assert deleted.returncode == 1
    assert "nancy: 1 submissions were cut a moment ago" in deleted.stderr


def test_jobs_that_oar_refuses_to_delete_are_told(sandbox):
    [own] = submitted("nancy", "-l", "nodes=1")
    done = cli("delete", "nancy:99999", own)
    assert (done.returncode, done.stdout) == (1, f"asked to delete: {own}\n")
    assert "nancy:99999: refused" in done.stderr


def test_a_site_that_is_unknown_leaves_the_answers_of_the_others(sandbox):
    [job] = submitted("nancy", "-l", "nodes=1")
    waited = cli("wait", job, "nosuch:1", "--json")
    good, bad = json.loads(waited.stdout)
    assert (waited.returncode, good["outcome"], bad["outcome"]) == (1, "Started", None)
    assert "nosuch" in bad["error"]
    nodes = cli("nodes", job, "nosuch:1", "--json")
    assert (nodes.returncode, list(json.loads(nodes.stdout))) == (1, [job])
    assert "nosuch:1: " in nodes.stderr


@pytest.mark.parametrize("words", [("jobs",), ("config",), ("doctor",), ("submit", "nancy")])
def test_a_standard_output_that_is_closed_is_an_error(sandbox, words):
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *COMMAND, *words]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (
        1, "execo-g5k: standard output is closed: there is no place for answers\n",
    )  # fmt: skip


def test_a_reader_that_goes_away_ends_doctor(sandbox):
    with subprocess.Popen(
        [*COMMAND, "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.wait(60) == 1
        assert process.stderr.read() == b""


def test_sigterm_deletes_what_is_being_submitted(sandbox):
    sandbox.faults.slow("nancy", 30)
    with subprocess.Popen(
        [*COMMAND, "submit", "lyon", "nancy"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        until(lambda: get_current_oar_jobs(["lyon"]))
        process.terminate()
        assert process.wait(60) == 143
    sandbox.faults.mend_all()
    until(lambda: get_current_oar_jobs(["lyon", "nancy"]) == [])
    # that nancy was asked is on record for a while
    store = JobStore(jobs_directory())
    for entry in store.all():
        store.remove(entry)


def test_nothing_is_submitted_by_a_dry_run():
    told = json.loads(cli("submit", "nancy", "--dry-run", "--json").stdout)
    assert told == {"command": "oarsub 'sleep 31536000'"} or "-k" in told["command"]
    done = cli("submit", "nancy", "-l", "nodes=2", "-w", "90", "-t", "deploy", "--dry-run")
    assert done.stdout.startswith("oarsub -l nodes=2,walltime=0:01:30 -t deploy")
    assert get_current_oar_jobs(["nancy"]) == []


def test_settings_tell_where_they_come_from(own_home, monkeypatch):
    (own_home / ".execo.conf.py").write_text("g5k_configuration = {'default_timeout': 77}\n")
    monkeypatch.setenv("EXECO_G5K_POLLING_INTERVAL", "5")
    monkeypatch.setenv("EXECO_CONF", "")
    shown = cli("config", "default_timeout", "polling_interval", "api_timeout")
    title, *lines = shown.stdout.splitlines()
    assert title.split() == ["DICT", "KEY", "FROM", "VALUE"]
    told = {line.split()[1]: " ".join(line.split()[2:]) for line in lines}
    assert told == {
        "default_timeout": f"{own_home}/.execo.conf.py, line 1 77",
        "polling_interval": "environment variable EXECO_G5K_POLLING_INTERVAL 5",
        "api_timeout": "default 30",
    }
    near = cli("config", "default_timeoutt")
    assert (near.returncode, "did you mean 'default_timeout'?" in near.stderr) == (2, True)


def test_the_key_of_jobs_is_shown_as_it_counts(own_home, monkeypatch):
    monkeypatch.setenv("EXECO_CONF", "")
    monkeypatch.delenv("EXECO_G5K_OAR_JOB_KEY_FILE", raising=False)
    monkeypatch.delenv("OAR_JOB_KEY_FILE", raising=False)

    def shown(*words):
        rows = json.loads(cli("config", *words, "--json").stdout)
        return [(r["value"], r["origin"]) for r in rows if r["key"] == "oar_job_key_file"]

    assert shown("oar_job_key_file") == [(None, "default")]
    assert shown("--changed") == []
    monkeypatch.setenv("OAR_JOB_KEY_FILE", "~/.ssh/of_oar")
    variable = [("~/.ssh/of_oar", "environment variable OAR_JOB_KEY_FILE")]
    assert shown("oar_job_key_file") == shown("--changed") == variable
    conf = own_home / ".execo.conf.py"
    conf.write_text("g5k_configuration = {'oar_job_key_file': '~/.ssh/mine'}\n")
    assert shown("oar_job_key_file") == [("~/.ssh/mine", f"{conf}, line 1")]


def test_another_file_of_settings_can_be_named(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text("g5k_configuration = {'default_timeout': 78}\n")
    monkeypatch.setenv("EXECO_CONF", str(tmp_path / "mine.py"))
    [shown] = json.loads(cli("config", "default_timeout", "--json").stdout)
    assert (shown["value"], shown["origin"]) == (78, f"{tmp_path}/mine.py, line 1")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_what_makes_a_shell_complete_is_printed(shell):
    assert f"_EXECO_G5K_COMPLETE={shell}_complete" in cli("completion", shell).stdout


def test_a_shell_can_complete_commands_and_sites():
    asked = {"_EXECO_G5K_COMPLETE": "bash_complete", "COMP_WORDS": "execo-g5k submit n"}
    done = cli(env={**os.environ, **asked, "COMP_CWORD": "2"})
    assert done.stdout == "plain,nancy\n"
