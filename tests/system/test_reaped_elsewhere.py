"""Scripts that ignore the end of their children, or take it for themselves."""

from tests.system.helpers import checked_script

IGNORES_SIGCHLD = """
import signal
from execo import Process
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for command in ("true", "sleep 0.3", "echo out"):
    process = Process(command, nolog_error=True).run(timeout=20)
    assert process.ended, process
    assert "exit status" in process.error_reason, process
print(process.stdout)
"""


def test_ignored_sigchld_costs_the_exit_status_and_nothing_else():
    assert checked_script(IGNORES_SIGCHLD) == "out\n\n"
