"""The asyncio of Python, as a user who knows it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from bench.peers import common, measures
from bench.peers.common import Job, Timed

Result = TypeVar("Result")


def _measured(timed: Timed, do: Callable[[], Awaitable[list[Result]]]) -> list[Result]:
    async def block() -> list[Result]:
        with timed:
            return await do()

    with asyncio.Runner(loop_factory=_loop) as runner:
        return runner.run(block())


def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    if sys.version_info < (3, 12):
        # what later versions do: else a thread waits for each process
        watcher = asyncio.PidfdChildWatcher()
        asyncio.set_child_watcher(watcher)
        watcher.attach_loop(loop)
    return loop


async def _output(argv: Sequence[str]) -> str:
    process = await asyncio.create_subprocess_exec(*argv, stdout=PIPE, stderr=PIPE)
    return (await process.communicate())[0].decode()


def start(job: Job, timed: Timed) -> list[str]:
    async def do() -> list[str]:
        return await asyncio.gather(*map(_output, common.echoes(job)))

    return _measured(timed, do)


def window(job: Job, timed: Timed) -> list[str]:
    async def do() -> list[str]:
        turn = asyncio.Semaphore(job["window"])

        async def one(argv: Sequence[str]) -> str:
            async with turn:
                return await _output(argv)

        return await asyncio.gather(*map(one, common.echoes(job)))

    return _measured(timed, do)


def memory(job: Job, timed: Timed) -> list[int]:
    async def do() -> list[int]:
        return [len(t) for t in await asyncio.gather(*map(_output, [job["command"]] * job["n"]))]

    return _measured(timed, do)


def lines(job: Job, timed: Timed) -> list[int]:
    async def one() -> int:
        process = await asyncio.create_subprocess_exec(*job["command"], stdout=PIPE)
        count = 0

        def take(line: str) -> None:
            nonlocal count
            count += 1

        if process.stdout is not None:
            async for line in process.stdout:
                take(line.decode())
        await process.wait()
        return count

    async def do() -> list[int]:
        return await asyncio.gather(*(one() for _ in range(job["n"])))

    return _measured(timed, do)


def latency(job: Job, timed: Timed) -> list[object]:
    with asyncio.Runner(loop_factory=_loop) as runner:
        return measures.latencies(lambda: runner.run(_output(measures.STAMP)), timed, job)


def sleepers(job: Job, timed: Timed) -> list[object]:
    processes: list[Process] = []

    async def begin(count: int) -> None:
        for _ in range(count):
            new = await asyncio.create_subprocess_exec(*measures.SLEEPER, stdout=PIPE, stderr=PIPE)
            processes.append(new)

    async def end() -> None:
        for process in processes:
            process.kill()
        await asyncio.gather(*(process.communicate() for process in processes))

    with asyncio.Runner(loop_factory=_loop) as runner:
        measures.sleepers(lambda count: runner.run(begin(count)), timed, job)
        runner.run(end())
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
