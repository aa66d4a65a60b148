"""Actions on this machine: together, one after the other, waited for, killed, reset."""

import asyncio

import pytest

from execo import (
    Action,
    ActionLifecycleHandler,
    Get,
    Local,
    ParallelActions,
    Process,
    ProcessesFailed,
    ProcessLifecycleHandler,
    Remote,
    RemoteSerial,
    Report,
    SequentialActions,
    aio,
    filter_bad_hosts,
    wait_all_actions,
    wait_any_actions,
)


def action_of(*commands, **options):
    action = Action(**options)
    action.processes = [Process(c, shell=True, nolog_exit_code=True) for c in commands]
    return action


def test_action_runs_all_its_processes():
    action = action_of("echo 1", "echo 2", "exit 3").run()
    assert [p.stdout for p in action.processes] == ["1\n", "2\n", ""]
    assert action.ended
    assert not action.ok


def test_action_without_processes_ends_at_once():
    assert Remote("true", []).run().finished_ok


def test_check_returns_an_action_that_is_ok_and_raises_for_one_that_is_not():
    good = action_of("true").run()
    assert good.check() is good
    with pytest.raises(ProcessesFailed, match="exit"):
        action_of("true", "exit 3").run().check()


def test_wait_with_a_timeout_and_kill():
    action = action_of("sleep 60", "sleep 60").start()
    assert action.wait(0.05).running
    assert action.kill().wait().ok


def test_context_manager_kills_all():
    with action_of("sleep 60").start() as action:
        pass
    assert action.ended


def test_reset_and_run_again():
    action = action_of("echo again").run()
    assert action.reset().run().processes[0].stdout == "again\n"


def test_action_can_be_awaited():
    async def main():
        return (await action_of("echo a", "echo b").start()).ok

    assert asyncio.run(main())


def test_lifecycle_handlers_of_actions():
    calls = []

    class Life(ActionLifecycleHandler):
        def start(self, action):
            calls.append("start")

        def end(self, action):
            calls.append(f"end {action.processes[0].exit_code}")

        def reset(self, action):
            calls.append("reset")

    action_of("true", lifecycle_handlers=[Life()]).run().reset()
    assert calls[:2] == ["start", "end 0"]


def test_parallel_actions_run_together():
    first = action_of("read x; echo $x")
    second = action_of("echo second")
    both = ParallelActions([first, second]).start()
    second.wait()
    assert first.running
    first.write("go\n")
    assert both.wait().ok
    assert len(both.processes) == 2


def test_sequential_actions_run_one_after_the_other(tmp_path):
    log = tmp_path / "log"
    actions = [action_of(f"sleep 0.0{9 - i}; echo {i} >> {log}") for i in range(5)]
    assert SequentialActions(actions).run().ok
    assert log.read_text() == "0\n1\n2\n3\n4\n"


def test_killed_sequence_starts_nothing_more():
    first, second = action_of("sleep 60"), action_of("true")
    sequence = SequentialActions([first, second]).start()
    sequence.kill().wait()
    assert first.ended
    assert not second.started


def test_reset_ends_an_action_that_runs():
    nested = ParallelActions([SequentialActions([action_of("sleep 60"), action_of("sleep 61")])])
    processes = nested.start().processes
    assert not nested.reset().started
    assert not any(process.running for process in processes)


def test_actions_within_actions_reset_and_run_again():
    nested = ParallelActions([SequentialActions([action_of("true"), action_of("true")])])
    assert nested.run().reset().run().finished_ok


def test_wait_any_returns_those_that_ended():
    slow, quick = action_of("sleep 60").start(), action_of("true").start()
    assert wait_any_actions([slow, quick]) == [quick]
    assert wait_all_actions([slow, quick], timeout=0.05) == [quick]
    slow.kill()
    assert wait_all_actions([slow, quick]) == [slow, quick]


