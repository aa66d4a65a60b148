"""Actions on many hosts: run as one, with their progress on a terminal."""

from collections.abc import Sequence

from execo.action import Action
from execo.composed import ParallelActions
from execo.process import ProcessBase
from execo.progress import progress


def run_together(actions: Sequence[Action], what: str) -> list[ProcessBase]:
    """Run actions at once, to their end, and return all their processes.

    An interruption kills what runs on hosts, and goes on.
    """
    with progress(actions, what), ParallelActions(list(actions)) as everything:
        everything.run()
    return [process for action in actions for process in action.processes]
