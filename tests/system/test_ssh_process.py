"""A command on a host, through a real ssh."""

import asyncio
import logging
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from execo import STDERR, Host, Process, Remote, SshProcess, default_connexion_params
from tests.system.helpers import alive, until

QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}


@pytest.fixture(autouse=True, params=["ssh", "asyncssh"])
def transport(request, own_home):
    """What connects to hosts: the results are the same."""
    if request.param == "asyncssh":
        pytest.importorskip("asyncssh")
    default_connexion_params["transport"] = request.param
    return request.param


def test_command_runs_on_the_host(params):
    process = SshProcess("echo hello; echo $SSH_CONNECTION", "127.0.0.7", params).run()
    greeting, connexion = process.stdout.splitlines()
    assert greeting == "hello"
    assert connexion.split()[2] == "127.0.0.7"
    assert process.finished_ok
    assert process.host == "127.0.0.7"


@pytest.mark.parametrize("code", [0, 1, 3, 77, 254])
def test_exit_code_is_that_of_the_remote_command(params, code):
    process = SshProcess(f"exit {code}", "127.0.0.1", params, **QUIET).run()
    assert process.exit_code == code
    assert process.ok is (code == 0)


def test_command_that_the_host_does_not_have_exits_127(params):
    process = SshProcess("no-such-command-anywhere", "127.0.0.1", params, **QUIET).run()
    assert process.exit_code == 127
    assert "no-such-command-anywhere" in process.stdout
    assert not process.error


def test_stderr_comes_apart_without_a_remote_terminal(sshd):
    process = SshProcess("echo out; echo err >&2", "127.0.0.1", sshd.without_terminal()).run()
    assert (process.stdout, process.stderr) == ("out\n", "err\n")


def test_stderr_comes_with_stdout_through_a_remote_terminal(params):
    process = SshProcess("echo out; echo err >&2; [ -t 1 ]", "127.0.0.1", params).run()
    assert process.stdout == "out\nerr\n"
    assert process.stderr == ""
    assert process.ok


def test_cr_of_a_remote_terminal_is_taken_away_and_other_cr_stay(params):
    process = SshProcess(r"printf 'a\nb\rc\n\nd\n'", "127.0.0.1", params).run()
    assert process.stdout == "a\nb\rc\n\nd\n"


def test_without_a_remote_terminal_cr_lf_stays_as_the_command_printed_it(sshd):
    process = SshProcess(r"printf 'a\r\nb\n'", "127.0.0.1", sshd.without_terminal()).run()
    assert process.stdout == "a\r\nb\n"


def test_kill_ends_the_remote_command_too(params):
    process = SshProcess("echo pid $$; exec sleep 300", "127.0.0.1", params).start()
    index, match = process.expect(r"pid (\d+)\s", timeout=20)
    assert index == 0
    remote = int(match.group(1))
    assert alive(remote)
    process.kill().wait(20)
    assert process.ended
    assert process.killed
    assert process.ok
    until(lambda: not alive(remote))


def test_timeout_ends_the_remote_command_too(params):
    process = SshProcess("echo $$; exec sleep 300", "127.0.0.1", params, timeout=2, **QUIET)
    process.run(30)
    assert process.timeouted
    assert not process.ok
    until(lambda: not alive(int(process.stdout)))


def test_wrong_key_is_refused_and_the_warning_names_the_host(sshd, tmp_path, caplog):
    key = tmp_path / "other_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    with caplog.at_level(logging.WARNING, "execo"):
        process = SshProcess("true", "127.0.0.9", sshd.params | {"keyfile": str(key)}).run()
    assert process.exit_code == 255
    assert not process.ok
    assert "Permission denied" in process.stderr
    (record,) = caplog.records
    assert "127.0.0.9" in record.getMessage()
    assert "Permission denied" in record.getMessage()


def test_fields_of_a_host_win_over_the_params_of_the_call(sshd):
    host = Host("127.0.0.1", keyfile=sshd.keyfile, port=sshd.port)
    wrong = sshd.params | {"port": 1, "keyfile": "/nonexistent"}
    assert SshProcess("echo in", host, wrong).run().stdout == "in\n"


