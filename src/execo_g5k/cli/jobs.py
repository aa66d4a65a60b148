"""`execo-g5k jobs`."""

import click

from execo_g5k.cli._args import SITE, default_sites
from execo_g5k.cli._jobs import TITLES, document, own_jobs, row, why_silent
from execo_g5k.cli._out import json_option, quiet_library, say, show_json, show_table

_NOBODY = (
    "no site answered: `execo-g5k doctor` tells why, `execo-g5k sandbox shell` has sites of its own"
)


@click.command()
@click.argument("sites", nargs=-1, type=SITE)
@json_option
@quiet_library
def jobs(sites: tuple[str, ...], as_json: bool) -> int:
    """Show your jobs that wait or run, on SITES (default: all that are known here).

    A start behind ~ is the one that OAR predicts. The exit code is 1 when a site does not answer.

    \b
    In Python:
      for job_id, site in get_current_oar_jobs(["nancy", "lyon"]):
          print(site, job_id, get_oar_job_info(job_id, site)["state"])
    """
    asked = sites or default_sites()
    found, silent = own_jobs(asked)
    if as_json:
        show_json([document(job, info) for job, info in found.items()])
    elif found:
        show_table(TITLES, [row(job, info) for job, info in found.items()])
    elif not silent:
        say(f"no job on {', '.join(asked)}: `execo-g5k submit {asked[0]}` makes one")
    for line in why_silent(silent.items()):
        say(line)
    if len(silent) == len(asked):
        say(_NOBODY)
    return 1 if silent else 0
