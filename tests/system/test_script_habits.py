"""What the library does to the process that uses it: nothing at import, little later."""

import pytest

from tests.system.helpers import alive, checked_script, numbers, run_script, until


def test_import_starts_opens_and_installs_nothing():
    source = """
import asyncio, logging, os, signal, sys, threading
def state():
    return {
        "threads": threading.active_count(),
        "descriptors": sorted(os.listdir("/proc/self/fd")),
        "signals": [signal.getsignal(n) for n in signal.valid_signals()],
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "root handlers": list(logging.getLogger().handlers),
        "root level": logging.getLogger().level,
        "hook": (sys.excepthook, threading.excepthook, sys.unraisablehook),
        "environment": dict(os.environ),
        "directory": os.getcwd(),
    }
before = state()
import execo, execo_g5k
after = state()
print([key for key in before if before[key] != after[key]])
"""
    assert checked_script(source) == "[]\n"


def test_import_needs_no_process_or_package_beyond_the_standard_library():
    source = """
import sys
import execo, execo_g5k, execo.aio, execo_g5k.aio
roots = {name.partition(".")[0] for name in sys.modules}
allowed = set(sys.stdlib_module_names) | {"execo", "execo_g5k", "__main__", "__mp_main__"}
print(sorted(n for n in roots - allowed if not n.startswith(("_", "sitecustomize"))))
print("multiprocessing" in sys.modules)
"""
    assert checked_script(source) == "[]\nFalse\n"


def test_import_works_with_standard_streams_closed():
    source = """
import sys
sys.stdout = sys.stderr = sys.stdin = None
from execo import *
from execo_g5k import *
assert Process("false").run().exit_code == 1
"""
    assert checked_script(source) == ""


def test_processes_work_in_a_script_whose_streams_are_closed():
    source = """
import os
from execo import Process
process = Process("cat; echo err >&2", shell=True).start()
process.write("in")
process.close_stdin().wait()
os.write(9, repr((process.stdout, process.stderr)).encode())
"""
    done = run_script(source, "exec 9>&1 0<&- 1>&- 2>&-")
    assert done.stdout == "('in', 'err\\n')"


def test_warning_reaches_stderr_exactly_once_when_no_logging_is_configured():
    source = "from execo import Process; Process('exit 3', shell=True).run()"
    done = run_script(source)
    assert done.returncode == 0
    assert done.stdout == ""
    assert done.stderr.count("exit 3") == 1
    assert done.stderr.count("exit_code=3") == 1
    assert len(done.stderr.splitlines()) == 1


def test_warning_goes_only_where_the_script_sends_its_log(tmp_path):
    log = tmp_path / "log"
    source = f"""
import logging
logging.basicConfig(filename={str(log)!r})
from execo import Process
Process("exit 3", shell=True).run()
"""
    done = run_script(source)
    assert (done.stdout, done.stderr) == ("", "")
    assert log.read_text().count("exit_code=3") == 1


def test_warning_goes_only_to_the_handler_that_the_script_gave_our_logger():
    source = """
import logging, sys
from execo import Process, logger
logger.addHandler(logging.StreamHandler(sys.stdout))
Process("exit 3", shell=True).run()
"""
    done = run_script(source)
    assert done.stderr == ""
    assert done.stdout.count("exit_code=3") == 1


def test_basic_config_after_the_import_counts_too():
    source = """
from execo import Process
import logging, sys
logging.basicConfig(stream=sys.stdout, format="LOG %(name)s %(message)s")
Process("exit 3", shell=True).run()
"""
    done = run_script(source)
    assert done.stderr == ""
    assert done.stdout.startswith("LOG execo ")
    assert len(done.stdout.splitlines()) == 1


def test_nothing_below_a_warning_is_shown_by_default():
    assert checked_script("from execo import Process; Process('true').run()") == ""


def test_first_use_may_be_in_another_thread_than_the_main_one():
    source = """
import threading
printed = []
def work():
    from execo import Process
    printed.append(Process("echo threaded").run().stdout)
thread = threading.Thread(target=work)
thread.start()
thread.join()
print(*printed, end="")
from execo import Process
print(Process("echo main").run().stdout, end="")
"""
    assert checked_script(source) == "threaded\nmain\n"


