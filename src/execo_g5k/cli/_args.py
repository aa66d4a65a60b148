"""Arguments that commands share: jobs, sites, durations."""

import os
from collections.abc import Callable
from typing import Any

import click
from click.shell_completion import CompletionItem

from execo_g5k.jobs import JobRef


class JobParam(click.ParamType[JobRef]):
    """A job, written SITE:ID; ID alone stands for one of the default site."""

    name = "SITE:ID"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> JobRef:
        """Return the job."""
        if isinstance(value, JobRef):
            return value
        site, colon, number = str(value).rpartition(":")
        if not (number.isascii() and number.isdecimal() and int(number)) or (colon and not site):
            self.fail(f"{value!r} is no job: expected SITE:ID, such as nancy:1234", param, ctx)
        return JobRef(int(number), site or None)


class SiteParam(click.ParamType[str]):
    """The name of a site."""

    name = "SITE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name."""
        _, _, number = str(value).partition(":")
        if number.isdecimal():
            self.fail(f"{value} is a job: `execo-g5k job {value}` shows it", param, ctx)
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Return the sites that begin so."""
        return [CompletionItem(name) for name in default_sites() if name.startswith(incomplete)]


class DurationParam(click.ParamType[float]):
    """Seconds, or H:M:S."""

    name = "DURATION"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return seconds."""
        from execo.times import get_seconds

        try:
            return float(get_seconds(value))
        except (TypeError, ValueError):
            self.fail(f"{value!r} is no duration: expected seconds, or H:M:S", param, ctx)


JOB, SITE, DURATION = JobParam(), SiteParam(), DurationParam()

jobs_argument: Callable[[Any], Any] = click.argument("jobs", nargs=-1, required=True, type=JOB)

timeout_option: Callable[[Any], Any] = click.option(
    "--timeout", type=DURATION, help="Longest time; none when it is omitted."
)


def told(job: JobRef) -> str:
    """Return how a job is written on the command line."""
    return f"{job.frontend}:{job.job_id}" if job.frontend else str(job.job_id)


def set_up_sites() -> tuple[str, ...]:
    """Return the sites for which a machine is set up: those of a sandbox, or that were chosen."""
    from execo_g5k.configuring import remembered
    from execo_g5k.configuring.choices import own_config_path
    from execo_g5k.sandbox.launch import sites_around

    around = () if own_config_path().exists() else sites_around(os.environ)
    return around or remembered().sites


def default_sites() -> tuple[str, ...]:
    """Return the sites that are asked when none is named.

    In a sandbox all of its sites; elsewhere that of this machine, or the configured one, or those
    that `configure` was told.
    """
    from execo_g5k.config import g5k_settings
    from execo_g5k.frontend import local_site
    from execo_g5k.sandbox.launch import sites_around

    around = sites_around(os.environ)
    if around:
        return around
    one = local_site() or g5k_settings().default_frontend
    if one is not None:
        return (one,)
    from execo_g5k.configuring import remembered

    return remembered().sites
