"""Directories for files that no other user may see, which outlive no process for long."""

import os
import shutil
import tempfile
from pathlib import Path

_swept: set[tuple[str, str]] = set()


def longest_name(kind: str) -> int:
    """Return how many characters the name of a private directory has at most."""
    return len(f"execo-{kind}-4194304-xxxxxxxx")


def private_directory(kind: str, base: str | None = None) -> Path:
    """Make a directory in `base` (None: where temporary files are) that only this user can enter.

    What processes that were killed left of this kind is deleted first. Raises OSError.
    """
    base = tempfile.gettempdir() if base is None else base
    if (kind, base) not in _swept:
        _swept.add((kind, base))
        _delete_orphans(kind, base)
    return Path(tempfile.mkdtemp(prefix=f"execo-{kind}-{os.getpid()}-", dir=base))


def _delete_orphans(kind: str, base: str) -> None:
    for directory in Path(base).glob(f"execo-{kind}-*-*"):
        owner = directory.name.split("-")[2]
        mine = directory.lstat().st_uid == os.geteuid()
        if mine and owner.isdigit() and not Path("/proc", owner).exists():
            shutil.rmtree(directory, ignore_errors=True)
