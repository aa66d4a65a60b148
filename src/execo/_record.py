"""What is known of a process: its options, where it is in its life, what came of it."""

import difflib
import enum
import inspect
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn, SupportsIndex

from execo._copies import CopiedAsNew
from execo._engine.child import Controlled, Exit
from execo._engine.completion import Completion
from execo._outputs import StreamOutput, in_short
from execo._runnable import Runnable
from execo.handlers import (
    STDERR,
    STDOUT,
    OutputHandler,
    OutputHandlers,
    ProcessLifecycleHandler,
    lifecycle_handlers,
    output_handlers,
)
from execo.host import Host
from execo.quoting import join
from execo.times import Timeout, format_date, resolve_timeout

_BY_NAME = inspect.Parameter.KEYWORD_ONLY

Command = str | Sequence[str]
"""Text, or the words of a command."""


class ProcessState(enum.Enum):
    """The life of a process."""

    NEW = "new"
    """Not started."""
    STARTING = "starting"
    """Asked to start; waits for its turn."""
    RUNNING = "running"
    """Started, and not ended."""
    ENDED = "ended"
    """Ended, in any way."""


class ProcessRecord(CopiedAsNew, Runnable):
    """The options of a process, and what came of it.

    Every option is an attribute that can be set until the process is started. A copy has the same
    options and was never started.

    - `timeout`: seconds it may run, None for no limit. Then it is killed and `timeouted` is true.
    - `kill_subprocesses`: signals reach its whole process group; None: as `shell`.
    - `ignore_X`: a process with X still is `ok`; `nolog_X`: X is not logged. X is `exit_code`
      (not 0), `timeout`, `error` (could not be started), `expect_fail`, `write_error`.
    - `default_expect_timeout`: seconds for `expect`, None for no limit.
    - `default_stdout_handler`, `default_stderr_handler`: keep the output in `stdout`, `stderr`.
    - `lifecycle_handlers`, `stdout_handlers`, `stderr_handlers`: lists of handlers; a single one
      and None are taken too.
    """

    # thousands of them exist: Python shares the keys of a dict of attributes up to 30 of them
    __slots__ = (
        "_child", "_exit", "_kill_sent", "_outputs", "_owner", "_state", "end_date",
        "ended_event", "expect_fail", "pid", "start_date", "started_event", "timeout_date",
        "timeouted", "write_error",
    )  # fmt: skip

    pid: int | None
    """Process id on this machine, that of ssh for a command on a host; None before the start, and
    for what is no process of its own here."""
    start_date: float | None
    """Date of the start (unix timestamp); None before it."""
    end_date: float | None
    """Date of the end (unix timestamp); None before it."""
    timeouted: bool
    """Whether its `timeout` was over, and it was killed for that."""
    timeout_date: float | None
    """Date when that was (unix timestamp); None if it was not."""
    expect_fail: bool
    """Whether an `expect` found nothing."""
    write_error: bool
    """Whether input could not be written to it, or not all of it."""

    def __init__(
        self,
        cmd: Command,
        *,
        pty: bool = False,
        kill_subprocesses: bool | None = None,
        timeout: Timeout = None,
        ignore_exit_code: bool = False,
        nolog_exit_code: bool = False,
        ignore_timeout: bool = False,
        nolog_timeout: bool = False,
        ignore_error: bool = False,
        nolog_error: bool = False,
        ignore_expect_fail: bool = False,
        nolog_expect_fail: bool = False,
        ignore_write_error: bool = False,
        nolog_write_error: bool = False,
        default_expect_timeout: Timeout = None,
        default_stdout_handler: bool = True,
        default_stderr_handler: bool = True,
        lifecycle_handlers: Iterable[ProcessLifecycleHandler]
        | ProcessLifecycleHandler
        | None = None,
        stdout_handlers: OutputHandlers = None,
        stderr_handlers: OutputHandlers = None,
        name: str | None = None,
        **unknown: Any,
    ) -> None:
        if unknown:
            raise TypeError(_no_option(type(self).__name__, next(iter(unknown))))
        self.cmd = cmd
        self.pty = pty
        self.kill_subprocesses = kill_subprocesses
        self.timeout = timeout
        resolve_timeout(timeout, None)
        self.ignore_exit_code = ignore_exit_code
        self.nolog_exit_code = nolog_exit_code
        self.ignore_timeout = ignore_timeout
        self.nolog_timeout = nolog_timeout
        self.ignore_error = ignore_error
        self.nolog_error = nolog_error
        self.ignore_expect_fail = ignore_expect_fail
        self.nolog_expect_fail = nolog_expect_fail
        self.ignore_write_error = ignore_write_error
        self.nolog_write_error = nolog_write_error
        self.default_expect_timeout = default_expect_timeout
        resolve_timeout(default_expect_timeout, argument="default_expect_timeout")
        self.default_stdout_handler = default_stdout_handler
        self.default_stderr_handler = default_stderr_handler
        # copies: the process is not to change when the caller adds to his list, nor the other way
        self.lifecycle_handlers = own_list(lifecycle_handlers)
        self.stdout_handlers = own_list(stdout_handlers)
        self.stderr_handlers = own_list(stderr_handlers)
        self.name = name
        self._clear()

    def _clear(self) -> None:
        self._state = ProcessState.NEW
        self._exit: Exit | None = None
        self._child: Controlled | None = None
        self._owner: int | None = None
        self._outputs: dict[int, StreamOutput] = {}
        self.pid = None
        self.start_date = None
        self.end_date = None
        self.timeouted = False
        self.timeout_date = None
        self.expect_fail = False
        self.write_error = False
        self._kill_sent = False
        self.started_event = Completion()
        self.ended_event = Completion()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError(
            f"{self!r} can't be pickled: a process can't be sent to another one, send what it "
            "printed"
        )

    # --- what subclasses say

    def _argv(self) -> list[str]:
        """Return the words to execute on this machine."""
        raise NotImplementedError

    @property
    def host(self) -> Host | None:
        """Host on which the command runs; None for this machine."""
        return None

    @property
    def _merge_crlf(self) -> bool:
        """Whether lines come with a CR added by a terminal on the way."""
        return False

    # --- what can be read

    @property
    def name(self) -> str:
        """Name in logs and reports; the command if none was given."""
        return self._name if self._name is not None else self._command_text()

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = checked_name(name)

    @property
    def cmd(self) -> Command:
        """What is run, as text or as a tuple of words."""
        return self._cmd

    @cmd.setter
    def cmd(self, cmd: Command) -> None:
        self._cmd = checked_command(cmd)

    @property
    def lifecycle_handlers(self) -> list[ProcessLifecycleHandler]:
        """Told of its start, its end and its reset, in this order."""
        return self._lifecycle_handlers

    @lifecycle_handlers.setter
    def lifecycle_handlers(
        self, handlers: Iterable[ProcessLifecycleHandler] | ProcessLifecycleHandler | None
    ) -> None:
        self._lifecycle_handlers = lifecycle_handlers(handlers, ProcessLifecycleHandler)

    @property
    def stdout_handlers(self) -> list[OutputHandler]:
        """Given what it prints on its standard output."""
        return self._stdout_handlers

    @stdout_handlers.setter
    def stdout_handlers(self, handlers: OutputHandlers) -> None:
        self._stdout_handlers = output_handlers(handlers, "stdout_handlers")

    @property
    def stderr_handlers(self) -> list[OutputHandler]:
        """Given what it prints on its standard error."""
        return self._stderr_handlers

    @stderr_handlers.setter
    def stderr_handlers(self, handlers: OutputHandlers) -> None:
        self._stderr_handlers = output_handlers(handlers, "stderr_handlers")

    def _command_text(self) -> str:
        return self.cmd if isinstance(self.cmd, str) else join(self.cmd)

    @property
    def state(self) -> ProcessState:
        """Where the process is in its life, a ProcessState."""
        return self._state

    @property
    def started(self) -> bool:
        """Whether `start` was called."""
        return self._state is not ProcessState.NEW

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._state in (ProcessState.STARTING, ProcessState.RUNNING)

    @property
    def ended(self) -> bool:
        """Whether it ended, in any way."""
        return self._state is ProcessState.ENDED

    @property
    def exit_code(self) -> int | None:
        """Exit status; -n when signal n killed it; None before the end, or if it never started."""
        return self._exit.code if self._exit else None

    @property
    def error(self) -> bool:
        """Whether it could not be started, or be followed to its end."""
        return self._exit is not None and self._exit.error is not None

    @property
    def error_reason(self) -> str | None:
        """Why there is an `error`; None without one."""
        return self._exit.error if self._exit else None

    @property
    def killed(self) -> bool:
        """Whether this program ended it by a signal, with `kill` or at its timeout."""
        return self._kill_sent or (self._exit is not None and self._exit.killed)

    @property
    def forced_kill(self) -> bool:
        """Whether it outlived that signal, and SIGKILL ended it."""
        return self._exit is not None and self._exit.forced

    @property
    def stdout(self) -> str:
        """What it printed so far on its standard output."""
        return self._text(STDOUT)

    @property
    def stderr(self) -> str:
        """What it printed so far on its standard error."""
        return self._text(STDERR)

    def _text(self, stream: int) -> str:
        output = self._outputs.get(stream)
        return "" if output is None else output.text()

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong so far that is not to be ignored.

        True before the end. At the end: no `error`, not `timeouted`, and exit 0 or killed by this
        program; each with its `ignore_` option.
        """
        if (self.expect_fail and not self.ignore_expect_fail) or (
            self.write_error and not self.ignore_write_error
        ):
            return False
        if self._exit is None:
            return True
        if self.error and not self.ignore_error:
            return False
        if self.timeouted:
            return self.ignore_timeout
        return self._exit.code in (0, None) or self.killed or self.ignore_exit_code

    @property
    def finished_ok(self) -> bool:
        """Whether it ended and is `ok`."""
        return self.ended and self.ok

    def stats(self) -> dict[str, Any]:
        """Return counts, each 0 or 1 here, with the keys that actions and reports have.

        Keys: name, start_date, end_date (unix timestamps or None), num_processes, num_started,
        num_ended, num_errors, num_timeouts, num_non_zero_exit_codes, num_forced_kills,
        num_expect_fail, num_write_error, num_ok, num_finished_ok.
        """
        ended = self._exit is not None
        return {
            "name": self.name,
            "start_date": self.start_date,
            "end_date": self.end_date,
            "num_processes": 1,
            "num_started": int(self.started),
            "num_ended": int(ended),
            "num_errors": int(self.error),
            "num_timeouts": int(self.timeouted),
            "num_non_zero_exit_codes": int(self.exit_code not in (0, None)),
            "num_forced_kills": int(self.forced_kill),
            "num_expect_fail": int(self.expect_fail),
            "num_write_error": int(self.write_error),
            "num_ok": int(self.ok),
            "num_finished_ok": int(self.finished_ok),
        }

    def dump(self) -> str:
        """Return what is known of the process, as text.

        Output of more than `configuration['compact_output_threshold']` characters is shortened.
        """
        return f"{self!r}\nstdout:\n{in_short(self.stdout)}\nstderr:\n{in_short(self.stderr)}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({', '.join(self._described())})>"

    def _described(self) -> list[str]:
        words = [] if self._name is None else [self._name + ":"]
        words.append(repr(self._command_text()))
        if self.host is not None:
            words.append(f"host={self.host.address!r}")
        words.append(self._state.value)
        if self.pid is not None and self.running:
            words.append(f"pid={self.pid}")
        if self.start_date is not None:
            words.append(f"start={format_date(self.start_date)}")
        if self.timeouted:
            words.append("timed out")
        if self.error:
            words.append(f"error: {self.error_reason}")
        elif self.exit_code is not None:
            words.append(f"exit_code={self.exit_code}")
        return words


def own_list(handlers: Any) -> Any:
    """Return a copy of a list; what is none, as it is."""
    return list(handlers) if isinstance(handlers, list) else handlers


def checked_name(name: object) -> str | None:
    """Return a name, or None; raise TypeError if it is neither."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name: {name!r}: expected text, or None")
    return name


