"""`execo-g5k copy`."""

import os
from collections.abc import Sequence
from typing import Any

import click

from execo.chainput import ChainPut
from execo.grouping import group_outputs
from execo.host import fold_hosts
from execo.taktuk_copy import TaktukGet, TaktukPut
from execo.transfer import Get, Put
from execo_g5k.cli._args import timeout_option
from execo_g5k.cli._out import json_option, quiet_library, say, show_json
from execo_g5k.cli._targets import on_targets, targets
from execo_g5k.cli._together import run_together
from execo_g5k.jobs import JobRef

_TO = {"scp": Put, "tree": TaktukPut, "chain": ChainPut}
_FROM = {"scp": Get, "tree": TaktukGet}


@click.command()
@on_targets
@click.option("--get", "back", is_flag=True, help="Copy from hosts: to a directory for each.")
@click.option(
    "--with",
    "tool",
    type=click.Choice(list(_TO)),
    default="scp",
    show_default=True,
    help="One scp each; a tree, for many hosts; a chain from host to host, for big files.",
)
@timeout_option
@json_option
@click.argument("files", nargs=-1, required=True)
@click.argument("destination")
@quiet_library
def copy(
    jobs: tuple[JobRef, ...],
    folded: tuple[str, ...],
    user: str | None,
    back: bool,
    tool: str,
    timeout: float | None,
    as_json: bool,
    files: tuple[str, ...],
    destination: str,
) -> int:
    """Copy FILES to DESTINATION on hosts, all at once, or with --get from them.

    With --get, the files of a host come to DESTINATION/NAME-OF-THE-HOST/. {{{host}}} stands for the
    name of each host in all names. The exit code is 0 when all copies succeed, else 1.

    \b
    In Python:
      nodes = get_oar_job_nodes(1234, "nancy")
      Put(nodes, ["input"], "/tmp", node_connexion_params()).run()
      Get(nodes, ["/tmp/output"], "results/{{{host}}}/", node_connexion_params()).run()
    """
    kinds: dict[str, Any] = _FROM if back else _TO
    if tool not in kinds:
        raise click.UsageError(f"--with {tool} copies to hosts only: leave --get, or take another")
    if not back:
        _refuse_missing(files)
    place = f"{destination.rstrip('/') or '/'}/{{{{{{host}}}}}}/" if back else destination
    options = {"timeout": timeout}
    on = targets(jobs, folded, user)
    actions = [kinds[tool](t.hosts, files, place, t.params, options) for t in on]
    processes = run_together(actions, "copying")
    failed = [group for group in group_outputs(processes) if group.failure]
    done = [process.host for process in processes if process.ok and process.host is not None]
    if as_json:
        show_json(
            {
                "ok": not failed,
                "hosts": [
                    {"host": str(p.host), "ok": p.ok, "error": p.error_reason, "stderr": p.stderr}
                    for p in processes
                ],
            }
        )
    elif done:
        click.echo(f"copied {'from' if back else 'to'} {fold_hosts(done)}")
    for group in failed:
        say(str(group))
    return 1 if failed else 0


def _refuse_missing(files: Sequence[str]) -> None:
    for file in files:
        # in what differs from host to host, the copy to each of them tells
        if "{{" not in file and not os.path.exists(file):
            raise ValueError(f"{file!r}: there is no such file here")
