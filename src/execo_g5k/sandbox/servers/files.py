"""The files of a user, as the commands of OAR read and write them."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import asyncssh

_LONGEST = 1 << 22


def open_regular(path: Path, flags: int) -> int:
    """Return a descriptor of a regular file, or of a device such as /dev/null.

    Raises:
        OSError: it is something else, such as a fifo, which would be waited for.
    """
    fd = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    mode = os.fstat(fd).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISCHR(mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return fd


class UserFiles:
    """Files by names relative to where a command was called."""

    def __init__(
        self, directory: str, here: Callable[[str], str] = str, home: str | None = None
    ) -> None:
        """`here` tells where a path of the host is on this machine; ~/ stands for `home`."""
        self._directory = Path(directory)
        self._here = here
        self._home = home

    def _path(self, name: str) -> Path:
        if self._home is not None and name.startswith("~/"):
            name = f"{self._home}/{name[2:]}"
        return Path(self._here(str(self._directory / name)))

    def read(self, name: str) -> str:
        """Return the text of a file; raises OSError."""
        path = self._path(name)
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "no regular file", name)
        if path.stat().st_size > _LONGEST:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
        return path.read_text(encoding="utf-8", errors="surrogateescape")

    def write(self, name: str, text: str, *, parents: bool = False) -> None:
        """Make or replace a file that only its owner reads; raises OSError."""
        path = self._path(name)
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        with open(open_regular(path, flags), "w", encoding="utf-8") as file:
            file.write(text)

    def append(self, name: str, text: str) -> None:
        """Write behind the end of a file, which is made if need be; raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with open(open_regular(self._path(name), flags), "a", encoding="utf-8") as file:
            file.write(text)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there; raises OSError."""
        self._path(name).unlink(missing_ok=True)

    def is_readable(self, name: str) -> bool:
        """Tell whether a file can be read."""
        path = self._path(name)
        return path.is_file() and os.access(path, os.R_OK)

    def public_key(self, name: str) -> str | None:
        """Return the public key of a private one; None if the file holds none."""
        return self.public_key_of(self.read(name))

    def public_key_of(self, text: str) -> str | None:
        """Return the public key of a private one; None if the text is none."""
        try:
            return asyncssh.import_private_key(text).export_public_key().decode().strip()
        except (asyncssh.KeyImportError, UnicodeError):
            return None

    def new_key(self) -> tuple[str, str]:
        """Return a new private key and its public one."""
        key = asyncssh.generate_private_key("ssh-rsa")
        return key.export_private_key("openssh").decode(), key.export_public_key().decode().strip()
