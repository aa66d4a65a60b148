"""Processes on this machine: start, end, output, input, timeout, kill."""

import asyncio
import io
import logging
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from execo import (
    STDERR,
    STDOUT,
    Action,
    Local,
    Process,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
    SshProcess,
    configuration,
    get_process,
)


def quiet(cmd, **options):
    options = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True} | options
    return Process(cmd, **options)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(condition, timeout=20.0):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 77, 255])
def test_exit_code_is_the_true_exit_status(code):
    process = quiet(f"exit {code}", shell=True).run()
    assert process.exit_code == code
    assert process.ok is (code == 0)
    assert process.finished_ok is (code == 0)
    assert not process.error


def test_exit_code_of_a_process_that_a_signal_ended_is_minus_its_number():
    process = quiet("kill -9 $$", shell=True).run()
    assert process.exit_code == -9
    assert not process.ok


def test_run_gives_the_process_so_that_its_output_can_be_read_at_once():
    assert Process("echo hello").run().stdout == "hello\n"


def test_terminal_and_subprocesses_are_told_by_position_as_execo_takes_them():
    process = Process("true", True, True, False)
    assert (process.shell, process.pty, process.kill_subprocesses) == (True, True, False)


def test_stdout_and_stderr_are_told_apart():
    process = Process("echo out; echo err >&2", shell=True).run()
    assert (process.stdout, process.stderr) == ("out\n", "err\n")


def test_command_that_does_not_exist_is_an_error_and_no_exception():
    process = quiet("/no/such/command at all").run()
    assert process.error
    assert "No such file" in process.error_reason
    assert process.exit_code is None
    assert process.ended
    assert not process.ok


def test_command_that_may_not_be_executed_is_an_error():
    process = quiet("/etc/passwd").run()
    assert process.error
    assert "Permission denied" in process.error_reason


def test_argument_with_a_nul_character_is_an_error():
    process = quiet(("echo", "a\0b")).run()
    assert process.error
    assert "null" in process.error_reason


def test_argument_list_too_long_is_an_error():
    process = quiet(("echo", "x" * (4 << 20))).run()
    assert process.error
    assert "too long" in process.error_reason


@pytest.mark.parametrize("flag", ["exit_code", "error", "timeout"])
def test_ignored_failure_leaves_the_process_ok(flag):
    commands = {"exit_code": "false", "error": "/no/such", "timeout": "sleep 60"}
    timeout = 0.1 if flag == "timeout" else None
    process = quiet(commands[flag], timeout=timeout)
    assert not process.run().ok
    assert not process.timeouted or process.killed
    again = quiet(commands[flag], timeout=timeout, **{f"ignore_{flag}": True}).run()
    assert again.ok


def test_timeout_kills_and_says_so():
    process = quiet("sleep 60", timeout=0.1).run()
    assert process.timeouted
    assert process.timeout_date >= process.start_date
    assert process.exit_code == -signal.SIGTERM
    assert not process.ok


def test_wait_with_a_timeout_returns_while_the_process_goes_on():
    process = Process("sleep 60").start()
    assert process.wait(0.05) is process
    assert process.running
    assert process.kill().wait().ended


def test_wait_takes_durations_as_text():
    with Process("sleep 60").start() as process:
        assert process.wait("0:00").running
    assert process.ended


def test_killed_process_is_ok():
    process = Process("sleep 60").start().kill().wait()
    assert process.killed
    assert process.ok


def test_process_that_ignores_term_is_killed_after_the_kill_timeout():
    process = quiet("trap '' TERM; echo ready; while :; do sleep 0.1; done", shell=True).start()
    assert process.expect("ready") != (None, None)
    process.kill(auto_force_kill_timeout=0.1).wait()
    assert process.forced_kill
    assert process.exit_code == -signal.SIGKILL


def test_process_that_ignores_term_and_is_killed_twice_still_dies():
    process = quiet("trap '' TERM; echo ready; while :; do sleep 0.1; done", shell=True).start()
    process.expect("ready")
    process.kill(auto_force_kill_timeout=0.2).kill(auto_force_kill_timeout=0.1)
    assert process.wait().forced_kill


