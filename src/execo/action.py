"""Actions: sets of processes that are started, waited for and killed as one."""

import logging
import os
import re
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any, NoReturn, Self, SupportsIndex

from execo._copies import CopiedAsNew
from execo._engine.completion import Completion
from execo._engine.dispatch import dispatch
from execo._engine.forks import fork_safe_lock
from execo._engine.safely import safely
from execo._expect import Regexes, Search, compiled
from execo._first_use import import_at_first_use
from execo._lifecycle import start_all
from execo._record import checked_name, own_list, process_options
from execo._runnable import Runnable
from execo._shown import table_of
from execo._unset import UNSET
from execo.errors import ProcessesFailed
from execo.handlers import (
    STDOUT,
    ActionLifecycleHandler,
    check_lifecycle_handler,
    lifecycle_handlers,
)
from execo.host import Host, get_hosts_list, hosts_in_short
from execo.process import (
    Command,
    Process,
    ProcessBase,
    check_stream,
    checked_regexes,
    expect_timeout,
    input_bytes,
)
from execo.times import Deadline, Timeout, resolve_timeout

__all__ = [
    "Action",
    "ActionLifecycleHandler",
    "ChainPut",
    "Get",
    "Local",
    "ParallelActions",
    "Put",
    "Remote",
    "RemoteSerial",
    "SequentialActions",
    "TaktukGet",
    "TaktukPut",
    "TaktukRemote",
    "filter_bad_hosts",
    "get_fileget",
    "get_fileput",
    "get_remote",
    "wait_all_actions",
    "wait_any_actions",
]

# scripts look for these here
if TYPE_CHECKING:
    from execo.chainput import ChainPut
    from execo.composed import ParallelActions, SequentialActions
    from execo.factory import get_fileget, get_fileput, get_remote
    from execo.remote import Remote, RemoteSerial
    from execo.taktuk import TaktukRemote
    from execo.taktuk_copy import TaktukGet, TaktukPut
    from execo.transfer import Get, Put
else:
    __getattr__ = import_at_first_use(
        globals(),
        {
            "execo.chainput": ["ChainPut"],
            "execo.composed": ["ParallelActions", "SequentialActions"],
            "execo.factory": ["get_fileget", "get_fileput", "get_remote"],
            "execo.remote": ["Remote", "RemoteSerial"],
            "execo.taktuk": ["TaktukRemote"],
            "execo.taktuk_copy": ["TaktukGet", "TaktukPut"],
            "execo.transfer": ["Get", "Put"],
        },
    )

logger = logging.getLogger("execo")

_claiming = fork_safe_lock()

_COUNTS_PREFIX = "num_"


