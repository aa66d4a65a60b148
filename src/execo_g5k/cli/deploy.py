"""`execo-g5k deploy`."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from execo import quoting
from execo.host import Host, fold_hosts
from execo_g5k.cli._args import JOB, timeout_option, told
from execo_g5k.cli._jobs import nodes_of
from execo_g5k.cli._out import console, is_terminal, json_option, say, show_json, warnings_told
from execo_g5k.cli._targets import DEPLOYED_USER, unfolded
from execo_g5k.jobs import JobRef
from execo_g5k.kadeploy import Deployment, KadeployProgress
from execo_g5k.kadeploy import deploy as deploy_hosts
from execo_g5k.tries import Deployed

if TYPE_CHECKING:
    from rich.table import Table


@click.command()
@click.option("-j", "--job", "jobs", multiple=True, type=JOB, help="Nodes of a job; repeatable.")
@click.option(
    "--hosts", "folded", multiple=True, metavar="TEXT", help="Nodes, such as grisou-[1-4].nancy."
)
@click.option("--env", metavar="NAME", help="Environment, such as debian12-min.")
@click.option("--env-file", metavar="FILE", help="Description of an environment, on the frontend.")
@click.option("--env-user", metavar="LOGIN", help="Whose environment it is.")
@click.option("--vlan", type=int, help="Vlan for the nodes.")
@click.option("--tries", type=click.IntRange(min=1), default=1, help="How often a node is tried.")
@click.option("--again", is_flag=True, help="Deploy also what a check finds deployed already.")
@timeout_option
@json_option
def deploy(
    jobs: tuple[JobRef, ...],
    folded: tuple[str, ...],
    env: str | None,
    env_file: str | None,
    env_user: str | None,
    vlan: int | None,
    tries: int,
    again: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Deploy an environment on nodes that are not deployed yet, whatever runs on the others.

    Nodes need a job of type deploy. The exit code is 0 when all are deployed, else 1.

    \b
    In Python:
      nodes = get_oar_job_nodes(1234, "nancy")
      deployed, undeployed = deploy(Deployment(nodes, env_name="debian12-min"), num_tries=2)
    """
    if not jobs and not folded:
        raise click.UsageError("which nodes? -j SITE:ID, or --hosts TEXT")
    nodes = [node for job in jobs for node in _nodes_of(job)] + unfolded(folded)
    deployment = Deployment(nodes, env_file, env, env_user, vlan)
    with _shown(nodes, live=is_terminal()) as progress, warnings_told():
        result = deploy_hosts(
            deployment,
            check_deployed_command=not again,
            num_tries=tries,
            deploy_timeout=timeout,
            progress=progress,
        )
    _show(result, as_json=as_json)
    if result.deployed:
        on = [f"-j {told(job)}" for job in jobs]
        on += [f"--hosts {quoting.quote(text)}" for text in folded]
        account = f" --user {DEPLOYED_USER}" if folded else ""
        say(f"next: `execo-g5k run {' '.join(on)}{account} hostname`")
    return 1 if result.undeployed else 0


def _nodes_of(job: JobRef) -> list[Host]:
    hosts, deploy = nodes_of(job)
    if not deploy:
        raise ValueError(
            f"{told(job)} is no deploy job, its nodes can't be deployed: `execo-g5k submit"
            f" {job.frontend or 'SITE'} -t deploy` makes one"
        )
    return hosts


def _show(result: Deployed, *, as_json: bool) -> None:
    if as_json:
        show_json(
            {
                "deployed": sorted(map(str, result.deployed)),
                "deployed_before": sorted(map(str, _deployed_before(result))),
                "undeployed": {str(node): result.errors.get(node) for node in result.undeployed},
                "tries": len(result.tries),
            }
        )
        return
    before = _deployed_before(result)
    if before:
        click.echo(f"deployed before, maybe otherwise: {fold_hosts(before)} (--again deploys them)")
    if result.deployed - before:
        click.echo(f"deployed: {fold_hosts(result.deployed - before)}")
    by_reason: dict[str, list[Host]] = {}
    for node in result.undeployed:
        by_reason.setdefault(result.errors.get(node, "not tried"), []).append(node)
    for reason, nodes in by_reason.items():
        click.echo(f"not deployed: {fold_hosts(nodes)}: {reason}")


def _deployed_before(result: Deployed) -> frozenset[Host]:
    checks = [one.deployed for one in result.tries if one.number == 0]
    return frozenset().union(*checks)


@contextlib.contextmanager
def _shown(nodes: Sequence[Host], *, live: bool) -> Iterator[Callable[[KadeployProgress], object]]:
    """Show the steps of nodes: as a table that changes, or line by line."""
    if not live:
        yield _tell
        return
    from rich.live import Live

    steps: dict[Host, str] = dict.fromkeys(nodes, "")

    def note(progress: KadeployProgress) -> None:
        words = (progress.state.value, progress.macro, progress.micro, progress.detail)
        steps.update(dict.fromkeys(progress.hosts, " ".join(filter(None, words))))

    picture = Live(
        get_renderable=lambda: _picture(dict(steps)), console=console(err=True), transient=True
    )
    with picture:
        yield note


def _tell(progress: KadeployProgress) -> None:
    if progress.micro is None:
        say(str(progress))


def _picture(steps: dict[Host, Any]) -> "Table":
    """Return the table of nodes and their steps; nodes in the same step share a line."""
    from rich.table import Table

    by_step: dict[str, list[Host]] = {}
    for node, step in steps.items():
        by_step.setdefault(step, []).append(node)
    table = Table("NODES", "STEP", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for step, nodes in by_step.items():
        table.add_row(fold_hosts(nodes), step or "waits")
    return table
