"""One kadeploy3 on a frontend: a process that reads what it prints, and tells it.

It runs on a terminal of its frontend: elsewhere kadeploy3 keeps its output back until its end, and
loses it when an error ends it. There its standard error comes between the rest, and what is an
error is told by what it says.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from execo import quoting
from execo._engine.forks import fork_safe_lock
from execo._engine.safely import safely
from execo.connexion import SSH_FAILED, words
from execo.handlers import (
    STDERR,
    OutputHandler,
    OutputSink,
    ProcessOutputHandler,
    output_sink,
)
from execo.host import Host, fold_hosts, hosts_in_short
from execo.process import Process, ProcessBase, SshProcess
from execo_g5k.config import default_frontend_connexion_params, g5k_settings
from execo_g5k.deployment import Deployment, kadeploy_argv
from execo_g5k.frontend import FrontendParams, local_site
from execo_g5k.nodes import AskedNodes
from execo_g5k.outcome import Outcome, settle
from execo_g5k.parse.kadeploy import KadeployOutput, NodeEvent, NodeState
from execo_g5k.typed_end import TypedEnd

logger = logging.getLogger("execo")

_reading = fork_safe_lock()


@dataclass(frozen=True, slots=True)
class KadeployProgress:
    """Hosts that entered a state of their deployment, as kadeploy3 prints it."""

    frontend: str
    """Name of the frontend whose kadeploy3 told it."""
    hosts: tuple[Host, ...]
    """The hosts, of those that were asked for."""
    state: NodeState
    """The state that they entered."""
    macro: str | None = None
    """Macro-step, such as SetDeploymentEnvUntrusted; None when it is not known."""
    micro: str | None = None
    """Step in it, such as wait_reboot; None when it is not known."""
    detail: str = ""
    """Further words, such as the reason of a failure."""

    def __str__(self) -> str:
        step = " ".join(filter(None, (self.macro, self.micro)))
        told = " ".join(filter(None, (self.state.value, step, self.detail)))
        return f"{self.frontend}: {fold_hosts(self.hosts)}: {told}"


ProgressCallback = Callable[[KadeployProgress], object]
"""Takes what is new; called on the thread of the handlers."""


class KadeployProcess(TypedEnd):
    """One kadeploy3: what it said so far, of the hosts that were asked for."""

    frontend: str
    asked: AskedNodes
    progress: ProgressCallback | None = None

    def _clear(self) -> None:
        super()._clear()
        self.heard = KadeployOutput()
        self.steps: dict[Host, KadeployProgress] = {}
        self._progress_failed = False

    def _sinks(self, handlers: Iterable[OutputHandler], stream: int) -> list[OutputSink]:
        return [output_sink(_READER, self, stream), *super()._sinks(handlers, stream)]

    def take(self, text: str, stream: int, eof: bool) -> None:
        """Read what it printed, and tell what is new."""
        with _reading:
            events = self.heard.feed(text, error=stream == STDERR, end=eof)
        for event in events:
            self._tell_progress(event)

    def _tell_progress(self, event: NodeEvent) -> None:
        hosts = tuple(host for node in event.nodes for host in self.asked.find(node))
        if not hosts:
            return
        told = KadeployProgress(
            self.frontend, hosts, event.state, event.macro, event.micro, event.detail
        )
        with _reading:
            self.steps.update(dict.fromkeys(hosts, told))
        listed = event.state in (NodeState.DEPLOYED, NodeState.FAILED)
        often = listed or (event.state is NodeState.STEP and event.micro is not None)
        safely(logger.log, logging.DEBUG if often else logging.INFO, "%s", told)
        if self.progress is not None:
            self._call(self.progress, told)

    def _call(self, progress: ProgressCallback, told: KadeployProgress) -> None:
        try:
            progress(told)
        except Exception:
            # what is wrong with it is mostly wrong at each event
            if not self._progress_failed:
                self._progress_failed = True
                safely(logger.exception, "progress: error in %r, at %s", progress, told)

    @property
    def last_steps(self) -> dict[Host, KadeployProgress]:
        """The last that was heard of each host."""
        with _reading:
            return dict(self.steps)

    @property
    def outcome(self) -> Outcome:
        """What became of the hosts that were asked for; of all of them once it ended."""
        with _reading:
            return settle(self.asked, self.heard, self.frontend, self._ending())

    def _ending(self) -> str:
        if not self.ended:
            return "has not ended"
        if self.error:
            return f"could not be started: {self.error_reason}"
        if self.timeouted or self.killed:
            why = f"timeout of {self._seconds():g} s" if self.timeouted else "interrupted"
            if self.heard.interrupted:
                return f"{why}, the deployment was cancelled"
            return f"{why}, {self.left_running() or 'nothing had begun'}"
        if self.exit_code in (SSH_FAILED, -1):
            return f"connexion lost (exit {self.exit_code}), {self.left_running()}".rstrip(", ")
        return "" if self.exit_code == 0 else f"exit {self.exit_code}"

    def left_running(self) -> str:
        """Say which deployment may go on on the server; "" for none."""
        if self.heard.interrupted or not self.heard.launched:
            return ""
        names = ", ".join(self.heard.workflow_ids) or "without a known number"
        return f"the deployment ({names}) may go on on the server, and lock its nodes up to 900 s"


class SshKadeploy(KadeployProcess, SshProcess):
    """kadeploy3 on a frontend, by ssh."""


class LocalKadeploy(KadeployProcess, Process):
    """kadeploy3 on this machine, which is its frontend."""


class _Reader(ProcessOutputHandler):
    def read(self, process: ProcessBase, stream: int, string: str, eof: bool, error: bool) -> None:
        if isinstance(process, KadeployProcess):
            process.take(string, stream, eof)


_READER = _Reader()


def kadeploy_process(
    deployment: Deployment,
    frontend: str,
    hosts: list[Host],
    params: FrontendParams,
    handlers: Mapping[str, Any],
) -> KadeployProcess:
    """Return the kadeploy3 that deploys `hosts`, all of `frontend`; `handlers`: of its output."""
    options: dict[str, Any] = {
        **handlers,
        "name": f"kadeploy3 on {frontend}",
        "nolog_exit_code": True,
        "nolog_error": True,
        "nolog_write_error": True,
        "ignore_write_error": True,
    }
    process: KadeployProcess
    if g5k_settings().no_ssh_for_local_frontend and frontend == local_site():
        argv = kadeploy_argv(deployment, hosts, home=os.path.expanduser("~/"))
        process = LocalKadeploy(argv, pty=True, **options)
    else:
        command = quoting.join(kadeploy_argv(deployment, hosts))
        process = SshKadeploy(command, frontend, on_terminal(params), **options)
    process.frontend, process.asked = frontend, AskedNodes(hosts)
    return process


def on_terminal(params: FrontendParams) -> dict[str, Any]:
    """Return connexion params for a frontend, with a terminal there whatever the given ones say."""
    merged_params = {**default_frontend_connexion_params, **(params or {})}
    options = words(merged_params["ssh_options"])
    if "-t" not in options and "-tt" not in options:
        options = ["-tt", *options]
    merged_params["ssh_options"] = tuple(option if option != "-t" else "-tt" for option in options)
    return merged_params


def log_end(process: KadeployProcess) -> None:
    """Log what became of the hosts, once."""
    outcome = process.outcome
    level = logging.WARNING if outcome.failures else logging.INFO
    by_reason: dict[str, list[Host]] = {}
    for host, failure in outcome.failures.items():
        by_reason.setdefault(failure.text, []).append(host)
    told = [f"\n    {fold_hosts(hosts)}: {text}" for text, hosts in by_reason.items()]
    logger.log(
        level,
        "%s: kadeploy3 deployed %s of %s%s",
        process.frontend,
        len(outcome.deployed),
        hosts_in_short(list(process.asked.hosts)),
        "".join(told),
    )