def test_sequence_whose_actions_did_not_all_run_is_not_finished_ok():
    first, second = action_of("sleep 60"), action_of("true")
    sequence = SequentialActions([first, second]).start()
    sequence.kill().wait()
    assert not sequence.finished_ok
    with pytest.raises(ProcessesFailed):
        sequence.check()


def test_process_given_twice_is_refused_and_nothing_is_started():
    action, process = Action(), Process("true")
    action.processes = [process, process]
    with pytest.raises(ValueError, match="twice"):
        action.start()
    assert not process.started


def test_action_given_twice_is_refused():
    action = action_of("true")
    with pytest.raises(ValueError, match="twice"):
        ParallelActions([action, action])


def test_action_that_was_started_keeps_the_others_from_being_started():
    one, other = action_of("true"), action_of("true").run()
    with pytest.raises(ValueError, match="started already"):
        ParallelActions([one, other]).start()
    assert not one.started


def test_what_is_no_action_is_refused():
    with pytest.raises(TypeError, match="no Action"):
        ParallelActions([Process("true")])


def test_an_action_of_actions_sees_what_becomes_of_them():
    both = ParallelActions([Local("echo a"), Local("echo b")])
    both.actions.append(Local("echo c"))
    assert [p.stdout for p in both.run().processes] == ["a\n", "b\n", "c\n"]


def test_expect_on_all_processes():
    action = action_of("echo a1; sleep 60", "echo a2; sleep 60").start()
    found = action.expect(r"a(\d)")
    assert [process for process, _, _ in found] == action.processes
    assert [(index, match.group(1)) for _, index, match in found] == [(0, "1"), (0, "2")]
    action.kill().wait()


def test_local_is_an_action_of_one_process():
    assert Local("echo x").run().processes[0].stdout == "x\n"
    assert Local("echo $HOME", process_args={"shell": True}).run().processes[0].stdout != "$HOME\n"


def test_filter_bad_hosts_keeps_the_order():
    action = Remote("true", ["a", "b", "c"])
    action.processes[1].expect_fail = True
    assert filter_bad_hosts(action, ["c", "b", "a"]) == ["c", "a"]


def test_stats_are_sums():
    stats = action_of("true", "false", "false").run().stats()
    assert stats["num_processes"] == 3
    assert stats["num_non_zero_exit_codes"] == 2
    assert stats["end_date"] >= stats["start_date"]


def test_report_has_a_line_each_and_a_total():
    one, two = action_of("true", name="one").run(), action_of("false", name="two").run()
    text = Report([ParallelActions([one.reset(), two.reset()], name="both").run()]).to_string()
    assert [line.split()[0] for line in text.splitlines() if line[:1] not in "-"] == [
        "Report", "Name", "both", "one", "two", "all"
    ]  # fmt: skip
    assert Report([one, two]).stats()["num_processes"] == 2


def test_report_of_what_did_not_start_says_so():
    assert " 0 " in Report(action_of("true")).to_string(wide=True, brief=True)


def test_thousand_processes_end_right():
    action = action_of(*[f"echo {i}; exit {i % 3}" for i in range(1000)]).run()
    assert [p.stdout for p in action.processes] == [f"{i}\n" for i in range(1000)]
    assert [p.exit_code for p in action.processes] == [i % 3 for i in range(1000)]


def test_a_handler_of_a_process_that_waits_for_its_action_is_refused(caplog):
    class Waits(ProcessLifecycleHandler):
        def end(self, process):
            whole.wait()

    action = Local("true", process_args={"lifecycle_handlers": [Waits()]})
    whole = ParallelActions([action])
    assert whole.run(timeout=20).ok
    assert "can't wait for its end" in caplog.text


@pytest.mark.parametrize("cmd", [None, 5, ["a", None]])
def test_what_is_no_command_is_refused_by_name(cmd):
    with pytest.raises(TypeError, match="cmd: "):
        Remote(cmd, ["a", "b"])


def test_a_killed_action_starts_nothing_more_inside():
    inner = SequentialActions([Local("sleep 60"), Local("true")])
    outer = ParallelActions([SequentialActions([inner, Local("true")])]).start()
    inner.processes[0].started_event.wait()
    assert outer.kill().wait(timeout=20).ended
    assert [process.started for process in outer.processes] == [True, False, False]