def test_first_uses_in_many_threads_at_once_share_one_engine():
    source = """
import threading
from execo import Process
gate = threading.Barrier(30)
printed = []
def work(n):
    gate.wait()
    printed.append(Process(f"echo {n}").run().stdout)
threads = [threading.Thread(target=work, args=(n,)) for n in range(30)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(map(int, printed)) == list(range(30)))
print(sum(t.name == "execo-engine" for t in threading.enumerate()))
"""
    assert checked_script(source) == "True\n1\n"


def test_processes_work_inside_of_a_running_event_loop():
    source = """
import asyncio
from execo import Process
async def main():
    blocking = Process("echo blocking").run().stdout
    process = await Process("echo awaited").start()
    return blocking + process.stdout
print(asyncio.run(main()), end="")
print(asyncio.run(main()), end="")
"""
    assert checked_script(source) == "blocking\nawaited\n" * 2


FORK = """
import os, sys, warnings
warnings.simplefilter("ignore", DeprecationWarning)
from execo import Process
"""


def test_child_of_a_fork_ends_without_touching_the_processes_of_its_parent():
    source = """
process = Process("sleep 300").start()
process.started_event.wait()
pid = os.fork()
if pid == 0:
    sys.exit(0 if Process("echo child").run().stdout == "child\\n" else 1)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), process.running)
print(Process("echo parent").run().stdout, end="")
"""
    assert checked_script(FORK + source) == "0 True\nparent\n"


@pytest.mark.slow
def test_fork_while_the_engine_is_busy_leaves_no_lock_behind():
    source = """
import signal, threading
Process("true").run()
stop = threading.Event()
def churn():
    while not stop.is_set():
        process = Process("seq 1 3000", stdout_handlers=["/dev/null"]).start()
        while not process.ended:
            process.stdout
        process.wait()
threads = [threading.Thread(target=churn) for _ in range(3)]
[t.start() for t in threads]
codes = []
for _ in range(60):
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)
        out = Process("echo child", stdout_handlers=["/dev/null"]).run().stdout
        os._exit(0 if out == "child\\n" else 1)
    codes.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    if codes[-1]:
        break
stop.set()
[t.join() for t in threads]
print(set(codes))
"""
    assert checked_script(FORK + source) == "{0}\n"


@pytest.mark.parametrize(
    "kernel", ["", "import os; del os.pidfd_open"], ids=["with-pidfd", "without-pidfd"]
)
class TestExits:
    """The same with and without pidfd, which old kernels do not have."""

    def test_exit_codes_and_outputs_are_right(self, kernel):
        source = """
from execo import Process
quiet = {"shell": True, "nolog_exit_code": True}
processes = [Process(f"echo {n}; exit {n % 7}", **quiet).start() for n in range(100)]
[p.wait() for p in processes]
print([p.exit_code for p in processes] == [n % 7 for n in range(100)])
print([p.stdout for p in processes] == [f"{n}\\n" for n in range(100)])
print(Process("kill -9 $$", **quiet).run().exit_code)
print(Process("seq 1 100000", **quiet).run().stdout.count("\\n"))
"""
        assert checked_script(f"{kernel}\n{source}") == "True\nTrue\n-9\n100000\n"

    def test_kill_timeout_and_missing_commands(self, kernel):
        source = """
from execo import Process
process = Process("sleep 300").start()
process.started_event.wait()
print(process.kill().wait(20).exit_code, process.ok)
process = Process("sleep 300", timeout=0.1, nolog_timeout=True).run(20)
print(process.exit_code, process.timeouted)
print(Process("no-such-command", nolog_error=True).run(20).error)
process = Process("sleep 300 & sleep 300", shell=True).start()
process.started_event.wait()
print(process.kill().wait(20).exit_code)
"""
        assert checked_script(f"{kernel}\n{source}") == "-15 True\n-15 True\nTrue\n-15\n"

    def test_watcher_is_the_one_that_was_meant(self, kernel):
        source = """
from execo._engine.loop import engine
print(type(engine().exits).__name__)
"""
        name = "ThreadExits" if kernel else "PidfdExits"
        assert checked_script(f"{kernel}\n{source}") == f"{name}\n"

    def test_children_die_with_the_script_and_no_zombie_is_left(self, kernel):
        source = """
import os
from pathlib import Path
from execo import Process
[p.wait() for p in [Process("true").start() for _ in range(20)]]
live = [Process("sleep 300").start() for _ in range(5)]
[p.started_event.wait() for p in live]
stats = [path.read_text().rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
states = [state for state, parent, *_ in stats if int(parent) == os.getpid()]
print(len(states) >= 5, "Z" in states)
print(*(p.pid for p in live))
"""
        told, pids = checked_script(f"{kernel}\n{source}").splitlines()
        assert told == "True False"
        until(lambda: not any(alive(pid) for pid in numbers(pids)), 5)


