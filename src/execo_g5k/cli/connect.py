"""`execo-g5k connect`."""

from collections.abc import Mapping
from typing import Any

import click

from execo.connexion import SSH_FAILED, ConnexionParams
from execo.host import Host
from execo_g5k.cli._args import JOB, default_sites
from execo_g5k.cli._inside import run_to_end
from execo_g5k.cli._jobs import nodes_of, unreached
from execo_g5k.cli._out import say
from execo_g5k.cli._targets import DEPLOYED_USER, HOW_NODES_OPEN
from execo_g5k.config import SITES, default_frontend_connexion_params
from execo_g5k.jobs import JobRef
from execo_g5k.oar import node_connexion_params


@click.command()
@click.argument("where", metavar="SITE:ID|NODE|SITE")
@click.option("--node", type=click.IntRange(min=1), default=1, help="Which node of the job.")
@click.option(
    "--user", help=f"Account, by plain ssh; {DEPLOYED_USER} for a deploy job when omitted."
)
def connect(where: str, node: int, user: str | None) -> int:
    """Open a shell on a node of a job, on a NODE, or on the frontend of a SITE.

    \b
    In Python, commands go there by:
      SshProcess("uptime", "nancy", default_frontend_connexion_params).run()
      SshProcess("uptime", get_oar_job_nodes(1234, "nancy")[0], node_connexion_params()).run()
    """
    host, params = _way(where, node, user)
    # without a command ssh asks for a terminal there when it has one here
    argv = ConnexionParams.of(params).without_terminal().ssh_argv(host)
    code = run_to_end(argv, {})
    if code == SSH_FAILED:
        say(unreached() if _is_site(where) else HOW_NODES_OPEN)
    return code


def _is_site(where: str) -> bool:
    return where in SITES or where in default_sites()


def _way(where: str, node: int, user: str | None) -> tuple[Host, Mapping[str, Any]]:
    account = {} if user is None else {"user": user}
    if _is_site(where):
        return Host(where), {**default_frontend_connexion_params, **account}
    if ":" in where:
        job: JobRef = JOB(where)
        hosts, deploy = nodes_of(job)
        if node > len(hosts):
            raise ValueError(f"--node {node}: {where} has {len(hosts)} nodes")
        if deploy and user is None:
            account = {"user": DEPLOYED_USER}
        return hosts[node - 1], account or node_connexion_params()
    if user is not None:
        return Host(where), account
    return Host(where), node_connexion_params()