class Action(CopiedAsNew, Runnable):
    """A set of processes.

    An action without processes ends at once. A copy has copies of its processes, and was never
    started.

    At the end of a block `with action.start():`, the processes that still run are killed, and
    their end is waited for. So a block keeps servers up for as long as it needs them; to wait for
    what ends by itself, call `wait` or `run`.

    `lifecycle_handlers`: one or several ActionLifecycleHandlers. `name`: in logs and reports; None:
    a description. `default_expect_timeout`: seconds for `expect`; None: no limit. Each is also an
    attribute that can be set until the start.
    """

    def __init__(
        self,
        lifecycle_handlers: Iterable[ActionLifecycleHandler] | ActionLifecycleHandler | None = None,
        name: str | None = None,
        default_expect_timeout: Timeout = None,
    ) -> None:
        # a copy: the action is not to change when the caller adds to his list
        self.lifecycle_handlers = own_list(lifecycle_handlers)
        self.name = name
        expect_timeout(default_expect_timeout)
        self.default_expect_timeout = default_expect_timeout
        self._processes: list[ProcessBase] = []
        self._clear()

    def _clear(self) -> None:
        self._started = False
        self._owner = None
        self.started_event = Completion()
        self.ended_event = Completion()

    def __copy__(self) -> Self:
        twin = super().__copy__()
        twin._processes = [copy(process) for process in self._processes]
        return twin

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"{self!r} can't be pickled: processes can't be sent to another one, send what they "
            "printed"
        )

    # --- what can be read

    @property
    def processes(self) -> list[ProcessBase]:
        """List of its processes, in the order of the hosts; may be changed until the start."""
        return self._processes

    @processes.setter
    def processes(self, processes: Iterable[ProcessBase]) -> None:
        self._processes = checked_processes(processes)

    @property
    def lifecycle_handlers(self) -> list[ActionLifecycleHandler]:
        """Told of its start, its end and its reset, in this order; a single one is taken too."""
        return self._lifecycle_handlers

    @lifecycle_handlers.setter
    def lifecycle_handlers(
        self, handlers: Iterable[ActionLifecycleHandler] | ActionLifecycleHandler | None
    ) -> None:
        self._lifecycle_handlers = lifecycle_handlers(handlers, ActionLifecycleHandler)

    @property
    def name(self) -> str:
        """Name in logs and reports; a description if none was given."""
        return self._name if self._name is not None else self._description()

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = checked_name(name)

    def _description(self) -> str:
        return f"{type(self).__name__} of {len(self.processes)} processes"

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._started

    @property
    def ended(self) -> bool:
        """Whether it was started and all its processes ended."""
        return self.started and self.ended_event.is_set()

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.started and not self.ended

    @property
    def ok(self) -> bool:
        """Whether all processes are `ok`; so it is true before the end too."""
        return all(process.ok for process in self.processes)

    @property
    def finished_ok(self) -> bool:
        """Whether it ended, and all processes were run and are `ok`."""
        return self.ended and self.ok and all(process.ended for process in self.processes)

    def stats(self) -> dict[str, Any]:
        """Return the sums of the counts of the processes, and the first start and last end.

        The keys are those of `Process.stats`. Dates are unix timestamps; end_date is None as long
        as a process has not ended.
        """
        return merge_stats(self.name, [process.stats() for process in self.processes])

    # --- what can be done

    def start(self) -> Self:
        """Start all processes, and return without waiting for anything.

        Raises:
            TypeError: a handler, or a process, is of a wrong type.
            ValueError: it, or one of its processes, was started before and not `reset`; then
                nothing is started.
        """
        with _claiming:
            self._require_new()
            self._started = True
            self._owner = os.getpid()
        try:
            self._check_handlers()
            self._start()
        except BaseException:
            self._started = False
            raise
        safely(logger.debug, "start %r", self)
        return self

    def _require_new(self) -> None:
        if self._started:
            raise ValueError(f"{self!r} was started already: call reset() to start it again")

    def _require_startable(self) -> None:
        """Raise TypeError or ValueError if a start is bound to fail."""
        self._require_new()
        self._check_handlers()
        for process in checked_processes(self.processes):
            process._require_startable()

    def _check_handlers(self) -> None:
        for handler in self.lifecycle_handlers:
            check_lifecycle_handler(handler, ActionLifecycleHandler)

    def _start(self) -> None:
        start_all(checked_processes(self.processes))
        self._began()
        self._when_all([process.ended_event for process in self.processes])

    def _when_all(self, ends: Sequence[Completion]) -> None:
        # one more than the ends: it can't finish before all are counted
        left = len(ends) + 1
        lock = threading.Lock()

        def one_more() -> None:
            nonlocal left
            with lock:
                left -= 1
                last = left == 0
            if last:
                self._finish()

        for end in ends:
            end.add_callback(one_more)
        one_more()

    def _began(self) -> None:
        self._tell("start")
        self.started_event.set()

    def _finish(self) -> None:
        safely(logger.debug, "end %r", self)
        if self.lifecycle_handlers:
            self._tell("end")
            dispatch(self, self.ended_event.set)
        else:
            self.ended_event.set()

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """Send a signal to all processes that run, and return without waiting.

        See `Process.kill`, also for what it raises.
        """
        for process in self.processes:
            if process.running:
                process.kill(sig, auto_force_kill_timeout)
        return self

    def _is_handled(self) -> bool:
        return super()._is_handled() or any(process._is_handled() for process in self.processes)

    def _concerns(self, owner: object) -> bool:
        return owner is self or any(owner is process for process in self.processes)

    def write(self, text: str | bytes) -> int:
        """Write to the standard input of all processes; return the number of characters.

        Raises:
            TypeError: it is neither text nor bytes.
            ValueError: it was not started.
        """
        self._require_start("write to it")
        input_bytes(text)
        for process in self.processes:
            process.write(text)
        return len(text)

    def expect(
        self,
        regexes: Regexes,
        timeout: Timeout = UNSET,
        stream: int = STDOUT,
        backtrack: bool = True,
    ) -> list[tuple[ProcessBase, int | None, re.Match[str] | None]]:
        """Wait until each process printed something that matches one of `regexes`.

        See `Process.expect`, also for what it raises; `timeout` is for all together. Returns a
        list of (process, index, match), or (process, None, None), in the order of the processes.
        """
        self._require_start("expect output")
        self._require_waitable("wait for what it prints")
        sought = checked_regexes(regexes)
        compiled(sought)
        check_stream(stream)
        given = resolve_timeout(timeout, expect_timeout(self.default_expect_timeout))
        deadline = Deadline.of(given)
        searches = [
            Search(process, process._outputs[stream], stream, sought, backtrack)
            for process in self.processes
        ]
        for search in searches:
            search.done.wait(deadline.remaining())
        ends = [search.close() for search in searches]
        return [(process, *end) for process, end in zip(self.processes, ends, strict=True)]

    def check(self) -> Self:
        """Return the action if it is `ok`.

        Raises:
            ProcessesFailed: it is not; names hosts, exits and last lines.
        """
        failed = [p for p in self.processes if not p.ok or (self.ended and not p.ended)]
        if failed:
            raise ProcessesFailed(failed)
        return self

    def reset(self) -> Self:
        """Forget the run, so that the action can be started again; one that runs is killed first.

        Raises:
            RuntimeError: it runs, and its end can't be waited for here; see `wait`.
        """
        self._end()
        if self.started:
            for process in self.processes:
                process.reset()
            self._clear()
            self._tell("reset")
        return self

    def _repr_html_(self) -> str:
        return table_of(self.processes, repr(self))

    def __repr__(self) -> str:
        state = "ended" if self.ended else "running" if self.started else "new"
        return f"<{type(self).__name__}({self.name!r}, {len(self.processes)} processes, {state})>"


