"""Copies of files to and from hosts, through TakTuk."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from execo._archive import Archive, ArchiveError, pack_command, unpack_command
from execo._engine.child import (
    STDERR,
    STDOUT,
    ChildOptions,
    Exit,
    Owned,
    working_directory,
)
from execo._engine.loop import engine
from execo._engine.spawn import environment_of_children
from execo._lifecycle import Launch
from execo._taktuk.command import Job
from execo._taktuk.feed import Feed
from execo._taktuk.folder import Folder
from execo.host import Host
from execo.taktuk import TaktukProcess, plant
from execo.transfer import FileGet, FilePut, why_not_made


class _PutProcess(TaktukProcess):
    """Unpacks on a host what this machine sends to all."""

    def __init__(
        self,
        files: Sequence[str],
        location: str,
        host: Host,
        connexion_params: Mapping[str, Any] | None,
        **options: Any,
    ) -> None:
        self._files = tuple(files)
        self._there = unpack_command(location, len(files) > 1)
        shown = ("taktuk put", "--", *files, f"{host}:{location}")
        super().__init__(shown, host, connexion_params, **options)

    def _job(self) -> Job:
        return replace(super()._job(), command=self._there, pump=True)

    def _tree_key(self) -> object:
        return (super()._tree_key(), self._files)

    @classmethod
    def _planted(cls, launches: Sequence[Launch]) -> list[Owned]:
        try:
            archive = Archive(launches[0].process._files)
        except ArchiveError as error:
            why = [replace(launch.options, impossible=str(error)) for launch in launches]
            return super()._children(
                [launch._replace(options=own) for launch, own in zip(launches, why, strict=True)]
            )
        tree = plant(launches)
        Feed(tree, archive)
        return [tree.child]


class _GetProcess(TaktukProcess):
    """Packs files on a host, and unpacks them here."""

    def __init__(
        self,
        files: Sequence[str],
        location: str,
        host: Host,
        connexion_params: Mapping[str, Any] | None,
        **options: Any,
    ) -> None:
        self._unpack = (location, len(files) > 1)
        self._there = pack_command(files)
        shown = ("taktuk get", "--", *(f"{host}:{file}" for file in files), location)
        super().__init__(shown, host, connexion_params, **options)

    def _job(self) -> Job:
        return replace(super()._job(), command=self._there)

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        argv, options = super()._prepare(environment, directory)
        location, _ = self._unpack
        reason = why_not_made(location) if location.endswith("/") else None
        return argv, options if reason is None else replace(options, impossible=reason)

    def _get_ready(self) -> None:
        super()._get_ready()
        self._folder = Folder()
        self._spool: int | None = None
        self._spool_path = ""
        self._lost: str | None = None
        self._here = ChildOptions(
            environment=environment_of_children(), directory=working_directory()
        )

    def child_printed(self, stream: int, data: bytes) -> None:
        """Keep what is to be unpacked; the rest is output."""
        if stream != STDOUT:
            super().child_printed(stream, data)
            return
        try:
            if self._spool is None:
                self._spool_path = self._folder.write("archive", b"")
                self._spool = os.open(self._spool_path, os.O_WRONLY | os.O_APPEND)
            while data:
                data = data[os.write(self._spool, data) :]
        except OSError as error:
            self._lost = f"can't keep what comes from {self.host}: {error}"

    def child_ended(self, end: Exit) -> None:
        """Unpack what came, then end."""
        if self._spool is not None:
            os.close(self._spool)
        if end.error is None and self._lost is not None:
            end = Exit(None, error=self._lost, killed=end.killed)
        if end.error is not None or end.killed or self._spool is None:
            self._unpacked(end)
            return
        location, several = self._unpack
        command = unpack_command(location, several, self._spool_path)
        child = engine().child(["/bin/sh", "-c", command], self._here, _Unpacking(self, end))
        self._child = child
        engine().start([child])

    def _unpacked(self, end: Exit) -> None:
        self._folder.delete()
        super().child_ended(end)


class _Unpacking:
    """Listens to the unpacking of what came from a host."""

    def __init__(self, process: _GetProcess, end: Exit) -> None:
        self._process = process
        self._end = end

    def child_started(self, pid: int | None) -> None:
        """Note that it runs: for the user, it is part of the same process."""

    def child_printed(self, stream: int, data: bytes) -> None:
        """Take its errors."""
        if data:
            self._process.child_printed(STDERR, data)

    def child_write_failed(self, reason: str) -> None:
        """Nothing is written to it."""

    def child_timed_out(self) -> None:
        """It has no timeout."""

    def child_ended(self, end: Exit) -> None:
        """End the copy: its exit is that of the host, or of the unpacking if that one is fine."""
        self._process._unpacked(self._end if self._end.code else end)


class TaktukPut(FilePut):
    """Copy files and directories to hosts, in one tree of connexions; arguments are those of `Put`.

    This machine sends to some hosts, these to others. It begins when each host is connected to, or
    can't be: one that does not answer holds the others up for the time that the connector allows.
    Worth it for small files and many hosts: use ChainPut for big ones. Hosts need Perl and tar.
    When a file can't be read here, nothing is sent.
    """

    _process = _PutProcess


class TaktukGet(FileGet):
    """Copy files and directories from hosts, in one tree of connexions; arguments as for `Get`.

    What comes is kept in the directory for temporary files until all of a host is there. Hosts
    need Perl and tar.
    """

    _process = _GetProcess
