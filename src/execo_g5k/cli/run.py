"""`execo-g5k run`."""

import os
import uuid
from collections.abc import Sequence
from typing import Any

import click

from execo import quoting
from execo.config import configuration
from execo.grouping import OutputGroup, group_outputs
from execo.host import fold_hosts
from execo.process import ProcessBase
from execo.remote import Remote
from execo.taktuk import TaktukRemote
from execo.transfer import Put
from execo_g5k.cli._args import timeout_option
from execo_g5k.cli._out import as_unicode, json_option, quiet_library, say, show_json
from execo_g5k.cli._targets import HOW_NODES_OPEN, Target, on_targets, targets
from execo_g5k.cli._together import run_together
from execo_g5k.jobs import JobRef

# the shell alone is told that the connexion is gone, and hears it only while it waits
_RUN_SCRIPT = """\
script=$1; shift
trap 'rm -f "$script"' EXIT
trap "trap '' HUP; kill -HUP 0; exit 129" HUP INT TERM
chmod u+x "$script" || exit
"$script" "$@" <&0 &
wait $!
"""


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@on_targets
@click.option(
    "--script",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Copy a script and run it there, with COMMAND as its arguments.",
)
@timeout_option
@click.option("--fanout", type=click.IntRange(min=1), help="How many run at once.")
@click.option("--tree", is_flag=True, help="Connect through TakTuk: one tree for thousands.")
@json_option
@click.argument("words", nargs=-1, metavar="[--] COMMAND...", type=click.UNPROCESSED)
@quiet_library
def run(
    jobs: tuple[JobRef, ...],
    folded: tuple[str, ...],
    user: str | None,
    script: str | None,
    timeout: float | None,
    fanout: int | None,
    tree: bool,
    as_json: bool,
    words: tuple[str, ...],
) -> int:
    """Run COMMAND on hosts, all at once; equal outputs are shown once.

    A single word is text for the shell of each host; several are quoted for it. It runs on a
    terminal there, so that Ctrl-C ends it, and its errors come with its output (with --tree they
    are apart). The exit code is 0 when it succeeds on all hosts, else 1.

    \b
    In Python:
      action = Remote("hostname", get_oar_job_nodes(1234, "nancy"), node_connexion_params()).run()
      for group in group_outputs(action):
          print(group)
    """
    if not words and script is None:
        raise click.UsageError("which command?")
    if fanout is not None:
        configuration["fanout"] = fanout
    on = targets(jobs, folded, user)
    command: Any = words[0] if len(words) == 1 else words
    if script is not None:
        command = _copied(script, words, on)
    kind = TaktukRemote if tree else Remote
    options = {"timeout": timeout}
    actions = [
        # a function: text is no place for substitutions
        kind(lambda _host, _index: command, target.hosts, target.params, options, values={})
        for target in on
    ]
    processes = run_together(actions, "running")
    _show(processes, as_json=as_json)
    if (
        folded
        and user is None
        and any("Permission denied" in p.stdout + p.stderr for p in processes)
    ):
        say(HOW_NODES_OPEN)
    return 0 if all(process.ok for process in processes) else 1


def _copied(script: str, arguments: Sequence[str], on: Sequence[Target]) -> str:
    """Copy a script to hosts; return the text that runs it there, and deletes it."""
    there = f"/tmp/execo-{uuid.uuid4().hex[:12]}-{os.path.basename(script)}"
    quiet = {"nolog_exit_code": True, "nolog_error": True}
    # where it fails, so will the command, which is told
    run_together([Put(t.hosts, script, there, t.params, quiet) for t in on], "copying")
    return quoting.join(["sh", "-c", _RUN_SCRIPT, "sh", there, *arguments])


def _show(processes: Sequence[ProcessBase], *, as_json: bool) -> None:
    groups = group_outputs(processes)
    if as_json:
        show_json(
            {
                "ok": all(process.ok for process in processes),
                "hosts": [_document(process) for process in processes],
                "groups": [_group(group) for group in groups],
            }
        )
        return
    for group in groups:
        title, *lines = str(group).splitlines()
        click.secho(title, bold=True, fg="red" if group.failure else None)
        for line in lines:
            click.echo(line)


def _document(process: ProcessBase) -> dict[str, Any]:
    return {
        "host": str(process.host),
        "ok": process.ok,
        "exit_code": process.exit_code,
        "timeout": process.timeouted,
        "error": process.error_reason,
        "stdout": as_unicode(process.stdout),
        "stderr": as_unicode(process.stderr),
    }


def _group(group: OutputGroup) -> dict[str, Any]:
    return {
        "hosts": fold_hosts(group.hosts),
        "count": len(group.processes),
        "failure": group.failure,
        "stdout": as_unicode(group.stdout),
        "stderr": as_unicode(group.stderr),
    }
