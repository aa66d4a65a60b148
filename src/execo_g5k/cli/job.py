"""`execo-g5k job`."""

from typing import Any

import click

from execo.times import format_date, format_seconds
from execo_g5k.cli._args import JOB, told
from execo_g5k.cli._jobs import document, hosts_of, printable
from execo_g5k.cli._out import json_option, quiet_library, show_json
from execo_g5k.jobs import JobInfo, JobRef
from execo_g5k.oar import get_oar_job_info

_DATES = ("submission_date", "scheduled_start", "start_date", "stop_date")
_DURATIONS = ("walltime",)
_LEFT_OUT = ("job_id", "duration", "resources", "events")
"""What is said otherwise."""


@click.command()
@click.argument("job", type=JOB)
@json_option
@quiet_library
def job(job: JobRef, as_json: bool) -> None:
    """Show all that is known of a JOB (SITE:ID).

    \b
    In Python:
      print(get_oar_job_info(1234, "nancy"))
    """
    info = get_oar_job_info(*job)
    if as_json:
        show_json(document(job, info))
        return
    width = max(map(len, info))
    click.echo(f"{'job':{width}}  {told(job)}")
    for key, value in info.items():
        if value not in (None, "None", "", []) and key not in _LEFT_OUT:
            click.echo(f"{key:{width}}  {_told(info, key, value)}")
    for event in info.events or ():
        click.echo(f"{'event':{width}}  {format_date(event['date'])}  {event['description']}")


def _told(info: JobInfo, key: str, value: Any) -> str:
    if key in _DATES:
        return format_date(value)
    if key in _DURATIONS:
        return format_seconds(value)
    if key == "hosts":
        return hosts_of(info)
    return printable(", ".join(map(str, value)) if isinstance(value, list) else str(value))