def test_host_that_refuses_connexions_is_a_failure_that_names_it(params, caplog):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        process = SshProcess("true", "127.0.0.1", params | {"port": port}).run()
    assert process.exit_code == 255
    assert "refused" in process.stderr.lower()
    assert "127.0.0.1" in caplog.text


@pytest.fixture
def mute_port():
    """A port that accepts connexions and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(5)
        yield server.getsockname()[1]


def test_server_that_never_answers_ends_with_the_connect_timeout(sshd, mute_port):
    options = tuple(
        "ConnectTimeout=1" if option.startswith("ConnectTimeout") else option
        for option in ("-o", "ConnectTimeout=20", "-o", "BatchMode=yes")
    )
    params = sshd.params | {"port": mute_port, "ssh_options": options}
    process = SshProcess("true", "127.0.0.1", params, **QUIET).run(20)
    assert process.exit_code == 255
    assert not process.timeouted
    assert "timed out" in process.stderr.lower()


def test_server_that_never_answers_ends_with_the_timeout_of_the_process(params, mute_port):
    mute = params | {"port": mute_port}
    process = SshProcess("true", "127.0.0.1", mute, timeout=0.5, **QUIET).run(20)
    assert process.ended
    assert process.timeouted
    assert not process.ok


def test_unknown_host_name_is_a_failure_and_no_exception(params):
    process = SshProcess("true", "no-such-host.invalid", params, **QUIET).run(60)
    assert process.exit_code == 255
    assert "no-such-host.invalid" in process.stderr


def test_missing_ssh_is_an_error_of_the_process(params, transport):
    if transport == "asyncssh":
        pytest.skip("it needs no ssh")
    process = SshProcess("true", "127.0.0.1", params | {"ssh": "/no/ssh"}, **QUIET).run()
    assert process.error
    assert process.exit_code is None
    assert "No such file" in process.error_reason


def test_expect_and_write_work_over_ssh(params):
    ask = "printf 'name? '; read name; echo hello $name; printf 'bye? '; read bye; echo $bye"
    with SshProcess(ask, "127.0.0.1", params).start() as process:
        assert process.expect(r"name\? ", timeout=20)[0] == 0
        process.write("ann\n")
        index, match = process.expect([r"sorry", r"hello (\w+)"], timeout=20)
        assert (index, match.group(1)) == (1, "ann")
        process.expect(r"bye\? ", timeout=20)
        print("adieu", file=process)
        process.wait(20)
    assert process.finished_ok


def test_expect_on_stderr_over_ssh(sshd):
    process = SshProcess("echo problem 42 >&2", "127.0.0.1", sshd.without_terminal()).start()
    index, match = process.expect(r"problem (\d+)", timeout=20, stream=STDERR)
    assert (index, match.group(1)) == (0, "42")
    process.wait(20)


def test_input_of_some_megabytes_arrives_whole(sshd):
    sent = "0123456789abcde\n" * 200_000
    process = SshProcess("cat | cksum", "127.0.0.1", sshd.without_terminal()).start()
    process.write(sent)
    process.close_stdin().wait(60)
    local = Process("cksum").start()
    local.write(sent)
    local.close_stdin().wait(60)
    assert process.stdout == local.stdout != ""


def test_output_of_some_megabytes_arrives_whole(params):
    process = SshProcess("seq 1 500000", "127.0.0.1", params).run(60)
    assert process.stdout == "".join(f"{n}\n" for n in range(1, 500_001))


def test_invalid_utf8_of_a_host_is_kept(sshd):
    process = SshProcess(r"printf 'caf\351 \303\251'", "127.0.0.1", sshd.without_terminal()).run()
    assert process.stdout.encode("utf-8", "surrogateescape") == b"caf\xe9 \xc3\xa9"


@pytest.mark.parametrize("pty", [True, False])
def test_local_pseudo_terminal_of_ssh_can_be_chosen(params, pty):
    process = SshProcess("echo through", "127.0.0.1", params | {"pty": pty}).run(30)
    assert process.pty is pty
    assert process.stdout == "through\n"
    assert process.ok


def test_local_process_on_a_pty_talks_to_ssh(sshd):
    words = ["ssh", "-F", "none", "-tt", "-p", sshd.port, "-i", sshd.keyfile]
    words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    with Process([*words, "127.0.0.1", "tty; exec cat"], pty=True).start() as process:
        assert process.expect(r"/dev/pts/\d+", timeout=20)[0] == 0
        process.write("said\n")
        assert process.expect("said", timeout=20)[0] == 0


def test_words_are_quoted_and_text_is_for_the_shell_of_the_host(params):
    words = SshProcess(("printf", "%s,", "$HOME", "a b", "*"), "127.0.0.1", params).run()
    text = SshProcess("x='a b'; echo $x $((1 + 1))", "127.0.0.1", params).run()
    assert words.stdout == "$HOME,a b,*,"
    assert text.stdout == "a b 2\n"


@pytest.mark.parametrize("cmd", [("echo a; echo b",), ("echo", "a", "&&", "echo b")])
def test_fragments_of_shell_text_in_a_sequence_are_text_with_a_warning(params, caplog, cmd):
    process = SshProcess(cmd, "127.0.0.1", params).run()
    assert process.stdout == "a\nb\n"
    assert "is taken as text" in caplog.text


def test_reset_process_connects_again(params):
    process = SshProcess("echo again", "127.0.0.1", params).run()
    process.reset().run()
    assert process.stdout == "again\n"


def test_output_goes_to_a_file_of_the_host_in_its_name(params, tmp_path):
    process = SshProcess("echo filed", "127.0.0.1", params)
    process.stdout_handlers.append(str(tmp_path / "out"))
    process.run()
    assert Path(tmp_path / "out").read_text() == "filed\n"


@pytest.mark.slow
def test_hundred_threads_each_run_a_process_of_their_own(sshd):
    printed: dict[int, str] = {}

    def one(number):
        host = sshd.hosts[number % len(sshd.hosts)]
        printed[number] = SshProcess(f"echo {number}", host, sshd.params).run(90).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert printed == {number: f"{number}\n" for number in range(100)}


def test_processes_and_actions_are_awaited_while_other_tasks_run(params):
    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        remote, process = await asyncio.gather(
            wait(Remote("sleep 0.3; echo {{{host}}}", hosts, params).start()),
            wait(SshProcess("echo one", "127.0.0.4", params).start()),
        )
        ticking.cancel()
        return ticks, remote, process

    async def wait(started):
        return await started

    ticks, remote, process = asyncio.run(main())
    assert ticks >= 10
    assert [p.stdout for p in remote.processes] == ["127.0.0.1\n", "127.0.0.2\n", "127.0.0.3\n"]
    assert process.stdout == "one\n"


def test_wait_that_is_cancelled_leaves_the_process_running(params):
    async def main():
        process = SshProcess("echo up; exec sleep 300", "127.0.0.1", params).start()
        try:
            await asyncio.wait_for(asyncio.shield(ended(process)), 0.2)
        except TimeoutError:
            return process
        raise AssertionError("it should still run")

    async def ended(process):
        await process

    process = asyncio.run(main())
    assert process.running
    process.kill().wait(20)
    assert process.ended


def test_dates_are_around_the_run(params):
    before = time.time()
    process = SshProcess("true", "127.0.0.1", params).run()
    assert before <= process.start_date <= process.end_date <= time.time()


def test_repr_and_dump_name_host_and_command(params):
    process = SshProcess("echo seen", "127.0.0.5", params).run()
    assert re.search(r"SshProcess.*echo seen.*127\.0\.0\.5", repr(process))
    assert "seen" in process.dump()


def test_python_of_the_host_gets_the_words_that_were_given(params):
    source = "import sys; print(sys.argv[1:])"
    process = SshProcess((sys.executable, "-c", source, "it's", '"q"'), "127.0.0.1", params).run()
    assert process.stdout == f"{['it' + chr(39) + 's', chr(34) + 'q' + chr(34)]}\n"
    assert shlex.quote("it's") in " ".join(process._argv())


@pytest.mark.parametrize("text", ["a line\n", "no end of line"])
def test_input_of_a_remote_terminal_ends(params, text):
    process = SshProcess("cat", "127.0.0.1", params).start()
    process.write(text)
    assert process.close_stdin().wait(timeout=20).ok
    assert text.strip() in process.stdout
