"""Copies of files to and from hosts."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from execo._engine.child import ChildOptions
from execo.action import Action
from execo.connexion import ConnexionParams
from execo.host import Host, get_hosts_list, hosts_in_short
from execo.process import Process, ProcessBase
from execo.spelling import accept_old_spellings
from execo.substitutions import Substitutions, substituted_options

Files = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


class CopyProcess(Process):
    """One copy between this machine and a host."""

    def __init__(
        self, argv: Sequence[str], host: Host, directory: str | None = None, **options: Any
    ) -> None:
        """`directory`: made before the copy, on this machine."""
        super().__init__(argv, **options)
        self._host = host
        self._directory = directory

    @property
    def host(self) -> Host:
        """Host on the other side of the copy."""
        return self._host

    def _prepare(
        self, environment: Mapping[bytes, bytes], directory: str | None
    ) -> tuple[list[str], ChildOptions]:
        argv, options = super()._prepare(environment, directory)
        reason = None if self._directory is None else why_not_made(self._directory)
        return argv, options if reason is None else replace(options, impossible=reason)


def why_not_made(directory: str) -> str | None:
    """Make a directory; return why that can't be, None when it is there."""
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return f"can't make the directory {directory}: {reason}"
    return None


class FilePut(Action):
    """Copies of files to hosts, one process for each host."""

    _process: ClassVar[Callable[..., ProcessBase]]
    """Takes the files, the location, the host, the connexion params, and options."""

    @accept_old_spellings
    def __init__(
        self,
        hosts: Iterable[Host | str] | Host | str | None,
        local_files: Files,
        remote_location: str | os.PathLike[str] = ".",
        connexion_params: Mapping[str, Any] | None = None,
        process_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`process_args`: dict of options of each process, see Process. `options`: those of Action.

        Raises:
            TypeError: a file, or the location, is no path.
            ValueError: there is no file, or a path is empty.
        """
        super().__init__(**options)
        self.hosts = get_hosts_list(hosts)
        self.local_files = checked_files(local_files, "local_files")
        self.remote_location = checked_location(remote_location, "remote_location")
        substitute = Substitutions()
        for index, host in enumerate(self.hosts):
            address = ConnexionParams.of(connexion_params).address(host)
            files = [
                os.path.expanduser(substitute(file, index, address)) for file in self.local_files
            ]
            location = substitute(self.remote_location, index, address)
            own = substituted_options(process_args, substitute, index, address)
            make = type(self)._process
            self.processes.append(make(files, location, host, connexion_params, **own))

    def _description(self) -> str:
        hosts = hosts_in_short(self.hosts)
        return f"{type(self).__name__}({', '.join(self.local_files)} to {hosts})"


class FileGet(Action):
    """Copies of files from hosts, one process for each host."""

    _process: ClassVar[Callable[..., ProcessBase]]
    """Takes the files, the location, the host, the connexion params, and options."""

    @accept_old_spellings
    def __init__(
        self,
        hosts: Iterable[Host | str] | Host | str | None,
        remote_files: Files,
        local_location: str | os.PathLike[str] = ".",
        connexion_params: Mapping[str, Any] | None = None,
        process_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`process_args`: dict of options of each process, see Process. `options`: those of Action.

        Raises:
            TypeError: a file, or the location, is no path.
            ValueError: there is no file, or a path is empty.
        """
        super().__init__(**options)
        self.hosts = get_hosts_list(hosts)
        self.remote_files = checked_files(remote_files, "remote_files")
        self.local_location = checked_location(local_location, "local_location")
        substitute = Substitutions()
        for index, host in enumerate(self.hosts):
            address = ConnexionParams.of(connexion_params).address(host)
            files = [substitute(file, index, address) for file in self.remote_files]
            location = os.path.expanduser(substitute(self.local_location, index, address))
            own = substituted_options(process_args, substitute, index, address)
            make = type(self)._process
            self.processes.append(make(files, location, host, connexion_params, **own))

    def _description(self) -> str:
        hosts = hosts_in_short(self.hosts)
        return f"{type(self).__name__}({', '.join(self.remote_files)} from {hosts})"


def _by_scp(
    files: Sequence[str],
    location: str,
    host: Host,
    connexion_params: Mapping[str, Any] | None,
    **options: Any,
) -> CopyProcess:
    params = ConnexionParams.of(connexion_params)
    target = params.scp_target(host, location)
    argv = [*params.scp_argv(host), "--", *map(local_path, files), target]
    return CopyProcess(argv, host, **options)


def _back_by_scp(
    files: Sequence[str],
    location: str,
    host: Host,
    connexion_params: Mapping[str, Any] | None,
    **options: Any,
) -> CopyProcess:
    params = ConnexionParams.of(connexion_params)
    sources = [params.scp_source(host, file) for file in files]
    here = local_path(location)
    argv = [*params.scp_argv(host), "--", *sources, here]
    return CopyProcess(argv, host, here if here.endswith("/") else None, **options)


class Put(FilePut):
    """Copy files and directories to hosts, with one scp each.

    `local_files`: one or many paths, relative to the working directory. `remote_location`: a
    directory that exists there, or for a single file its new name; relative to the home there.
    Both may hold `{{{host}}}` and `{{expression}}`, see Remote. A file that is missing is a failure
    of the processes, not an exception.
    """

    _process = staticmethod(_by_scp)


class Get(FileGet):
    """Copy files and directories from hosts, with one scp each.

    `remote_files`: one or many paths, relative to the home there. `local_location`: a directory, or
    for a single file its new name; with `{{{host}}}` in it each host has its own. A location that
    ends with / is created if need be. Both may hold `{{expression}}` too, see Remote.
    """

    _process = staticmethod(_back_by_scp)


def checked_files(files: object, argument: str) -> list[str]:
    """Return the names of files as a list; a single one is one file.

    Raises:
        TypeError: one is no path.
        ValueError: there is none, or one is empty.
    """
    if isinstance(files, str | os.PathLike):
        files = [files]
    if not isinstance(files, Iterable) or isinstance(files, bytes):
        raise TypeError(f"{argument}: {files!r}: expected a path, or several")
    names = [checked_location(file, argument) for file in files]
    if not names:
        raise ValueError(f"{argument}: there is no file to copy")
    return names


def checked_location(location: object, argument: str) -> str:
    """Return a path as text.

    Raises:
        TypeError: it is no path.
        ValueError: it is empty.
    """
    if not isinstance(location, str | os.PathLike):
        raise TypeError(f"{argument}: {location!r} is no path")
    text = os.fspath(location)
    if not isinstance(text, str) or not text:
        raise ValueError(f"{argument}: {location!r} is no path")
    return text


def local_path(path: str) -> str:
    """Return `path` so that scp takes it for a local file: a colon would name a host."""
    return path if path.startswith(("/", "./", "../")) else f"./{path}"
