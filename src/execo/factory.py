"""Actions made with the tool that the configuration chooses."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from execo.action import Action
from execo.chainput import ChainPut
from execo.config import CHAINPUT, SCP, SSH, TAKTUK, settings
from execo.errors import ConfigError
from execo.host import Host
from execo.process import Command
from execo.remote import Remote
from execo.spelling import accept_old_spellings
from execo.substitutions import callers_names
from execo.taktuk import TaktukRemote
from execo.taktuk_copy import TaktukGet, TaktukPut
from execo.transfer import Files, Get, Put

_Hosts = Iterable[Host | str] | Host | str | None


def _tool(key: str, tools: Mapping[int, Callable[..., Action]]) -> Callable[..., Action]:
    wanted = getattr(settings(), key)
    if wanted not in tools:
        raise ConfigError(key, "configuration", f"tool {wanted!r} is not available")
    return tools[wanted]


@accept_old_spellings
def get_remote(
    cmd: Command,
    hosts: _Hosts,
    connexion_params: Mapping[str, Any] | None = None,
    process_args: Mapping[str, Any] | None = None,
    **options: Any,
) -> Action:
    """Return an action that runs `cmd` on `hosts` with `configuration['remote_tool']`.

    Arguments are those of `Remote`. It is a Remote for SSH, a TaktukRemote for TAKTUK.
    """
    options.setdefault("values", callers_names())
    return _tool("remote_tool", {SSH: Remote, TAKTUK: TaktukRemote})(
        cmd, hosts, connexion_params, process_args, **options
    )


@accept_old_spellings
def get_fileput(
    hosts: _Hosts,
    local_files: Files,
    remote_location: str = ".",
    connexion_params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Action:
    """Return an action that copies files to `hosts` with `configuration['fileput_tool']`.

    Arguments are those of `Put`. It is a Put for SCP, a TaktukPut for TAKTUK, a ChainPut for
    CHAINPUT.
    """
    tool = _tool("fileput_tool", {SCP: Put, TAKTUK: TaktukPut, CHAINPUT: ChainPut})
    return tool(hosts, local_files, remote_location, connexion_params, **options)


@accept_old_spellings
def get_fileget(
    hosts: _Hosts,
    remote_files: Files,
    local_location: str = ".",
    connexion_params: Mapping[str, Any] | None = None,
    **options: Any,
) -> Action:
    """Return an action that copies files from `hosts` with `configuration['fileget_tool']`.

    Arguments are those of `Get`. It is a Get for SCP, a TaktukGet for TAKTUK.
    """
    tool = _tool("fileget_tool", {SCP: Get, TAKTUK: TaktukGet})
    return tool(hosts, remote_files, local_location, connexion_params, **options)
