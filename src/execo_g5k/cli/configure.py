"""`execo-g5k configure`: write the set-up, asking before each file."""

import getpass
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from execo._printable import printable_lines
from execo_g5k.cli._args import set_up_sites
from execo_g5k.cli._out import as_unicode, say
from execo_g5k.configuring import BadChoice, Change, Choices, Outcome, remembered
from execo_g5k.configuring import configure as write_setup
from execo_g5k.frontend import local_site
from execo_g5k.sandbox.launch import is_inside

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


@contextmanager
def _silence_told() -> Iterator[None]:
    """Tell that its input ended before all was answered, and exit."""
    try:
        yield
    except click.Abort as error:
        # click makes it of Ctrl-C too, which is told above
        if not isinstance(error.__context__, EOFError):
            raise
        say("\nnobody answered, the rest was left as it is: --yes agrees to all changes")
        raise SystemExit(1) from None


@click.command()
@click.option("--user", metavar="LOGIN", help="Your login on the testbed.")
@click.option("--access", metavar="HOST", help="Access machine (access.grid5000.fr).")
@click.option(
    "--site",
    "sites",
    multiple=True,
    metavar="SITE",
    help="A site that gets the inside key; may be repeated. Default: all.",
)
@click.option(
    "--outside-key",
    metavar="FILE",
    help="Private key that opens the access machine (~/.ssh/id_ed25519).",
)
@click.option(
    "--inside-key",
    metavar="FILE",
    help="Private key for inside, made when it is not there (~/.ssh/g5k_inside).",
)
@click.option("--yes", is_flag=True, help="Agree to all changes.")
@click.option("--dry-run", is_flag=True, help="Show the changes, and write nothing.")
@_silence_told()
def configure(
    user: str | None,
    access: str | None,
    sites: Sequence[str],
    outside_key: str | None,
    inside_key: str | None,
    yes: bool,
    dry_run: bool,
) -> None:
    """Write the set-up: aliases of ssh, ~/.execo.conf.py, the inside key on each site.

    It asks before each file, shows what changes, and keeps a backup. What is chosen here is
    remembered; what is right is left alone, so it can be run again at any time. The exit code is 0,
    or 1 when something could not be done, or nobody answered.
    """
    if is_inside(os.environ):
        raise click.UsageError(
            "this shell is in a sandbox, where nothing is to be set up: leave it, or try"
            " `execo-g5k sandbox shell --laptop`"
        )
    choices = _chosen(
        remembered(), user=user, access=access, sites=tuple(sites) or set_up_sites(),
        outside_key=_full(outside_key), inside_key=_full(inside_key),
    )  # fmt: skip
    if choices.user is None:
        choices = _chosen(choices, user=_user(choices, ask=not yes))
    console = Console(highlight=False)

    def ask(change: Change) -> bool:
        _show(console, change)
        if dry_run or yes:
            return True
        return click.confirm(f"Write {change.where}?", default=False)

    def tell(text: str) -> None:
        console.print(printable_lines(text), markup=False, soft_wrap=True)

    stamp = time.strftime("%Y%m%d-%H%M%S")
    outcome = write_setup(choices, ask, tell, stamp=stamp, dry_run=dry_run)
    tell(_summary(outcome, choices, dry_run=dry_run))
    if any("Permission denied" in why for why in outcome.failed):
        tell(f"is {choices.user} your login? `execo-g5k configure --user LOGIN` chooses another")
    if outcome.failed:
        raise SystemExit(1)


def _chosen(choices: Choices, **options: Any) -> Choices:
    try:
        return choices.chosen(**options)
    except BadChoice as error:
        raise click.UsageError(str(error)) from None


def _full(path: str | None) -> str | None:
    """Return the name of a file that is the same from all directories."""
    return path if not path or path.startswith("~") else os.path.abspath(path)


def _user(choices: Choices, *, ask: bool) -> str:
    here = getpass.getuser()
    if local_site() is not None:
        return here
    if not ask or not sys.stdin.isatty():
        raise click.UsageError("which login have you on the testbed? --user LOGIN")

    def login(typed: str) -> str:
        # what can't be used is told, and asked for again
        return _chosen(choices, user=typed).user or ""

    # nobody is root there
    own = None if here == "root" else here
    answer: str = click.prompt("Your login on the testbed", default=own, value_proc=login)
    return answer


def _show(console: Console, change: Change) -> None:
    console.print(Text.assemble((change.where, "bold"), f": {change.why}"), soft_wrap=True)
    for line in as_unicode(change.diff()).splitlines():
        console.print(Text(f"  {line}", _STYLES.get(line[:1], "")), soft_wrap=True)


def _summary(outcome: Outcome, choices: Choices, *, dry_run: bool) -> str:
    said = []
    if outcome.changed:
        said.append(f"{len(outcome.changed)} {'to write' if dry_run else 'written'}")
    if outcome.refused:
        said.append(f"{len(outcome.refused)} left as they are")
    if outcome.failed:
        said.append(f"{len(outcome.failed)} not done")
    if not said:
        return f"nothing to change, for {choices.user} through {choices.access}"
    return ", ".join(said) + ("; nothing was written" if dry_run else "")


if __name__ == "__main__":
    configure(prog_name="execo-g5k configure")
