"""A directory of files that nobody else can read."""

import contextlib
import os
import shutil

from execo._private import private_directory


class Folder:
    """A directory that only this user can enter; made at the first file."""

    def __init__(self) -> None:
        self._path: str | None = None

    def write(self, name: str, data: bytes) -> str:
        """Write a new file and return its path. Raises OSError."""
        if self._path is None:
            self._path = str(private_directory("taktuk"))
        path = os.path.join(self._path, name)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        return path

    def tidy(self) -> None:
        """Delete it if no file is left in it: a script that is killed leaves what there is."""
        if self._path is not None:
            with contextlib.suppress(OSError):
                os.rmdir(self._path)
                self._path = None

    def delete(self) -> None:
        """Delete it with all files."""
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
            self._path = None
