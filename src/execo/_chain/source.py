"""The stream of a chain: given from any offset, its checksum computed on the way."""

from collections.abc import Iterator

from execo._archive import Archive, checksum


class Source:
    """An archive that relays are given; the first time, each byte is added to the checksum."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._hash = checksum()
        self._hashed = 0

    @property
    def size(self) -> int:
        """Bytes of the stream."""
        return self._archive.size

    def pieces(self, start: int) -> Iterator[bytes]:
        """Give the stream from an offset that was given before, or 0. Raises ArchiveError."""
        offset = start
        for piece in self._archive.pieces(start):
            self._add(offset, piece)
            offset += len(piece)
            yield piece

    def _add(self, offset: int, piece: bytes) -> None:
        new = piece[max(0, self._hashed - offset) :]
        if new and offset <= self._hashed:
            self._hash.update(new)
            self._hashed += len(new)

    @property
    def checksum(self) -> str | None:
        """What `sha256sum` says of the stream; None before all of it was given."""
        return self._hash.hexdigest() if self._hashed == self.size else None
