"""Copies of processes and actions; they can't be pickled."""

import copy
import io
import pickle

import pytest

from execo import (
    Action,
    Get,
    Local,
    ParallelActions,
    PortForwarder,
    Process,
    Remote,
    SequentialActions,
    SshProcess,
)

COPIES = pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
PROCESSES = [
    lambda: Process("true", name="mine", timeout=5, stdout_handlers=[io.StringIO()]),
    lambda: SshProcess("true", "h", {"user": "u"}, default_stdout_handler=False),
    lambda: PortForwarder("h", "r", 80, 5000),
]
ACTIONS = [
    lambda: Remote("true", ["a", "b"], name="mine"),
    lambda: Get("h", "/x", "d/"),
    lambda: ParallelActions([Local("true"), SequentialActions([Local("true")])]),
    lambda: SequentialActions([Local("true"), Local("true")]),
    lambda: Action(),
]


def options(process):
    left_out = ("forwarding",)
    return {name: value for name, value in vars(process).items() if name not in left_out}


@COPIES
@pytest.mark.parametrize("make", PROCESSES)
def test_a_copy_of_a_process_has_its_options(copied, make):
    process = make()
    twin = copied(process)
    assert type(twin) is type(process)
    assert options(twin) == options(process)
    assert twin.stdout_handlers is not process.stdout_handlers


@COPIES
def test_a_copy_of_a_process_was_never_started_and_runs_on_its_own(copied):
    file = io.StringIO()
    with Process("cat", stdout_handlers=file).start() as process:
        twin = copied(process)
        assert not twin.started
        assert (twin.pid, twin.stdout) == (None, "")
        twin.start().write("twin")
        assert twin.close_stdin().wait().stdout == "twin"
        assert process.running
        assert process.stdout == ""
    assert file.getvalue() == "twin"


@COPIES
def test_a_copy_of_a_forwarder_has_an_end_of_its_own(copied):
    forwarder = PortForwarder("h", "r", 80, 5000, None, {"ssh": "/no/ssh"}, nolog_error=True)
    waited_for = []
    forwarder.forwarding.add_callback(lambda: waited_for.append(1))
    assert copied(forwarder).run().error
    assert waited_for == []


@COPIES
@pytest.mark.parametrize("make", ACTIONS)
def test_a_copy_of_an_action_has_copies_of_its_processes(copied, make):
    action = make()
    twin = copied(action)
    assert (type(twin), twin.name, repr(twin)) == (type(action), action.name, repr(action))
    assert [p.cmd for p in twin.processes] == [p.cmd for p in action.processes]
    assert not set(map(id, twin.processes)) & set(map(id, action.processes))


@COPIES
def test_a_copy_of_an_action_was_never_started_and_runs_on_its_own(copied):
    action = ParallelActions([Local("echo a"), Local("echo b")]).run()
    twin = copied(action)
    assert not twin.started
    assert [p.stdout for p in twin.run().processes] == ["a\n", "b\n"]
    assert [p.stdout for p in action.processes] == ["a\n", "b\n"]


def test_what_is_copied_together_stays_together():
    action = Local("true", lifecycle_handlers=[])
    twin, [process] = copy.deepcopy((action, action.processes))
    assert twin.processes == [process]


@pytest.mark.parametrize("make", [*PROCESSES, *ACTIONS])
def test_pickling_says_what_to_send_instead(make):
    with pytest.raises(TypeError, match=r"be sent to another one, send what (it|they) printed"):
        pickle.dumps(make())
