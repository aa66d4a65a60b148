"""TaktukRemote over real ssh to loopback hosts, with a real taktuk."""

# names in {{ }} are used, though not to the eye of a linter
# ruff: noqa: F841

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from execo import (
    Host,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
    Report,
    TaktukRemote,
    default_connexion_params,
    filter_bad_hosts,
)
from tests.system.helpers import alive, free_port, script, until

pytestmark = [
    pytest.mark.skipif(shutil.which("taktuk") is None, reason="no taktuk: apt-get install taktuk"),
    pytest.mark.slow,
]

FIVE = [f"127.0.0.{n}" for n in range(1, 6)]
QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}
# shell of the command <- agent <- taktuk there <- the process of sshd
KILL_SSHD = "kill -9 $(ps -o ppid= -p $(ps -o ppid= -p $PPID))"


@pytest.fixture
def tree(sshd):
    """Connexion params with which taktuk leads to the ssh servers."""
    return sshd.params | {"taktuk_connector": "ssh -F none"}


def remote(cmd, hosts, params, **options):
    names = sys._getframe(1).f_locals
    return TaktukRemote(cmd, hosts, params, QUIET | options, values=names)


def outputs(action):
    return [process.stdout for process in action.processes]


@contextlib.contextmanager
def black_hole(address):
    """Give a port on which connexions are neither accepted nor refused."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((address, 0))
        listener.listen(0)
        for _ in range(4):
            guest = stack.enter_context(socket.socket())
            guest.setblocking(False)
            guest.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def test_sixty_four_hosts_have_their_own_command_output_and_exit(sshd, tree):
    exits = [0, 3, 7]
    cmd = "echo {{{host}}} $SSH_CONNECTION; echo err {{{host}}} >&2; exit {{exits}}"
    action = remote(cmd, sshd.hosts, tree).run(100)
    for index, process in enumerate(action.processes):
        host, *connexion = process.stdout.split()
        assert (host, connexion[2]) == (process.host, process.host)
        assert process.stderr == f"err {process.host}\n"
        assert (process.exit_code, process.error) == (exits[index % 3], False)
        assert process.start_date <= process.end_date
    assert action.stats()["num_non_zero_exit_codes"] == 42
    assert "64" in Report([action]).to_string()
    assert len(filter_bad_hosts(action, sshd.hosts)) == 22


def test_dead_hosts_are_told_apart_each_with_the_words_of_its_connexion(sshd, tree, tmp_path):
    key = tmp_path / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    options = (*default_connexion_params["taktuk_connector_options"], "-o", "ConnectTimeout=2")
    params = tree | {"taktuk_connector_options": ("-o", "ConnectTimeout=2", *options)}
    with black_hole("127.0.0.9") as port:
        hosts = [
            Host("127.0.0.10", port=free_port(["127.0.0.10"])),
            Host("127.0.0.9", port=port),
            Host("127.0.0.11", keyfile=str(key), user="nobody"),
            "no-such-host.invalid",
            *sshd.hosts[:30],
        ]
        action = remote("echo alive", hosts, params).run(100)
    reasons = [process.error_reason for process in action.processes[:4]]
    for host, reason, words in zip(
        hosts, reasons, ["refused", "timed out", "Permission denied", "resolve"], strict=False
    ):
        assert reason.startswith(f"{host}: can't connect: ")
        assert words in reason
    assert [(p.error, p.exit_code, p.ok) for p in action.processes[:4]] == [(True, None, False)] * 4
    assert "Permission denied" in action.processes[2].stderr
    assert outputs(action)[4:] == ["alive\n"] * 30


def test_a_host_that_is_lost_fails_alone_and_its_command_ends(tree, tmp_path):
    lost = f"echo $$ > {tmp_path}/pid; {KILL_SSHD}; sleep 1000"
    commands = ["echo fine", lost, "echo fine"]
    action = remote("{{commands}}", FIVE[:3], tree).run(60)
    assert [process.ok for process in action.processes] == [True, False, True]
    assert action.processes[1].error_reason.startswith("127.0.0.2: the connexion is lost")
    pid = int((tmp_path / "pid").read_text())
    until(lambda: not alive(pid))


def test_hosts_behind_one_that_is_lost_are_lost_with_it(sshd, tree, tmp_path):
    # one connexion at a time from each host: the first one makes some of the others
    params = tree | {"taktuk_options": ("-s", "-w", "1", "-d", "1")}
    go = tmp_path / "go"
    wait = f"echo up; while ! test -e {go}; do sleep 0.05; done"
    commands = [f"{wait}; {KILL_SSHD}; sleep 1000", "echo up; sleep 1000"]
    chosen = [commands[0], *[commands[1]] * 5]
    action = remote("{{chosen}}", sshd.hosts[:6], params).start()
    until(lambda: all(process.stdout for process in action.processes))
    go.touch()
    action.wait(60)
    assert all("is lost" in process.error_reason for process in action.processes)
    through = "the connexion to 127.0.0.1, through which it was reached, is lost"
    assert through in action.processes[1].error_reason


def test_signals_commands_that_are_not_there_and_shells_are_told_apart(tree):
    commands = ["kill -9 $$", "kill -TERM $$", "no-such-command", "exit 255", "true"]
    action = remote("{{commands}}", FIVE, tree).run(60)
    assert [process.exit_code for process in action.processes] == [-9, -15, 127, 255, 0]
    assert "no-such-command" in action.processes[2].stderr
    assert not any(process.error for process in action.processes)


def test_an_impossible_command_is_an_error_of_its_own(tree):
    commands = ["echo fine", " ", "x" * 70_000]
    action = remote(lambda host, index: commands[index], FIVE[:3], tree).run(60)
    assert outputs(action)[0] == "fine\n"
    assert "is empty" in action.processes[1].error_reason
    assert "put it into a script" in action.processes[2].error_reason


def test_any_bytes_arrive_as_they_are(tree, tmp_path):
    data = os.urandom(300_000) + b"\x02O 1 1 5\n\x01a\x01b\nx0\no" + bytes(range(256)) * 40
    (tmp_path / "data").write_bytes(data + b"no end of line")
    got = tmp_path / "got-{{{host}}}"
    action = remote(
        f"cat {tmp_path}/data; cat {tmp_path}/data >&2",
        FIVE[:2],
        tree,
        stdout_handlers=[str(got)],
        stderr_handlers=[f"{got}-err"],
    ).run(60)
    for process in action.processes:
        text = data + b"no end of line"
        assert process.stdout.encode("utf-8", "surrogateescape") == text
        assert process.stderr.encode("utf-8", "surrogateescape") == text
        assert (tmp_path / f"got-{process.host}").read_bytes() == text
        assert (tmp_path / f"got-{process.host}-err").read_bytes() == text


def test_ten_megabytes_of_each_host_arrive(tree):
    action = remote("seq 1400000; head -c 1000000 /dev/zero", FIVE[:3], tree).run(100)
    expected = "".join(f"{n}\n" for n in range(1, 1_400_001)) + "\0" * 1_000_000
    assert all(process.stdout == expected for process in action.processes)


def test_output_comes_while_the_command_runs_and_without_an_end_of_line(tree):
    action = remote("printf 'name? '; read name; echo hello $name", FIVE[:3], tree).start()
    assert [match.group() for _, _, match in action.expect("name[?] ", timeout=30)] == [
        "name? "
    ] * 3
    print("you", file=action)
    action.wait(30)
    assert outputs(action) == ["name? hello you\n"] * 3


def test_each_process_has_its_own_input_to_its_end(tree):
    data = os.urandom(1_000_000)
    action = remote("sha256sum; echo done", FIVE[:3], tree).start()
    for index, process in enumerate(action.processes):
        process.write(data[index:])
        process.write("last words")
        process.close_stdin()
    action.wait(60)
    for index, process in enumerate(action.processes):
        digest = hashlib.sha256(data[index:] + b"last words").hexdigest()
        assert process.stdout == f"{digest}  -\ndone\n"
    assert action.ok


def test_input_after_the_end_is_lost_and_told(tree):
    action = remote("true", FIVE[:1], tree, nolog_write_error=True).run(30)
    action.processes[0].write("too late")
    until(lambda: action.processes[0].write_error)
    assert not action.ok


def test_kill_ends_commands_with_what_they_started(tree):
    action = remote("sleep 1000 & echo $! $$; wait", FIVE, tree).start()
    until(lambda: all("\n" in process.stdout for process in action.processes))
    pids = [int(word) for process in action.processes for word in process.stdout.split()]
    assert all(map(alive, pids))
    action.kill().wait(30)
    assert all(process.killed and process.ok for process in action.processes)
    assert [process.exit_code for process in action.processes] == [-15] * 5
    until(lambda: not any(map(alive, pids)))


def test_kill_of_one_leaves_the_others(tree):
    action = remote("echo up; read x; echo $x", FIVE[:3], tree).start()
    until(lambda: all(process.stdout for process in action.processes))
    action.processes[1].kill(signal.SIGKILL).wait(30)
    assert action.processes[1].exit_code == -9
    action.processes[0].write("one\n")
    action.processes[2].write("three\n")
    action.wait(30)
    assert outputs(action) == ["up\none\n", "up\n", "up\nthree\n"]


def test_a_command_that_outlives_the_signal_is_forced(tree):
    cmd = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    action = remote(cmd, FIVE[:2], tree).start()
    until(lambda: all(process.stdout for process in action.processes))
    action.kill(auto_force_kill_timeout=0.2).wait(30)
    assert [(p.exit_code, p.forced_kill) for p in action.processes] == [(-9, True)] * 2


def test_kill_while_hosts_are_connected_to_ends_at_once(tree):
    params = tree | {"taktuk_connector_options": ("-o", "ConnectTimeout=1000")}
    with black_hole("127.0.0.9") as port:
        action = remote("true", [Host("127.0.0.9", port=port)], params).start()
        until(lambda: action.processes[0].start_date)
        action.kill().wait(30)
    assert (action.processes[0].killed, action.processes[0].error) == (True, False)


def test_other_signals_arrive(tree):
    action = remote("trap 'echo got' USR1; echo up; read x; read x", FIVE[:2], tree).start()
    until(lambda: all(process.stdout for process in action.processes))
    action.kill(signal.SIGUSR1)
    until(lambda: all("got" in process.stdout for process in action.processes))
    action.kill().wait(30)


def test_timeout_ends_those_that_it_concerns(tree):
    seconds = ["0", "1000"]
    action = remote("sleep {{seconds}}", FIVE[:2], tree, timeout=5).run(60)
    assert [process.timeouted for process in action.processes] == [False, True]
    assert [process.ok for process in action.processes] == [True, False]
    assert action.stats()["num_timeouts"] == 1


def test_what_a_command_leaves_running_holds_nothing_up(tree):
    action = remote("sleep 1000 & echo $!", FIVE[:2], tree).run(30)
    assert action.ok
    for process in action.processes:
        os.kill(int(process.stdout), signal.SIGKILL)


def test_handlers_are_told_as_those_of_other_processes(tree):
    told = []

    class Life(ProcessLifecycleHandler):
        def start(self, process):
            told.append(("start", process.host.address))

        def end(self, process):
            told.append(("end", process.host.address))

    class Lines(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            told.append((stream, string))

    remote("echo out; echo err >&2", FIVE[:1], tree,
           lifecycle_handlers=[Life()], stdout_handlers=[Lines()], stderr_handlers=[Lines()],
    ).run(30)  # fmt: skip
    assert told[0] == ("start", "127.0.0.1")
    assert sorted(told[1:3], key=str) == [(1, "out"), (2, "err")]
    assert told[3] == ("end", "127.0.0.1")


def test_it_runs_again_after_a_reset_and_processes_run_alone(tree):
    action = remote("echo x", FIVE[:2], tree).run(30).reset().run(30)
    assert outputs(action) == ["x\n", "x\n"]
    [process, _] = remote("echo alone", FIVE[:2], tree).processes
    assert process.run(30).stdout == "alone\n"


def test_hosts_may_be_reached_differently_or_not_at_all(sshd, tree, tmp_path):
    copied = tmp_path / "key"
    shutil.copy(sshd.keyfile, copied)
    copied.chmod(0o600)
    other = {"taktuk_connector": tree["taktuk_connector"]}
    hosts = [
        Host("127.0.0.1", port=sshd.port, keyfile=str(copied)),
        Host("127.0.0.2", port=sshd.port, keyfile=str(sshd.keyfile)),
        "node[1-3]",
    ]
    action = remote("echo $SSH_CONNECTION", hosts, other).run(30)
    assert [process.ok for process in action.processes] == [True, True, False]
    assert "node[1-3]: taktuk can't connect" in action.processes[2].error_reason


def test_the_same_host_several_times_and_no_host_at_all(tree):
    numbers = [1, 2, 3]
    action = remote("echo {{numbers}}", ["127.0.0.1"] * 3, tree).run(30)
    assert outputs(action) == ["1\n", "2\n", "3\n"]
    assert remote("true", [], tree).run(30).ok


def test_a_gateway_starts_the_tree(sshd, tree):
    gateway = Host("127.0.0.60", port=sshd.port, keyfile=str(sshd.keyfile))
    params = tree | {"taktuk_gateway": gateway, "taktuk_gateway_connector": "ssh -F none"}
    hosts = [*FIVE, Host("127.0.0.9", port=free_port(["127.0.0.9"]))]
    action = remote("read x; echo $x; exit 2", hosts, params).start()
    action.write("through\n")
    action.wait(60)
    assert outputs(action) == ["through\n"] * 5 + [""]
    assert [process.exit_code for process in action.processes] == [2] * 5 + [None]
    assert "refused" in action.processes[5].error_reason


def test_a_gateway_that_is_not_there_is_the_reason_of_all(sshd, tree):
    gateway = Host("127.0.0.60", port=free_port(["127.0.0.60"]))
    params = tree | {"taktuk_gateway": gateway, "taktuk_gateway_connector": "ssh -F none"}
    action = remote("true", FIVE[:2], params).run(60)
    for process in action.processes:
        assert "can't connect to the gateway 127.0.0.60" in process.error_reason
        assert "refused" in process.error_reason


@pytest.mark.parametrize(
    ("taktuk", "words"),
    [("no-such-taktuk", "No such file"), ("false", "exit 1"), ("echo broken", "broken")],
)
def test_no_taktuk_or_a_broken_one_is_the_reason_of_all(tree, taktuk, words):
    action = remote("true", FIVE[:2], tree | {"taktuk": taktuk}).run(30)
    assert all(words in process.error_reason for process in action.processes)
    assert all(
        process.error_reason.startswith(process.host.address) for process in action.processes
    )


def test_a_taktuk_that_dies_ends_all_with_a_reason(tree):
    action = remote("echo up; sleep 1000", FIVE[:3], tree).start()
    until(lambda: all(process.stdout for process in action.processes))
    os.kill(action.processes[0].pid, signal.SIGKILL)
    action.wait(30)
    assert all("signal 9" in process.error_reason for process in action.processes)


def test_hosts_that_have_taktuk_need_not_be_sent_it(tree):
    action = remote("echo x", FIVE[:2], tree | {"taktuk_options": ()}).run(30)
    assert outputs(action) == ["x\n", "x\n"]


def test_commands_are_on_no_command_line_here(tree):
    action = remote("echo up; read MARKED", FIVE[:2], tree).start()
    until(lambda: all(process.stdout for process in action.processes))
    with open(f"/proc/{action.processes[0].pid}/cmdline", "rb") as file:
        words = file.read()
    assert b"MARKED" not in words
    assert b"127.0.0.2" not in words
    action.kill().wait(30)


def test_commands_die_with_the_script(sshd, tree, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    source = f"""
import os, time
from execo import TaktukRemote
action = TaktukRemote("echo $$; sleep 1000", {FIVE[:3]}, {tree}).start()
while not all("\\n" in process.stdout for process in action.processes):
    time.sleep(0.01)
while os.listdir(os.environ["TMPDIR"]):
    time.sleep(0.01)
print(*(process.stdout.strip() for process in action.processes), flush=True)
action.wait()
"""
    with script(source) as running:
        pids = [int(word) for word in running.stdout.readline().split()]
        assert len(pids) == 3
        running.kill()
        running.wait()
    until(lambda: not any(map(alive, pids)))
    assert os.listdir(tmp_path) == []


def test_a_slow_handler_holds_output_back_and_loses_nothing(tree):
    class Slow(ProcessOutputHandler):
        total = 0

        def read(self, process, stream, string, eof, error):
            time.sleep(0.0005)
            self.total += len(string)

    slow = Slow()
    action = remote(
        "head -c 8000000 /dev/zero", FIVE[:2], tree,
        stdout_handlers=[slow], default_stdout_handler=False,
    ).run(100)  # fmt: skip
    assert action.ok
    assert slow.total == 16_000_000


def test_a_connector_that_is_missing_comes_with_what_to_do(params):
    if shutil.which("oarsh"):
        pytest.skip("this machine has oarsh")
    [process] = remote("true", ["node"], {**params, "taktuk_connector": "oarsh"}).run(60).processes
    assert "no oarsh nor oarcp on this machine" in process.error_reason
