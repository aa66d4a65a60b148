"""Commands on hosts through TakTuk: one tree of connexions instead of one each."""

from collections.abc import Mapping, Sequence
from typing import Any

from execo._engine.child import Owned
from execo._lifecycle import Launch
from execo._taktuk.command import Job, TreeSettings, problem_of
from execo._taktuk.tree import Tree
from execo.connexion import ConnexionParams
from execo.host import Host
from execo.process import Command, ProcessBase
from execo.quoting import remote_command
from execo.remote import Remote
from execo.spelling import accept_old_spellings


class TaktukProcess(ProcessBase):
    """A command on a host, in a tree of connexions that it shares.

    It is as an SshProcess, but for these:

    - Its standard error is apart, and no terminal is there: `pty` has no effect.
    - It ends with its command, whatever that left running.
    - A host that can't be connected to, or is lost, is an `error`; `error_reason` has the words of
      the connector. A command that a signal n ends has the exit code -n.
    - What is written to a single process is told to all hosts of the tree: cheap for an action,
      not for each of thousands of processes.
    """

    @accept_old_spellings
    def __init__(
        self,
        cmd: Command,
        host: Host | str,
        connexion_params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`options` are those of Process."""
        self._host = Host(host)
        self.connexion_params = connexion_params
        super().__init__(cmd, **options)

    @property
    def host(self) -> Host:
        """Host on which the command runs."""
        return self._host

    def _argv(self) -> list[str]:
        problem = problem_of(self._job())
        if problem is not None:
            raise ValueError(problem)
        return []

    def _job(self) -> Job:
        address = ConnexionParams.of(self.connexion_params).address(self._host)
        return Job(address, remote_command(self.cmd))

    def _settings(self) -> TreeSettings:
        params = ConnexionParams.of(self.connexion_params)
        gateway = params.taktuk_gateway()
        return TreeSettings(
            tuple(params.taktuk_argv()),
            tuple(params.taktuk_connector(self._host)),
            None if gateway is None else tuple(gateway),
        )

    def _tree_key(self) -> object:
        """Return what processes have in common that can share a tree."""
        return self._settings()

    @classmethod
    def _children(cls, launches: Sequence[Launch]) -> list[Owned]:
        children: list[Owned] = []
        trees: dict[object, list[Launch]] = {}
        for launch in launches:
            if launch.options.impossible is None:
                trees.setdefault(launch.process._tree_key(), []).append(launch)
            else:
                children += super()._children([launch])
        for group in trees.values():
            children += cls._planted(group)
        return children

    @classmethod
    def _planted(cls, launches: Sequence[Launch]) -> list[Owned]:
        """Return the children of processes that share a tree."""
        return [plant(launches).child]


def plant(launches: Sequence[Launch]) -> Tree:
    """Return the tree of processes that share one, which are ready for its start."""
    first: TaktukProcess = launches[0].process
    tree = Tree(
        first._settings(),
        [(process._job(), options, process) for process, _, options in launches],
        environment=launches[0].options.environment,
        directory=launches[0].options.directory,
    )
    for launch, member in zip(launches, tree.members, strict=True):
        launch.process._get_ready()
        launch.process._launched(member)
    return tree


class TaktukRemote(Remote):
    """A command on hosts, in one tree of connexions; arguments are those of `Remote`.

    Hosts connect to one another: this machine starts some connexions, not all, and a key that
    `keyfile` names must be on the hosts too. `taktuk_options=("-s", "-d", "-1")` makes all
    connexions start here. Hosts with a user, a key or a port of their own make another tree. Hosts
    need Perl, and an ssh client; this machine needs taktuk.

    Its processes differ from those of Remote:

    - Standard error is apart, and there is no terminal: `pty` has no effect.
    - A process ends with its command, whatever that left running.
    - A host that can't be connected to, or is lost, is an `error`; `error_reason` has the words of
      the connector. A command that a signal n ends has the exit code -n.
    - What is written to a single process is told to all hosts of the tree: cheap for an action,
      not for each of thousands of processes.
    """

    _process = TaktukProcess
