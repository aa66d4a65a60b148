"""`execo-g5k COMMAND`. Commands are imported when they are called: the help is quick."""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from execo._engine.endings import Endings
from execo.errors import Error
from execo_g5k.cli._inside import INTERRUPTED
from execo_g5k.cli._out import drop_unwritten, is_terminal, say, write_anything

FAILED = 1
USAGE = 2


class _Lazy(NamedTuple):
    module: str
    """In this package; the command has the name of the command line."""
    help: str


COMMANDS = {
    "demo": _Lazy("demo", "Run a first experiment in a sandbox."),
    "sandbox": _Lazy("sandbox", "A Grid'5000 on this machine, to try things on."),
    "submit": _Lazy("submit", "Submit a job, on one site or several."),
    "jobs": _Lazy("jobs", "Show your jobs."),
    "job": _Lazy("job", "Show all that is known of a job."),
    "wait": _Lazy("wait", "Wait until jobs run."),
    "nodes": _Lazy("nodes", "Print the nodes of jobs."),
    "delete": _Lazy("delete", "Delete jobs."),
    "run": _Lazy("run", "Run a command on nodes, all at once."),
    "copy": _Lazy("copy", "Copy files to nodes, or from them."),
    "deploy": _Lazy("deploy", "Deploy an environment on nodes."),
    "connect": _Lazy("connect", "Open a shell on a node or a frontend."),
    "config": _Lazy("config", "Show the settings, and where each comes from."),
    "password": _Lazy("password", "Keep the password of the API in the key store."),
    "completion": _Lazy("completion", "Print what makes a shell complete all this."),
    "doctor": _Lazy("doctor", "Check the set-up, and tell what mends it."),
    "configure": _Lazy("configure", "Write the set-up: ssh aliases, settings, keys."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"execo_g5k.cli.{COMMANDS[cmd_name].module}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.help) for name, lazy in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, 1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(COMMANDS)}"
            ctx.fail(f"no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)


_EPILOG = """
\b
First steps, without an account:
  execo-g5k demo             a first experiment
  execo-g5k sandbox shell    a shell in which sites can be reached
With an account on Grid'5000:
  execo-g5k configure        write what ssh and this program need
  execo-g5k doctor           check it
"""


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="execo-g5k", prog_name="execo-g5k")
def execo_g5k() -> None:
    """Experiments on Grid'5000 and every testbed with OAR.

    Exit codes: 0 all went well; 1 something failed; 2 wrong usage; 3 `wait`: its time is over;
    130 interrupted.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    if sys.stdout is None:
        say("execo-g5k: standard output is closed: there is no place for answers")
        return FAILED
    write_anything()
    endings = Endings()
    # what is under way then cleans up, as at Ctrl-C
    endings.set()
    try:
        returned: Any = execo_g5k.main(
            args=None if arguments is None else list(arguments),
            prog_name="execo-g5k",
            standalone_mode=False,
        )
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        # behind the ^C of the terminal
        say(f"{os.linesep if is_terminal() else ''}execo-g5k: interrupted")
        return INTERRUPTED
    except (Error, OSError, ValueError, TypeError) as error:
        say(f"execo-g5k: {error}")
        return USAGE if isinstance(error, ValueError | TypeError) else FAILED
    finally:
        endings.put_back()
        drop_unwritten()
    return returned if isinstance(returned, int) else 0


if __name__ == "__main__":
    sys.exit(main())
