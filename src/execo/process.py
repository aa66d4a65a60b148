"""Processes: a command on this machine or, through ssh, on a host.

A process that fails is data: what went wrong is on the object and logged once, and the program
goes on.
"""

import enum
import logging
import os
import re
import signal
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Self

from execo import _expect
from execo._engine.child import Child, ChildOptions, Exit
from execo._engine.completion import Completion
from execo._engine.dispatch import dispatch
from execo._engine.loop import engine
from execo._outputs import StreamOutput
from execo._unset import UNSET
from execo.config import settings
from execo.connexion import ConnexionParams
from execo.handlers import (
    STDERR,
    STDOUT,
    OutputHandler,
    OutputSink,
    ProcessLifecycleHandler,
    check_output_handler,
    output_sink,
)
from execo.host import Host
from execo.quoting import join, local_argv, remote_command
from execo.spelling import accept_old_spellings
from execo.times import Timeout, format_date, resolve_timeout

logger = logging.getLogger("execo")

Command = str | Sequence[str]
"""Text, or the words of a command."""

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_LAST_LINES = 5


class ProcessState(enum.Enum):
    """The life of a process."""

    NEW = "new"
    STARTING = "starting"
    """Asked to start; waits for its turn."""
    RUNNING = "running"
    ENDED = "ended"


