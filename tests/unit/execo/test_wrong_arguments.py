"""What is no argument of a function is refused with the name of the argument and the value."""

import asyncio
from typing import Any

import pytest

from execo import (
    ActionLifecycleHandler,
    Local,
    Process,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
    Remote,
    Report,
    aio,
    filter_bad_hosts,
)

WRONG: Any = 5


class Output(ProcessOutputHandler):
    pass


class OfProcess(ProcessLifecycleHandler):
    pass


class OfAction(ActionLifecycleHandler):
    pass


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Report(WRONG), "objects: 5"),
        (lambda: filter_bad_hosts(WRONG, []), "action: 5"),
        (lambda: Remote("true", ["h"], values=WRONG), "values: 5"),
        (lambda: Process("true", lifecycle_handlers=OfProcess), "lifecycle_handlers: <class"),
        (lambda: Process("true", lifecycle_handlers=[OfProcess]).start(), "handler <class"),
        (lambda: Remote("true", [], lifecycle_handlers=[OfAction]).start(), "handler <class"),
        (lambda: Process("true", stdout_handlers=[Output]).start(), "output handler <class"),
    ],
)
def test_wrong_arguments_are_named(call, words):
    with pytest.raises(TypeError, match=words):
        call()


def test_an_expression_that_exits_stays_as_it_is(caplog):
    [process] = Remote("echo {{exit()}}", ["h"]).processes
    assert process.cmd == "echo {{exit()}}"
    assert "SystemExit" in caplog.text


def test_a_cancelled_wait_for_actions_leaves_no_task():
    action = Local("sleep 60").start()

    async def cancelled():
        wait = asyncio.create_task(aio.wait_all_actions([action]))
        await asyncio.sleep(0)
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        await asyncio.sleep(0)
        return asyncio.all_tasks() - {asyncio.current_task()}

    with action:
        assert not asyncio.run(cancelled())
