"""`execo-g5k doctor`: what is wrong with the set-up, and the command that mends it."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from execo._printable import printable_lines
from execo_g5k.cli._args import set_up_sites
from execo_g5k.cli._out import say
from execo_g5k.configuring import BadChoice, checked_sites
from execo_g5k.configuring.choices import own_config_path
from execo_g5k.doctor import Finding, State, examine
from execo_g5k.sandbox.launch import sites_around

_STYLES = {
    State.OK: "green", State.WARNING: "yellow", State.WRONG: "bold red", State.SKIPPED: "dim",
}  # fmt: skip


@click.command()
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="SITE",
    help="A site to ask; may be repeated. Default: those that `configure` was told.",
)
@click.option(
    "--timeout",
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Longest time that a site is given to answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(sites: Sequence[str], timeout: float, as_json: bool) -> None:
    """Check the set-up: ssh, keys, access machine, sites, settings.

    Each line tells what was looked at and how it is; what is wrong comes with the command that
    mends it. The exit code is 0 when nothing is wrong, else 1.
    """
    try:
        names = checked_sites(sites or set_up_sites())
    except BadChoice as error:
        raise click.UsageError(str(error)) from None
    console = Console(highlight=False)
    with _silent_library():
        if as_json:
            findings = examine(names, timeout)
            click.echo(json.dumps(_told(findings), indent=2))
        else:
            findings = examine(names, timeout, lambda finding: _show(console, finding))
            console.print(_summary(findings), soft_wrap=True, markup=False)
            if not own_config_path().exists() and not sites_around(os.environ):
                say("without an account, `execo-g5k sandbox shell` has sites of its own")
    if any(finding.state is State.WRONG for finding in findings):
        raise SystemExit(1)


@contextmanager
def _silent_library() -> Iterator[None]:
    # what it would log of settings, the findings say
    logger = logging.getLogger("execo")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _told(findings: Sequence[Finding]) -> dict[str, object]:
    wrong = any(finding.state is State.WRONG for finding in findings)
    return {"ok": not wrong, "findings": [asdict(finding) for finding in findings]}


def _show(console: Console, finding: Finding) -> None:
    line = Text.assemble(
        (f"{finding.state:8}", _STYLES[finding.state]),
        (finding.check, "bold"),
        f": {printable_lines(finding.what)}",
    )
    # a command that is cut into lines can't be copied
    console.print(line, soft_wrap=True)
    if finding.mend is not None and finding.state is not State.OK:
        console.print(Text.assemble("        ", ("mend it: ", "dim"), finding.mend), soft_wrap=True)


def _summary(findings: Sequence[Finding]) -> str:
    counts = Counter(finding.state for finding in findings)
    told = [f"{counts[state]} {state}" for state in State if counts[state]]
    return ", ".join(told)


if __name__ == "__main__":
    doctor(prog_name="execo-g5k doctor")
