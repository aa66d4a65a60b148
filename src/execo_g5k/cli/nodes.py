"""`execo-g5k nodes`."""

import click

from execo.errors import Error
from execo.host import fold_hosts
from execo_g5k.cli._args import DURATION, jobs_argument, told
from execo_g5k.cli._jobs import nodes_of
from execo_g5k.cli._out import json_option, quiet_library, say, show_json
from execo_g5k.jobs import JobRef


@click.command()
@jobs_argument
@click.option("--fold", is_flag=True, help="Print them as short text, such as grisou-[1-4].nancy.")
@click.option("--timeout", type=DURATION, help="Longest wait for the start; none when omitted.")
@json_option
@quiet_library
def nodes(jobs: tuple[JobRef, ...], fold: bool, timeout: float | None, as_json: bool) -> int:
    """Print the nodes of JOBS (SITE:ID), once they run: one a line.

    The exit code is 1 when those of a job are not to be had: the others are printed.

    \b
    In Python:
      for node in get_oar_job_nodes(1234, "nancy"):
          print(node)
    """
    found: dict[str, list[str]] = {}
    failed = False
    for job in jobs:
        try:
            found[told(job)] = list(map(str, nodes_of(job, timeout).hosts))
        except Error as error:
            say(f"{told(job)}: {error}")
            failed = True
    names = [name for names in found.values() for name in names]
    if as_json:
        show_json(found)
    elif fold and names:
        click.echo(fold_hosts(names))
    elif names:
        click.echo("\n".join(names))
    return 1 if failed else 0
