"""OAR, frontends and nodes that fail, as users meet it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from execo import Remote
from execo_g5k import (
    FrontendUnreachable,
    JobEnded,
    JobNotFound,
    OarSubmission,
    SubmissionRefused,
    get_current_oar_jobs,
    get_oar_job_info,
    get_oar_job_nodes,
    oardel,
    oarsub,
    wait_oar_job_start,
)
from execo_g5k.jobs import Ended, JobState, NotFound
from testbed import wait_until
from testbed.plan import SITES
from tests.grid.conftest import SshWrapper

# a job that never starts is deleted at once, one that is being launched in up to 20 s
SLEEP = OarSubmission("nodes=1", walltime=300, additional_options="--hold")
UNKNOWN_JOB = 123456789


def submit(site, submission=SLEEP, **options):
    ((job_id, _),) = oarsub([(submission, site)], **options)
    return job_id


def elapsed_in(function):
    before = time.monotonic()
    result = function()
    return time.monotonic() - before, result


def test_an_unknown_site_gives_none_and_the_others_their_jobs(caplog):
    jobs = oarsub([(SLEEP, "atlantis"), (SLEEP, "lyon")])
    assert jobs[0] == (None, "atlantis")
    assert jobs[1][0] is not None
    assert "Could not resolve hostname atlantis" in caplog.text
    with pytest.raises(FrontendUnreachable, match="atlantis"):
        wait_oar_job_start(12, "atlantis", timeout=30)
    assert get_current_oar_jobs(["atlantis", "lyon"]) == [jobs[1]]
    with pytest.raises(FrontendUnreachable, match="atlantis"):
        get_current_oar_jobs(["atlantis", "lyon"], abort_on_error=True)


def test_a_frontend_that_is_down_is_named_and_the_others_work(faults, caplog, active):
    faults.stop_sshd("fnancy")
    jobs = oarsub([(SLEEP, "nancy"), (SLEEP, "lyon")])
    assert jobs == [(None, "nancy"), (active("lyon")[0], "lyon")]
    assert re.search(r"nancy.*Connection refused", caplog.text)
    oardel([(12, "nancy")])
    assert "jobs 12 may be left" in caplog.text
    with pytest.raises(FrontendUnreachable, match="Connection refused"):
        get_oar_job_info(12, "nancy")


def test_a_wait_outlives_a_frontend_that_is_down_for_a_while(faults, caplog):
    job = submit("nancy", OarSubmission(additional_options="--hold"))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait_oar_job_start, job, "nancy", None, 40)
        assert wait_until(lambda: get_oar_job_info(job, "nancy").state is JobState.HOLD, 10)
        faults.stop_sshd("fnancy")
        assert wait_until(lambda: "still trying" in caplog.text, 15)
        faults.start_sshd("fnancy")
        oardel([(job, "nancy")])
        assert isinstance(waiting.result(), Ended)


def test_a_frontend_that_never_answers_costs_the_timeout_and_leaves_nothing(faults, caplog, active):
    faults.freeze_frontend("lyon")
    took, jobs = elapsed_in(lambda: oarsub([(SLEEP, "lyon"), (SLEEP, "nancy")], timeout=3))
    assert took < 3 + 10
    assert jobs[0] == (None, "lyon")
    assert jobs[1] == (active("nancy")[0], "nancy")
    assert "no answer in time" in caplog.text
    faults.thaw_frontend("lyon")
    # what the frozen sshd accepted is of clients that are dead
    assert active("lyon") == []


REFUSED = {
    "date": (7, "reservation", {"additional_options": "-r tomorrow"}),
    "too many nodes": (8, "not enough resources", {"resources": "nodes=99"}),
    "unknown property": (8, 'column "x" does not exist', {"sql_properties": "x='y'"}),
    "no such key": (8, "public key", {"additional_options": "-k -i /nowhere/key"}),
    "queue": (248, "queue nowhere does not exist", {"queue": "nowhere"}),
    "admission rule": (254, "unknown job type: nonsense", {"job_type": "nonsense"}),
    "syntax of -l": (255, "Cannot recognize the resource", {"resources": "nodes=abc"}),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_submission_tells_the_words_of_oar(case, active):
    exit_code, words, fields = REFUSED[case]
    with pytest.raises(SubmissionRefused) as refused:
        submit("nancy", OarSubmission(**fields), abort_on_error=True)
    assert words in refused.value.reason
    assert refused.value.exit_code == exit_code
    assert refused.value.could_start_at is None
    assert active("nancy") == []


def test_a_quote_in_a_name_is_refused(active):
    # OAR 2.5.9 puts names as they are into a request to its database
    try:
        refused = submit("nancy", OarSubmission(name="it's")) is None
    except ValueError:
        refused = True
    assert refused
    assert active("nancy") == []


def test_with_abort_on_error_the_jobs_obtained_are_named_and_left(active):
    bad = OarSubmission("nodes=99")
    with pytest.raises(SubmissionRefused) as refused:
        oarsub([(SLEEP, "lyon"), (bad, "nancy")], abort_on_error=True)
    assert refused.value.obtained == [(active("lyon")[0], "lyon")]


def test_a_refused_reservation_offers_a_later_date(active):
    date = int(time.time()) + 600
    ask = OarSubmission("nodes=4", walltime=600, reservation_date=date)
    first = submit("nancy", ask)
    with pytest.raises(SubmissionRefused) as refused:
        submit("nancy", ask, abort_on_error=True)
    assert refused.value.exit_code == 10
    assert date + 599 <= refused.value.could_start_at <= date + 700
    assert wait_until(lambda: active("nancy") == [first], 20, pause=0.2)


def test_the_job_that_oar_makes_without_its_server_is_deleted(faults, active, caplog, laptop_ssh):
    faults.stop_oar_server("nancy")
    with pytest.raises(SubmissionRefused) as refused:
        submit("nancy", abort_on_error=True)
    assert refused.value.exit_code == 9
    repeat = re.search(r"server is down: repeat `(oardel \d+)`", caplog.text)
    assert repeat
    faults.start_oar_server("nancy")
    laptop_ssh("nancy", repeat[1])
    assert wait_until(lambda: active("nancy") == [], 40, pause=0.2)


def test_a_job_deleted_by_another_hand_ends_its_wait(grid):
    job = submit("nancy", OarSubmission(additional_options="--hold"))
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(wait_oar_job_start, job, "nancy", None, 40)
        nodes = pool.submit(get_oar_job_nodes, job, "nancy", None, 40)
        grid.exec("fnancy", ["oardel", str(job)], user="alice")
        assert waiting.result() == Ended(JobState.ERROR)
        with pytest.raises(JobEnded, match=f"job {job} has ended"):
            nodes.result()


def test_an_unknown_job_is_not_found():
    assert wait_oar_job_start(UNKNOWN_JOB, "lyon", timeout=30) == NotFound(UNKNOWN_JOB, "lyon")
    with pytest.raises(JobNotFound, match="is it the right one"):
        get_oar_job_info(UNKNOWN_JOB, "lyon")
    with pytest.raises(JobNotFound):
        get_oar_job_nodes(UNKNOWN_JOB, "lyon", timeout=30)
    oardel([(UNKNOWN_JOB, "lyon")])


def test_the_job_of_another_user_is_seen_and_left_alone(grid, active):
    done = grid.exec("fnancy", ["oarsub", "--hold", "sleep 600"], user="bob")
    job = int(re.search(r"OAR_JOB_ID=(\d+)", done.stdout)[1])
    assert get_current_oar_jobs("nancy") == []
    assert get_oar_job_info(job, "nancy")["user"] == "bob"
    own = submit("nancy", OarSubmission(additional_options="--hold"))
    oardel([(job, "nancy"), (own, "nancy")])
    assert wait_until(lambda: active("nancy") == [job], 20, pause=0.2)


def test_jobs_that_end_early_or_reach_their_walltime_have_ended():
    short = submit("nancy", OarSubmission("nodes=1", command="exit 3"))
    late = submit("lyon", OarSubmission("nodes=1", walltime=2))
    for job, site in ((short, "nancy"), (late, "lyon")):
        assert wait_until(lambda j=job, s=site: get_oar_job_info(j, s).state.final, 60, pause=0.5)
        outcome = wait_oar_job_start(job, site)
        assert isinstance(outcome, Ended)
        with pytest.raises(JobEnded):
            get_oar_job_nodes(job, site)
    assert get_oar_job_info(short, "nancy")["exit_code"] == 3
    events = [event["type"] for event in get_oar_job_info(late, "lyon")["events"]]
    assert "WALLTIME" in events


def test_a_job_on_a_dead_node_never_starts_silently(faults):
    faults.kill_node("taurus-2")
    job = submit("lyon", OarSubmission("nodes=4", walltime=300))
    outcome = wait_oar_job_start(job, "lyon", timeout=60)
    assert not outcome
    assert isinstance(outcome, Ended)
    assert outcome.state is JobState.ERROR
    again = re.search(r"taurus-2.*; OAR submitted it again as job (\d+)$", outcome.message)
    assert get_current_oar_jobs("lyon") == [(int(again[1]), "lyon")]


def test_a_dead_node_is_data_for_a_remote_and_the_others_answer(faults, ssh_nodes):
    nodes = ssh_nodes("lyon", 2)
    faults.kill_node("nova-1")
    params = {"ssh_options": ("-o", "ConnectTimeout=2", "-o", "StrictHostKeyChecking=no")}
    remote = Remote("hostname", nodes, params, process_args={"nolog_exit_code": True}).run(30)
    dead, alive = remote.processes
    assert (dead.ok, dead.exit_code) == (False, 255)
    assert re.search("timed out|No route to host|refused", dead.stderr)
    assert (alive.ok, alive.stdout) == (True, "nova-2\n")


def test_a_command_that_nodes_lack_exits_127(ssh_nodes):
    remote = Remote("nosuchcommand --x", ssh_nodes("nancy", 2)).run(30)
    assert [process.exit_code for process in remote.processes] == [127, 127]
    assert not remote.ok
    # with a terminal, which ends the command with its connexion, there is one stream only
    assert all("not found" in process.stdout + process.stderr for process in remote.processes)


def test_a_refused_key_is_told_with_the_command_to_try(grid, caplog):
    wrong = {"user": "alice", "keyfile": str(grid.work.user_key("bob"))}
    assert submit("nancy", frontend_connexion_params=wrong) is None
    assert "Permission denied" in caplog.text
    with pytest.raises(FrontendUnreachable, match=r"Permission denied.*try: ssh"):
        get_oar_job_info(1, "nancy", wrong)


def test_without_its_database_a_site_costs_the_timeout_and_its_stray_can_be_found(
    faults, caplog, laptop_ssh, active
):
    faults.stop_database("nancy")
    # long enough for oarsub to be started on a machine that is busy
    took, job = elapsed_in(lambda: submit("nancy", timeout=10))
    assert job is None
    assert took < 10 + 15
    told = re.search(r"on the frontend: (oarstat .*)", caplog.text)
    assert told
    faults.start_database("nancy")
    # the oarsub that still runs there gets through
    assert wait_until(lambda: len(active("nancy")) == 1, 40, pause=0.5)
    stray = str(active("nancy")[0])
    # OAR writes the request of a job after the job
    assert wait_until(lambda: stray in laptop_ssh("nancy", told[1]).stdout, 20, pause=0.5)


@pytest.mark.parametrize("end", ["kill -9 $$", "kill $$"])
def test_a_submission_whose_connexion_is_cut_leaves_no_orphan(tmp_path, active, end):
    # each oarsub lives 0.1 s longer than the one before
    body = (
        'case "$*" in *--sql*) exec ssh "$@";; *oarsub*) ;; *) exec ssh "$@";; esac\n'
        f"n=0; until mkdir {tmp_path}/turn$n 2>/dev/null; do n=$((n+1)); done\n"
        f"(sleep 0.$n; {end}) >/dev/null 2>&1 </dev/null &\n"
        'exec ssh "$@"'
    )
    params = {"ssh": str(SshWrapper(tmp_path, body).path)}
    jobs = oarsub([(SLEEP, "nancy")] * 8, params)
    obtained = sorted(job_id for job_id, _ in jobs if job_id is not None)
    assert wait_until(lambda: active("nancy") == obtained, 30, pause=0.3)


def test_a_submission_whose_session_is_killed_by_the_frontend_leaves_no_orphan(
    tmp_path, grid, active
):
    wrapper = SshWrapper(tmp_path)
    with ThreadPoolExecutor() as pool:
        jobs = pool.submit(oarsub, [(SLEEP, "nancy")] * 3, {"ssh": str(wrapper.path)})
        wrapper.wait_for("oarsub")
        grid.exec("fnancy", ["pkill", "-KILL", "-f", "^sshd: alice"])
        obtained = sorted(job_id for job_id, _ in jobs.result() if job_id is not None)
    assert wait_until(lambda: active("nancy") == obtained, 30, pause=0.3)


HEAD = """
import sys
from execo import *
from execo_g5k import *
"""


def test_ctrl_c_during_a_submission_leaves_no_job(tmp_path, script, active):
    wrapper = SshWrapper(tmp_path)
    source = f"params = {{'ssh': '{wrapper.path}'}}\n"
    source += "oarsub([(OarSubmission(), site) for site in ('nancy', 'lyon')], params)"
    running = script(HEAD + source)
    wrapper.wait_for("oarsub")
    running.press_ctrl_c()
    took, (code, _, stderr) = elapsed_in(running.end)
    assert code != 0
    assert "KeyboardInterrupt" in stderr
    assert took < 20
    assert running.children() == []
    for site in SITES:
        assert wait_until(lambda site=site: active(site) == [], 30, pause=0.3)


def test_ctrl_c_during_a_wait_names_the_job_that_is_left(tmp_path, script):
    wrapper = SshWrapper(tmp_path)
    job = submit("lyon", OarSubmission(additional_options="--hold"))
    running = script(HEAD + f"wait_oar_job_start({job}, 'lyon', {{'ssh': '{wrapper.path}'}})")
    wrapper.wait_for("oarstat")
    running.press_ctrl_c()
    took, (_, _, stderr) = elapsed_in(running.end)
    assert took < 5
    assert "KeyboardInterrupt" in stderr
    assert f"lyon:{job}" in stderr
    assert running.children() == []


def test_ctrl_c_during_a_remote_ends_it_here_and_on_the_nodes(script, grid, ssh_nodes):
    nodes = ssh_nodes("nancy", 2)
    source = (
        f"nodes = {nodes}"
        + """
