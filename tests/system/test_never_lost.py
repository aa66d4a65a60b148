"""Scripts that are killed, interrupted or restarted: none of their jobs is lost.

In the sandbox, with real processes, signals and ssh.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import (
    OarSubmission,
    ReservationHeld,
    SubmissionRefused,
    g5k_configuration,
    get_oar_job_info,
    jobs_left,
    oardel,
    reservation,
    take_over,
)
from execo_g5k.ledger.names import HeldName
from tests.system.helpers import end_of, script, until

SITES = ["nancy", "lyon"]
OVER = ("Terminated", "Error", "toError", "Finishing")

HEAD = """
import os, sys, time
from execo import *
from execo_g5k import *
job = OarSubmission("nodes=1", "0:30:0")
"""


@pytest.fixture(autouse=True)
def state(sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for each test."""
    directory = tmp_path / "state"
    monkeypatch.setenv("EXECO_G5K_STATE_DIRECTORY", str(directory))
    g5k_configuration["state_directory"] = str(directory)
    return directory


def live_jobs(sandbox):
    """Return the jobs that OAR has, whatever the library thinks."""
    return [
        (job["job_id"], site)
        for site in SITES
        for job in sandbox.jobs(site)
        if job["state"] not in OVER
    ]


def killed(process, number=signal.SIGKILL):
    process.send_signal(number)
    process.wait(30)


def records(state):
    return sorted((state / "jobs").glob("*.json"))


# --- kill -9


def deaf_ssh(tmp_path, when):
    """Return an ssh that never gives back what oarsub answers; `when` is there when it has."""
    program = tmp_path / "ssh"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *oarsub*)\n'
        f'    ssh "$@" >{tmp_path}/answer; touch {when}; exec sleep 1000;;\n'
        "esac\n"
        'exec ssh "$@"\n'
    )
    program.chmod(0o755)
    return program


def test_a_script_killed_between_the_acceptance_and_the_answer_loses_nothing(
    sandbox, tmp_path, state
):
    done = tmp_path / "done"
    source = f"params = {{'ssh': {str(deaf_ssh(tmp_path, done))!r}}}\n"
    with script(HEAD + source + "oarsub([(job, 'nancy')], params)") as process:
        until(done.exists, 30)
        assert jobs_left() == []
        killed(process)
    [record] = records(state)
    assert record.name.startswith("new@nancy@")
    [left] = jobs_left()
    assert [left.job] == live_jobs(sandbox)
    assert left.script.pid == process.pid
    assert left.script.argv == ("-c",)
    assert Path(left.script.directory) == Path.cwd()
    oardel([left])
    until(lambda: not live_jobs(sandbox))
    assert jobs_left() == []
    assert records(state) == []


def late_ssh(tmp_path, started, go):
    """Return an ssh that is not killed with the script, and runs oarsub when `go` is there."""
    # sockets of shared connexions go away with the script
    ssh = 'exec ssh -o ControlPath=none "$@"'
    wait = f"touch {started}; until [ -e {go} ]; do sleep 0.1; done; {ssh}"
    program = tmp_path / "ssh"
    program.write_text(
        "#!/bin/sh\n"
        f'case "$*" in *oarsub*) exec setsid sh -c {shlex.quote(wait)} sh "$@";;\n'
        "esac\n"
        'exec ssh "$@"\n'
    )
    program.chmod(0o755)
    return program


def test_a_job_that_is_made_after_the_death_of_its_script_is_found(sandbox, tmp_path):
    started, go = tmp_path / "started", tmp_path / "go"
    source = f"params = {{'ssh': {str(late_ssh(tmp_path, started, go))!r}}}\n"
    with script(HEAD + source + "oarsub([(job, 'nancy')], params)") as process:
        until(started.exists, 30)
        killed(process)
    found = jobs_left()
    assert (found, len(found.undecided)) == ([], 1)
    go.touch()
    until(lambda: [left.job for left in jobs_left()] == live_jobs(sandbox) != [], 30)


