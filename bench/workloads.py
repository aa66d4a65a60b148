"""What is measured: each workload, ours and with the bare loop, both checking their results."""

import resource
from collections.abc import Callable, Iterable, Sequence

from bench import bare
from execo import Action, Process, ProcessOutputHandler
from execo.process import ProcessBase

MEGABYTE = 1 << 20
MEGABYTE_OF_WHOLE_LINES = 1048560
LINES = ["sh", "-c", 'yes "$1" | head -n "$2"', "sh", "x" * 39, "5000000"]
MEGABYTE_OF_LINES = ["sh", "-c", 'yes "$1" | head -c 1048560', "sh", "x" * 39]
BIG = ["head", "-c", str(200 * MEGABYTE), "/dev/zero"]


class CountLines(ProcessOutputHandler):
    """Counts lines, one call each."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0

    def read_line(self, process: ProcessBase, stream: int, string: str) -> None:
        """Count a line."""
        self.lines += 1


class BareLines:
    """The same for the bare loop: decode, cut, one call a line."""

    def __init__(self) -> None:
        self.lines = 0
        self._begun = ""

    def __call__(self, data: bytes) -> None:
        lines = (self._begun + data.decode()).split("\n")
        self._begun = lines.pop()
        for line in lines:
            self._take(line)

    def _take(self, line: str) -> None:
        self.lines += 1


def _ours(commands: Sequence[Sequence[str]]) -> list[int]:
    return [len(process.stdout) for process in _run([Process(c) for c in commands])]


def _ours_lines(commands: Sequence[Sequence[str]]) -> list[int]:
    handlers = [CountLines() for _ in commands]
    _run(
        [
            Process(command, stdout_handlers=[handler], default_stdout_handler=False)
            for command, handler in zip(commands, handlers, strict=True)
        ]
    )
    return [handler.lines for handler in handlers]


def _run(processes: list[Process]) -> list[Process]:
    action = Action()
    action.processes = list(processes)
    action.run()
    _check(p.exit_code == 0 for p in processes)
    return processes


def _bare_memory(commands: Sequence[Sequence[str]]) -> list[int]:
    kept: list[list[bytes]] = [[] for _ in commands]
    codes = bare.run(commands, [chunks.append for chunks in kept])
    _check(code == 0 for code in codes)
    return [len(b"".join(chunks).decode()) for chunks in kept]


def _bare_lines(commands: Sequence[Sequence[str]]) -> list[int]:
    takers = [BareLines() for _ in commands]
    codes = bare.run(commands, takers)
    _check(code == 0 for code in codes)
    return [taker.lines for taker in takers]


def _check(facts: Iterable[bool]) -> None:
    if not all(facts):
        raise AssertionError("a process failed")


def _many(count: int) -> list[list[str]]:
    return [["/bin/true"]] * count


Workload = Callable[[], list[int]]

WORKLOADS: dict[str, tuple[Workload, Workload, list[int]]] = {
    **{
        f"W1 N={n}": (
            lambda n=n: _ours(_many(n)),  # type: ignore[misc]
            lambda n=n: _bare_memory(_many(n)),  # type: ignore[misc]
            [0] * n,
        )
        for n in (100, 1000, 3000)
    },
    "W3a 200 MB": (lambda: _ours([BIG]), lambda: _bare_memory([BIG]), [200 * MEGABYTE]),
    "W3b 5 M lines": (
        lambda: _ours_lines([LINES]),
        lambda: _bare_lines([LINES]),
        [5_000_000],
    ),
    "W3c 200 x 1 MB lines": (
        lambda: _ours_lines([MEGABYTE_OF_LINES] * 200),
        lambda: _bare_lines([MEGABYTE_OF_LINES] * 200),
        [MEGABYTE_OF_WHOLE_LINES // 40] * 200,
    ),
    "W3d 200 x 1 MB": (
        lambda: _ours([MEGABYTE_OF_LINES] * 200),
        lambda: _bare_memory([MEGABYTE_OF_LINES] * 200),
        [MEGABYTE_OF_WHOLE_LINES] * 200,
    ),
}
"""Name -> ours, the bare loop, and the sizes or counts that both must return."""


def raise_limits() -> None:
    """Let the bare loop have as many descriptors as it needs."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
