"""What becomes of processes when the script itself is killed."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import sys
from execo import Process
options = {"shell": True} if sys.argv[1] == "group" else {}
processes = [Process("trap '' HUP; sleep 987 & wait" if options else "sleep 987", **options)
             for _ in range(5)]
for process in processes:
    process.start().started_event.wait()
print(*[process.pid for process in processes], flush=True)
sys.stdin.read()
"""


def members(group):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == group and state != "Z":
            found.append(stat.parent.name)
    return found


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("kind", ["alone", "group"])
def test_processes_die_with_a_script_that_is_killed(sig, kind):
    script = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with script:
        groups = [int(pid) for pid in script.stdout.readline().split()]
        assert len(groups) == 5
        script.send_signal(sig)
    deadline = time.monotonic() + 20
    while any(members(group) for group in groups):
        assert time.monotonic() < deadline, "processes outlive the script"
        time.sleep(0.05)