def test_kill_without_force_leaves_a_process_that_ignores_term():
    process = quiet("trap 'echo caught' TERM; echo ready; while :; do sleep 0.05; done", shell=True)
    with process.start():
        process.expect("ready")
        process.kill(auto_force_kill_timeout=None)
        assert process.expect("caught") != (None, None)
        assert process.running
        process.kill(signal.SIGKILL)


def test_kill_reaches_the_whole_group_of_a_shell():
    process = Process("sleep 300 & echo $!; wait", shell=True).start()
    _, match = process.expect(r"(\d+)\n")
    child = int(match.group(1))
    process.kill().wait()
    until(lambda: not alive(child))


def test_member_of_the_group_that_ignores_term_dies_after_the_leader():
    script = "(trap '' TERM; echo ready; while :; do sleep 0.1; done) & echo $!; wait"
    process = Process(script, shell=True).start()
    until(lambda: len(process.stdout.split()) == 2)
    [member] = [int(word) for word in process.stdout.split() if word != "ready"]
    process.kill(auto_force_kill_timeout=0.3).wait()
    until(lambda: not alive(member))


def test_kill_of_an_ended_process_does_nothing():
    process = Process("true").run()
    process.kill()
    assert not process.killed
    assert process.ok


def test_background_child_that_holds_the_pipe_does_not_delay_the_end():
    process = Process("sleep 300 & echo done", shell=True).run()
    assert process.stdout == "done\n"
    os.killpg(process.pid or 0, signal.SIGKILL)


def test_output_before_the_wait_is_not_lost():
    process = Process("seq 100000").start()
    process.ended_event.wait()
    assert process.wait().stdout == "".join(f"{i}\n" for i in range(1, 100001))


def test_character_cut_between_two_reads_survives():
    process = Process(r"printf '\303'; sleep 0.2; printf '\251'", shell=True).start()
    until(lambda: process.ended)
    assert process.stdout == "é"


def test_text_read_in_the_middle_of_a_character_is_completed_later():
    process = Process(r"printf 'a\303'; read x; printf '\251b'", shell=True).start()
    until(lambda: process.stdout == "a")
    process.write("\n")
    assert process.wait().stdout == "aéb"


def test_invalid_utf8_is_kept_as_surrogates():
    process = Process(r"printf '\377\376ok'", shell=True).run()
    assert process.stdout.encode("utf-8", "surrogateescape") == b"\xff\xfeok"


def test_write_and_print_reach_the_process():
    process = Process("cat").start()
    process.write("one\n")
    print("two", file=process)
    process.close_stdin().wait()
    assert process.stdout == "one\ntwo\n"


def test_large_input_and_output_at_the_same_time_do_not_block():
    text = "x" * 79 + "\n"
    process = Process("cat").start()
    for _ in range(50):
        process.write(text * 2000)
    process.close_stdin().wait()
    assert process.stdout == text * 100_000


def test_write_to_a_process_that_closed_its_input_is_a_write_error():
    process = Process("exec <&-; echo closed; sleep 60", shell=True, nolog_write_error=True).start()
    process.expect("closed")
    process.write("lost\n")
    until(lambda: process.write_error)
    assert not process.ok
    process.kill().wait()


def test_pty_gives_a_terminal():
    process = Process("test -t 0 && test -t 1 && tty", shell=True, pty=True).run()
    assert process.exit_code == 0
    assert process.stdout.startswith("/dev/pts/")
    assert "\r" not in process.stdout


def test_pty_is_the_controlling_terminal():
    assert Process("echo there > /dev/tty", shell=True, pty=True).run().stdout == "there\n"


def test_control_c_on_a_pty_interrupts():
    process = quiet(
        "trap 'echo interrupted; exit 4' INT; echo ready; while :; do sleep 0.05; done",
        shell=True,
        pty=True,
    ).start()
    process.expect("ready")
    process.write("\x03")
    assert process.wait().exit_code == 4
    assert "interrupted" in process.stdout


