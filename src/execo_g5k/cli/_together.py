"""Actions on many hosts: run as one, with their progress on a terminal."""

import contextlib
from collections.abc import Callable, Iterator, Sequence

from execo.action import Action, ParallelActions
from execo.handlers import ProcessLifecycleHandler
from execo.process import ProcessBase
from execo_g5k.cli._out import console, is_terminal


class _Ended(ProcessLifecycleHandler):
    def __init__(self, changed: Callable[[ProcessBase], object]) -> None:
        self._changed = changed

    def end(self, process: ProcessBase) -> None:
        self._changed(process)


def run_together(actions: Sequence[Action], what: str) -> list[ProcessBase]:
    """Run actions at once, to their end, and return all their processes.

    An interruption kills what runs on hosts, and goes on.
    """
    processes = [process for action in actions for process in action.processes]
    with _progress(what, len(processes)) as changed:
        for process in processes:
            process.lifecycle_handlers.append(_Ended(changed))
        with ParallelActions(list(actions)) as everything:
            everything.run()
    return processes


@contextlib.contextmanager
def _progress(what: str, total: int) -> Iterator[Callable[[ProcessBase], object]]:
    if not is_terminal():
        yield lambda process: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}", style="red"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=console(err=True), transient=True) as progress:
        task = progress.add_task(what, total=total, failed="")
        failures = 0

        def ended(process: ProcessBase) -> None:
            nonlocal failures
            failures += not process.ok
            progress.update(task, advance=1, failed=f"{failures} failed" if failures else "")

        yield ended
