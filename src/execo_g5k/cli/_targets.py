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

DEPLOYED_USER = "root"
"""Who has the key of the user on nodes that he has deployed."""

HOW_NODES_OPEN = f"nodes open by their job: -j SITE:ID; deployed nodes by --user {DEPLOYED_USER}"


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
        click.option(
            "--user",
            help=f"Account, by plain ssh; {DEPLOYED_USER} on nodes of deploy jobs when omitted.",
        ),
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
    of_job: dict[Host, None] = {}
    by_ssh: dict[str | None, dict[Host, None]] = {}
    for job in jobs:
        hosts, deploy = nodes_of(job)
        account = user or (DEPLOYED_USER if deploy else None)
        known = of_job if account is None else by_ssh.setdefault(account, {})
        known.update(dict.fromkeys(hosts))
    if folded:
        by_ssh.setdefault(user, {}).update(dict.fromkeys(unfolded(folded)))
    found = [Target(tuple(of_job), node_connexion_params())] if of_job else []
    return found + [
        Target(tuple(hosts), {} if account is None else {"user": account})
        for account, hosts in by_ssh.items()
    ]


def unfolded(texts: Iterable[str]) -> list[Host]:
    """Return hosts, given as folded text."""
    return [host for text in texts for host in unfold_hosts(text)]
