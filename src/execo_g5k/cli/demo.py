"""`execo-g5k demo`."""

import sys
from pathlib import Path

import click

from execo_g5k.cli._inside import INTERRUPTED, as_called, run_to_end
from execo_g5k.cli._out import say
from execo_g5k.sandbox import Sandbox

_SCRIPT = Path(__file__).parent / "scripts" / "first_experiment.py"


@click.command()
@click.option("--show", is_flag=True, help="Print the script, and run nothing.")
def demo(show: bool) -> int:
    """Run a first experiment in a sandbox: two nodes on each of two sites.

    The script is a plain Python script that runs on a frontend of Grid'5000 too.
    """
    if show:
        click.echo(_SCRIPT.read_text(), nl=False)
        return 0
    say("sandbox: starting a Grid'5000 of two sites in one process of this machine")
    # this process is in the sandbox, and so is what it starts
    with Sandbox():
        code = run_to_end([sys.executable, str(_SCRIPT)], {})
    if code != INTERRUPTED:
        called = as_called()
        say(
            f"\nnext:\n  {called} demo --show      the script that you saw running\n"
            f"  {called} sandbox shell    a shell in such a sandbox: `execo-g5k submit nancy`"
        )
    return code