def test_a_script_killed_while_it_waits_is_found_and_its_job_deleted(sandbox):
    source = """
held = OarSubmission("nodes=1", "0:30:0", additional_options="--hold")
[(job_id, site)] = oarsub([(held, "nancy")])
print(job_id, flush=True)
wait_oar_job_start(job_id, site)
"""
    with script(HEAD + source) as process:
        job = (int(process.stdout.readline()), "nancy")
        killed(process)
    [left] = jobs_left()
    assert (left.job, left.state.value) == (job, "Hold")
    oardel([left])
    until(lambda: not live_jobs(sandbox))


def test_a_script_killed_while_its_jobs_run_is_found_and_restarted_on_them(sandbox):
    source = """
specs = [(job, "nancy"), (job, "lyon")]
with reservation(specs, name="campaign") as nodes:
    print(*nodes.jobs, *nodes, sep=";", flush=True)
    sys.stdin.readline() if len(sys.argv) > 1 else time.sleep(1000)
"""
    with script(HEAD + source) as process:
        first = process.stdout.readline()
        assert first
        killed(process)
    found = jobs_left()
    assert sorted(left.job for left in found) == sorted(live_jobs(sandbox))
    assert {left.name for left in found} == {"campaign"}
    # it takes over, submits nothing, and deletes at its end
    before = [sandbox.jobs(site)[-1]["job_id"] for site in SITES]
    again = subprocess.run(
        [sys.executable, "-c", HEAD + source, "end"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert again.stdout == first
    assert [sandbox.jobs(site)[-1]["job_id"] for site in SITES] == before
    until(lambda: not live_jobs(sandbox))
    assert jobs_left() == []


def test_take_over_makes_jobs_those_of_this_script(sandbox, state):
    source = """
g5k_configuration["script_name"] = "campaign"
print(oarsub([(job, "lyon"), (job, "nancy")]), flush=True)
"""
    with script(HEAD + source) as process:
        assert end_of(process)[0] == 0
    taken = take_over("campaign")
    assert sorted(taken) == sorted(live_jobs(sandbox))
    assert jobs_left() == []
    oardel(taken)
    assert records(state) == []


def test_a_native_grid_job_whose_script_is_killed_is_found(sandbox):
    source = """
print(oargridsub([(job, "lyon"), (job, "nancy")]), flush=True)
time.sleep(1000)
"""
    with script(HEAD + source) as process:
        assert "None" not in process.stdout.readline()
        killed(process)
    assert sorted(left.job for left in jobs_left()) == sorted(live_jobs(sandbox))
    oardel(jobs_left())
    until(lambda: not live_jobs(sandbox))


def test_a_site_that_is_down_keeps_its_jobs_in_the_ledger(sandbox, state, caplog):
    with script(HEAD + "oarsub([(job, 'lyon'), (job, 'nancy')])") as process:
        assert end_of(process)[0] == 0
    sandbox.faults.refuse("lyon")
    found = jobs_left()
    assert [left.site for left in found] == ["nancy"]
    assert list(found.unanswered) == ["lyon"]
    assert "lyon: can't tell" in caplog.text
    sandbox.faults.mend("lyon")
    assert {left.site for left in jobs_left()} == set(SITES)


def test_jobs_of_two_processes_at_once_are_all_recorded(sandbox):
    source = "oarsub([(OarSubmission('nodes=1', '0:1:0'), site) for site in ['lyon', 'nancy'] * 5])"
    with script(HEAD + source) as one, script(HEAD + source) as other:
        assert end_of(one, 60)[0] == end_of(other, 60)[0] == 0
    assert sorted(left.job for left in jobs_left()) == sorted(live_jobs(sandbox))
    assert len(live_jobs(sandbox)) == 20


# --- the ends of a block

BLOCK = """
with reservation([(job, "nancy"), (job, "lyon")]) as nodes:
    print(len(nodes), flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, -signal.SIGINT),
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
    ],
)
def test_a_signal_ends_the_block_and_its_jobs(sandbox, state, number, code):
    with script(HEAD + BLOCK) as process:
        assert process.stdout.readline() == "2\n"
        process.send_signal(number)
        ended, errors = end_of(process, 60)
    assert ended == code, errors
    assert records(state) == [], errors
    assert ("interrupted: deleted nancy:" in errors) == (number == signal.SIGINT)
    until(lambda: not live_jobs(sandbox))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_jobs_are_waited_for_ends_them(sandbox, number):
    source = """
held = OarSubmission("nodes=1", "0:30:0", additional_options="--hold")
with reservation([(job, "nancy"), (held, "lyon")]) as nodes:
    print("never", flush=True)
"""
    with script(HEAD + source) as process:
        until(lambda: len(live_jobs(sandbox)) == 2, 30)
        process.send_signal(number)
        process.wait(30)
        assert process.stdout.read() == ""
    until(lambda: not live_jobs(sandbox))


def test_a_handler_of_the_script_is_left_to_it(sandbox):
    source = """
import signal
signal.signal(signal.SIGTERM, lambda *_: print("mine", flush=True))
with reservation((job, "nancy")) as nodes:
    print(len(nodes), flush=True)
    sys.stdin.readline()
print(signal.getsignal(signal.SIGHUP) is signal.SIG_DFL, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + source],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "1\n"
        process.terminate()
        assert process.stdout.readline() == "mine\n"
        assert len(live_jobs(sandbox)) == 1
        process.stdin.close()
        assert process.stdout.readline() == "True\n"
    until(lambda: not live_jobs(sandbox))


ENDS = {
    "an exception": ("raise ValueError('oops')", 1),
    "sys.exit": ("sys.exit(7)", 7),
    "nothing": ("pass", 0),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_jobs_end_with_the_block_however_it_ends(sandbox, how):
    source, code = ENDS[how]
    before = len(sandbox.jobs("nancy"))
    with script(HEAD + f"with reservation((job, 'nancy')) as nodes:\n    {source}\n") as process:
        ended, errors = end_of(process, 60)
    assert ended == code, errors
    assert len(sandbox.jobs("nancy")) == before + 1, errors
    until(lambda: not live_jobs(sandbox))


def test_a_block_of_a_thread_that_dies_with_the_script_ends_too(sandbox):
    source = """
import threading
ready = threading.Event()
def block():
    with reservation((job, "nancy")):
        ready.set()
        time.sleep(1000)
threading.Thread(target=block, daemon=True).start()
ready.wait()
"""
    with script(HEAD + source) as process:
        assert end_of(process, 60)[0] == 0
    until(lambda: not live_jobs(sandbox))


def test_a_forked_process_that_outlives_its_parent_does_not_hold_the_name(tmp_path):
    source = f"""
        import os, signal, time
        from pathlib import Path
        from execo_g5k.ledger.names import HeldName
        held = HeldName(Path({str(tmp_path)!r}), "n" * 300)
        if os.fork() == 0:
            print("forked", os.getpid(), flush=True)
            time.sleep(100)
        time.sleep(100)
    """
    with script(textwrap.dedent(source)) as process:
        orphan = int(process.stdout.readline().split()[1])
        with pytest.raises(ReservationHeld):
            HeldName(tmp_path, "n" * 300)
        process.kill()
        process.wait()
        try:
            HeldName(tmp_path, "n" * 300).release()
        finally:
            os.kill(orphan, signal.SIGKILL)


def test_a_forked_process_that_leaves_the_block_does_not_end_it(sandbox):
    source = """
with reservation((job, "nancy")) as nodes:
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    print(get_oar_job_info(*nodes.jobs[0])["state"], flush=True)
"""
    with script(HEAD + source) as process:
        assert process.stdout.readline() == "Running\n"
        assert end_of(process, 60)[0] == 0
    until(lambda: not live_jobs(sandbox))


ASYNC_BLOCK = """
import asyncio
from execo_g5k import aio
async def main():
    async with aio.reservation([(job, "nancy"), (job, "lyon")]) as nodes:
        print(len(nodes), flush=True)
        await asyncio.sleep(0 if "end" in sys.argv else 1000)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, None])
def test_an_asynchronous_block_ends_in_the_same_way(sandbox, number):
    with subprocess.Popen(
        ["env", "--default-signal=INT", sys.executable, "-c", HEAD + ASYNC_BLOCK]
        + ["end"] * (number is None),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout.readline() == "2\n"
        if number is not None:
            process.send_signal(number)
        process.communicate(timeout=30)
    codes = {signal.SIGINT: -signal.SIGINT, signal.SIGTERM: 143, None: 0}
    assert process.returncode == codes[number]
    until(lambda: not live_jobs(sandbox))


# --- what a block gives


def test_a_block_gives_the_hosts_of_all_jobs(sandbox):
    two = OarSubmission("nodes=2", "0:30:0")
    with reservation([(two, "nancy"), (OarSubmission("nodes=1"), "lyon")]) as nodes:
        assert sorted(nodes.jobs) == sorted(live_jobs(sandbox))
        assert [site for _, site in nodes.jobs] == SITES
        assert [len(nodes.by_site[site]) for site in SITES] == [2, 1]
        assert nodes == [*nodes.by_site["nancy"], *nodes.by_site["lyon"]]
        assert [host.address.split(".")[1] for host in nodes] == ["nancy", "nancy", "lyon"]
    until(lambda: not live_jobs(sandbox))


def test_a_site_that_refuses_leaves_nothing_on_the_others(sandbox, state):
    specs = [(OarSubmission("nodes=1"), "nancy"), (OarSubmission("nodes=200"), "lyon")]
    refused = pytest.raises(SubmissionRefused, match="lyon.*not enough resources")
    with refused, reservation(specs):
        raise AssertionError("never")
    until(lambda: not live_jobs(sandbox))
    assert records(state) == []


def test_jobs_are_kept_for_the_next_block_of_the_name(sandbox, caplog):
    spec = (OarSubmission("nodes=1", "0:30:0"), "nancy")
    held = pytest.raises(ReservationHeld, match=f"process {os.getpid()} of")
    with contextlib.suppress(ZeroDivisionError), reservation(spec, name="kept", keep=True) as nodes:
        first = nodes.jobs
        with held, reservation(spec, name="kept"):
            raise AssertionError("never")
        raise ZeroDivisionError
    assert live_jobs(sandbox) == first
    with reservation([spec, spec], name="kept", keep=True) as nodes:
        assert nodes.jobs[0] == first[0]
        assert len(nodes.jobs) == 2
        nodes.keep = False
    until(lambda: not live_jobs(sandbox))
    assert "is taken over as it is" not in caplog.text


def test_a_job_taken_over_that_was_asked_for_otherwise_is_told(sandbox, caplog):
    with reservation((OarSubmission("nodes=1"), "nancy"), name="kept", keep=True) as nodes:
        first = nodes.jobs
    with reservation((OarSubmission("nodes=2"), "nancy"), name="kept") as nodes:
        assert nodes.jobs == first
    assert "is taken over as it is: it was asked for by `oarsub -l nodes=1" in caplog.text


def test_a_job_that_has_ended_is_replaced(sandbox):
    spec = (OarSubmission("nodes=1", "0:30:0"), "nancy")
    with reservation(spec, name="kept", keep=True) as nodes:
        first = nodes.jobs
    sandbox.clear("nancy")
    with reservation(spec, name="kept") as nodes:
        assert nodes.jobs != first
        assert get_oar_job_info(*nodes.jobs[0]).state.running


# --- where the records are


def test_records_of_a_sandbox_end_with_it(tmp_path):
    source = """
from execo_g5k.sandbox import Sandbox
with Sandbox({"nancy": {"grisou": 1}}) as grid:
    oarsub([(job, "nancy")])
    print(len(list((grid.directory.state / "jobs").iterdir())), flush=True)
print(os.listdir(os.environ["HOME"]), flush=True)
"""
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EXECO_") and name != "XDG_STATE_HOME"
    }
    done = subprocess.run(
        [sys.executable, "-c", HEAD + source],
        env={**environment, "HOME": str(home)},
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines() == ["1", "[]"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a small file system")
def test_a_disk_that_is_really_full_stops_no_submission(sandbox, tmp_path, caplog):
    small = tmp_path / "small"
    small.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(small)])
    if made.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with contextlib.suppress(OSError):
            (small / "fill").write_bytes(bytes(10**6))
        g5k_configuration["state_directory"] = str(small)
        spec = (OarSubmission("nodes=1", "0:30:0"), "nancy")
        with reservation([spec, spec], name="full") as nodes:
            assert sorted(nodes.jobs) == live_jobs(sandbox)
        until(lambda: not live_jobs(sandbox))
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert caplog.text.count(f"can't record jobs in {small}") == 1
