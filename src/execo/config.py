"""Settings of `execo`: `configuration` and `default_connexion_params`.

Both are dicts that scripts read, copy, assign and update. `~/.execo.conf.py` may define dicts of
the same names.
"""

import os
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from execo._config.environment import environment_layers
from execo._config.execo_conf import conf_layers
from execo._config.layers import Layer, SettingsDict
from execo.host import checked_keyfile, checked_port, checked_user
from execo.log import set_log_level
from execo.spelling import accept_old_spellings

SSH = 1
"""Remote runs one ssh a host."""
SCP = 2
"""Put and Get run one scp a host."""
TAKTUK = 3
"""One tree of connexions for all hosts."""
CHAINPUT = 4
"""A copy from host to host."""

_SSH_OPTIONS = (
    "-o", "BatchMode=yes",
    "-o", "PasswordAuthentication=no",
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    # "Permanently added ... to the list of known hosts", on every connexion
    "-o", "LogLevel=ERROR",
    "-o", "ConnectTimeout=20",
)  # fmt: skip


_PROGRAMS = ("ssh", "scp", "taktuk", "taktuk_connector")
_OPTIONS = (
    "ssh_options", "scp_options", "taktuk_options", "taktuk_connector_options",
    "taktuk_gateway_connector_options",
)  # fmt: skip


def _checked_words(name: str, given: Any) -> list[Any]:
    try:
        words = shlex.split(given) if isinstance(given, str) else list(given)
    except ValueError as error:
        raise ValueError(f"{name}: {given!r}: {error}") from error
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"{name}: {word!r} in {given!r}: expected text")
        if "\0" in word:
            raise ValueError(f"{name}: {word!r} holds a NUL character")
    return words


_TRANSPORTS = ("ssh", "asyncssh")
_TOOLS = {
    "remote_tool": {"SSH": SSH, "TAKTUK": TAKTUK},
    "fileput_tool": {"SCP": SCP, "TAKTUK": TAKTUK, "CHAINPUT": CHAINPUT},
    "fileget_tool": {"SCP": SCP, "TAKTUK": TAKTUK},
}


def _check_tool(name: str, tool: object) -> None:
    tools = _TOOLS[name]
    if tool not in tools.values():
        accepted = " or ".join(f"{known} ({value})" for known, value in tools.items())
        raise ValueError(f"{name}: {tool!r}: expected {accepted}")


def _check_port_range(ports: Sequence[object]) -> None:
    expected = "expected two numbers: the first port, and the one behind the last"
    for port in ports:
        if isinstance(port, bool) or not isinstance(port, int):
            raise TypeError(f"port_range: {port!r} in {ports!r}: {expected}")
    if len(ports) != 2 or not 0 < ports[0] < ports[1] <= 65536:  # type: ignore[operator]
        raise ValueError(f"port_range: {ports!r}: {expected}")


def _check_color_styles(styles: Mapping[str, object]) -> None:
    for name, words in styles.items():
        several = [words] if isinstance(words, str) else words
        if not isinstance(several, Collection) or not all(isinstance(w, str) for w in several):
            raise TypeError(
                f"color_styles: {words!r} for {name!r}: expected names of colours and attributes"
            )