def test_end_of_input_on_a_pty():
    process = Process("cat", pty=True).start()
    process.write("hello\n")
    process.expect("hello")
    assert process.close_stdin().wait().exit_code == 0


def test_handlers_get_lines_without_their_ends():
    class Lines(ProcessOutputHandler):
        def __init__(self):
            super().__init__()
            self.lines = []

        def read_line(self, process, stream, string):
            self.lines.append((stream, string))

    handler = Lines()
    Process("printf 'a\\nb\\n\\nc'", shell=True, stdout_handlers=[handler]).run()
    assert handler.lines == [(STDOUT, "a"), (STDOUT, "b"), (STDOUT, ""), (STDOUT, "c")]


def test_handlers_have_seen_all_when_wait_returns():
    class Count(ProcessOutputHandler):
        lines = 0
        ends = 0

        def read(self, process, stream, string, eof, error):
            self.lines += string.count("\n")
            self.ends += eof

    handler = Count()
    Process("seq 300000", stdout_handlers=[handler], default_stdout_handler=False).run()
    assert (handler.lines, handler.ends) == (300_000, 1)


def test_slow_handler_makes_the_process_wait_and_loses_nothing():
    class Slow(ProcessOutputHandler):
        size = 0

        def read(self, process, stream, string, eof, error):
            threading.Event().wait(0.001)
            self.size += len(string)

    handler = Slow()
    Process("head -c 5000000 /dev/zero", stdout_handlers=[handler]).run()
    assert handler.size == 5_000_000


