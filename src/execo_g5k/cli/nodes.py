"""`execo-g5k nodes`."""

import click

from execo.host import fold_hosts
from execo_g5k.cli._args import DURATION, jobs_argument, told
from execo_g5k.cli._jobs import nodes_of
from execo_g5k.cli._out import json_option, quiet_library, show_json
from execo_g5k.jobs import JobRef


@click.command()
@jobs_argument
@click.option("--fold", is_flag=True, help="Print them as short text, such as grisou-[1-4].nancy.")
@click.option("--timeout", type=DURATION, help="Longest wait for the start; none when omitted.")
@json_option
@quiet_library
def nodes(jobs: tuple[JobRef, ...], fold: bool, timeout: float | None, as_json: bool) -> None:
    """Print the nodes of JOBS (SITE:ID), once they run: one a line.

    \b
    In Python:
      for node in get_oar_job_nodes(1234, "nancy"):
          print(node)
    """
    found = {told(job): list(map(str, nodes_of(job, timeout).hosts)) for job in jobs}
    names = [name for names in found.values() for name in names]
    if as_json:
        show_json(found)
    elif fold:
        click.echo(fold_hosts(names))
    else:
        click.echo("\n".join(names))
