"""Hosts that commands work on: the nodes of jobs, and any others."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from execo.host import Host, unfold_hosts
from execo_g5k.cli._args import JOB
from execo_g5k.cli._jobs import nodes_of
from execo_g5k.jobs import JobRef
from execo_g5k.oar import node_connexion_params


@dataclass(frozen=True)
class Target:
    """Hosts that are connected to in the same way."""

    hosts: tuple[Host, ...]
    params: dict[str, Any]


def on_targets(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name hosts."""
    options = [
        click.option(
            "-j", "--job", "jobs", multiple=True, type=JOB, help="Nodes of a job; repeatable."
        ),
        click.option(
            "--hosts", "folded", multiple=True, metavar="TEXT",
            help="Hosts, such as grisou-[1-4].nancy; repeatable.",
        ),
        click.option("--user", help="Account on --hosts; root on deployed nodes."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def targets(jobs: Sequence[JobRef], folded: Sequence[str], user: str | None) -> list[Target]:
    """Return what is to be worked on; nodes of jobs that wait are waited for.

    Raises:
        click.UsageError: nothing is named.
    """
    if not jobs and not folded:
        raise click.UsageError("on which hosts? -j SITE:ID, or --hosts TEXT")
    if user is not None and not folded:
        raise click.UsageError("--user is the account on --hosts: nodes of a job open to its owner")
    found = []
    if jobs:
        params = node_connexion_params()
        nodes = dict.fromkeys(node for job in jobs for node in nodes_of(job))
        found.append(Target(tuple(nodes), params))
    if folded:
        found.append(Target(tuple(unfolded(folded)), {} if user is None else {"user": user}))
    return found


def unfolded(texts: Iterable[str]) -> list[Host]:
    """Return hosts, given as folded text."""
    return [host for text in texts for host in unfold_hosts(text)]
