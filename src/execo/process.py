"""Processes: a command on this machine or, through ssh, on a host.

A process that fails is data: what went wrong is on the object and logged once, and the program
goes on.
"""

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from execo import _expect, _html
from execo._engine.child import ENDING_SIGNALS, ChildOptions, Exit, Owned
from execo._engine.loop import engine
from execo._first_use import import_at_first_use
from execo._lifecycle import Launch, ProcessLife, start_all
from execo._record import Command, ProcessState
from execo._sharing import Lease, share
from execo._unset import UNSET
from execo.config import settings
from execo.connexion import SSH_FAILED, ConnexionParams
from execo.handlers import (
    STDERR,
    STDOUT,
    ExpectOutputHandler,
    ProcessLifecycleHandler,
    ProcessOutputHandler,
)
from execo.host import Host
from execo.quoting import join, local_argv, remote_command
from execo.spelling import accept_old_spellings
from execo.times import Timeout, resolve_timeout

__all__ = [
    "STDERR",
    "STDOUT",
    "Command",
    "ExpectOutputHandler",
    "PortForwarder",
    "Process",
    "ProcessBase",
    "ProcessLifecycleHandler",
    "ProcessOutputHandler",
    "ProcessState",
    "Serial",
    "SerialSsh",
    "SshProcess",
    "get_process",
]

# scripts look for these here
if TYPE_CHECKING:
    from execo.forward import PortForwarder
    from execo.serial import Serial, SerialSsh
else:
    __getattr__ = import_at_first_use(
        globals(),
        {"execo.forward": ["PortForwarder"], "execo.serial": ["Serial", "SerialSsh"]},
    )