class Tell(ProcessOutputHandler):
    def read_line(self, process, stream, string):
        print(string.strip(), flush=True)
r = Remote("echo started; exec sleep 4242", nodes)
for p in r.processes:
    p.stdout_handlers.append(Tell())
r.run()
"""
    )
    running = script(HEAD + source)
    assert [running.line(), running.line()] == ["started", "started"]
    running.press_ctrl_c()
    took, (_, _, stderr) = elapsed_in(running.end)
    assert took < 10
    assert "KeyboardInterrupt" in stderr
    assert running.children() == []
    for node in (node.partition(".")[0] for node in nodes):
        gone = ["pgrep", "-f", "sleep 424[2]"]
        assert wait_until(lambda n=node, g=gone: grid.exec(n, g).returncode == 1, 10, pause=0.2)


def test_two_scripts_at_once_on_a_site_get_jobs_of_their_own(script, active):
    source = (
        HEAD + "s = OarSubmission(additional_options='--hold')\n"
        "print(*(job for job, _ in oarsub([(s, 'nancy')] * 5)))"
    )
    ends = [one.end() for one in [script(source), script(source)]]
    ids = [[int(word) for word in out.split()] for _, out, _ in ends]
    assert [len(some) for some in ids] == [5, 5], ends
    assert sorted(ids[0] + ids[1]) == active("nancy")
