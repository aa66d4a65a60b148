"""Actions on this machine: together, one after the other, waited for, killed, reset."""

import asyncio

import pytest

from execo import (
    Action,
    ActionLifecycleHandler,
    Local,
    ParallelActions,
    Process,
    ProcessesFailed,
    ProcessLifecycleHandler,
    Remote,
    Report,
    SequentialActions,
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
    assert [match.group(1) for _, match in action.expect(r"a(\d)")] == ["1", "2"]
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
