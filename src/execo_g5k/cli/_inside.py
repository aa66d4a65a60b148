"""Programs that commands of ours run for the user."""

import os
import subprocess
from collections.abc import Mapping, Sequence


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
