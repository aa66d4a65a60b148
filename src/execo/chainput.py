"""Copies of files from host to host."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from execo._archive import Archive, ArchiveError, unpack_command
from execo._chain.chain import Chain
from execo._chain.relay import Relay, program, relay_command
from execo._chain.source import Source
from execo._engine.child import Owned
from execo._engine.loop import engine
from execo._lifecycle import Launch
from execo.connexion import ConnexionParams
from execo.host import Host
from execo.process import ProcessBase
from execo.transfer import FilePut


class ChainPutProcess(ProcessBase):
    """The part of a host in a chain: it takes the files, and gives them to the next host."""

    def __init__(
        self,
        files: Sequence[str],
        location: str,
        host: Host,
        connexion_params: Mapping[str, Any] | None,
        **options: Any,
    ) -> None:
        self._host = host
        self._files = tuple(files)
        self.connexion_params = connexion_params
        self._unpack = unpack_command(location, len(files) > 1)
        super().__init__(("chainput", "--", *files, f"{host}:{location}"), **options)

    @property
    def host(self) -> Host:
        """Host to which files are copied."""
        return self._host

    def _argv(self) -> list[str]:
        params = ConnexionParams.of(self.connexion_params).without_terminal()
        return params.ssh_argv(self._host, relay_command(len(program())))

    @classmethod
    def _children(cls, launches: Sequence[Launch]) -> list[Owned]:
        chains: dict[object, list[Launch]] = {}
        for launch in launches:
            chains.setdefault(launch.process._files, []).append(launch)
        return [child for files, group in chains.items() for child in cls._chained(files, group)]

    @classmethod
    def _chained(cls, files: Any, launches: Sequence[Launch]) -> list[Owned]:
        try:
            source = Source(Archive(files))
        except ArchiveError as error:
            why = [replace(launch.options, impossible=str(error)) for launch in launches]
            return super()._children(
                [launch._replace(options=own) for launch, own in zip(launches, why, strict=True)]
            )
        relays = [launch.process._relay(source) for launch in launches]
        settings = ConnexionParams.of(launches[0].process.connexion_params).settings
        chain = Chain(
            engine().loop,
            relays,
            source,
            patience=settings.chainput_patience,
            silence=settings.chainput_silence,
        )
        children: list[Owned] = []
        for launch, relay in zip(launches, relays, strict=True):
            launch.process._get_ready()
            # bytes go through it: no terminal here either
            child = engine().child(launch.argv, replace(launch.options, pty=False), relay)
            relay.attach(chain, child)
            launch.process._launched(child)
            children.append(child)
        return children

    def _relay(self, source: Source) -> Relay:
        address = ConnexionParams.of(self.connexion_params).address(self._host)
        return Relay(str(self._host), address, self, self._unpack, source)


class ChainPut(FilePut):
    """Copy files and directories to hosts in a chain; arguments are those of `Put`.

    This machine sends the data once, to the first host; each host gives it to the next while it
    stores it. Prefer it to Put for big files and many hosts with disks of their own: the time
    hardly depends on the number of hosts. Prefer Put where hosts can't connect to one another, for
    small files, and where others may not see the data, which is not encrypted between hosts.

    Hosts need Perl, tar and coreutils: any Debian. They listen on a free port, for whoever knows a
    secret of this run. A host that is lost fails alone: this machine sends the rest to the one
    behind it. What arrived is verified by its length and SHA-256; files that were there before are
    overwritten as data comes. When a file can't be read here, nothing is sent.

    Connexion params: `chainput_patience`, seconds without a host that becomes ready, after which
    the chain starts; hosts that come later make a second chain. `chainput_silence`, seconds after
    which a host that says nothing is lost.
    """

    _process = ChainPutProcess