class ProcessBase:
    """What all processes share: options, life, output, input, end.

    Every option is an attribute that can be set until the process is started.

    - `timeout`: seconds it may run, None for no limit. Then it is killed and `timeouted` is true.
    - `kill_subprocesses`: signals reach its whole process group; None: as `shell`.
    - `ignore_X`: a process with X still is `ok`; `nolog_X`: X is not logged. X is `exit_code`
      (not 0), `timeout`, `error` (could not be started), `expect_fail`, `write_error`.
    - `default_expect_timeout`: seconds for `expect`, None for no limit.
    - `default_stdout_handler`, `default_stderr_handler`: keep the output in `stdout`, `stderr`.
    - `lifecycle_handlers`, `stdout_handlers`, `stderr_handlers`: lists of handlers.
    """

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
        lifecycle_handlers: Iterable[ProcessLifecycleHandler] | None = None,
        stdout_handlers: Iterable[OutputHandler] | None = None,
        stderr_handlers: Iterable[OutputHandler] | None = None,
        name: str | None = None,
    ) -> None:
        self.cmd = _checked_command(cmd)
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
        self.default_stdout_handler = default_stdout_handler
        self.default_stderr_handler = default_stderr_handler
        self.lifecycle_handlers = list(lifecycle_handlers or ())
        self.stdout_handlers = list(stdout_handlers or ())
        self.stderr_handlers = list(stderr_handlers or ())
        self._name = name
        self._clear()

    def _clear(self) -> None:
        self._state = ProcessState.NEW
        self._exit: Exit | None = None
        self._child: Child | None = None
        self._outputs: dict[int, StreamOutput] = {}
        self._expected: dict[int, int] = {}
        self.pid: int | None = None
        self.start_date: float | None = None
        self.end_date: float | None = None
        self.timeouted = False
        self.timeout_date: float | None = None
        self.expect_fail = False
        self.write_error = False
        self._kill_sent = False
        self.started_event = Completion()
        self.ended_event = Completion()

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
        self._name = name

    def _command_text(self) -> str:
        return self.cmd if isinstance(self.cmd, str) else join(self.cmd)

    @property
    def state(self) -> ProcessState:
        """Where the process is in its life."""
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
        """Exit status; -n when signal n killed it; None before the end or without a start."""
        return self._exit.code if self._exit else None

    @property
    def error(self) -> bool:
        """Whether it could not be started."""
        return self._exit is not None and self._exit.error is not None

    @property
    def error_reason(self) -> str | None:
        """Why it could not be started."""
        return self._exit.error if self._exit else None

    @property
    def killed(self) -> bool:
        """Whether we sent it a signal that ends processes."""
        return self._kill_sent

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
        """Whether nothing went wrong so far that is not to be ignored."""
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

    # --- what can be done

    def start(self) -> Self:
        """Start, and return without waiting for anything.

        Raises:
            ValueError: it was started before and not `reset`.
        """
        start_all([self])
        return self

    def wait(self, timeout: Timeout = None) -> Self:
        """Wait for the end, at most `timeout` seconds (None: no limit).

        Raises:
            ValueError: it was not started.
        """
        seconds = resolve_timeout(timeout, None)
        self._require_start("wait for it")
        if not self.ended_event.is_set():
            engine().refuse_own_thread()
            self.ended_event.wait(seconds)
        return self

    def run(self, timeout: Timeout = None) -> Self:
        """Start, and wait for the end, at most `timeout` seconds (None: no limit)."""
        return self.start().wait(timeout)

    def __await__(self) -> Generator[Any, None, Self]:
        self._require_start("await it")
        yield from self.ended_event.__await__()
        return self

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """Send a signal, and return without waiting.

        With SIGTERM, SIGKILL follows after `auto_force_kill_timeout` seconds if the process still
        lives (True: `configuration['kill_timeout']`; None or False: never).
        """
        self._require_start("kill it")
        force = None
        if sig == signal.SIGTERM and auto_force_kill_timeout not in (None, False):
            given = UNSET if auto_force_kill_timeout is True else auto_force_kill_timeout
            force = resolve_timeout(given, settings().kill_timeout)
        child = self._child
        if child is not None and not self.ended:
            if sig in _ENDING_SIGNALS:
                self._kill_sent = True
            engine().call(child.kill, int(sig), force)
        return self

    def write(self, text: str | bytes) -> int:
        """Write to the standard input of the process, and return without waiting that it reads.

        Returns the number of characters, as files do.
        """
        self._require_start("write to it")
        data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else bytes(text)
        if self._child is not None:
            engine().call(self._child.write, data)
        return len(text)

    def flush(self) -> None:
        """Do nothing: what is written leaves at once. Files have it."""

    def close_stdin(self) -> Self:
        """End the input of the process, after what was written."""
        self._require_start("close its input")
        if self._child is not None:
            engine().call(self._child.close_stdin)
        return self

    def expect(
        self,
        regexes: str | re.Pattern[str] | Sequence[str | re.Pattern[str]],
        timeout: Timeout = UNSET,
        stream: int = STDOUT,
        backtrack: bool = True,
    ) -> tuple[int, re.Match[str]] | tuple[None, None]:
        """Wait until one of `regexes` matches what the process prints on `stream`.

        With `backtrack`, what was printed since the last match is looked at first; else only what
        is printed from now on. `timeout`: seconds; omitted: `default_expect_timeout`.

        Returns the index of the regular expression and the match, or (None, None) at the end of
        the stream and at the timeout; that is logged, and the process no longer `ok`.
        """
        self._require_start("expect output")
        engine().refuse_own_thread()
        seconds = resolve_timeout(timeout, resolve_timeout(self.default_expect_timeout, None))
        return _expect.expect(self, self._outputs[stream], stream, regexes, seconds, backtrack)

    def reset(self) -> Self:
        """Forget the run, so that it can be started again.

        Raises:
            ValueError: it is running.
        """
        if self.running:
            raise ValueError(f"{self!r} is running: kill it and wait for its end before a reset")
        if self.started:
            self._clear()
            self._tell("reset")
        return self

    def stats(self) -> dict[str, Any]:
        """Return counts, each 0 or 1 here, with the keys that actions and reports have."""
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
        """Return all that is known of the process, as text."""
        return f"{self!r}\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill().wait()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({', '.join(self._described())})>"

    def _described(self) -> list[str]:
        words = [repr(self._command_text())]
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

    def _require_start(self, what: str) -> None:
        if self._state is ProcessState.NEW:
            raise ValueError(f"{self!r} was not started: call start() before you {what}")

    # --- what the engine tells

    def _prepare(self) -> tuple[list[str], ChildOptions]:
        """Return what the engine needs of the options as they are now; change nothing."""
        if self.started:
            raise ValueError(f"{self!r} was started already: call reset() to start it again")
        argv = self._argv()
        current = settings()
        options = ChildOptions(
            pty=self.pty,
            group=bool(self.kill_subprocesses),
            timeout=resolve_timeout(self.timeout, None),
            kill_timeout=current.kill_timeout,
            kill_at_exit=current.kill_childs_at_end,
        )
        for handler in (*self.stdout_handlers, *self.stderr_handlers):
            check_output_handler(handler)
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
        self._state = ProcessState.STARTING

    def _sinks(self, handlers: Iterable[OutputHandler], stream: int) -> list[OutputSink]:
        sinks = []
        for handler in handlers:
            try:
                sinks.append(output_sink(handler, self, stream))
            except OSError as error:
                logger.error("%r: output is not written to %s: %s", self, handler, error)
        return sinks

    def _launched(self, child: Child) -> None:
        self._child = child
        for stream, output in self._outputs.items():
            if output.handled:
                output.control_flow(_flow(child, stream))

    def child_started(self, pid: int) -> None:
        """Note that it runs."""
        self.pid = pid
        self.start_date = time.time()
        self._state = ProcessState.RUNNING
        logger.debug("start %r", self)
        self._tell("start")
        self.started_event.set()

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
        self._log_end()
        if self.lifecycle_handlers or any(o.handled for o in self._outputs.values()):
            self._tell("end")
            dispatch(self, self._finish)
        else:
            self._finish()

    def _finish(self) -> None:
        self.started_event.set()
        self.ended_event.set()

    def _log_end(self) -> None:
        if self.error:
            if not self.nolog_error:
                logger.warning("%r", self)
        elif self.exit_code != 0 and not self.killed and not self.nolog_exit_code:
            logger.warning("%r%s", self, self._last_lines())
        else:
            logger.debug("end %r", self)

    def _last_lines(self) -> str:
        lines = (self.stderr or self.stdout).splitlines()[-_LAST_LINES:]
        return "".join(f"\n    {line}" for line in lines)

    def _tell(self, event: str) -> None:
        for handler in self.lifecycle_handlers:
            method = getattr(handler, event)
            dispatch(self, partial(method, self))


