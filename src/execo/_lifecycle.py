"""The life of a process, from its preparation to its end, as the engine tells it."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from execo._engine.child import (
    ChildOptions,
    Controlled,
    Exit,
    Owned,
    working_directory,
)
from execo._engine.completion import Completion
from execo._engine.dispatch import dispatch
from execo._engine.forks import fork_safe_lock
from execo._engine.loop import engine
from execo._engine.spawn import environment_of_children
from execo._outputs import StreamOutput, in_short
from execo._record import ProcessRecord, ProcessState
from execo.config import settings
from execo.handlers import (
    STDERR,
    STDOUT,
    OutputHandler,
    OutputSink,
    check_lifecycle_handler,
    check_output_handler,
    output_sink,
)
from execo.times import resolve_timeout

logger = logging.getLogger("execo")

_LAST_LINES = 5
_claiming = fork_safe_lock()


class ProcessLife(ProcessRecord):
    """A process as the engine sees it: what it needs to start it, and what it tells of it."""

    def _require_new(self) -> None:
        if self.started:
            raise ValueError(f"{self!r} was started already: call reset() to start it again")

    def _require_startable(self) -> None:
        """Raise TypeError or ValueError if it was started, or an option is impossible."""
        self._require_new()
        resolve_timeout(self.timeout, None)
        for lifecycle_handler in self.lifecycle_handlers:
            check_lifecycle_handler(lifecycle_handler)
        for handler in (*self.stdout_handlers, *self.stderr_handlers):
            check_output_handler(handler)

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        """Return what the engine needs of the options as they are now; change nothing."""
        self._require_startable()
        argv: list[str] = []
        impossible = None
        try:
            argv = self._argv()
        except ValueError as error:
            # a command that can't be executed is data, as any other failure
            impossible = str(error)
        current = settings()
        options = ChildOptions(
            pty=self.pty,
            group=bool(self.kill_subprocesses),
            timeout=resolve_timeout(self.timeout, None),
            kill_timeout=current.kill_timeout,
            kill_at_exit=current.kill_childs_at_end,
            environment=environment,
            directory=directory,
            impossible=impossible,
            remote_terminal=self._merge_crlf,
        )
        return argv, options

    def _get_ready(self) -> None:
        kept = {STDOUT: self.default_stdout_handler, STDERR: self.default_stderr_handler}
        handlers = {STDOUT: self.stdout_handlers, STDERR: self.stderr_handlers}
        self._outputs = {
            stream: StreamOutput(
                self,
                keep=kept[stream],
                merge_crlf=self._merge_crlf,
                sinks=self._sinks(handlers[stream], stream),
            )
            for stream in (STDOUT, STDERR)
        }

    def _sinks(self, handlers: Iterable[OutputHandler], stream: int) -> list[OutputSink]:
        sinks = []
        for handler in handlers:
            try:
                sinks.append(output_sink(handler, self, stream))
            except (OSError, ValueError) as error:
                # a ValueError: the name holds a NUL character
                logger.error("%r: output is not written to %s: %s", self, handler, error)
        return sinks

    def _launched(self, child: Controlled) -> None:
        self._child = child
        self._owner = os.getpid()
        for stream, output in self._outputs.items():
            if output.handled:
                output.control_flow(_flow(child, stream))

    @classmethod
    def _children(cls, launches: "Sequence[Launch]") -> list[Owned]:
        """Return what the engine is to start for processes of this class, made ready."""
        children: list[Owned] = []
        for process, argv, options in launches:
            process._get_ready()
            children.append(engine().child(argv, options, process))
            process._launched(children[-1])
        return children

    def child_started(self, pid: int | None) -> None:
        """Note that it runs."""
        self.pid = pid
        self.start_date = time.time()
        self._state = ProcessState.RUNNING
        self._tell("start")
        self.started_event.set()
        logger.debug("start %r", self)

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take output."""
        self._outputs[stream].printed(data)

    def child_write_failed(self, reason: str) -> None:
        """Note that input was lost."""
        self.write_error = True
        if not self.nolog_write_error:
            logger.warning("%r: can't write to its input: %s", self, reason)

    def child_timed_out(self) -> None:
        """Note that its time is over."""
        self.timeouted = True
        self.timeout_date = time.time()
        self._kill_sent = True
        if not self.nolog_timeout:
            logger.warning("%r: timeout of %g s is over, killing it", self, self._seconds())

    def _seconds(self) -> float:
        return resolve_timeout(self.timeout, None) or 0.0

    def child_ended(self, end: Exit) -> None:
        """Note the end; whoever waits goes on once handlers have seen all."""
        self.end_date = time.time()
        self._exit = end
        for output in self._outputs.values():
            output.printed(b"")
        self._state = ProcessState.ENDED
        # of this run, whatever a handler of its end does with the process
        finish = partial(_finish, self.started_event, self.ended_event)
        try:
            self._log_end()
        finally:
            if self.lifecycle_handlers or any(o.handled for o in self._outputs.values()):
                self._tell("end")
                dispatch(self, finish)
            else:
                finish()

    def _log_end(self) -> None:
        if self.error:
            if not self.nolog_error:
                logger.warning("%r", self)
        elif self.exit_code != 0 and not self.killed and not self.nolog_exit_code:
            logger.warning("%r%s", self, self._last_lines())
        else:
            logger.debug("end %r", self)

    def _last_lines(self) -> str:
        lines = in_short(self.stderr or self.stdout).splitlines()[-_LAST_LINES:]
        return "".join(f"\n    {line}" for line in lines)


class Launch(NamedTuple):
    """A process that is about to be started, with what `_prepare` gave for it."""

    process: Any
    argv: list[str]
    options: ChildOptions


def _finish(*events: Completion) -> None:
    for event in events:
        event.set()


def start_all(processes: Sequence[ProcessLife]) -> None:
    """Start processes together, in order, without waiting.

    Raises:
        ValueError: one was started already, or is given twice; then none is started.
    """
    environment = _environment()
    directory = working_directory()
    launches = [Launch(process, *process._prepare(environment, directory)) for process in processes]
    _claim(processes)
    try:
        children: list[Owned] = []
        for kind, group in groupby(launches, key=lambda launch: type(launch.process)):
            children += kind._children(list(group))
        if children:
            engine().start(children)
    except BaseException:
        _give_up(processes)
        raise


_last_environment: dict[bytes, bytes] = {}


def _environment() -> dict[bytes, bytes]:
    """Return that of processes started now; they share what has not changed in between."""
    global _last_environment
    current = environment_of_children()
    if current != _last_environment:
        _last_environment = current
    return _last_environment


def _claim(processes: Sequence[ProcessLife]) -> None:
    with _claiming:
        if len(set(map(id, processes))) < len(processes):
            raise ValueError("the same process can't be started twice at once")
        for process in processes:
            process._require_new()
        for process in processes:
            process._state = ProcessState.STARTING


def _give_up(processes: Sequence[ProcessLife]) -> None:
    for process in processes:
        if process._child is None:
            process._clear()
        else:
            engine().call(process._child.kill, int(signal.SIGKILL), None)


def _flow(child: Controlled, stream: int) -> Callable[[bool], object]:
    def flow(on: bool) -> None:
        engine().call(child.resume if on else child.pause, stream)

    return flow
