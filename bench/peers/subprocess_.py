"""The subprocess of Python: Popen in a row, or threads."""

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.peers import common, measures
from bench.peers.common import Job, Timed


def _start_all(commands: Sequence[Sequence[str]]) -> list["subprocess.Popen[str]"]:
    return [
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )
        for command in commands
    ]  # fmt: skip


def _texts(commands: Sequence[Sequence[str]], timed: Timed) -> list[str]:
    with timed:
        return [process.communicate()[0] for process in _start_all(commands)]


def start(job: Job, timed: Timed) -> list[str]:
    return _texts(common.echoes(job), timed)


def window(job: Job, timed: Timed) -> list[str]:
    def one(command: Sequence[str]) -> str:
        return subprocess.run(command, capture_output=True, text=True).stdout

    with timed, ThreadPoolExecutor(job["window"]) as pool:
        return list(pool.map(one, common.echoes(job)))


def memory(job: Job, timed: Timed) -> list[int]:
    return [len(text) for text in _texts([job["command"]] * job["n"], timed)]


def lines(job: Job, timed: Timed) -> list[int]:
    def count(process: "subprocess.Popen[str]") -> int:
        found = 0

        def take(line: str) -> None:
            nonlocal found
            found += 1

        with process:
            for line in process.stdout or ():
                take(line)
        return found

    with timed:
        return [count(process) for process in _start_all([job["command"]] * job["n"])]


def latency(job: Job, timed: Timed) -> list[object]:
    def one() -> str:
        return subprocess.run(measures.STAMP, capture_output=True, text=True).stdout

    return measures.latencies(one, timed, job)


def sleepers(job: Job, timed: Timed) -> list[object]:
    processes: list[subprocess.Popen[str]] = []
    measures.sleepers(lambda n: processes.extend(_start_all([measures.SLEEPER] * n)), timed, job)
    for process in processes:
        process.kill()
        process.communicate()
    return []


def big(job: Job, timed: Timed) -> list[str]:
    ballast = measures.ballast(job)
    found = start(job, timed)
    measures.cost_of_each(timed, job)
    del ballast
    return found


if __name__ == "__main__":
    common.main(
        {
            "start": start, "window": window, "memory": memory, "lines": lines,
            "latency": latency, "sleepers": sleepers, "big": big,
        }
    )  # fmt: skip
