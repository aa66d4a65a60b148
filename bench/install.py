"""Environments of peers, each of its own, under a directory that git ignores."""

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from bench.sides import Side

WORK = Path(__file__).parent / "work"
_TIMEOUT = 300.0


class MissingError(Exception):
    """A peer can't be installed; says why."""


def interpreter(side: Side) -> str:
    """Return the Python of a side, with what it needs installed.

    Raises:
        MissingError: it can't be installed.
    """
    if side.program is not None:
        _program(side.program)
    return sys.executable if side.package is None else _environment(side.package)


@cache
def _environment(package: str) -> str:
    directory = WORK / "venvs" / re.sub(r"[^\w.-]+", "-", package)
    python = directory / "bin" / "python"
    stamp = directory / "installed"
    if not stamp.exists():
        print(f"installing {package}", file=sys.stderr)
        _call([sys.executable, "-m", "venv", "--clear", str(directory)])
        pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check"]
        _call([str(python), *pip, *package.split()])
        stamp.touch()
    return str(python)


@cache
def _program(name: str) -> None:
    if shutil.which(name):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingError(f"{name} is not installed")
    print(f"installing {name}", file=sys.stderr)
    _call(["apt-get", "-qq", "install", "-y", "--no-install-recommends", name])


def _call(words: list[str]) -> None:
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "PYTHONPATH": ""},
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise MissingError(f"not installed after {_TIMEOUT:.0f} s") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason"])[-1]
        raise MissingError(f"can't be installed: {last}")
