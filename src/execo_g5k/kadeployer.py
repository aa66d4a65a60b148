"""Kadeployer: an action that deploys hosts, one kadeploy3 on each frontend concerned."""

from collections.abc import Iterable
from typing import Any, Self

from execo._engine.safely import safely
from execo.action import Action
from execo.handlers import OutputHandlers, output_handlers
from execo.host import Host, get_unique_hosts_list, hosts_in_short
from execo.remote import Remote
from execo.spelling import accept_old_spellings
from execo.times import Timeout, resolve_timeout
from execo_g5k.deployment import Deployment, by_frontend, checked_deployment, environment_argv
from execo_g5k.errors import DeploymentFailed
from execo_g5k.frontend import FrontendParams, resolve_site
from execo_g5k.kadeploy_process import (
    KadeployProcess,
    KadeployProgress,
    ProgressCallback,
    kadeploy_process,
    log_end,
)
from execo_g5k.outcome import Failure, Outcome, merged


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
        """`frontend_connexion_params`: what differs from `default_frontend_connexion_params`.

        `stdout_handlers`, `stderr_handlers`: of the output of each kadeploy3, as in Process; on a
        terminal, as here, standard error comes with the standard output. `progress`: function that
        is called with each KadeployProgress, on the thread of the handlers. `timeout`: seconds that
        each kadeploy3 may run; None: no limit. `options`: those of Action.

        Raises:
            TypeError: `deployment` is no Deployment, or a field is of another type.
            ValueError: there is no environment, or a host is of no known site.
            ConfigError: a host has no site in its name, and there is no default frontend.
        """
        Action.__init__(self, **options)
        self.deployment = checked_deployment(deployment)
        self.hosts = get_unique_hosts_list(deployment.hosts)
        self.connexion_params = frontend_connexion_params
        environment_argv(deployment)
        handlers = {
            "stdout_handlers": output_handlers(stdout_handlers, "stdout_handlers"),
            "stderr_handlers": output_handlers(stderr_handlers, "stderr_handlers"),
        }
        for frontend, hosts in hosts_by_frontend(self.hosts).items():
            process = kadeploy_process(
                deployment, frontend, hosts, frontend_connexion_params, handlers
            )
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
        """A Failure for each undeployed host, with its kind and the words of `errors`."""
        return dict(self.outcome.failures)

    @property
    def errors(self) -> dict[Host, str]:
        """A reason for each undeployed host."""
        return {host: failure.text for host, failure in self.outcome.failures.items()}

    @property
    def steps(self) -> dict[Host, KadeployProgress]:
        """The last KadeployProgress of each host; one of which nothing was heard is not in it."""
        known = (process.last_steps for process in self._own())
        return {host: told for steps in known for host, told in steps.items()}

    @property
    def workflow_ids(self) -> dict[str, list[str]]:
        """Ids of the deployments, by the name of the frontend; versions before 3.2 have none."""
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
            safely(log_end, process)
        super()._finish()


def hosts_by_frontend(hosts: Iterable[Host | str]) -> dict[str, list[Host]]:
    """Return frontend -> its hosts, in order and once.

    Raises ValueError for a host of no known site, ConfigError without a default frontend.
    """
    groups: dict[str, list[Host]] = {}
    for site, group in by_frontend(hosts).items():
        groups.setdefault(resolve_site(site), []).extend(group)
    return groups
