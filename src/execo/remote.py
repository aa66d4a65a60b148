"""The same command on many hosts."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from execo._record import checked_command, process_options
from execo.action import Action
from execo.connexion import ConnexionParams
from execo.host import Host, get_hosts_list, hosts_in_short
from execo.process import Command, ProcessBase, SshProcess
from execo.serial import SerialSsh, checked_device
from execo.spelling import accept_old_spellings
from execo.substitutions import Substitutions, substituted_options

CommandFor = Callable[[Host, int], Command]
"""Gives the command for a host and its index among the hosts."""


class Remote(Action):
    """A command on hosts, one ssh each, all at once as far as `configuration['fanout']` allows.

    `cmd` is text for the shell of each host, or words, which are quoted for it; or a function that
    takes the host and its index, from 0, and returns one of them.

    `hosts`: one or many, str or Host; a host that is given twice gets two processes.

    What stands between braces differs from host to host, in `cmd` and in file names of handlers:

    - `{{{host}}}` is the address connected to.
    - `{{expression}}` is evaluated by Python, once, when the action is made. It can use the names
      that the caller sees, or those of `values` instead, if given. A list, or any other iterable
      but text, gives its elements to the hosts in order, again from the first when it is shorter;
      any other value is the same for all hosts. What can't be evaluated stays as it is, with a
      warning; what is no Python, such as `{{.State}}`, stays without one.

    Raises ValueError when the list of an expression is empty, TypeError when `cmd` is no command,
    or an option does not exist.
    """

    _process: ClassVar[Callable[..., ProcessBase]] = SshProcess

    @accept_old_spellings
    def __init__(
        self,
        cmd: Command | CommandFor,
        hosts: Iterable[Host | str] | Host | str | None,
        connexion_params: Mapping[str, Any] | None = None,
        process_args: Mapping[str, Any] | None = None,
        *,
        values: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`connexion_params`: dict of what differs from `default_connexion_params`.

        `process_args`: dict of options of each process, see Process. `values`: dict of the names
        that expressions can use; None: those that the caller sees. `options`: those of Action.
        """
        super().__init__(**options)
        self.hosts = get_hosts_list(hosts)
        self.connexion_params = connexion_params
        self.processes = list(
            host_processes(
                type(self)._process, cmd, self.hosts, connexion_params, process_args, values
            )
        )
        self._command = cmd if isinstance(cmd, str) else str(cmd)

    def _description(self) -> str:
        return f"{type(self).__name__}({self._command!r} on {hosts_in_short(self.hosts)})"


def host_processes(
    make: Callable[..., ProcessBase],
    cmd: Command | CommandFor,
    hosts: list[Host],
    connexion_params: Mapping[str, Any] | None,
    process_args: Mapping[str, Any] | None,
    values: Mapping[str, Any] | None,
) -> Iterable[ProcessBase]:
    """Give one process for each host, with its own substitutions."""
    substitute = Substitutions(values)
    if not callable(cmd):
        cmd = checked_command(cmd)
    options = process_options(process_args)
    for index, host in enumerate(hosts):
        address = ConnexionParams.of(connexion_params).address(host)
        own = substituted_options(options, substitute, index, address)
        if callable(cmd):
            command = cmd(host, index)
        elif isinstance(cmd, str):
            command = substitute(cmd, index, address)
        else:
            command = tuple(substitute(str(word), index, address) for word in cmd)
        yield make(command, host, connexion_params, **own)


class RemoteSerial(Action):
    """A serial port of each of many hosts; see `SerialSsh`."""

    @accept_old_spellings
    def __init__(
        self,
        hosts: Iterable[Host | str] | Host | str | None,
        device: str,
        speed: int = 115200,
        connexion_params: Mapping[str, Any] | None = None,
        process_args: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        """`device`, `speed`: see Serial; {{ }} as for Remote in `device`.

        `process_args`: dict of options of each SerialSsh. `options`: those of Action.
        """
        super().__init__(**options)
        self.hosts = get_hosts_list(hosts)
        checked_device(device)
        substitute = Substitutions()
        for index, host in enumerate(self.hosts):
            address = ConnexionParams.of(connexion_params).address(host)
            self.processes.append(
                SerialSsh(
                    host,
                    substitute(device, index, address),
                    speed,
                    connexion_params,
                    **substituted_options(process_args, substitute, index, address),
                )
            )

    def _description(self) -> str:
        return f"RemoteSerial on {hosts_in_short(self.hosts)}"
