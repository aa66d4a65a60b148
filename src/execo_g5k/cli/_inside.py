"""Programs that commands of ours run for the user."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

INTERRUPTED = 128 + signal.SIGINT
"""Exit code of a program that Ctrl-C ended, as shells tell it."""


def as_called() -> str:
    """Return how this program was called: by its name where that finds it, else by its path."""
    path, name = sys.argv[0], "execo-g5k"
    if os.path.basename(path) != name:
        return name
    found = shutil.which(name)
    return name if found is not None and os.path.samefile(found, path) else path


def run_to_end(words: Sequence[str], variables: Mapping[str, str]) -> int:
    """Run a program with more `variables`, and return its exit code, as shells tell it.

    Ctrl-C is for the program, which gets it too.
    """
    process = subprocess.Popen(words, env={**os.environ, **variables})
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # it ends when it has cleaned up
            continue
        return code if code >= 0 else 128 - code
