"""How scripts end, and what becomes of the processes that still run."""

import signal
import sys
import textwrap
import time

import pytest

from execo import Process
from tests.system.helpers import alive, end_of, kill_all, numbers, script, until

# children in sessions of their own, one of them slow to start and one deaf to SIGTERM
START = """
import sys, threading
from execo import *
processes = [
    Process("sleep 300").start(),
    Process("sleep 300; true", shell=True).start(),
    Process("trap '' TERM; echo deaf; while :; do sleep 300; done", shell=True).start(),
]
processes[2].expect("deaf")
for process in processes:
    process.started_event.wait()
print(*(process.pid for process in processes), flush=True)
"""

WAITS = {
    "process": "processes[0].wait()",
    "process with timeout": "processes[0].wait(300)",
    "run of an action": "Local('sleep 300').run()",
    "expect": "processes[0].expect('never')",
    "all actions": "wait_all_actions([Local('sleep 300').start(), Local('sleep 300').start()])",
    "any action": "wait_any_actions([Local('sleep 300').start()])",
    "sleep of the library": "sleep(300)",
    "event": "processes[0].ended_event.wait()",
    "remote": "Remote('true', 'h', {'ssh': \"sh -c 'sleep 300'\"}).run()",
    "asyncio": """
import asyncio
async def main():
    await processes[0]
asyncio.run(main())
""",
}


@pytest.mark.parametrize("wait", WAITS, ids=lambda name: name.replace(" ", "-"))
def test_control_c_ends_a_script_that_waits_and_its_children(wait):
    with script(START + WAITS[wait]) as process:
        pids = numbers(process.stdout.readline())
        assert all(alive(pid) for pid in pids)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        code, stderr = end_of(process)
        took = time.monotonic() - start
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in stderr
    assert took < 8
    until(lambda: not any(alive(pid) for pid in pids), 5)


def test_control_c_typed_on_a_terminal_ends_the_script_and_its_children():
    words = [sys.executable, "-c", START + WAITS["process"]]
    with Process(words, pty=True, nolog_exit_code=True).start() as process:
        index, match = process.expect(r"(\d+) (\d+) (\d+)\s", timeout=20)
        assert index == 0
        pids = [int(pid) for pid in match.groups()]
        process.write("\x03")
        process.wait(15)
    assert process.exit_code == -signal.SIGINT
    assert "KeyboardInterrupt" in process.stderr
    until(lambda: not any(alive(pid) for pid in pids), 5)


def test_script_that_catches_control_c_goes_on_and_its_children_live():
    # the signal may come as soon as the numbers of the children are printed
    source = f"""
try:
{textwrap.indent(START, "    ")}
    processes[0].wait()
except KeyboardInterrupt:
    print(processes[0].running, Process("echo on").run().stdout, end="", flush=True)
"""
    with script(source) as process:
        pids = numbers(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "True on\n"
        assert end_of(process)[0] == 0
    until(lambda: not any(alive(pid) for pid in pids), 5)


ENDS = {
    "normally": ("pass", 0, ""),
    "by an exception": ("raise ValueError('oops')", 1, "oops"),
    "by sys.exit": ("sys.exit(7)", 7, ""),
    "in a with": ("with processes[0]: sys.exit(3)", 3, ""),
    "while a thread waits": (
        "threading.Thread(target=processes[0].wait, daemon=True).start()", 0, "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", ENDS, ids=lambda name: name.replace(" ", "-"))
def test_children_die_with_the_script_however_it_ends(how):
    source, code, said = ENDS[how]
    with script(START + source) as process:
        pids = numbers(process.stdout.readline())
        ended, stderr = end_of(process)
    assert ended == code
    assert said in stderr
    if not said:
        assert stderr == ""
    until(lambda: not any(alive(pid) for pid in pids), 5)


@pytest.mark.parametrize("how", ENDS, ids=lambda name: name.replace(" ", "-"))
def test_children_survive_the_script_when_the_configuration_says_so(how):
    if how == "in a with":
        pytest.skip("the end of a with kills its process, whatever the configuration")
    source, code, _ = ENDS[how]
    survive = "import execo; execo.configuration['kill_childs_at_end'] = False\n"
    with script(survive + START + source) as process:
        pids = numbers(process.stdout.readline())
        try:
            assert end_of(process)[0] == code
            assert all(alive(pid) for pid in pids)
        finally:
            kill_all(pids)


def test_script_may_end_while_processes_wait_for_their_turn():
    source = """
from execo import *
configuration["fanout"] = 2
processes = [Process("sleep 300").start() for _ in range(20)]
processes[1].started_event.wait()
print(processes[0].pid, processes[1].pid, flush=True)
"""
    with script(source) as process:
        pids = numbers(process.stdout.readline())
        assert end_of(process) == (0, "")
    until(lambda: not any(alive(pid) for pid in pids), 5)


def test_many_children_die_with_the_script():
    source = """
from execo import *
processes = [Process("sleep 300").start() for _ in range(200)]
for process in processes:
    process.started_event.wait()
print(*(process.pid for process in processes), flush=True)
"""
    with script(source) as process:
        pids = numbers(process.stdout.readline())
        assert end_of(process) == (0, "")
    assert len(pids) == 200
    until(lambda: not any(alive(pid) for pid in pids), 5)


def test_remote_command_dies_with_a_script_that_control_c_ends(params):
    source = f"""
from execo import *
process = SshProcess("echo pid $$; exec sleep 300", "127.0.0.1", {params!r}).start()
print(process.expect(r"pid (\\d+)\\s")[1].group(1), flush=True)
process.wait()
"""
    with script(source) as process:
        pids = numbers(process.stdout.readline())
        assert all(alive(pid) for pid in pids)
        process.send_signal(signal.SIGINT)
        assert end_of(process)[0] == -signal.SIGINT
    until(lambda: not any(alive(pid) for pid in pids))