def start_all(processes: Sequence[ProcessBase]) -> None:
    """Start processes together, in order, without waiting."""
    specs = [(*process._prepare(), process) for process in processes]
    for process in processes:
        process._get_ready()
    if specs:
        for process, child in zip(processes, engine().start_children(specs), strict=True):
            process._launched(child)


def _flow(child: Child, stream: int) -> Callable[[bool], object]:
    def flow(on: bool) -> None:
        engine().call(child.resume if on else child.pause, stream)

    return flow


def _checked_command(cmd: object) -> Command:
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


class Process(ProcessBase):
    """A command on this machine.

    `cmd` is split as a shell would and executed; with `shell`, it is a text that `/bin/sh` runs.
    A sequence is taken as the words of the command, as they are.
    """

    def __init__(self, cmd: Command, shell: bool = False, **options: Any) -> None:
        super().__init__(cmd, **options)
        self.shell = shell

    def _argv(self) -> list[str]:
        if self.shell:
            return ["/bin/sh", "-c", self._command_text()]
        return local_argv(self.cmd)

    def _prepare(self) -> tuple[list[str], ChildOptions]:
        if self.kill_subprocesses is None:
            self.kill_subprocesses = self.shell
        return super()._prepare()


class SshProcess(ProcessBase):
    """A command on a host, through the configured ssh.

    `cmd` is text for the shell of the host; a sequence is quoted for it, word by word. When the
    ssh options ask for a remote terminal (`-tt`, the default), standard error of the host comes
    with its standard output, and CR LF is given as LF.
    """

    @accept_old_spellings
    def __init__(
        self,
        cmd: Command,
        host: Host | str,
        connexion_params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self._host = Host(host)
        self.connexion_params = connexion_params
        super().__init__(cmd, **options)
        if "pty" not in options:
            self.pty = ConnexionParams.of(connexion_params).pty

    @property
    def host(self) -> Host:
        """Host on which the command runs."""
        return self._host

    def _argv(self) -> list[str]:
        params = ConnexionParams.of(self.connexion_params)
        return params.ssh_argv(self._host, remote_command(self.cmd))

    @property
    def _merge_crlf(self) -> bool:
        return ConnexionParams.of(self.connexion_params).remote_terminal


@accept_old_spellings
def get_process(
    cmd: Command,
    host: Host | str | None = None,
    connexion_params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Process | SshProcess:
    """Return a Process, or an SshProcess when `host` is given. `options` are those of Process."""
    if not host:
        return Process(cmd, **options)
    options.pop("shell", None)
    return SshProcess(cmd, host, connexion_params, **options)
