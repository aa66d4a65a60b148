"""`execo-g5k job`."""

import click

from execo.times import format_date
from execo_g5k.cli._args import JOB, told
from execo_g5k.cli._jobs import document
from execo_g5k.cli._out import json_option, quiet_library, show_json
from execo_g5k.jobs import JobRef
from execo_g5k.oar import get_oar_job_info


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
    words = info.in_words()
    width = max(map(len, words))
    click.echo(f"{'job':{width}}  {told(job)}")
    for key, text in words.items():
        click.echo(f"{key:{width}}  {text}")
    for event in info.events or ():
        click.echo(f"{'event':{width}}  {format_date(event['date'])}  {event['description']}")
