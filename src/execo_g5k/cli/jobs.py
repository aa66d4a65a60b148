"""`execo-g5k jobs`."""

from dataclasses import asdict
from typing import Any

import click

from execo import quoting
from execo_g5k.cli._args import SITE, default_sites
from execo_g5k.cli._jobs import (
    TITLES,
    document,
    not_known_of,
    own_jobs,
    row,
    unreached,
    why_silent,
)
from execo_g5k.cli._out import json_option, quiet_library, say, show_json, show_table, warnings_told
from execo_g5k.ledger.left import LeftJob
from execo_g5k.ledger.record import Entry
from execo_g5k.oar import jobs_left

_LEFT_TITLES = ("JOB", "STATE", "START", "NAME", "DIRECTORY", "SCRIPT")


@click.command()
@click.argument("sites", nargs=-1, type=SITE)
@click.option(
    "--mine-left", is_flag=True, help="Only those of scripts that are gone, on all sites."
)
@json_option
@quiet_library
def jobs(sites: tuple[str, ...], mine_left: bool, as_json: bool) -> int:
    """Show your jobs that wait or run, on SITES (default: all that are known here).

    A start behind ~ is the one that OAR predicts. The exit code is 1 when a site does not answer.

    A script that was killed may have left jobs: --mine-left shows them, and which script it was.

    \b
    In Python:
      for job_id, site in jobs_left():
          print(site, job_id)
      for job_id, site in get_current_oar_jobs(["nancy", "lyon"]):
          print(site, job_id, get_oar_job_info(job_id, site)["state"])
    """
    if mine_left:
        return _show_left(as_json=as_json)
    asked = sites or default_sites()
    found, silent = own_jobs(asked)
    if as_json:
        show_json([document(job, info) for job, info in found.items()])
    elif found:
        show_table(TITLES, [row(job, info) for job, info in found.items()])
    elif not silent:
        say(f"no job on {', '.join(asked)}: `execo-g5k submit {asked[0]}` makes one")
    for line in why_silent(silent):
        say(line)
    if len(silent) == len(asked):
        say(unreached())
    return 1 if silent else 0


def _show_left(*, as_json: bool) -> int:
    with warnings_told() as heard:
        left = jobs_left()
    if as_json:
        show_json(
            {
                "jobs": [_left_document(job) for job in left],
                "elsewhere": [_left_document(job) for job in left.elsewhere],
                "undecided": [_cut_document(entry) for entry in left.undecided],
                "unanswered": {site: str(error) for site, error in left.unanswered.items()},
            }
        )
    elif left:
        show_table(_LEFT_TITLES, [_left_row(job) for job in left])
    else:
        say("no script has left a job")
    for line in not_known_of(left):
        say(line)
    if left and not as_json:
        say("`execo-g5k delete --mine-left` deletes them; a script takes them over by its name")
    return 1 if heard.texts else 0


def _left_row(job: LeftJob) -> list[str]:
    name, state, start, *_ = row(job.job, job.info)
    return [name, state, start, job.name or "", job.script.directory or "", job.script.command]


def _cut_document(entry: Entry) -> dict[str, Any]:
    return {
        "site": entry.site,
        "submission_date": entry.submission_date,
        "request": quoting.join(entry.request),
        "script": _script_document(entry),
    }


def _left_document(job: LeftJob) -> dict[str, Any]:
    return {**document(job.job, job.info), "script": _script_document(job)}


def _script_document(of: LeftJob | Entry) -> dict[str, Any]:
    return {"name": of.name, **asdict(of.script)}
