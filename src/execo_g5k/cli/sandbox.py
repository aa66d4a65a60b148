"""`execo-g5k sandbox`: a Grid'5000 on this machine, from the shell."""

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from execo import quoting
from execo_g5k.cli._inside import run_to_end
from execo_g5k.cli._out import json_option, say, show_json, show_table
from execo_g5k.sandbox import laptop as laptops
from execo_g5k.sandbox import launch
from execo_g5k.sandbox.model.kadeploy.workflow import FAMILIES, RECENT
from execo_g5k.sandbox.model.platform import Sites
from execo_g5k.sandbox.sandbox import DEFAULT_SITES, Sandbox, environment
from execo_g5k.sandbox.servers.places import Directory
from execo_g5k.sandbox.servers.processes import MARK, kill_commands, own_user

_CLUSTER = re.compile(r"([a-z0-9]+):(\d+)", re.IGNORECASE)
_EXAMPLE = "nancy=grisou:4,gros:8"
_BASHRC = Path(__file__).parent / "scripts" / "sandbox.bashrc"

_FEATURES = {
    "oargrid": "With OARGrid on the frontends.",
    "vlans": "With vlans that jobs can reserve.",
    "subnets": "With subnets that jobs can reserve.",
    "outside": "As seen from outside: the access machine alone answers.",
}


def _told(sites: Sites) -> str:
    return " ".join(
        f"{site}={','.join(f'{name}:{nodes}' for name, nodes in clusters.items())}"
        for site, clusters in sites.items()
    )


class _SiteParam(click.ParamType[tuple[str, dict[str, int]]]):
    name = _EXAMPLE

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, dict[str, int]]:
        site, equals, clusters = str(value).partition("=")
        found = [_CLUSTER.fullmatch(cluster) for cluster in clusters.split(",")]
        if not (site and equals and all(found)):
            self.fail(f"{value}: expected such as {_EXAMPLE}", param, ctx)
        return site, {match[1]: int(match[2]) for match in found if match}


def _made_of_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of a new sandbox."""
    options = [
        click.option(
            "--site",
            "sites",
            multiple=True,
            type=_SiteParam(),
            help="A site, its clusters and how many nodes they have; may be repeated"
            f" (default: {_told(DEFAULT_SITES)}).",
        ),
        click.option("--speed", type=float, default=1.0, help="How fast its clock runs."),
        *(click.option(f"--{name}", is_flag=True, help=text) for name, text in _FEATURES.items()),
        click.option(
            "--kadeploy", type=click.Choice(FAMILIES), default=RECENT, help="Its Kadeploy."
        ),
        click.option(
            "--deploy-time", type=float, default=2.0, metavar="SECONDS", help="Of a deployment."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


_laptop_option: Callable[[Any], Any] = click.option(
    "--laptop",
    is_flag=True,
    help="On a laptop outside, where nothing is set up; its home is thrown away.",
)


def _sandbox(sites: tuple[tuple[str, dict[str, int]], ...], **options: Any) -> Sandbox:
    return Sandbox(dict(sites) or None, **options)


def _variables(directory: Directory, *, on_laptop: bool) -> dict[str, str]:
    """Return what makes a program run in a sandbox, or on a laptop outside of it."""
    if not on_laptop:
        return _with_own_programs(environment(directory))
    variables = laptops.environment(directory, directory.path / "laptop-home")
    # what the shell of the user is set up with is elsewhere
    elsewhere = {"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": "", "SSH_AUTH_SOCK": ""}
    return _with_own_programs({**variables, **elsewhere})


def _with_own_programs(variables: dict[str, str]) -> dict[str, str]:
    """Return variables by which scripts find this package, and shells this program."""
    own = str(Path(sys.executable).parent)
    first, *others = variables["PATH"].split(os.pathsep)
    path = [first, *others] if own in others else [first, own, *others]
    return {**variables, "PATH": os.pathsep.join(path)}


@click.group()
def sandbox() -> None:
    """A Grid'5000 on this machine, to try things on: no root, no network, no account."""


# --- one for a command


@sandbox.command(context_settings={"ignore_unknown_options": True})
@_made_of_options
@_laptop_option
@click.argument("words", nargs=-1, required=True, metavar="COMMAND...", type=click.UNPROCESSED)
def run(words: tuple[str, ...], laptop: bool, outside: bool, **options: Any) -> int:
    """Run a command in a sandbox of its own, and end it."""
    own = _sandbox(**options, outside=outside or laptop)
    say(f"sandbox: starting {_told(_numbers(own))}")
    own.start()
    try:
        return run_to_end(list(words), _variables(own.directory, on_laptop=laptop))
    finally:
        own.stop()
        say("sandbox: ended")


