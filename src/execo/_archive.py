"""Files as one stream in the format of tar, read piece by piece from any offset.

What becomes of names is what `scp -rp` does: symbolic links are followed, modes and dates are
kept, a single file or directory gets a new name where the location is no directory.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from execo.quoting import quote

if TYPE_CHECKING:
    import hashlib

_BLOCK = 512
_PIECE = 1 << 20


class ArchiveError(Exception):
    """Files can't be read; the message names the file."""


@dataclass(frozen=True, slots=True)
class _Entry:
    start: int
    """Offset of its header in the stream."""
    header: bytes
    path: str | None
    """File whose content follows; None for nothing."""
    size: int
    device: tuple[int, int]
    """Of the file, so that another of the same name is not taken for it."""


class Archive:
    """A stream that holds files; nothing is read of them before it is wanted."""

    def __init__(self, files: Sequence[str]) -> None:
        """Look for `files`, with all that is in directories.

        Raises:
            ArchiveError: one is missing, can't be read, or is neither file nor directory.
        """
        self._entries: list[_Entry] = []
        self.size = 0
        """Bytes of the stream."""
        for file in files:
            path = os.path.abspath(file)
            # DIR/. is what is in it
            itself = os.path.basename(file) == "." or path == "/"
            self._add(path, "." if itself else os.path.basename(path), frozenset())
        self._end = self.size
        self.size += 2 * _BLOCK

    def _add(self, path: str, name: str, above: frozenset[tuple[int, int]]) -> None:
        try:
            status = os.stat(path)
            entry = self._entry(path, name, status)
            identity = (status.st_dev, status.st_ino)
            children = sorted(os.listdir(path)) if stat.S_ISDIR(status.st_mode) else []
        except OSError as error:
            raise ArchiveError(f"{path}: {error.strerror}") from error
        if children and identity in above:
            raise ArchiveError(f"{path}: a symbolic link to a directory that it is in")
        self._entries.append(entry)
        self.size += len(entry.header) + -(-entry.size // _BLOCK) * _BLOCK
        for child in children:
            self._add(os.path.join(path, child), f"{name}/{child}", above | {identity})

    def _entry(self, path: str, name: str, status: os.stat_result) -> _Entry:
        import tarfile

        info = tarfile.TarInfo(name)
        info.mode = stat.S_IMODE(status.st_mode)
        info.mtime = int(status.st_mtime)
        if stat.S_ISDIR(status.st_mode):
            info.type = tarfile.DIRTYPE
        elif stat.S_ISREG(status.st_mode):
            info.size = status.st_size
            if not os.access(path, os.R_OK):
                raise ArchiveError(f"{path}: Permission denied")
            if not info.size and _has_content(path):
                raise ArchiveError(f"{path}: its size is not known, as of files of /proc")
        else:
            raise ArchiveError(f"{path}: not a regular file")
        header = info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        content = path if info.size else None
        return _Entry(self.size, header, content, info.size, (status.st_dev, status.st_ino))

    def pieces(self, start: int = 0) -> Iterator[bytes]:
        """Give the stream from the offset `start`, in pieces of at most 1 MiB.

        Raises:
            ArchiveError: a file can't be read, or is no more what it was.
        """
        gathered = bytearray()
        for piece in self._raw(start):
            gathered += piece
            while len(gathered) >= _PIECE:
                yield bytes(gathered[:_PIECE])
                del gathered[:_PIECE]
        if gathered:
            yield bytes(gathered)

    def _raw(self, start: int) -> Iterator[bytes]:
        for entry in self._entries:
            content = entry.start + len(entry.header)
            padded = -(-entry.size // _BLOCK) * _BLOCK
            if content + padded <= start:
                continue
            yield entry.header[max(0, start - entry.start) :]
            if entry.path is not None:
                yield from _content(entry, max(0, start - content))
                yield bytes(padded - max(entry.size, start - content))
        yield bytes(self.size - max(start, self._end))


def _has_content(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return bool(file.read(1))
    except OSError as error:
        raise ArchiveError(f"{path}: {error.strerror}") from error


def _content(entry: _Entry, start: int) -> Iterator[bytes]:
    left = entry.size - start
    if left <= 0:
        return
    try:
        with open(entry.path or "", "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if (status.st_dev, status.st_ino) != entry.device:
                raise ArchiveError(f"{entry.path}: was replaced while it was sent")
            file.seek(start)
            while left:
                data = file.read(min(left, _PIECE))
                if not data:
                    raise ArchiveError(f"{entry.path}: became shorter while it was sent")
                left -= len(data)
                yield data
    except OSError as error:
        raise ArchiveError(f"{entry.path}: {error.strerror}") from error


def checksum() -> "hashlib._Hash":
    """Return what computes the checksum that `sha256sum` prints."""
    import hashlib

    return hashlib.sha256()


def unpack_command(location: str, several: bool, source: str = "-") -> str:
    """Return the shell text that unpacks a stream to `location`, as scp would name files.

    `several`: more than one file; then `location` must be a directory. `source`: a file, "-" for
    the standard input.
    """
    place = quote_path(location)
    # what is given ends with /, or is one of these: a directory, or nothing
    directory = several or location.endswith("/") or os.path.basename(location) in ("", ".", "..")
    # links there are followed (-h): what they lead to is written
    tar = f"exec tar -xphf {quote(source)} --no-same-owner --overwrite --keep-directory-symlink"
    if directory:
        other = f"echo {place}: no such directory >&2; exit 1"
    else:
        new = os.path.basename(location)
        rename = quote(f"s,^[^/]*,{_replacement(new)},")
        parent = quote_path(os.path.dirname(location) or ".")
        other = f"{tar} --transform={rename} -C {parent}"
    return f"if test -d {place}; then {tar} -C {place}; else {other}; fi"


def pack_command(files: Sequence[str]) -> str:
    """Return the shell text that writes files as a stream to its standard output.

    Fails if one is missing, and before anything is written if a directory holds, by a symbolic
    link, itself: tar would follow that as deep as a name can be.
    """
    places = " ".join(map(quote_path, files))
    look = f"LC_ALL=C find -L {places} -type d 2>&1 >/dev/null | grep 'loop detected' >&2"
    return f"if {look}; then exit 2; fi; {_pack(files)}"


def _pack(files: Sequence[str]) -> str:
    words = ["tar", "-chf", "-", "--hard-dereference", "--format=gnu"]
    if len(files) == 1:
        words += _member(files[0])
        return " ".join(words)
    # a directory that -C names is relative to the one before
    for file in files:
        place = os.path.dirname(file.rstrip("/"))
        if place.startswith(("/", "~")):
            words += _member(file)
        else:
            words += ["-C", '"$start"', *_member(file)]
    return f"start=$(pwd); {' '.join(words)}"


def _member(file: str) -> list[str]:
    stripped = file.rstrip("/") or "/"
    directory, name = os.path.split(stripped)
    if name in ("", ".", "..") or stripped == "~":
        directory, name = stripped, "."
    return ["-C", quote_path(directory or "."), f"--add-file={quote(name)}"]


def quote_path(path: str) -> str:
    """Return shell text for a path; ~ at its start is the home, as scp has it."""
    if path == "~" or path.startswith("~/"):
        return f'"$HOME"{quote(path[1:])}' if path != "~" else '"$HOME"'
    # a leading - is no option
    return quote(f"./{path}" if path.startswith("-") else path)


def _replacement(name: str) -> str:
    # of the replacement of a sed expression, delimited by commas
    for special in ("\\", "&", ","):
        name = name.replace(special, "\\" + special)
    return name.replace("\n", "\\n")