def process_options(process_args: object) -> dict[str, Any]:
    """Return options of processes, given as a mapping or None; raise TypeError if it is neither."""
    if process_args is None:
        return {}
    if not isinstance(process_args, Mapping):
        raise TypeError(f"process_args: {process_args!r}: expected a dict of options of Process")
    return dict(process_args)


def checked_command(cmd: object) -> Command:
    """Return text, or the words of a command as a tuple; raise TypeError if it is neither."""
    if isinstance(cmd, str):
        return cmd
    if isinstance(cmd, Sequence) and not isinstance(cmd, bytes | bytearray):
        for word in cmd:
            if not isinstance(word, str | int | float | os.PathLike | Host):
                raise TypeError(f"cmd: {word!r} in {cmd!r} is no word of a command: expected str")
        words = tuple(os.fspath(w) if isinstance(w, os.PathLike) else str(w) for w in cmd)
        if words:
            return words
    raise TypeError(f"cmd: {cmd!r} is no command: expected text, or a sequence of its words")


def _no_option(kind: str, name: str) -> str:
    parameters = inspect.signature(ProcessRecord.__init__).parameters.values()
    options = {parameter.name for parameter in parameters if parameter.kind is _BY_NAME}
    near = difflib.get_close_matches(name, sorted({*options, "shell", "host"} - {name}), 1)
    return f"{kind}: no option {name!r}" + (f", did you mean {near[0]!r}?" if near else "")