def _numbers(sandbox: Sandbox) -> Sites:
    return {
        site: {name: cluster.nodes for name, cluster in clusters.items()}
        for site, clusters in sandbox.sites.items()
    }


@sandbox.command()
@_made_of_options
@_laptop_option
def shell(laptop: bool, outside: bool, **options: Any) -> int:
    """Open a shell in the sandbox (in a new one if none was started)."""
    directory = _started()
    if directory.control.exists():
        if laptop and not json.loads(directory.settings.read_text())["features"]["outside"]:
            raise launch.SandboxError(
                "a laptop is outside: `execo-g5k sandbox stop`, then `start --outside`"
            )
        return _shell_in(directory, on_laptop=laptop)
    own = _sandbox(**options, outside=outside or laptop).start()
    try:
        return _shell_in(own.directory, on_laptop=laptop)
    finally:
        own.stop()


def _shell_in(directory: Directory, *, on_laptop: bool) -> int:
    program = os.environ.get("SHELL", "/bin/sh")
    variables = _variables(directory, on_laptop=on_laptop)
    if on_laptop:
        say(
            "sandbox: a laptop on which nothing is set up: `execo-g5k configure --user"
            f" {own_user()}`, then `execo-g5k doctor`; `exit` leaves it"
        )
    else:
        _welcome(directory)
    variables["SANDBOX_PLACE"] = "laptop" if on_laptop else "sandbox"
    # the prompt of bash tells the place; other shells have no option for it
    own = ["--rcfile", str(_BASHRC)] if os.path.basename(program) == "bash" else []
    return run_to_end([program, *own], variables)


def _welcome(directory: Directory) -> None:
    hosts = launch.ask(directory, do="status")["hosts"]
    site, *others = [host["site"] for host in hosts if host["kind"] == "frontend"]
    say(
        f"sandbox: its sites are {', '.join([site, *others])}; try `execo-g5k submit {site}`, or"
        f" `ssh {site}`; `exit` leaves it"
    )


# --- one that stays


def _started() -> Directory:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Directory(Path(state) / "execo-g5k" / "sandbox")


@sandbox.command()
@_made_of_options
def start(**options: Any) -> None:
    """Start a sandbox that stays."""
    directory = _started()
    if directory.control.exists():
        try:
            launch.ask(directory, do="status")
        except launch.SandboxError:
            launch.remove(directory)
        else:
            raise launch.SandboxError("a sandbox runs already: `execo-g5k sandbox stop` ends it")
    launch.remove(directory)
    _sandbox(directory=directory.path, **options).start_to_stay()
    say("sandbox: started; `execo-g5k sandbox shell` enters it, `stop` ends it")


@sandbox.command()
def env() -> None:
    """Print what puts a shell into the sandbox that was started: eval "$(... env)"."""
    directory = _started()
    if not directory.control.exists():
        raise launch.SandboxError("no sandbox was started: `execo-g5k sandbox start` starts one")
    for name, value in _variables(directory, on_laptop=False).items():
        click.echo(f"export {name}={quoting.quote(value)}")


@sandbox.command()
@json_option
def status(as_json: bool) -> int:
    """Show the sandbox that was started. The exit code is 1 when there is none."""
    directory = _started()
    runs = directory.control.exists()
    answer = launch.ask(directory, do="status") if runs else {}
    if as_json:
        show_json({"runs": runs, "directory": str(directory.path) if runs else None, **answer})
    elif runs:
        click.echo(f"the sandbox runs (process {answer['pid']}), its files are in {directory.path}")
        hosts = answer["hosts"]
        show_table(
            ["KIND", "ADDRESS", "NAME"], [[h["kind"], h["address"], h["name"]] for h in hosts]
        )
    else:
        click.echo("no sandbox was started: `execo-g5k sandbox start` starts one")
    return 0 if runs else 1


@sandbox.command()
def stop() -> None:
    """End the sandbox that was started."""
    directory = _started()
    if not directory.control.exists():
        say("no sandbox was started")
        return
    said = "ended"
    try:
        launch.stop(directory)
    except launch.SandboxError:
        said = "it had died; what it left is deleted"
    kill_commands(directory)
    launch.remove(directory)
    say(f"sandbox: {said}")
    if os.environ.get(MARK) == str(directory.path):
        say("this shell was in it: open another one")