class ProcessBase(ProcessLife):
    """What can be done with any process."""

    def _repr_html_(self) -> str:
        text = self.stdout + self.stderr
        return _html.output(repr(self), text, failed=not self.ok)

    def start(self) -> Self:
        """Start, and return without waiting for anything.

        What can't be executed is no exception: it ends with `error`.

        Raises:
            TypeError: a handler is of a wrong type.
            ValueError: it was started before and not `reset`.
        """
        start_all([self])
        return self

    def kill(
        self, sig: int = signal.SIGTERM, auto_force_kill_timeout: Timeout | bool = True
    ) -> Self:
        """Send a signal, and return without waiting.

        With SIGTERM, SIGKILL follows after `auto_force_kill_timeout` seconds if the process still
        lives (True: `configuration['kill_timeout']`; None or False: never).

        A process that was not started, or has ended, is left as it is; one that still waits for
        its turn will not be started by a signal that ends processes.

        Raises:
            ValueError: `sig` is no signal.
        """
        if sig not in signal.valid_signals():
            raise ValueError(f"sig: {sig!r} is no signal")
        force = None
        wanted = auto_force_kill_timeout is not None and auto_force_kill_timeout is not False
        if sig == signal.SIGTERM and wanted:
            given = UNSET if auto_force_kill_timeout is True else auto_force_kill_timeout
            default = settings().kill_timeout
            force = resolve_timeout(given, default, argument="auto_force_kill_timeout")
        child = self._child
        if child is not None and not self.ended and not self._is_foreign():
            if sig in ENDING_SIGNALS:
                self._kill_sent = True
            engine().call(child.kill, int(sig), force)
        return self

    def write(self, text: str | bytes) -> int:
        """Write to the standard input of the process, and return without waiting that it reads.

        Returns the number of characters, as files do: `print(text, file=process)` works.

        Raises:
            TypeError: it is neither text nor bytes.
            ValueError: it was not started.
        """
        self._require_start("write to it")
        data = input_bytes(text)
        if self._child is not None:
            engine().call(self._child.write, data)
        return len(text)

    def close_stdin(self) -> Self:
        """End the input of the process, after what was written.

        Raises:
            ValueError: it was not started.
        """
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
        the stream and at the timeout; that is logged, and the process no longer `ok`. A match of
        more than 256 Ki characters may be missed while they are printed.

        Raises:
            TypeError: `regexes` are no regular expressions.
            ValueError: it was not started; `stream` is neither STDOUT nor STDERR.
            RuntimeError: it is called in one of its own handlers.
        """
        self._require_start("expect output")
        self._require_waitable("wait for what it prints")
        sought = checked_regexes(regexes)
        check_stream(stream)
        seconds = resolve_timeout(timeout, expect_timeout(self.default_expect_timeout))
        return _expect.expect(self, self._outputs[stream], stream, sought, seconds, backtrack)

    def reset(self) -> Self:
        """Forget the run, so that it can be started again; one that runs is killed first.

        Raises:
            RuntimeError: it runs, and its end can't be waited for here; see `wait`.
        """
        self._end()
        if self.started:
            self._clear()
            self._tell("reset")
        return self


def input_bytes(text: object) -> bytes:
    """Return what the input of a process gets for `text`; raise TypeError if it is none."""
    if isinstance(text, str):
        return text.encode("utf-8", "surrogateescape")
    if isinstance(text, bytes | bytearray | memoryview):
        return bytes(text)
    raise TypeError(f"text: {text!r}: expected text or bytes")


def checked_regexes(regexes: object) -> list[Any]:
    """Return regular expressions, given one or several, as a list.

    Raises:
        TypeError: it is no regular expression, and there are none in it.
    """
    if isinstance(regexes, str | re.Pattern):
        return [regexes]
    if not isinstance(regexes, Iterable) or isinstance(regexes, bytes):
        raise TypeError(f"regexes: {regexes!r}: expected a regular expression, or several")
    return list(regexes)


def check_stream(stream: object) -> None:
    """Raise ValueError if `stream` is no number of a stream of output."""
    if stream not in (STDOUT, STDERR):
        raise ValueError(f"stream: {stream!r}: expected STDOUT ({STDOUT}) or STDERR ({STDERR})")


def expect_timeout(timeout: Timeout) -> float | None:
    """Return a `default_expect_timeout` in seconds, None for no limit."""
    return resolve_timeout(timeout, argument="default_expect_timeout")


class Process(ProcessBase):
    """A command on this machine.

    `cmd` is split as a shell would and executed; with `shell`, it is a text that `/bin/sh` runs.
    A sequence is taken as the words of the command, as they are.

    At the end of a block `with process.start():`, a process that still runs is killed, and its end
    is waited for. To wait for its own end, call `wait` in the block.

    These are the `options` that all processes have; each is also an attribute that can be set
    until the start:

    - `pty` (False): run on a pseudo-terminal.
    - `kill_subprocesses` (None): signals reach its whole process group; None: as `shell`.
    - `timeout` (None): seconds it may run; then it is killed. None: no limit.
    - `ignore_exit_code`, `ignore_timeout`, `ignore_error`, `ignore_expect_fail`,
      `ignore_write_error` (False): with it, a process that fails in this way is `ok` nevertheless.
    - `nolog_exit_code`, `nolog_timeout`, `nolog_error`, `nolog_expect_fail`, `nolog_write_error`
      (False): with it, this failure is not logged.
    - `default_expect_timeout` (None): seconds for `expect`; None: no limit.
    - `default_stdout_handler`, `default_stderr_handler` (True): keep the output in `stdout` and
      `stderr`.
    - `stdout_handlers`, `stderr_handlers`: one or several ProcessOutputHandlers, open files, file
      descriptors, or names of files, to which output is appended.
    - `lifecycle_handlers`: one or several ProcessLifecycleHandlers.
    - `name`: in logs and reports; None: the command.

    Raises TypeError for an option that does not exist, and for a value of a wrong type.
    """

    def __init__(
        self,
        cmd: Command,
        shell: bool = False,
        pty: bool = False,
        kill_subprocesses: bool | None = None,
        **options: Any,
    ) -> None:
        super().__init__(cmd, pty=pty, kill_subprocesses=kill_subprocesses, **options)
        self.shell = shell

    def _argv(self) -> list[str]:
        if self.shell:
            return ["/bin/sh", "-c", self._command_text()]
        return local_argv(self.cmd)

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        if self.kill_subprocesses is None:
            self.kill_subprocesses = self.shell
        return super()._prepare(environment, directory)


class SshProcess(ProcessBase):
    """A command on a host, through the configured ssh.

    `cmd` is text for the shell of the host; a sequence is quoted for it, word by word. When the
    ssh options ask for a remote terminal (`-tt`, the default), standard error of the host comes
    with its standard output, and CR LF is given as LF.

    `connexion_params`: dict of what differs from `default_connexion_params`. `options`: those of
    Process, without `shell`. `pty` is that of the connexion params, if not given.

    Raises TypeError for an option that does not exist, and for a value of a wrong type.
    """

    _lease: Lease | None

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
        command = remote_command(self.cmd)
        self._give_back()
        if settings().connexion_reuse and params.settings.transport == "ssh":
            self._lease = share(params.ssh_argv(self._host))
        options = () if self._lease is None else self._lease.options
        return params.ssh_argv(self._host, command, options=options)

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        argv, options = super()._prepare(environment, directory)
        if self._lease is not None and self._lease.options and options.remote_terminal:
            # the master takes over the modes of the terminal here, where there is one
            options = replace(options, pty=True)
        return argv, options

    @classmethod
    def _children(cls, launches: Sequence[Launch]) -> list[Owned]:
        children: list[Owned] = []
        for in_process, group in groupby(launches, key=_is_in_process):
            if in_process:
                children += [launch.process._session(launch.options) for launch in group]
            else:
                children += super()._children(list(group))
        return children

    def _session(self, options: ChildOptions) -> Owned:
        """Return this process as a command that asyncssh runs."""
        # most programs reach their hosts by ssh, and start faster without these
        from execo._asyncssh.session import Session
        from execo._asyncssh.target import NO_TARGET, target_of

        params = ConnexionParams.of(self.connexion_params)
        shared = settings().connexion_reuse
        try:
            target = target_of(params, self._host, shared=shared)
        except ValueError as error:
            target = NO_TARGET
            options = replace(options, impossible=options.impossible or str(error))
        session = Session(engine(), target, remote_command(self.cmd), options, self)
        self._get_ready()
        self._launched(session)
        return session

    def _give_back(self) -> None:
        if self._lease is not None:
            self._lease.release()

    def _clear(self) -> None:
        super()._clear()
        # a copy has none of its own: the one that it was copied from gives its lease back
        self._lease = None

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take output, without what ssh says of the connexion that it shares."""
        if data and stream == STDERR and self._lease is not None:
            data = self._lease.heard(data)
            if not data:
                # it would be the end of the stream
                return
        super().child_printed(stream, data)

    def child_ended(self, end: Exit) -> None:
        """Note the end; see `ProcessLife.child_ended`."""
        self._give_back()
        super().child_ended(end)

    def _last_lines(self) -> str:
        told = super()._last_lines()
        if told or self.exit_code != SSH_FAILED:
            return told
        params = ConnexionParams.of(self.connexion_params)
        by_hand = join(params.by_hand().ssh_argv(self._host))
        return (
            f"\n    255 without a word is mostly that of ssh, by its LogLevel=ERROR: try {by_hand}"
        )

    @property
    def _merge_crlf(self) -> bool:
        return ConnexionParams.of(self.connexion_params).remote_terminal


def _is_in_process(launch: Launch) -> bool:
    params = ConnexionParams.of(launch.process.connexion_params)
    return params.settings.transport == "asyncssh"


@accept_old_spellings
def get_process(
    cmd: Command,
    host: Host | str | None = None,
    connexion_params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Process | SshProcess:
    """Return a Process, or an SshProcess when `host` is given, without starting it.

    `connexion_params`: as for SshProcess. `options`: those of Process; `shell` has no effect on a
    host. Raises what these raise.
    """
    if not host:
        return Process(cmd, **options)
    options.pop("shell", None)
    return SshProcess(cmd, host, connexion_params, **options)
