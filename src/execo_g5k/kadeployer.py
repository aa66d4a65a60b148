"""Kadeployer: an action that deploys hosts, one kadeploy3 on each frontend concerned.

Each runs on a terminal of its frontend: elsewhere it keeps its output back until its end, and loses
it when an error ends it. There its standard error comes between the rest, and what is an error is
told by what it says.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from execo import quoting
from execo._engine.forks import fork_safe_lock
from execo._engine.safely import safely
from execo.action import Action
from execo.connexion import words
from execo.handlers import (
    STDERR,
    OutputHandler,
    OutputHandlers,
    OutputSink,
    ProcessOutputHandler,
    output_handlers,
    output_sink,
)
from execo.host import Host, fold_hosts, get_unique_hosts_list, hosts_in_short
from execo.process import Process, ProcessBase, SshProcess
from execo.remote import Remote
from execo.spelling import accept_old_spellings
from execo.times import Timeout, resolve_timeout
from execo_g5k.config import default_frontend_connexion_params, g5k_settings
from execo_g5k.deployment import Deployment, by_frontend, environment_argv, kadeploy_argv
from execo_g5k.errors import DeploymentFailed
from execo_g5k.frontend import FrontendParams, local_site, resolve_site
from execo_g5k.nodes import AskedNodes
from execo_g5k.outcome import Failure, Outcome, merged, settle
from execo_g5k.parse.kadeploy import KadeployOutput, NodeEvent, NodeState
from execo_g5k.typed_end import TypedEnd

logger = logging.getLogger("execo")

_reading = fork_safe_lock()
_SSH_FAILED = 255


@dataclass(frozen=True, slots=True)
class KadeployProgress:
    """Hosts that entered a state of their deployment."""

    frontend: str
    hosts: tuple[Host, ...]
    state: NodeState
    macro: str | None = None
    """Macro-step, such as SetDeploymentEnvUntrusted."""
    micro: str | None = None
    """Step in it, such as wait_reboot."""
    detail: str = ""

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
            safely(self.progress, told)

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
        if self.exit_code in (_SSH_FAILED, -1):
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


class Kadeployer(Remote):
    """An action that deploys hosts: one kadeploy3 on each frontend concerned, all at once.

    At its end all hosts that were asked for are either in `deployed_hosts` or in
    `undeployed_hosts`, these with a reason in `errors`. A host is deployed if kadeploy3 lists it
    so: its exit status tells nothing. `steps` tells meanwhile where each host is.

    When it is killed, or `timeout` is over, Ctrl-C is typed to kadeploy3, which cancels the
    deployment on the server; it is killed if it has not ended some seconds later,
    `g5k_configuration['kadeploy_cancel_timeout']`.
    """

    @accept_old_spellings
    def __init__(
        self,
        deployment: Deployment,
        frontend_connexion_params: FrontendParams = None,
        stdout_handlers: OutputHandlers = None,
        stderr_handlers: OutputHandlers = None,
        *,
        progress: ProgressCallback | None = None,
        timeout: Timeout = None,
        **options: Any,
    ) -> None:
        """Make the processes.

        `stdout_handlers`, `stderr_handlers`: of each of them; on a terminal standard error comes
        on the standard output. `progress(event)`: told of each KadeployProgress. `timeout`: None
        for no limit. `options`: those of Action.

        Raises:
            TypeError, ValueError: `deployment` can't be deployed; a host, a field is named.
            ConfigError: a host has no site in its name, and there is no default frontend.
        """
        Action.__init__(self, **options)
        self.deployment = deployment
        self.hosts = get_unique_hosts_list(deployment.hosts)
        self.connexion_params = frontend_connexion_params
        environment_argv(deployment)
        handlers = {
            "stdout_handlers": output_handlers(stdout_handlers, "stdout_handlers"),
            "stderr_handlers": output_handlers(stderr_handlers, "stderr_handlers"),
        }
        for frontend, hosts in hosts_by_frontend(self.hosts).items():
            process = _kadeploy(deployment, frontend, hosts, frontend_connexion_params, handlers)
            process.progress = progress
            self.processes.append(process)
        self._command = "kadeploy3"
        self.timeout = timeout

    def _description(self) -> str:
        return f"Kadeployer({hosts_in_short(self.hosts)})"

    @property
    def timeout(self) -> Timeout:
        """Seconds that each kadeploy3 may run, None for no limit; can be set until the start."""
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: Timeout) -> None:
        resolve_timeout(timeout, None)
        self._timeout = timeout
        for process in self.processes:
            process.timeout = timeout

    def _own(self) -> list[KadeployProcess]:
        return [process for process in self.processes if isinstance(process, KadeployProcess)]

    @property
    def outcome(self) -> Outcome:
        """What became of the hosts; that of a single kadeploy3 tells its refusal too."""
        outcomes = [process.outcome for process in self._own()]
        return outcomes[0] if len(outcomes) == 1 else merged(outcomes)

    @property
    def deployed_hosts(self) -> set[Host]:
        """Hosts that are deployed; complete at the end."""
        return set(self.outcome.deployed)

    @property
    def undeployed_hosts(self) -> set[Host]:
        """Hosts that are not deployed, or not yet; complete at the end."""
        return set(self.outcome.failures)

    @property
    def failures(self) -> dict[Host, Failure]:
        """A Failure for each undeployed host: its kind, and the words of `errors`."""
        return dict(self.outcome.failures)

    @property
    def errors(self) -> dict[Host, str]:
        """A reason for each undeployed host."""
        return {host: failure.text for host, failure in self.outcome.failures.items()}

    @property
    def steps(self) -> dict[Host, KadeployProgress]:
        """The last that was heard of each host; hosts of which nothing was heard are not in it."""
        with _reading:
            return {host: told for process in self._own() for host, told in process.steps.items()}

    @property
    def workflow_ids(self) -> dict[str, list[str]]:
        """Frontend -> identifiers of the deployments there; versions before 3.2 have none."""
        return {process.frontend: list(process.heard.workflow_ids) for process in self._own()}

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong so far; at the end, whether all hosts are deployed."""
        return not self.undeployed_hosts if self.ended else super().ok

    def check(self) -> Self:
        """Return the action if it is `ok`.

        Raises:
            DeploymentFailed: hosts are not deployed; names them and the reasons.
            ProcessesFailed: before the end, a kadeploy3 failed.
        """
        if self.ended and not self.ok:
            raise DeploymentFailed(self.errors)
        return super().check()

    def _finish(self) -> None:
        for process in self._own():
            safely(_log_end, process)
        super()._finish()


def hosts_by_frontend(hosts: Iterable[Host | str]) -> dict[str, list[Host]]:
    """Return frontend -> its hosts, in order and once.

    Raises ValueError for a host of no known site, ConfigError without a default frontend.
    """
    groups: dict[str, list[Host]] = {}
    for site, group in by_frontend(hosts).items():
        groups.setdefault(resolve_site(site), []).extend(group)
    return groups


def _kadeploy(
    deployment: Deployment,
    frontend: str,
    hosts: list[Host],
    params: FrontendParams,
    handlers: Mapping[str, Any],
) -> KadeployProcess:
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


def _log_end(process: KadeployProcess) -> None:
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