def test_script_that_waits_for_all_its_children_gets_an_answer():
    source = """
import os
from execo import Process
Process("true").run()
try:
    os.wait()
except ChildProcessError:
    print("none")
"""
    assert checked_script(source) == "none\n"


def test_processes_of_a_script_in_the_background_of_a_shell_can_be_interrupted():
    source = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from execo import Process
process = Process("trap 'exit 4' INT; echo ready; while :; do sleep 0.01; done", shell=True)
process.nolog_exit_code = True
process.start().expect("ready")
print(process.kill(signal.SIGINT).wait(timeout=20).exit_code)
"""
    assert checked_script(source) == "4\n"


BROKEN_LOGGING = """
import logging
from execo import *
class Broken(logging.Handler):
    def emit(self, record):
        raise RuntimeError("no log")
logger.addHandler(Broken())
logger.setLevel("DEBUG")
class Fails(ProcessLifecycleHandler):
    def end(self, process):
        raise ValueError
print(Process("true", lifecycle_handlers=[Fails()]).run(20).ended)
print(Process("true", lifecycle_handlers=[ProcessLifecycleHandler()]).run(20).ended)
print(SequentialActions([Local("true"), Local("true")]).run(20).ended)
"""


def test_log_handler_that_fails_stops_no_process():
    assert run_script(BROKEN_LOGGING).stdout == "True\nTrue\nTrue\n"


CONF_THAT_WORKS = """
import threading
from execo import Process, configuration as now
name = Process("echo 3").run().stdout
seen = threading.Thread(target=lambda: now["fanout"])
seen.start()
seen.join()
configuration = {"fanout": int(name)}
"""


def test_configuration_file_may_run_processes_and_threads(tmp_path, monkeypatch):
    (tmp_path / ".execo.conf.py").write_text(CONF_THAT_WORKS)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert checked_script("from execo import *; print(configuration['fanout'])") == "3\n"


FORK_WITHIN = """
import os
from execo import Process
with Process("read line; echo $line", shell=True).start() as process:
    process.started_event.wait()
    child = os.fork()
    if child == 0:
        try:
            process.wait()
        except RuntimeError as error:
            assert "only the process that started it" in str(error), error
            process.kill()
            process.__exit__(None, None, None)
            os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    process.write("alive\\n")
    print(process.wait(20).stdout)
"""


def test_fork_leaves_the_processes_of_its_parent_alone():
    assert checked_script(FORK_WITHIN) == "7\nalive\n\n"


FORK_WITH_INPUT = """
import os, signal
from execo import Process
process = Process("cat").start()
process.write("text")
process.started_event.wait()
child = os.fork()
if child == 0:
    signal.pause()
print(process.close_stdin().wait(20).stdout)
os.kill(child, signal.SIGKILL)
os.waitpid(child, 0)
"""


def test_fork_does_not_keep_the_input_of_processes_open():
    assert checked_script(FORK_WITH_INPUT) == "text\n"


SIGNALS = """
import signal
from execo import Local, Process
busy = False
started = 0
def handler(number, frame):
    global busy, started
    if not busy:
        busy = True
        Process("true").start()
        started += 1
        busy = False
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
for _ in range(300):
    Local("true").run()
signal.setitimer(signal.ITIMER_REAL, 0)
print(started > 0)
"""


def test_signal_handlers_may_start_processes_at_any_moment():
    assert checked_script(SIGNALS) == "True\n"