class Local(Action):
    """A command on this machine, as an action of one process."""

    def __init__(
        self, cmd: Command, process_args: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        """`process_args`: dict of options of the Process. `options`: those of Action."""
        super().__init__(**options)
        self.processes = [Process(cmd, **process_options(process_args))]

    def _description(self) -> str:
        return f"Local({self.processes[0].name})" if self.processes else "Local"


def checked_actions(actions: Iterable[Action]) -> list[Action]:
    """Return `actions` as a list.

    Raises:
        TypeError: they are not several, or one is no Action.
        ValueError: the same is given twice.
    """
    if not isinstance(actions, Iterable):
        raise TypeError(f"actions: {actions!r}: expected several actions, in a list")
    found = list(actions)
    for action in found:
        if not isinstance(action, Action):
            raise TypeError(f"actions: {action!r} is no Action")
    if len(set(map(id, found))) < len(found):
        raise ValueError("actions: the same action is given twice")
    return found


def checked_processes(processes: Iterable[ProcessBase]) -> list[ProcessBase]:
    """Return `processes` as a list, a list itself; TypeError if one is no process."""
    if not isinstance(processes, Iterable):
        raise TypeError(f"processes: {processes!r}: expected several processes, in a list")
    found = processes if isinstance(processes, list) else list(processes)
    for process in found:
        if not isinstance(process, ProcessBase):
            raise TypeError(f"processes: {process!r} is no process")
    return found


def merge_stats(name: str, stats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the sums of the counts in `stats`, the first start date and the last end date.

    The end date is None as long as one of them has none.
    """
    starts = [s["start_date"] for s in stats if s["start_date"] is not None]
    ends = [s["end_date"] for s in stats]
    counts = [key for key in Process("true").stats() if key.startswith(_COUNTS_PREFIX)]
    return {
        "name": name,
        "start_date": min(starts, default=None),
        "end_date": max(ends, default=None) if None not in ends else None,
        **{key: sum(s[key] for s in stats) for key in counts},
    }


def started_actions(actions: Iterable[Action]) -> list[Action]:
    """Return `actions`, which somebody wants to wait for, as a list.

    Raises:
        TypeError: they are not several, or one is no Action.
        ValueError: one was not started, or is given twice.
    """
    found = checked_actions(actions)
    for action in found:
        action._require_start("wait for it")
    return found


def wait_any_actions(actions: Iterable[Action], timeout: Timeout = None) -> list[Action]:
    """Wait until one of `actions` ended, at most `timeout` seconds (None: no limit).

    Returns a list of those that have ended, in the order given; empty when the time is over before.

    Raises:
        TypeError: one is no action.
        ValueError: one was not started, or is given twice.
    """
    found = started_actions(actions)
    seconds = resolve_timeout(timeout, None)
    any_ended = Completion()
    for action in found:
        action.ended_event.add_callback(any_ended.set)
    if found:
        any_ended.wait(seconds)
    for action in found:
        action.ended_event.remove_callback(any_ended.set)
    return [action for action in found if action.ended]


def wait_all_actions(actions: Iterable[Action], timeout: Timeout = None) -> list[Action]:
    """Wait until all `actions` ended, at most `timeout` seconds in all (None: no limit).

    Returns a list of those that have ended, in the order given.

    Raises:
        TypeError: one is no action.
        ValueError: one was not started, or is given twice.
    """
    found = started_actions(actions)
    deadline = Deadline.of(timeout)
    for action in found:
        action.wait(deadline.remaining())
    return [action for action in found if action.ended]


def filter_bad_hosts(action: Action, hosts: Iterable[Host | str]) -> list[Host]:
    """Return the list of `hosts`, in order, without those where a process of `action` is not `ok`.

    A process that has not ended is `ok`; a warning names the hosts of those.

    Raises:
        TypeError: `action` is no action.
    """
    if not isinstance(action, Action):
        raise TypeError(f"action: {action!r} is no action")
    going_on = [p.host for p in action.processes if p.running and p.host is not None]
    if going_on:
        logger.warning(
            "%r: not ended, and so not bad, on %s: process_args={'timeout': ...} ends them",
            action,
            hosts_in_short(going_on),
        )
    bad = {process.host for process in action.processes if not process.ok}
    return [host for host in get_hosts_list(hosts) if host not in bad]