def _color_styles() -> dict[str, Any]:
    return {
        "log_header": ("yellow",),
        "object_repr": ("blue", "bold"),
        "host": ("magenta", "bold"),
        "command": ("blue",),
        "emph": ("magenta", "bold"),
        "report_warn": ("magenta",),
        "report_error": ("red", "bold"),
        "step": ("cyan", "bold"),
        "parameter": ("magenta",),
        "user1": ("green", "bold"),
        "user2": ("yellow", "bold"),
        "user3": ("cyan",),
    }


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The values of `configuration`."""

    remote_tool: int = SSH
    """What `get_remote` uses: SSH or TAKTUK."""
    fileput_tool: int = SCP
    """What `get_fileput` uses: SCP, TAKTUK or CHAINPUT."""
    fileget_tool: int = SCP
    """What `get_fileget` uses: SCP or TAKTUK."""
    compact_output_threshold: int = 4096
    """Characters of output above which logs and `Process.dump` shorten it; 0 for never."""
    kill_timeout: float | None = 60
    """Seconds between SIGTERM and SIGKILL; None for no SIGKILL."""
    kill_childs_at_end: bool = True
    """Kill processes that live when the interpreter ends."""
    port_range: tuple[int, ...] = (25500, 26700)
    """Where free ports are looked for: the first, and the one behind the last."""
    color_mode: bool | None = None
    """Colours in text; None: when standard error is a terminal and NO_COLOR is not set."""
    color_styles: dict[str, Any] = field(default_factory=_color_styles)
    """Name of a style -> names of colours and attributes."""
    log_level: int | str | None = None
    """Level of the logger; None leaves it as it is."""
    fanout: int | None = None
    """Processes that live at once; None: as many as open files allow."""
    connexion_reuse: bool = False
    """Share a connexion between commands to the same host."""

    def __post_init__(self) -> None:
        if self.fanout is not None and self.fanout < 1:
            raise ValueError(f"fanout: {self.fanout}: expected 1 or more, or None")
        for name in _TOOLS:
            _check_tool(name, getattr(self, name))
        _check_port_range(self.port_range)
        _check_color_styles(self.color_styles)


@dataclass(frozen=True, kw_only=True)
class ConnexionSettings:
    """The values of connexion params."""

    user: str | None = None
    """Account on the host; None leaves it to ssh."""
    keyfile: str | os.PathLike[str] | None = None
    """Private key; None leaves it to ssh."""
    port: int | None = None
    """Port of the ssh server; None leaves it to ssh."""
    ssh: str = "ssh"
    """Program that connects; maybe with options."""
    scp: str = "scp"
    """Program that copies."""
    taktuk: str = "taktuk"
    """Program that makes trees of connexions."""
    ssh_options: tuple[str, ...] | str = ("-tt", *_SSH_OPTIONS)
    """-tt: commands end with their connexion, and their errors come in stdout."""
    scp_options: tuple[str, ...] | str = (*_SSH_OPTIONS, "-rp")
    """Options of scp; -rp: directories too, with their times and rights."""
    taktuk_options: tuple[str, ...] | str = ("-s",)
    """Options of taktuk; -s: hosts that have no taktuk get it from their parent in the tree."""
    taktuk_connector: str = "ssh"
    """Program by which the hosts of a tree connect to one another."""
    taktuk_connector_options: tuple[str, ...] | str = _SSH_OPTIONS
    """Options of this program."""
    taktuk_gateway: Any = None
    """Host from which a tree starts; None for this machine."""
    taktuk_gateway_connector: str | None = None
    """Program that connects to it; None for ssh."""
    taktuk_gateway_connector_options: tuple[str, ...] | str = _SSH_OPTIONS
    """Options of the program that connects to the gateway."""
    pty: bool = False
    """Start the local ssh on a pseudo-terminal."""
    transport: str = "ssh"
    """What connects to hosts for their commands: "ssh" is a program for each of them, "asyncssh" is
    in this process (install execo-g5k[asyncssh])."""
    forwarding_timeout: float | None = 25
    """Seconds that a PortForwarder is given until its port listens; None: no limit."""
    chainput_patience: float = 3
    """Seconds without a host that becomes ready, after which ChainPut begins with those it has."""
    chainput_silence: float = 30
    """Seconds after which a host of a ChainPut that says nothing is lost."""
    # what execo's ChainPut has: files of users may set them
    chainput_nc_client: str = "nc -q 0"
    """No effect: execo's ChainPut has it, ours needs no nc."""
    chainput_nc_server: str = "nc -l -p %s"
    """No effect: execo's ChainPut has it."""
    chainput_chain_retry: float = 0.05
    """No effect: execo's ChainPut has it."""
    chainput_host_retry: int = 5
    """No effect: execo's ChainPut has it."""
    chainput_try_delay: float = 2
    """No effect: execo's ChainPut has it."""
    host_rewrite_func: Callable[[str], str] | None = None
    """Address -> address to connect to; used at connexion time only."""
    fast_algorithms: bool = True
    """Prefer the key exchange and, for copies, the cipher that cost least; False: ssh's own order,
    which since OpenSSH 9.0 begins with an exchange that quantum computers can't break."""

    def __post_init__(self) -> None:
        checked_user(self.user)
        checked_keyfile(self.keyfile)
        checked_port(self.port)
        for name in _PROGRAMS:
            if not _checked_words(name, getattr(self, name)):
                raise ValueError(f"{name}: '' is no program")
        for name in _OPTIONS:
            _checked_words(name, getattr(self, name))
        if self.transport not in _TRANSPORTS:
            raise ValueError(
                f"transport: {self.transport!r}: expected one of {', '.join(_TRANSPORTS)}"
            )
        if self.host_rewrite_func is not None and not callable(self.host_rewrite_func):
            raise TypeError(
                f"host_rewrite_func: {self.host_rewrite_func!r}: expected a function that takes "
                "and returns an address, or None"
            )


def layers_of(
    name: str, record: type[Any] | None = None, prefix: str = ""
) -> Callable[[], Iterable[Layer]]:
    """Return what reads the layers of the dict called `name` above its defaults.

    These are `~/.execo.conf.py` and, given a `record`, the environment: the variables called by
    its fields in capitals, behind `prefix`.
    """

    def layers() -> Iterable[Layer]:
        yield from conf_layers(name)
        if record is not None:
            yield from environment_layers(record, prefix)

    return layers


def _apply(key: str, value: Any) -> None:
    if key == "log_level" and value is not None:
        set_log_level(value)


configuration: SettingsDict[Settings] = SettingsDict(
    Settings, "configuration", layers_of("configuration", Settings, "EXECO_"), _apply
)
"""General settings."""

default_connexion_params: SettingsDict[ConnexionSettings] = SettingsDict(
    ConnexionSettings, "default_connexion_params", layers_of("default_connexion_params")
)
"""How hosts are connected to, where a call does not say otherwise."""


def settings() -> Settings:
    """Return the values of `configuration` as they are now."""
    return configuration.snapshot()


@accept_old_spellings
def make_connexion_params(
    connexion_params: Mapping[str, Any] | None = None,
    default_connexion_params: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return connexion params as a new dict: those given, above the default ones.

    `connexion_params`: None for none. `default_connexion_params`: None for
    `execo.default_connexion_params`.

    Raises:
        TypeError: one of them is no mapping.
    """
    _check_params(connexion_params, "connexion_params")
    _check_params(default_connexion_params, "default_connexion_params")
    below = _default() if default_connexion_params is None else default_connexion_params
    return {**below, **(connexion_params or {})}


def _check_params(params: object, argument: str) -> None:
    if params is not None and not isinstance(params, Mapping):
        raise TypeError(f"{argument}: {params!r}: expected a dict")


def _default() -> Mapping[str, Any]:
    return default_connexion_params


default_connection_params = default_connexion_params
make_connection_params = make_connexion_params
