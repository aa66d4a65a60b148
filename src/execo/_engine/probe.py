"""Asks a program, once and for a moment, whether it takes some words."""

import subprocess
from collections.abc import Sequence

_SECONDS = 5.0


def succeeds(argv: Sequence[str]) -> bool:
    """Tell whether a command exits with 0 within seconds; what it prints is lost."""
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
