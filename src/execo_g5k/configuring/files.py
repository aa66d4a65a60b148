"""Files of this machine: read, and replaced as a whole, with a backup."""

import os
import pwd
import shutil
from pathlib import Path

_PRIVATE = 0o600


def read(path: Path) -> str | None:
    """Return the text of a file with its line ends, None when there is none. Raises OSError.

    Bytes that are no characters are kept in it, as surrogates.
    """
    content = read_bytes(path)
    return None if content is None else content.decode(errors="surrogateescape")


def read_bytes(path: Path) -> bytes | None:
    """Return the content of a file, None when there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def write(path: Path, content: bytes, stamp: str) -> Path | None:
    """Replace or make a file, and return the backup of what it was; None if it was not there.

    A new file is for its owner alone, another keeps its mode; links stay. Raises OSError, and the
    file is then as before.
    """
    real = Path(os.path.realpath(path))
    real.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    backup = None
    if real.exists():
        backup = real.with_name(f"{real.name}.execo-{stamp}")
        shutil.copy2(real, backup)
    fresh = real.with_name(f"{real.name}.execo-new")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with open(descriptor, "wb") as file:
            file.write(content)
        if backup is not None:
            shutil.copymode(real, fresh)
        os.replace(fresh, real)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
    return backup


def for_ssh(path: str) -> str:
    """Return how ssh is told a file of this machine: it takes ~ for the home of the account."""
    home = os.path.expanduser("~")
    try:
        account = pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        account = ""
    full = os.path.expanduser(path)
    if home == account and full.startswith(f"{home}/"):
        return f"~{full.removeprefix(home)}"
    return full
