"""Errors: what their messages tell, and their place in the tree."""

import copy
import pickle
from dataclasses import dataclass

import pytest

from execo import (
    ActionsFailed,
    ConfigError,
    Error,
    Host,
    Local,
    Process,
    ProcessesFailed,
    TimedOut,
)
from execo._engine import missing
from execo.exception import ProcessesFailed as ProcessesFailedOfTheDoor


@dataclass
class Failed:
    name: str = "make"
    host: Host | None = None
    exit_code: int | None = 2
    error_reason: str | None = None
    stdout: str = ""
    stderr: str = ""
    timeouted: bool = False
    ok: bool = False


@dataclass
class FailedAction:
    name: str
    processes: list[Failed]


def test_all_errors_have_one_base():
    for kind in (ProcessesFailed, ActionsFailed, ConfigError, TimedOut):
        assert issubclass(kind, Error)
    assert issubclass(TimedOut, TimeoutError)
    assert issubclass(ConfigError, ValueError)
    assert ProcessesFailedOfTheDoor is ProcessesFailed


def test_a_failed_process_is_told_with_host_command_exit_and_last_lines():
    process = Failed("make all", Host("node-1"), 2, stderr="1\n2\n3\n4\n", stdout="out")
    text = str(ProcessesFailed([process]))
    assert text == (
        "1 process failed (1 x exit 2) on node-1\n  node-1: make all: exit 2\n    2\n    3\n    4"
    )


def test_the_output_is_told_where_there_is_no_error_output():
    assert str(ProcessesFailed([Failed(stdout="said\n")])).endswith("    said")


def test_two_thousand_failures_are_folded_into_a_few_lines():
    processes = [Failed("cmd", Host(f"n-{i}.lyon"), 1 + i % 2) for i in range(1, 2001)]
    text = str(ProcessesFailed(processes))
    assert text.splitlines()[0] == (
        "2000 processes failed (1000 x exit 2, 1000 x exit 1) on n-[1-2000].lyon"
    )
    assert text.splitlines()[-1] == "  and 1997 more"
    assert len(text) < 500


def test_two_thousand_failures_of_two_thousand_kinds_stay_readable():
    processes = [
        Failed("cmd", Host(f"{'x' * (i % 40)}h{i}q"), None, f"no way to h{i}", stderr="y" * 100_000)
        for i in range(2000)
    ]
    text = str(ProcessesFailed(processes))
    assert "1996 x other" in text
    assert len(text) < 5000


def test_reasons_are_told_by_name():
    kinds = [
        Failed(exit_code=None, error_reason="No such file"),
        Failed(exit_code=None, timeouted=True),
        Failed(exit_code=-9),
    ]
    text = str(ProcessesFailed(kinds))
    assert "No such file" in text
    assert "timed out" in text
    assert "exit -9" in text


def test_failed_actions_are_told_by_name_with_the_processes_that_are_not_ok():
    actions = [FailedAction(f"a{i}", [Failed(), Failed(ok=True)]) for i in range(5)]
    text = str(ActionsFailed(actions))
    assert text.startswith("5 actions failed (a0, a1, a2 and 2 more): 5 processes failed (5 x exit")
    assert str(ActionsFailed(actions[:1])).startswith("1 action failed (a0): 1 process failed")


def test_check_raises_what_the_action_did():
    action = Local("exit 3", process_args={"shell": True, "nolog_exit_code": True}).run()
    with pytest.raises(ProcessesFailed, match="exit 3") as caught:
        action.check()
    assert caught.value.processes == action.processes


def test_a_setting_that_cannot_be_used_tells_key_origin_and_reason():
    error = ConfigError("default_timeout", "~/.execo.conf.py, line 3", "'x': expected float")
    assert str(error) == "default_timeout (~/.execo.conf.py, line 3): 'x': expected float"
    assert (error.key, error.origin) == ("default_timeout", "~/.execo.conf.py, line 3")


@pytest.mark.parametrize(
    "error",
    [
        Error("a"),
        TimedOut("b"),
        ConfigError("key", "origin", "reason"),
        ProcessesFailed([Failed("cmd", Host("n-1"))]),
        ActionsFailed([FailedAction("a", [Failed()])]),
    ],
)
def test_errors_keep_their_message_through_pickle(error):
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)


def test_a_pickled_config_error_keeps_its_fields():
    assert pickle.loads(pickle.dumps(ConfigError("k", "o", "r"))).origin == "o"


def test_a_program_that_is_missing_comes_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(missing.advice, "no-such-tool", lambda: "install it")
    monkeypatch.setitem(missing.advice, "no-other-tool", lambda: None)
    options = {"nolog_error": True}
    assert str(Process("no-such-tool", **options).run().error_reason).endswith(
        "'no-such-tool': install it"
    )
    assert str(Process("no-other-tool", **options).run().error_reason).endswith("'no-other-tool'")