def impossible(action):
    action.processes[0].timeout = "abc"
    return action


def test_no_action_is_started_together_with_one_that_cannot_be():
    shared = action_of("sleep 60")
    for other in (impossible(action_of("true")), ParallelActions([shared])):
        together = ParallelActions([shared, ParallelActions([other])])
        with pytest.raises(ValueError, match=r"abc|the same process is in two of them"):
            together.start()
        assert not together.started
        assert not shared.started
        assert not shared.processes[0].started


def test_an_action_that_fails_when_it_is_started_takes_those_before_it_with_it():
    class Fails(Action):
        def _start(self):
            raise OSError("no memory")

    before = action_of("sleep 60")
    with pytest.raises(OSError, match="no memory"):
        ParallelActions([before, Fails()]).start()
    assert before.wait(20).ended
    assert before.processes[0].killed


def test_a_local_directory_that_cannot_be_made_is_an_error_of_the_copy(tmp_path):
    (tmp_path / "file").touch()
    args = {"nolog_error": True}
    get = Get("h", "/x", f"{tmp_path}/file/{{{{{{host}}}}}}/", process_args=args)
    assert ParallelActions([action_of("true"), get]).run().ended
    [process] = get.processes
    assert process.error
    assert process.error_reason == f"can't make the directory {tmp_path}/file/h/: Not a directory"


def test_waiting_for_an_action_that_was_not_started_is_refused_by_all_twins():
    quick, new = action_of("true").start(), action_of("true")
    for wait in (wait_all_actions, wait_any_actions):
        with pytest.raises(ValueError, match="was not started"):
            wait([quick, new])
    for twin in (aio.wait_all_actions, aio.wait_any_actions):
        with pytest.raises(ValueError, match="was not started"):
            asyncio.run(twin([quick, new]))
    quick.wait()


def test_what_are_not_several_actions_is_refused_by_name():
    action = action_of("true")
    for wrong in (ParallelActions, SequentialActions, wait_all_actions, wait_any_actions):
        with pytest.raises(TypeError, match="actions: None: expected several actions"):
            wrong(None)
    with pytest.raises(TypeError, match=r"actions: <Action\(.*: expected several actions"):
        asyncio.run(aio.wait_all_actions(action))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("name", 5, "name: 5: expected text, or None"),
        ("default_expect_timeout", "x", "default_expect_timeout: 'x' is no duration"),
        ("lifecycle_handlers", 5, "lifecycle_handlers: 5: expected an ActionLifecycleHandler, or"),
    ],
)
def test_impossible_options_of_actions_are_refused_by_name(option, value, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Action(**{option: value})


def test_a_single_lifecycle_handler_of_an_action_is_a_list_of_one():
    ended = []

    class Life(ActionLifecycleHandler):
        def end(self, action):
            ended.append(action)

    action = action_of("true", lifecycle_handlers=Life()).run()
    assert ended == [action]
    action.reset().lifecycle_handlers = None
    assert action.run().ok


def test_a_lifecycle_handler_that_is_none_keeps_the_action_from_being_started():
    action = action_of("true", lifecycle_handlers=[5])
    for start in (action.start, ParallelActions([action]).start):
        with pytest.raises(TypeError, match="lifecycle handler 5: expected an ActionLifecycle"):
            start()
    assert not action.processes[0].started


@pytest.mark.parametrize("processes", [5, [5]])
def test_what_are_no_processes_is_refused_by_name(processes):
    with pytest.raises(TypeError, match="processes: 5"):
        Action().processes = processes
    action = Action()
    action.processes.append(5)
    with pytest.raises(TypeError, match="processes: 5 is no process"):
        action.start()


def test_a_serial_port_that_is_no_path_is_refused_by_name():
    with pytest.raises(TypeError, match="device: 5 is no path of a serial port"):
        RemoteSerial("h", 5)
