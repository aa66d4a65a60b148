"""The test grid's command line: `python3 -m testbed --help`."""

import argparse
import os
import sys
import time

from testbed.boot import LAPTOP
from testbed.commands import CLEAN_ENVIRONMENT
from testbed.errors import GridError
from testbed.grid import Grid, obstacle, require_root
from testbed.plan import HOSTS, LAPTOP_ADDRESS


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python3 -m testbed",
        description="A miniature Grid'5000 on this machine: real OAR servers, two sites.",
        epilog="Its files are in testbed/work, or in the directory that GRID_DIR names.",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    verbs.add_parser("check", help="say whether the grid can run on this machine")
    up = verbs.add_parser("up", help="start the grid; one that is up and healthy is kept")
    up.add_argument("--fresh", action="store_true", help="restart it in any case")
    verbs.add_parser("down", help="stop the grid; the built base is kept")
    verbs.add_parser("status", help="show the hosts and what is wrong, if anything")
    run = verbs.add_parser("run", help="run a command as on a user's laptop")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    usage = "python3 -m testbed exec HOST [-u USER] CMD ..."
    on = verbs.add_parser("exec", usage=usage, help="run a command on a host, as root or USER")
    on.add_argument("host", choices=list(HOSTS), metavar="HOST", help=", ".join(HOSTS))
    on.add_argument("command", nargs=argparse.REMAINDER, metavar="CMD")
    parsed = parser.parse_args(arguments)
    if parsed.verb == "exec":
        # argparse hands over all that follows HOST: the rest may hold options of CMD
        given = parsed.command[:1] == ["-u"] and len(parsed.command) > 1
        parsed.user = parsed.command[1] if given else None
        parsed.command = parsed.command[2 if given else 0 :]
    if parsed.verb in ("run", "exec") and not parsed.command:
        parser.error(f"{parsed.verb}: which command?")
    return parsed


def main(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    parsed = parse(arguments)
    grid = Grid()
    if parsed.verb == "check":
        why = obstacle(grid.work)
        print(f"the test grid can't run here: {why}" if why else "the test grid can run here")
        return 1 if why else 0
    require_root()
    if parsed.verb == "up":
        start = time.monotonic()
        done = grid.up(fresh=parsed.fresh)
        print(f"grid: {done}, {time.monotonic() - start:.1f} s")
    elif parsed.verb == "down":
        grid.down()
        print("grid: down")
    elif parsed.verb == "status":
        return status(grid)
    elif parsed.verb == "run":
        command = grid.laptop_argv(parsed.command)
        os.execvp(command[0], command)
    else:
        command = grid.exec_argv(parsed.host, parsed.command, parsed.user)
        os.execvpe(command[0], command, CLEAN_ENVIRONMENT)
    return 0


def status(grid: Grid) -> int:
    """Print the hosts and their health; return 0 if all is well."""
    for host in HOSTS.values():
        print(f"{host.name:10} {host.kind:9} {host.address:14} {host.fqdn}")
    print(f"{LAPTOP:10} {LAPTOP:9} {LAPTOP_ADDRESS:14} {LAPTOP}")
    trouble = grid.trouble()
    print(f"grid: not usable: {trouble}" if trouble else "grid: up and healthy")
    return 1 if trouble else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GridError as error:
        sys.exit(f"grid: {error}")
