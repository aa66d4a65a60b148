"""A frontend whose answers are written in the test, and what surrounds it."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from execo._engine.clock import ManualClock
from execo.times import Deadline
from execo_g5k.frontend import CommandResult
from execo_g5k.grid import Grid, using

R = TypeVar("R")


@dataclass
class Answer:
    """What a command does: ends, fails to be heard, or never ends."""

    stdout: str = ""
    exit_code: int = 0
    stderr: str = ""
    raises: Exception | None = None
    hangs: bool = False


Reply = Answer | Callable[[Sequence[str]], Answer]


@dataclass
class ScriptedFrontend:
    """Answers each command by the first script whose words it holds; the last answer stays."""

    name: str = "nancy"
    calls: list[tuple[str, ...]] = field(default_factory=list)
    scripts: list[tuple[tuple[str, ...], list[Reply]]] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    def on(self, *words: str, then: Reply | Sequence[Reply]) -> "ScriptedFrontend":
        """Script the answers, in order, to the commands that hold all of `words`."""
        replies = list(then) if isinstance(then, Sequence) else [then]
        self.scripts.append((words, replies))
        return self

    def called(self, command: str) -> list[tuple[str, ...]]:
        """Return the command lines of `command` that were run."""
        return [call for call in self.calls if call[0] == command]

    async def run(
        self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline
    ) -> CommandResult:
        self.calls.append(tuple(argv))
        answer = self._answer(argv)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            if answer.hangs:
                await asyncio.Event().wait()
        finally:
            self.running -= 1
        if answer.raises is not None:
            raise answer.raises
        return CommandResult(tuple(argv), answer.exit_code, answer.stdout, answer.stderr)

    def _answer(self, argv: Sequence[str]) -> Answer:
        for words, replies in self.scripts:
            if set(words) <= set(argv):
                reply = replies.pop(0) if len(replies) > 1 else replies[0]
                return reply if isinstance(reply, Answer) else reply(argv)
        raise AssertionError(f"nothing scripted for {argv}")


def jobs(**by_id: dict[str, Any]) -> Answer:
    """Answer of oarstat -J -f: jobs(j12={"state": "Waiting"})."""
    filled = {
        key[1:]: {
            "Job_Id": int(key[1:]),
            "state": "Waiting",
            "owner": "alice",
            "job_user": "alice",
            "queue": "default",
            "name": None,
            "types": [],
            "events": [],
            "reservation": "None",
            "scheduledStart": None,
            "startTime": 0,
            "stopTime": 0,
            "assigned_network_address": [],
            **fields,
        }
        for key, fields in by_id.items()
    }
    return Answer(json.dumps(filled) if filled else "")


def submitted(*job_ids: int) -> Answer:
    """Answer of oarsub."""
    banner = "[ADMISSION RULE] Modify resource description with type constraints\n"
    return Answer(banner + "".join(f"OAR_JOB_ID={job_id}\n" for job_id in job_ids))


def refused(words: str = "There are not enough resources for your request") -> Answer:
    """Answer of an oarsub that OAR refuses."""
    return Answer(
        "OAR_JOB_ID=-5\n",
        8,
        f"{words}\n[ERROR] Oarsub failed, please verify your request syntax.\n",
    )


@dataclass
class World:
    """Frontends, a clock, and a Grid made of them."""

    frontends: dict[str, ScriptedFrontend]
    clock: ManualClock
    grid: Grid

    def __getitem__(self, site: str) -> ScriptedFrontend:
        return self.frontends[site]

    async def spend(self, task: "asyncio.Task[R]", seconds: float = 120) -> R:
        """Advance the clock until a task ends; fail when it has not after `seconds`."""
        end = self.clock.monotonic() + seconds
        while not task.done():
            assert self.clock.monotonic() < end, "still waiting"
            await self.clock.advance(0.5)
        return await task


@contextlib.contextmanager
def world(*sites: str) -> Iterator[World]:
    """Give a world with these sites, nancy when there is none; the first is the default one."""
    frontends = {site: ScriptedFrontend(site) for site in sites or ("nancy",)}
    default = next(iter(frontends))
    clock = ManualClock()
    grid = Grid(lambda site, _params: frontends[site or default], clock, lambda call: call())
    with using(grid):
        yield World(frontends, clock, grid)


def run(scenario: Coroutine[Any, Any, R]) -> R:
    """Run a scenario to its end."""
    return asyncio.run(scenario)
