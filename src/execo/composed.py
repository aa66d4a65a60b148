"""Actions made of actions: together, or one after the other."""

import logging
import signal
from collections.abc import Iterable
from copy import copy
from typing import Any, Self

from execo._engine.loop import engine
from execo._engine.safely import safely
from execo.action import Action, checked_actions
from execo.process import ProcessBase
from execo.times import Timeout

logger = logging.getLogger("execo")


class ParallelActions(Action):
    """Actions that are started together. It ends when all of them have ended."""

    def __init__(self, actions: Iterable[Action], **options: Any) -> None:
        """`options`: those of Action."""
        super().__init__(**options)
        self.actions = checked_actions(actions)

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin.actions = [copy(action) for action in self.actions]
        return twin

    @property  # type: ignore[misc]  # to read only
    def processes(self) -> list[ProcessBase]:
        """List of the processes of the actions, in order; it can't be set."""
        return [process for action in self.actions for process in action.processes]

    def _description(self) -> str:
        return f"{type(self).__name__} of {len(self.actions)} actions"

    def _is_handled(self) -> bool:
        return super()._is_handled() or any(action._is_handled() for action in self.actions)

    def _concerns(self, owner: object) -> bool:
        return owner is self or any(action._concerns(owner) for action in self.actions)

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """Send a signal to all processes that run, and return without waiting."""
        for action in self.actions:
            if action.running:
                action.kill(sig, auto_force_kill_timeout)
        return self

    def _require_startable(self) -> None:
        self._require_new()
        self._check_handlers()
        self._check_actions()

    def _check_actions(self) -> None:
        checked_actions(self.actions)
        for action in self.actions:
            action._require_startable()
        if len(set(map(id, self.processes))) < len(self.processes):
            raise ValueError("actions: the same process is in two of them")

    def _start(self) -> None:
        # who gets an exception has nothing that runs, to kill and to wait for
        self._check_actions()
        try:
            for action in self.actions:
                action.start()
        except BaseException:
            for action in self.actions:
                if action.running:
                    action.kill(signal.SIGKILL)
            raise
        self._began()
        self._when_all([action.ended_event for action in self.actions])

    def reset(self) -> Self:
        """Forget the run, so that the actions can be started again; see `Action.reset`."""
        self._end()
        for action in self.actions:
            action.reset()
        return super().reset()


class SequentialActions(ParallelActions):
    """Actions that are started one after the end of the other, also when one of them fails.

    An action that can't be started ends it, with an error in the log.
    """

    def __init__(self, actions: Iterable[Action], **options: Any) -> None:
        super().__init__(actions, **options)
        self._stopped = False

    def _start(self) -> None:
        self._stopped = False
        self._began()
        self._start_next(iter(self.actions))

    def _start_next(self, actions: "Iterable[Action]") -> None:
        remaining = iter(actions)
        action = None if self._stopped else next(remaining, None)
        if action is None:
            self._finish()
            return
        try:
            action.start()
        except Exception:
            safely(logger.exception, "%r: can't start %r", self, action)
            self._finish()
            return
        action.ended_event.add_callback(lambda: engine().call(self._start_next, remaining))

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """Send a signal to all processes that run, and start no further action."""
        self._stopped = True
        return super().kill(sig, auto_force_kill_timeout)
