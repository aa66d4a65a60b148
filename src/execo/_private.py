"""Directories for files that no other user may see, which outlive no process for long."""

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

_swept: set[tuple[str, str]] = set()


def longest_name(kind: str) -> int:
    """Return how many characters the name of a private directory has at most."""
    return len(f"execo-{kind}-4194304-xxxxxxxx")


def _nothing(_orphans: Sequence[Path]) -> None:
    pass


def private_directory(
    kind: str, base: str | None = None, *, vacate: Callable[[Sequence[Path]], object] = _nothing
) -> Path:
    """Make a directory in `base` (None: where temporary files are) that only this user can enter.

    What processes that were killed left of this kind is deleted first, after `vacate` has ended
    what lives there. Raises OSError.
    """
    base = tempfile.gettempdir() if base is None else base
    if (kind, base) not in _swept:
        _swept.add((kind, base))
        orphans = _orphans(kind, base)
        vacate(orphans)
        for orphan in orphans:
            shutil.rmtree(orphan, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"execo-{kind}-{os.getpid()}-", dir=base))


def _orphans(kind: str, base: str) -> list[Path]:
    return [path for path in Path(base).glob(f"execo-{kind}-*-*") if _is_orphan(path)]


def _is_orphan(directory: Path) -> bool:
    owner = directory.name.split("-")[2]
    try:
        mine = directory.lstat().st_uid == os.geteuid()
    except FileNotFoundError:
        # another process deletes it too
        return False
    return mine and owner.isdigit() and not Path("/proc", owner).exists()
