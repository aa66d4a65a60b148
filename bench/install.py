"""Environments of peers, each of its own, under a directory that git ignores."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
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
        MissingError: it can't be installed; it is tried once.
    """
    if side.program is not None:
        _have(_program, side.program)
    if side.package is None:
        return sys.executable
    _have(_environment, side.package)
    return str(_directory(side.package) / "bin" / "python")


@cache
def _tried(install: Callable[[str], None], name: str) -> str | None:
    """Install something; return why that can't be."""
    try:
        install(name)
    except MissingError as error:
        return str(error)
    return None


def _have(install: Callable[[str], None], name: str) -> None:
    reason = _tried(install, name)
    if reason is not None:
        raise MissingError(reason)


def _directory(package: str) -> Path:
    return WORK / "venvs" / re.sub(r"[^\w.-]+", "-", package)


def _environment(package: str) -> None:
    directory = _directory(package)
    stamp = directory / "installed"
    if not stamp.exists():
        print(f"installing {package}", file=sys.stderr)
        _call([sys.executable, "-m", "venv", "--clear", str(directory)])
        pip = [str(directory / "bin" / "python"), "-m", "pip", "install", "-q"]
        _call([*pip, "--disable-pip-version-check", *package.split()])
        stamp.touch()


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
