"""Deploy: the flows behind `kadeploy` and `deploy`."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from execo._engine.dispatch import dispatch
from execo.handlers import (
    STDERR,
    OutputHandler,
    OutputHandlers,
    ProcessOutputHandler,
    output_handlers,
)
from execo.host import Host, fold_hosts, get_unique_hosts_list
from execo.process import ProcessBase
from execo.remote import Remote
from execo.times import Timeout, resolve_timeout
from execo_g5k.config import g5k_settings
from execo_g5k.deployment import Deployment, checked_deployment, environment_argv
from execo_g5k.frontend import FrontendParams
from execo_g5k.grid import current_grid
from execo_g5k.kadeploy_process import ProgressCallback
from execo_g5k.kadeployer import Kadeployer, hosts_by_frontend
from execo_g5k.nodes import get_kavlan_host_name
from execo_g5k.outcome import Outcome
from execo_g5k.rounds import Hosts, Means, Rounds
from execo_g5k.stray import despite_cancel
from execo_g5k.tries import Deployed

logger = logging.getLogger("execo")

CheckEnough = Callable[[set[Host], set[Host]], object] | None
"""Tells, of the sets of deployed and undeployed hosts, whether that is enough."""

AS_ROOT: Mapping[str, Any] = {"user": "root"}

CHECK_TIMEOUT = 30
"""Seconds, for the check of a deployed host."""


async def kadeploy(
    deployment: Deployment,
    out: bool = False,
    frontend_connexion_params: FrontendParams = None,
    timeout: Timeout = None,
    *,
    stdout_handlers: OutputHandlers = None,
    stderr_handlers: OutputHandlers = None,
    progress: ProgressCallback | None = None,
) -> Deployed:
    """Deploy hosts, once: one kadeploy3 on each frontend concerned, all at once.

    Return (deployed hosts, undeployed hosts), sets of the hosts that were asked for, as a Deployed:
    its `errors` gives a reason for each undeployed one. A host that is not deployed is no
    exception. At the timeout, or at Ctrl-C, the deployments are cancelled on the servers.

    Args:
        deployment: what to deploy, on which hosts.
        out: print what each kadeploy3 prints, line by line.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        timeout: seconds that each kadeploy3 may run; None: no limit.
        stdout_handlers: of the output of each kadeploy3, as in Process.
        stderr_handlers: the same; on a terminal, as here, errors come with the standard output.
        progress: function that is called with each KadeployProgress.

    Raises:
        TypeError: `deployment` is no Deployment, or a field is of another type.
        ValueError: there is no environment, or a host is of no known site.
        ConfigError: a host has no site in its name, and there is no default frontend.
    """
    kadeployer = Kadeployer(
        deployment,
        frontend_connexion_params,
        _with_out(out, stdout_handlers, "stdout_handlers"),
        _with_out(out, stderr_handlers, "stderr_handlers"),
        progress=progress,
        timeout=timeout,
    )
    outcome = await _ended(kadeployer)
    errors = {host: failure.text for host, failure in outcome.failures.items()}
    return Deployed(outcome.deployed, outcome.failures, (), errors)


async def deploy(
    deployment: Deployment,
    check_deployed_command: str | bool | None = True,
    node_connexion_params: Mapping[str, Any] | None = AS_ROOT,
    num_tries: int = 1,
    check_enough_func: CheckEnough = None,
    frontend_connexion_params: FrontendParams = None,
    deploy_timeout: Timeout = None,
    check_timeout: Timeout = CHECK_TIMEOUT,
    out: bool = False,
    stdout_handlers: OutputHandlers = None,
    stderr_handlers: OutputHandlers = None,
    *,
    progress: ProgressCallback | None = None,
) -> Deployed:
    """Deploy those hosts that are not deployed yet, in several tries if need be.

    Return (deployed hosts, undeployed hosts), sets of the hosts that were asked for, as a Deployed:
    its `tries` tells what each try did, `table()` shows them, and is logged, `errors` gives
    reasons. A host that is not deployed is no exception.

    A host that Kadeploy refuses, and for which it refuses all, is left out. A host that another
    deployment has is waited for, at most `g5k_configuration['kadeploy_lock_timeout']` seconds in
    all; this does not count as a try. At Ctrl-C the deployments are cancelled on the servers.

    Args:
        deployment: what to deploy, on which hosts. With a vlan, hosts are checked by their names
            in it.
        check_deployed_command: shell text that is run on the hosts, before the first try and after
            each; a host where it succeeds is deployed. True:
            `g5k_configuration['check_deployed_command']`. None or False: kadeploy3 is believed, and
            nothing is checked before.
        node_connexion_params: connexion params for the check.
        num_tries: how often a host is tried; 0: hosts are only checked. `num_deploy_tries` is
            another spelling.
        check_enough_func: function that is called with the sets of deployed and undeployed hosts,
            after each check and each try; when it returns true, it is enough. None: enough is all
            hosts.
        frontend_connexion_params: dict of what differs from `default_frontend_connexion_params`.
        deploy_timeout: seconds for each try; None: no limit.
        check_timeout: seconds for each check; None: no limit.
        out: as for `kadeploy`.
        stdout_handlers: as for `kadeploy`.
        stderr_handlers: as for `kadeploy`.
        progress: as for `kadeploy`.

    Raises:
        TypeError: an argument, or a field of `deployment`, is of another type.
        ValueError: there is no environment, a host is of no known site, or `num_tries` is negative.
        ConfigError: a host has no site in its name, and there is no default frontend.
    """
    hosts = get_unique_hosts_list(checked_deployment(deployment).hosts)
    if check_enough_func is not None and not callable(check_enough_func):
        raise TypeError(f"check_enough_func: {check_enough_func!r}: expected a function, or None")
    _check_possible(deployment, hosts, deploy_timeout)
    run = partial(
        _run,
        deployment,
        frontend_connexion_params=frontend_connexion_params,
        timeout=deploy_timeout,
        stdout_handlers=_with_out(out, stdout_handlers, "stdout_handlers"),
        stderr_handlers=_with_out(out, stderr_handlers, "stderr_handlers"),
        progress=progress,
    )
    longest_check = resolve_timeout(check_timeout, CHECK_TIMEOUT, "check_timeout")
    check = _check(check_deployed_command, node_connexion_params, longest_check, deployment.vlan)
    clock, longest_wait = current_grid().clock, g5k_settings().kadeploy_lock_timeout
    enough = partial(_enough, check_enough_func)
    means = Means(run, hosts_by_frontend, check, enough, clock, longest_wait)
    return await _rounds(Rounds(hosts, _checked_tries(num_tries), means))


def _check_possible(deployment: Deployment, hosts: Hosts, deploy_timeout: Timeout) -> None:
    environment_argv(deployment)
    hosts_by_frontend(hosts)
    resolve_timeout(deploy_timeout, None, "deploy_timeout")


def _check(
    command: object,
    params: Mapping[str, Any] | None,
    timeout: float | None,
    vlan: int | str | None,
) -> Callable[[Hosts], Awaitable[dict[Host, str]]] | None:
    text = _check_command(command)
    if text is None:
        return None
    return partial(
        check_failures, command=text, connexion_params=params, timeout=timeout, vlan=vlan
    )


async def _rounds(rounds: Rounds) -> Deployed:
    try:
        return await rounds.run()
    except asyncio.CancelledError:
        deployed, undeployed = rounds.result()
        logger.warning(
            "deploy interrupted; deployed: %s; not: %s",
            fold_hosts(deployed) or "none",
            fold_hosts(undeployed) or "none",
        )
        raise


async def _run(deployment: Deployment, hosts: Hosts, **options: Any) -> Outcome:
    return await _ended(Kadeployer(replace(deployment, hosts=list(hosts)), **options))


async def _ended(action: Kadeployer) -> Outcome:
    action.start()
    try:
        await action
    finally:
        if action.running:
            await despite_cancel(_stopped(action))
    return action.outcome


async def _stopped(action: Kadeployer | Remote) -> None:
    action.kill()
    await action


async def check_failures(
    hosts: Hosts,
    command: str,
    connexion_params: Mapping[str, Any] | None,
    timeout: float | None,
    vlan: int | str | None = None,
) -> dict[Host, str]:
    """Return the hosts on which a command fails, and why; in a vlan, by their names there."""
    names = [host if vlan is None else _in_vlan(host, vlan) for host in hosts]
    quiet = {f"nolog_{what}": True for what in ("exit_code", "timeout", "error")}
    # a function: the command is no place for substitutions
    checks = Remote(
        lambda _host, _index: command,
        names,
        connexion_params,
        {**quiet, "timeout": timeout},
        values={},
    )
    checks.start()
    try:
        await checks
    finally:
        if checks.running:
            await despite_cancel(_stopped(checks))
    ended = zip(hosts, checks.processes, strict=True)
    reasons = {host: _why_check_failed(process) for host, process in ended}
    return {host: why for host, why in reasons.items() if why is not None}


def _why_check_failed(process: ProcessBase) -> str | None:
    """Say why a check did not pass; None if it did."""
    if process.finished_ok and process.exit_code == 0:
        return None
    last_words = process.stderr.strip().splitlines()[-1:] or process.stdout.splitlines()[-1:]
    words = "".join(f": {line.strip()}" for line in last_words)
    if process.error:
        return f"the check could not be run: {process.error_reason}"
    if process.timeouted:
        return f"the check did not end within {process.timeout:g} s{words}"
    return f"the check failed (exit {process.exit_code}){words}"


def _in_vlan(host: Host, vlan: int | str) -> Host:
    return Host(get_kavlan_host_name(host, vlan), host.user, host.keyfile, host.port)


async def _enough(function: CheckEnough, deployed: set[Host], undeployed: set[Host]) -> bool:
    if function is None:
        return not undeployed
    # it is the script's: it may call what blocks
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[bool] = loop.create_future()

    def ask() -> None:
        try:
            told = bool(function(deployed, undeployed))
        except Exception as error:
            loop.call_soon_threadsafe(_refuse, answer, error)
        except BaseException as error:
            # an exit in it would end the event loop
            told_of = RuntimeError(f"check_enough_func: {error!r}")
            loop.call_soon_threadsafe(_refuse, answer, told_of)
        else:
            loop.call_soon_threadsafe(_answer, answer, told)

    dispatch(function, ask)
    return await answer


def _answer(future: "asyncio.Future[bool]", told: bool) -> None:
    if not future.done():
        future.set_result(told)


def _refuse(future: "asyncio.Future[bool]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


def _check_command(given: object) -> str | None:
    if given is None or given is False:
        return None
    command = g5k_settings().check_deployed_command if given is True else given
    if not isinstance(command, str) or not command.strip():
        raise TypeError(
            f"check_deployed_command: {command!r}: expected shell text, True for the configured"
            " one, or None"
        )
    return command


def _checked_tries(num_tries: object) -> int:
    if isinstance(num_tries, bool) or not isinstance(num_tries, int):
        raise TypeError(f"num_tries: {num_tries!r}: expected a number")
    if num_tries < 0:
        raise ValueError(f"num_tries: {num_tries}: expected 0 or more")
    return num_tries


def _with_out(out: bool, handlers: OutputHandlers, argument: str) -> Sequence[OutputHandler]:
    given = list(output_handlers(handlers, argument))
    return [*given, _Printer()] if out else given


class _Printer(ProcessOutputHandler):
    """Prints what frontends print, each line behind the name of the frontend."""

    def read_line(self, process: ProcessBase, stream: int, string: str) -> None:
        file = sys.stderr if stream == STDERR else sys.stdout
        file.write(f"[{getattr(process, 'frontend', process.name)}] {string}\n")
        file.flush()
