"""How far actions are, shown while they run: in notebooks, and on terminals."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from execo import _html
from execo.action import Action
from execo.handlers import ProcessLifecycleHandler
from execo.process import ProcessBase

_PAUSE = 0.1
"""Seconds between two pictures in a notebook."""

_Show = Callable[[int, int], object]
"""Told how many processes have ended, and how many of them failed."""


@contextlib.contextmanager
def progress(actions: Action | Iterable[Action], what: str = "running") -> Iterator[None]:
    """Show how many processes of actions have ended, and failed, during a block::

        from execo.progress import progress

        count = Local("sleep 1")
        with progress(count):
            count.run()

    It is a bar in a notebook, and on the terminal of standard error, where it leaves nothing
    behind; elsewhere nothing is shown. `actions`: one or several, which have not started. `what`:
    the word in front of the bar.
    """
    several = [actions] if isinstance(actions, Action) else list(actions)
    processes = [process for action in several for process in action.processes]
    with _picture(what, len(processes)) as show:
        counter = _Counter(show)
        for process in processes:
            process.lifecycle_handlers.append(counter)
        try:
            yield
        finally:
            for process in processes:
                process.lifecycle_handlers.remove(counter)


class _Counter(ProcessLifecycleHandler):
    def __init__(self, show: _Show) -> None:
        self._show = show
        self._ended = self._failed = 0

    def end(self, process: ProcessBase) -> None:
        self._ended += 1
        self._failed += not process.ok
        self._show(self._ended, self._failed)


@contextlib.contextmanager
def _picture(what: str, total: int) -> Iterator[_Show]:
    display = _notebook()
    if display is not None:
        with _in_notebook(display, what, total) as show:
            yield show
    elif sys.stderr.isatty():
        with _on_terminal(what, total) as show:
            yield show
    else:
        yield lambda ended, failed: None


def _notebook() -> Any:
    """Return what displays things in the cell of a notebook, None where there is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return ipython.display if ipython is not None and hasattr(shell, "kernel") else None


@contextlib.contextmanager
def _in_notebook(display: Any, what: str, total: int) -> Iterator[_Show]:
    begin = time.monotonic()
    latest = (0, 0)
    over = threading.Event()

    def drawn() -> Any:
        return display.HTML(_html.bar(what, *latest, total, time.monotonic() - begin))

    def show(ended: int, failed: int) -> None:
        nonlocal latest
        latest = (ended, failed)

    handle = display.display(drawn(), display_id=True)

    def follow() -> None:
        # the thread that tells is that of all processes: it must not wait for a picture
        shown = latest
        while not over.wait(_PAUSE):
            if latest != shown:
                shown = latest
                handle.update(drawn())

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    try:
        yield show
    finally:
        over.set()
        follower.join()
        handle.update(drawn())


@contextlib.contextmanager
def _on_terminal(what: str, total: int) -> Iterator[_Show]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}", style="red"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as picture:
        task = picture.add_task(what, total=total, failed="")

        def show(ended: int, failed: int) -> None:
            picture.update(task, completed=ended, failed=f"{failed} failed" if failed else "")

        yield show
