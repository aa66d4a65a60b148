"""`execo-g5k delete`."""

import click

from execo_g5k.cli._args import JOB, SITE, told
from execo_g5k.cli._jobs import own_jobs, why_silent
from execo_g5k.cli._out import json_option, say, show_json, warnings_told
from execo_g5k.jobs import JobRef
from execo_g5k.oar import oardel


@click.command()
@click.argument("jobs", nargs=-1, type=JOB)
@click.option("--all", "sites", multiple=True, type=SITE, help="All jobs of a site; repeatable.")
@json_option
def delete(jobs: tuple[JobRef, ...], sites: tuple[str, ...], as_json: bool) -> int:
    """Delete JOBS (SITE:ID). What has ended already is no error.

    The exit code is 1 when some may be left: a site does not answer.

    \b
    In Python:
      oardel([(1234, "nancy")])
    """
    if not jobs and not sites:
        raise click.UsageError("which jobs? SITE:ID, or --all SITE")
    others, silent = own_jobs(sites) if sites else ({}, {})
    wanted = list(dict.fromkeys([*jobs, *others]))
    with warnings_told() as heard:
        oardel(wanted)
    if as_json:
        show_json([told(job) for job in wanted])
    elif wanted:
        click.echo(f"asked to delete: {', '.join(map(told, wanted))}")
    else:
        say("no job to delete")
    for line in why_silent(silent.items()):
        say(line)
    return 1 if silent or heard.texts else 0
