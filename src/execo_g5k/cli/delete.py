"""`execo-g5k delete`."""

import click

from execo._engine.loop import blocking
from execo_g5k.cli._args import JOB, SITE, told
from execo_g5k.cli._jobs import not_known_of, own_jobs, why_silent
from execo_g5k.cli._out import json_option, say, show_json, warnings_told
from execo_g5k.frontend import resolve_site
from execo_g5k.jobs import JobRef
from execo_g5k.oar import jobs_left
from execo_g5k.parse.oardel import Deletion
from execo_g5k.reserve import Deletions, oardel_told


@click.command()
@click.argument("jobs", nargs=-1, type=JOB)
@click.option("--all", "sites", multiple=True, type=SITE, help="All jobs of a site; repeatable.")
@click.option("--mine-left", is_flag=True, help="Those of scripts that are gone.")
@json_option
def delete(jobs: tuple[JobRef, ...], sites: tuple[str, ...], mine_left: bool, as_json: bool) -> int:
    """Delete JOBS (SITE:ID). What has ended already is no error.

    The exit code is 1 when some may be left: a site does not answer, or OAR refuses.

    \b
    In Python:
      oardel([(1234, "nancy")])
    """
    if not jobs and not sites and not mine_left:
        raise click.UsageError("which jobs? SITE:ID, --all SITE, or --mine-left")
    others, silent = own_jobs(sites) if sites else ({}, {})
    with warnings_told() as heard:
        left = jobs_left() if mine_left else None
        wanted = list(dict.fromkeys([*jobs, *others, *(job.job for job in left or ())]))
        answers = blocking(oardel_told)(wanted)
    noted = [job for job in wanted if resolve_site(job.frontend) in answers]
    refused = [job for job in noted if _is_refused(job, answers)]
    asked = [job for job in noted if job not in refused]
    if as_json:
        show_json([told(job) for job in asked])
    elif asked:
        click.echo(f"asked to delete: {', '.join(map(told, asked))}")
    elif not wanted:
        say("no job to delete")
    doubts = [*why_silent(silent), *(not_known_of(left) if left is not None else ())]
    doubts += [f"{told(job)}: refused: it is another user's, or there is none" for job in refused]
    for line in doubts:
        say(line)
    return 1 if doubts or heard.texts else 0


def _is_refused(job: JobRef, answers: Deletions) -> bool:
    return answers[resolve_site(job.frontend)].get(job.job_id) is Deletion.REFUSED