def test_exception_in_a_handler_is_logged_and_stops_nothing(caplog):
    class Bad(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            raise RuntimeError("mistake in a script")

    process = Process("echo a", stdout_handlers=[Bad()]).run()
    assert process.stdout == "a\n"
    assert "mistake in a script" in caplog.text


def test_output_goes_to_open_files_descriptors_and_named_files(tmp_path):
    text, binary = io.StringIO(), io.BytesIO()
    with (tmp_path / "fd").open("wb") as opened:
        name = str(tmp_path / "named")
        Process(
            "echo é", stdout_handlers=[text, binary, opened.fileno(), name, tmp_path / "p"]
        ).run()
        Process("echo more", stdout_handlers=[name]).run()
    assert text.getvalue() == "é\n"
    assert binary.getvalue() == "é\n".encode()
    assert (tmp_path / "fd").read_text() == "é\n"
    assert (tmp_path / "named").read_text() == "é\nmore\n"
    assert (tmp_path / "p").read_text() == "é\n"


def test_file_that_can_not_be_opened_is_logged_and_the_process_runs(caplog, tmp_path):
    process = Process("echo a", stdout_handlers=[str(tmp_path / "no" / "where")]).run()
    assert process.stdout == "a\n"
    assert "no/where" in caplog.text


def test_single_output_handler_needs_no_list(tmp_path):
    Process("echo a", stdout_handlers=str(tmp_path / "out")).run()
    assert (tmp_path / "out").read_text() == "a\n"


def test_exit_asked_for_in_a_handler_ends_nothing_but_the_handler(caplog):
    class Exits(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            raise SystemExit(3)

    assert Process("echo a", stdout_handlers=[Exits()]).run().stdout == "a\n"
    assert Process("echo b", stdout_handlers=[io.StringIO()]).run().stdout == "b\n"
    assert "SystemExit" in caplog.text


def test_kill_before_the_start_does_nothing():
    assert Process("true").kill().run().ok


def test_malformed_command_is_an_error_and_no_exception():
    process = quiet("ls 'unfinished").run()
    assert process.error
    assert "No closing quotation" in process.error_reason


def test_what_is_no_lifecycle_handler_is_refused_at_start():
    with pytest.raises(TypeError, match="lifecycle handler"):
        Process("true", lifecycle_handlers=[object()]).start()


def test_log_handler_that_fails_does_not_hold_the_end():
    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError("broken log handler")

    log, broken = logging.getLogger("execo"), Broken()
    log.addHandler(broken)
    try:
        assert Process("false").run(timeout=20).ended
    finally:
        log.removeHandler(broken)


def test_handler_of_the_end_may_start_the_process_again():
    class Again(ProcessLifecycleHandler):
        runs = 0

        def end(self, process):
            self.runs += 1
            if self.runs == 1:
                process.reset().start()

    handler = Again()
    process = Process("true", lifecycle_handlers=[handler]).start()
    assert process.ended_event.wait(20)
    until(lambda: handler.runs == 2)
    process.wait()


def test_handler_that_waits_for_its_own_process_is_refused(caplog):
    class Waits(ProcessLifecycleHandler):
        def end(self, process):
            process.wait()

    assert Process("true", lifecycle_handlers=[Waits()]).run(timeout=20).ended_event.is_set()
    assert "can't wait for its end" in caplog.text


def test_process_is_started_once_by_many_threads():
    for _ in range(20):
        process, won = Process("true"), []

        def start(process=process, won=won):
            try:
                won.append(process.start())
            except ValueError:
                pass

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        process.wait()


def test_directory_and_environment_are_those_of_the_start(monkeypatch, tmp_path):
    (tmp_path / "later").mkdir()
    monkeypatch.setitem(configuration, "fanout", 1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WHEN", "start")
    first = Process("read x", shell=True).start()
    second = Process("pwd; echo $WHEN", shell=True).start()
    monkeypatch.setenv("WHEN", "later")
    monkeypatch.chdir(tmp_path / "later")
    first.write("\n")
    assert second.wait().stdout == f"{tmp_path}\nstart\n"


def test_line_without_end_is_given_at_the_end_of_the_stream_whatever_its_length():
    lengths = []

    class Lines(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            lengths.append(len(string))

    Process("head -c 5000000 /dev/zero", stdout_handlers=[Lines()]).run()
    assert lengths == [5_000_000]


def test_very_long_timeouts_are_accepted():
    assert Process("true", timeout=1e12).run(timeout=1e12).ok


def test_what_is_no_signal_is_refused():
    with Process("sleep 60").start() as process, pytest.raises(ValueError, match="99999"):
        process.kill(99999)


def test_what_is_no_output_handler_is_refused_at_start():
    with pytest.raises(TypeError, match="output handler 3.5"):
        Process("true", stdout_handlers=[3.5]).start()


def test_stderr_handlers_get_the_number_of_their_stream():
    seen = []

    class Streams(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            seen.append((stream, string))

    Process("echo e >&2", shell=True, stderr_handlers=[Streams()]).run()
    assert seen == [(STDERR, "e")]


def test_lifecycle_handlers_are_called_in_order():
    calls = []

    class Life(ProcessLifecycleHandler):
        def start(self, process):
            calls.append(("start", process.pid is not None))

        def end(self, process):
            calls.append(("end", process.exit_code))

        def reset(self, process):
            calls.append(("reset", None))

    process = Process("true", lifecycle_handlers=[Life()]).run()
    process.reset().run()
    assert calls == [("start", True), ("end", 0), ("reset", None), ("start", True), ("end", 0)]


def test_handler_may_wait_for_another_process():
    other = []

    class Nested(ProcessLifecycleHandler):
        def end(self, process):
            other.append(Process("echo nested", stdout_handlers=[io.StringIO()]).run().stdout)

    Process("true", lifecycle_handlers=[Nested()]).run()
    assert other == ["nested\n"]


def test_expect_returns_the_index_and_the_match():
    process = Process("echo one; echo two; cat", shell=True).start()
    index, match = process.expect(["nothing", "t(w)o"])
    assert (index, match.group(1)) == (1, "w")
    process.write("three\n")
    assert process.expect("thr(e+)")[1].group(1) == "ee"
    process.kill().wait()


def test_expect_takes_a_tuple_and_leaves_it_as_it_is():
    regexes = ("a", "b")
    process = Process("echo b").start()
    assert process.expect(regexes)[0] == 1
    assert regexes == ("a", "b")


def test_expect_goes_on_behind_what_it_found_after_much_output():
    with Process("seq 300000; echo one; echo one two; cat", shell=True).start() as process:
        assert process.expect("one")[1].group() == "one"
        assert process.expect("(one )?two")[1].group() == "one two"


def test_expect_returns_at_the_end_of_the_stream():
    process = Process("echo a", nolog_expect_fail=True).start()
    assert process.expect("never") == (None, None)
    assert process.expect_fail
    assert not process.wait().ok


def test_expect_returns_at_its_timeout():
    with Process("sleep 60", nolog_expect_fail=True, ignore_expect_fail=True).start() as process:
        assert process.expect("never", timeout=0.05) == (None, None)
        assert process.ok


def test_expect_without_backtrack_looks_at_what_comes_only():
    process = Process("echo one; read x; echo two", shell=True).start()
    process.expect("one")
    process.write("\n")
    assert process.expect("two|one", backtrack=True)[1].group() == "two"


def test_reset_lets_the_process_run_again():
    process = quiet("exit 3", shell=True).run()
    process.reset()
    assert not process.started
    assert process.exit_code is None
    assert process.run().exit_code == 3


def test_start_twice_is_refused():
    process = Process("true").run()
    with pytest.raises(ValueError, match="reset"):
        process.start()


def test_reset_ends_what_runs():
    process = Process("sleep 60").start()
    [ended] = [process.ended_event]
    assert not process.reset().started
    assert ended.is_set()
    assert process.kill().start().kill().wait().killed


def test_long_output_is_shown_in_short():
    configuration["compact_output_threshold"] = 20
    process = Process("seq 1000").run()
    assert "stdout:\n1\n2\n3\n4\n5\n\n[... 3873 characters ...]\n" in process.dump()
    assert process.dump().endswith("1000\n\nstderr:\n")
    configuration["compact_output_threshold"] = 0
    assert process.stdout in process.dump()


@pytest.mark.parametrize("call", ["wait", "close_stdin"])
def test_calls_before_the_start_say_what_is_missing(call):
    with pytest.raises(ValueError, match=r"start\(\)"):
        getattr(Process("true"), call)()


@pytest.mark.parametrize("cmd", [None, 3, b"ls", [], [None], {"a"}])
def test_what_is_no_command_is_refused(cmd):
    with pytest.raises(TypeError, match="cmd"):
        Process(cmd)


@pytest.mark.parametrize("timeout", [-1, True, "soon", [], float("nan")])
def test_what_is_no_timeout_is_refused_where_it_is_given(timeout):
    with pytest.raises((TypeError, ValueError), match="timeout"):
        Process("true", timeout=timeout)


def test_options_may_be_set_until_the_start():
    process = Process("exit 2")
    process.shell = True
    process.nolog_exit_code = True
    process.ignore_exit_code = True
    process.stdout_handlers.append(io.StringIO())
    assert process.run().ok
    assert process.exit_code == 2


def test_context_manager_kills_at_its_end():
    with Process("sleep 60").start() as process:
        pid = process.pid
    assert process.ended
    assert pid is None or not alive(pid)


def test_process_can_be_awaited_in_any_loop():
    async def main():
        return (await Process("echo hi").start()).stdout

    assert asyncio.run(main()) == "hi\n"


def test_many_waits_in_many_threads():
    process = Process("sleep 0.2").start()
    ended = []
    threads = [
        threading.Thread(target=lambda: ended.append(process.wait().ended)) for _ in range(50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == [True] * 50


def test_dates_are_unix_timestamps_in_order():
    before = time.time()
    process = Process("true").run()
    assert before - 1 <= process.start_date <= process.end_date <= time.time() + 1


def test_stats_count_what_went_wrong():
    stats = quiet("false").run().stats()
    assert stats["num_non_zero_exit_codes"] == 1
    assert stats["num_ended"] == 1
    assert stats["num_finished_ok"] == 0


def test_failure_is_logged_once_with_the_last_lines(caplog):
    Process("echo why >&2; exit 5", shell=True).run()
    [record] = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "exit_code=5" in record.getMessage()
    assert "why" in record.getMessage()


def test_dump_tells_all():
    text = quiet("echo out; exit 3", shell=True).run().dump()
    assert "out" in text
    assert "exit_code=3" in text


def test_get_process_chooses_by_host():
    assert type(get_process("true")) is Process
    assert type(get_process("true", host="somewhere")) is SshProcess


def test_ssh_process_has_its_host_and_both_spellings():
    assert SshProcess("ls", "h", connection_params={"user": "u"}).connexion_params == {"user": "u"}
    with pytest.raises(TypeError, match="connexion_params"):
        SshProcess("ls", "h", connexion_params={}, connection_params={})


def test_fork_in_the_script_gives_the_child_an_engine_of_its_own():
    Process("true").run()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write, Process("echo from the child").run().stdout.encode())
        os._exit(0)
    os.close(write)
    assert os.waitpid(pid, 0)[1] == 0
    with os.fdopen(read) as said:
        assert said.read() == "from the child\n"


def test_kill_timeout_of_the_configuration_is_used(monkeypatch):
    monkeypatch.setitem(configuration, "kill_timeout", 0.1)
    process = quiet(
        "trap '' TERM; echo ready; while :; do sleep 0.1; done", shell=True, timeout=0.5
    )
    process.start().wait()
    assert process.forced_kill


def test_an_option_that_is_none_is_refused_with_the_nearest_one():
    with pytest.raises(TypeError, match="SshProcess: no option 'shell'$"):
        SshProcess("true", "h", shell=True)
    with pytest.raises(TypeError, match="Process: no option 'shel', did you mean 'shell'"):
        Process("true", shel=True)


def test_much_input_costs_no_more_than_its_length():
    process = Process("wc -c").start()
    process.write("x" * 30_000_000)
    assert process.close_stdin().wait().stdout.strip() == "30000000"


def test_a_handler_that_waits_for_what_its_process_prints_is_refused(caplog):
    class Expects(ProcessOutputHandler):
        def read_line(self, process, stream, string):
            process.expect("two")

    process = Process("echo one; echo two", shell=True, stdout_handlers=[Expects()])
    assert process.run(timeout=20).ended
    assert "can't wait for what it prints" in caplog.text


def test_a_handler_that_awaits_is_told_to_wait(caplog):
    class Awaits(ProcessLifecycleHandler):
        def end(self, process):
            async def other():
                await Process("sleep 0.01", lifecycle_handlers=[ProcessLifecycleHandler()]).start()

            asyncio.run(other())

    assert Process("true", lifecycle_handlers=[Awaits()]).run(timeout=20).ended
    assert "call wait()" in caplog.text


def test_hundreds_of_handlers_may_each_wait_for_a_process():
    waited = []

    class Runs(ProcessLifecycleHandler):
        def end(self, process):
            waited.append(Process("sleep 0.05").run().ok)

    action = Action()
    action.processes = [Process("true", lifecycle_handlers=[Runs()]) for _ in range(300)]
    assert action.run(timeout=100).ended
    assert waited == [True] * 300


def test_zero_seconds_before_a_forced_kill_are_zero():
    command = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
    process = Process(command, shell=True).start()
    process.expect("ready")
    assert process.kill(auto_force_kill_timeout=0).wait(timeout=20).forced_kill


@pytest.mark.parametrize("text", ["no end of line", "a line\n", ""])
def test_the_input_of_a_process_on_a_terminal_ends(text):
    process = Process("cat", pty=True).start()
    process.write(text)
    assert process.close_stdin().wait(timeout=20).ended
    assert text.strip() in process.stdout


def test_much_past_output_is_not_gone_through_for_each_line():
    with Process("seq 200000; cat", shell=True).start() as process:
        process.expect("200000")
        process._outputs[1].expected = 0
        numbers = [process.expect(r"(\d+)\n")[1][1] for _ in range(500)]
    assert numbers == [str(number) for number in range(1, 501)]


def test_a_single_handler_can_be_assigned_and_none_is_none(tmp_path):
    process = Process("echo hi")
    process.stdout_handlers = str(tmp_path / "out")
    process.stderr_handlers = None
    process.lifecycle_handlers = None
    assert process.run().ok
    assert (tmp_path / "out").read_text() == "hi\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_handlers_added_to_a_list_after_it_was_assigned_count():
    process, handlers = Process("echo hi"), []
    process.stdout_handlers = handlers
    handlers.append(file := io.StringIO())
    process.run()
    assert file.getvalue() == "hi\n"


def test_a_single_lifecycle_handler_is_a_list_of_one():
    ended = []

    class Life(ProcessLifecycleHandler):
        def end(self, process):
            ended.append(process)

    process = Process("true", lifecycle_handlers=Life()).run()
    assert ended == [process]


def test_a_file_name_that_is_none_is_told_and_stops_nothing(caplog):
    process = Process("echo hi", stdout_handlers=["a\0b"]).run()
    assert process.stdout == "hi\n"
    assert "output is not written to a\0b" in caplog.text


@pytest.mark.parametrize("text", [5, None, [65, 66], 1.5])
def test_what_is_neither_text_nor_bytes_is_not_written(text):
    process, action = Process("cat").start(), Local("cat").start()
    for runnable in (process, action):
        with pytest.raises(TypeError, match=r"text: .*: expected text or bytes"):
            runnable.write(text)
    process.write(bytearray(b"a"))
    assert process.close_stdin().wait().stdout == "a"
    action.kill().wait()


@pytest.mark.parametrize("regexes", [None, 5, b"x"])
def test_expecting_what_is_no_regular_expression_is_refused_by_name(regexes):
    with Process("cat").start() as process, Local("cat").start() as action:
        for runnable in (process, action):
            with pytest.raises(TypeError, match=rf"regexes: {regexes!r}: expected a regular"):
                runnable.expect(regexes)


def test_expecting_of_a_stream_that_is_none_is_refused_by_name():
    with Process("cat").start() as process, Local("cat").start() as action:
        for runnable in (process, action):
            with pytest.raises(
                ValueError, match=r"stream: 3: expected STDOUT \(1\) or STDERR \(2\)"
            ):
                runnable.expect("x", stream=3)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("name", 5, "name: 5: expected text, or None"),
        ("default_expect_timeout", "x", "default_expect_timeout: 'x' is no duration"),
        ("lifecycle_handlers", 5, "lifecycle_handlers: 5: expected a ProcessLifecycleHandler, or"),
        ("stdout_handlers", 1.5, "stdout_handlers: 1.5: expected a ProcessOutputHandler, an open"),
        ("stderr_handlers", b"x", "stderr_handlers: b'x': expected a ProcessOutputHandler"),
    ],
)
def test_impossible_options_are_refused_by_name(option, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Process("true", **{option: value})


@pytest.mark.parametrize(
    ("option", "value"), [("cmd", None), ("cmd", 5), ("name", 5), ("stdout_handlers", 1.5)]
)
def test_impossible_options_are_refused_where_they_are_assigned(option, value):
    process = Process("true")
    with pytest.raises(TypeError, match=f"{option}: {value}"):
        setattr(process, option, value)
    assert process.run().ok


def test_an_impossible_time_before_a_forced_kill_is_refused_by_its_own_name():
    with Process("cat").start() as process:
        with pytest.raises(ValueError, match="auto_force_kill_timeout: -1 is no duration"):
            process.kill(auto_force_kill_timeout=-1)
        process.default_expect_timeout = "x"
        with pytest.raises(ValueError, match="default_expect_timeout: 'x'"):
            process.expect("y")


def test_a_handler_that_asks_for_an_exit_stops_no_output(caplog):
    class Exits(ProcessOutputHandler):
        def read(self, process, stream, string, eof, error):
            raise SystemExit(3)

    process = Process("head -c 5000000 /dev/zero", stdout_handlers=[Exits()])
    assert process.run(timeout=60).ended
    assert len(process.stdout) == 5_000_000
    assert "error in the output handler" in caplog.text


def test_an_ssh_that_fails_without_a_word_comes_with_what_to_try(caplog, tmp_path):
    silent = tmp_path / "ssh"
    silent.write_text("#!/bin/sh\nexit 255\n")
    silent.chmod(0o755)
    SshProcess("true", "h", {"ssh": str(silent), "user": "u"}).run()
    assert f"try {silent} -l u h" in caplog.text
