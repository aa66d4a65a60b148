"""`execo-g5k COMMAND`."""

import argparse
import sys
from collections.abc import Sequence

from execo.errors import Error
from execo_g5k.cli import sandbox

_INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    whole = argparse.ArgumentParser(
        prog="execo-g5k", description="Experiments on Grid'5000 and every OAR testbed."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    sandbox.add_to(commands)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code."""
    parsed = parser().parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except (Error, OSError, ValueError) as error:
        print(f"execo-g5k: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
