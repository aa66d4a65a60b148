"""`execo-g5k submit`."""

import sys
from collections.abc import Sequence
from typing import Any

import click

from execo import quoting
from execo.errors import Error
from execo_g5k.cli._args import SITE, told
from execo_g5k.cli._jobs import document, unreached
from execo_g5k.cli._out import json_option, say, show_json, warnings_told
from execo_g5k.config import job_key_file
from execo_g5k.frontend import resolve_site
from execo_g5k.jobs import JobRef
from execo_g5k.ledger.book import forget
from execo_g5k.oar import (
    OarSubmission,
    get_oar_job_info,
    oardel,
    oarsub,
    oarsubgrid,
)
from execo_g5k.submission import oarsub_argv


@click.command()
@click.argument("sites", nargs=-1, required=True, type=SITE)
@click.option("-l", "--resources", metavar="TEXT", help="Such as nodes=2 (OAR's default: 1 node).")
@click.option("-w", "--walltime", metavar="H:M:S", help="Longest time that it may run.")
@click.option("-t", "--type", "types", multiple=True, help="Job type, such as deploy; repeatable.")
@click.option("-p", "--properties", metavar="SQL", help="Condition on the nodes.")
@click.option("-q", "--queue", metavar="NAME", help="Queue.")
@click.option("-r", "--reservation", metavar="DATE", help="Start: 'YYYY-MM-DD hh:mm:ss'.")
@click.option("-n", "--name", help="Name of the job.")
@click.option("--project", help="Project.")
@click.option("--command", "text", metavar="TEXT", help="What it runs; omitted: it sleeps.")
@click.option("--all-or-nothing", is_flag=True, help="Keep no job when a site refuses.")
@click.option("--dry-run", is_flag=True, help="Print the command of oarsub, and submit nothing.")
@json_option
def submit(
    sites: tuple[str, ...],
    all_or_nothing: bool,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Submit the same job to SITES, all at once, and print SITE:ID of each.

    The exit code is 1 when a site refuses. Ctrl-C deletes what was submitted.

    \b
    In Python:
      oarsub([(OarSubmission("nodes=2", walltime="1:0:0"), "nancy")])
    """
    submission = _submission(**options)
    if dry_run:
        command = quoting.join(oarsub_argv(submission, job_key_file=job_key_file()))
        if as_json:
            show_json({"command": command})
        else:
            click.echo(command)
        return 0
    make = oarsubgrid if all_or_nothing else oarsub
    with warnings_told() as heard:
        made = make([(submission, site) for site in sites])
    jobs = [JobRef(job_id, site) for job_id, site in made if job_id is not None]
    _hand_over(jobs, as_json=as_json)
    if jobs:
        names = " ".join(map(told, jobs))
        steps = [f"wait {names}", f"delete {names}"]
        if "deploy" in options["types"]:
            steps.insert(1, f"deploy {' '.join(f'-j {told(job)}' for job in jobs)} --env NAME")
        say(f"next: {', '.join(f'`execo-g5k {step}`' for step in steps)}")
    elif any(" ssh: " in text for text in heard.texts):
        say(unreached())
    return 0 if len(jobs) == len(sites) else 1


def _hand_over(jobs: Sequence[JobRef], *, as_json: bool) -> None:
    """Tell the user of his jobs; those that can't be told are deleted."""
    try:
        if as_json:
            show_json([_document(job) for job in jobs])
        else:
            for job in jobs:
                click.echo(told(job))
        sys.stdout.flush()
    except BaseException:
        say(f"deleting {' '.join(map(told, jobs))}: nobody was told of them")
        oardel(jobs)
        raise
    for job_id, site in jobs:
        # from now on it is the user's, and not left by this program
        forget(resolve_site(site), [job_id])


def _document(job: JobRef) -> dict[str, Any]:
    try:
        return document(job, get_oar_job_info(*job))
    except Error as error:
        say(f"{told(job)}: {error}")
        return {"site": job.frontend, "job_id": job.job_id}


def _submission(**options: Any) -> OarSubmission:
    return OarSubmission(
        resources=options["resources"],
        walltime=options["walltime"],
        job_type=list(options["types"]) or None,
        sql_properties=options["properties"],
        queue=options["queue"],
        reservation_date=options["reservation"],
        project=options["project"],
        name=options["name"],
        command=options["text"],
    )
