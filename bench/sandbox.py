"""Measure a sandbox of 10 sites and 1000 nodes: python -m bench.sandbox."""

import time
from collections.abc import Callable
from operator import eq
from pathlib import Path
from typing import TypeVar

from execo import Remote, SshProcess
from execo_g5k import OarSubmission, default_oarsh_oarcp_params, get_oar_job_nodes, oarsub
from execo_g5k.sandbox import Sandbox

SITES = {f"site{number}": {f"cluster{number}": 100} for number in range(10)}
QUEUED = 2000
Result = TypeVar("Result")
PLAIN = {"ssh_options": ("-o", "BatchMode=yes")}


def main() -> None:
    """Measure, and print a line for each figure as soon as it is known."""
    sandbox = Sandbox(SITES)
    _timed("start", sandbox.start)
    try:
        _memory(sandbox, "after its start")
        with sandbox.entered():
            jobs = _timed("10 jobs of 100 nodes, until all run", _reserve)
            nodes = [node for job in jobs for node in get_oar_job_nodes(*job)]
            action = Remote("hostname", nodes, default_oarsh_oarcp_params)
            _timed(f"hostname on {len(nodes)} nodes", action.run)
            names = [node.address.split(".")[0] for node in nodes]
            answers = [process.stdout.strip() for process in action.processes]
            right = sum(map(eq, answers, names))
            print(f"| right answers | {right} of {len(nodes)} |")
            submit = f"oarsub --array {QUEUED // 2} -l nodes=2 'sleep 100'"
            for _ in range(2):
                _ssh(submit)
            _timed(f"oarstat with {QUEUED} jobs in the queue", lambda: _ssh("oarstat"))
            _memory(sandbox, "in the end")
    finally:
        sandbox.stop()


def _reserve() -> list[tuple[int | None, str | None]]:
    jobs = oarsub([(OarSubmission("nodes=100", "1:0:0"), site) for site in SITES])
    for job in jobs:
        get_oar_job_nodes(*job)
    return jobs


def _ssh(command: str) -> None:
    process = SshProcess(command, "site0", PLAIN).run()
    if not process.ok:
        raise AssertionError(process.stderr)


def _timed(what: str, do: Callable[[], Result]) -> Result:
    start = time.perf_counter()
    result = do()
    print(f"| {what} | {time.perf_counter() - start:.2f} s |", flush=True)
    return result


def _memory(sandbox: Sandbox, when: str) -> None:
    status = Path(f"/proc/{sandbox.pid}/status").read_text()
    [resident] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    print(f"| memory of its server {when} | {int(resident) // 1024} MB |", flush=True)


if __name__ == "__main__":
    main()
