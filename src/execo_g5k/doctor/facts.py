"""What checks are told: records, gathered by local.py and remote.py."""

import enum
from dataclasses import dataclass


@dataclass(frozen=True)
class Programs:
    """What can be run on this machine."""

    python: tuple[int, int, int]
    ssh_version: str | None
    """What `ssh -V` says; None when there is no ssh."""
    found: frozenset[str]
    """Those of scp, ssh-keygen, oarsh and oarcp that are in PATH."""


@dataclass(frozen=True)
class File:
    """A file or directory of this machine."""

    path: str
    mode: int | None
    """Permission bits; None when it is not there."""
    owned: bool = True
    """Whether it is of the user, or of root."""
    directory: bool = False
    """Whether it is a directory."""

    @property
    def exists(self) -> bool:
        """Whether it is there."""
        return self.mode is not None

    @property
    def writable_by_others(self) -> bool:
        """Whether its group, or everybody, can change it."""
        return self.mode is not None and bool(self.mode & 0o022)

    @property
    def open_to_others(self) -> bool:
        """Whether its group, or everybody, can do anything with it."""
        return self.mode is not None and bool(self.mode & 0o077)


@dataclass(frozen=True)
class Key:
    """A private key of this machine."""

    file: File
    public: str | None = None
    """Kind and number of its public key, as in authorized_keys; None when it can't be known."""
    encrypted: bool = False
    """Whether it has a passphrase."""
    beside: str | None = None
    """Kind and number in the file .pub; None when there is no such file."""
    problem: str = ""
    """Why it can't be read, in the words of ssh-keygen."""


class AgentState(enum.Enum):
    """How an ssh agent answers."""

    NONE = enum.auto()
    """No agent is named in SSH_AUTH_SOCK."""
    SILENT = enum.auto()
    """One is named, and does not answer."""
    ANSWERS = enum.auto()


@dataclass(frozen=True)
class Agent:
    """The ssh agent of this machine."""

    state: AgentState
    keys: frozenset[str] = frozenset()
    """Kind and number of the public keys that it has."""


@dataclass(frozen=True)
class ConfProblem:
    """Something that is wrong in ~/.execo.conf.py."""

    line: int | None
    what: str
    name: str = ""
    """What is misspelt, if that is it."""
    meant: str = ""
    """What it should probably be."""


@dataclass(frozen=True)
class Conf:
    """The file ~/.execo.conf.py."""

    file: File
    problems: tuple[ConfProblem, ...] = ()
    api_password: bool = False
    """Whether it has the password of the API."""


@dataclass(frozen=True)
class Nodes:
    """The settings for nodes of jobs."""

    programs: tuple[str, str, str]
    """default_oarsh_oarcp_params: ssh, scp, taktuk_connector."""
    user: str | None
    port: int | None
    keyfile: str | None
    """File of this machine with the private key of jobs; None when none is configured."""


class Trouble(enum.Enum):
    """Why a host can't be entered."""

    NAME = enum.auto()
    """Its name has no address."""
    NO_ANSWER = enum.auto()
    REFUSED = enum.auto()
    UNKNOWN_HOST_KEY = enum.auto()
    CHANGED_HOST_KEY = enum.auto()
    DENIED = enum.auto()
    """No key is accepted."""
    OTHER = enum.auto()


@dataclass(frozen=True)
class Route:
    """How ssh would go to a host, as `ssh -G` tells."""

    address: str
    user: str = ""
    jump: str | None = None
    """Host that is gone through; None when it goes directly, or by a command of the user."""
    command: str | None = None
    """ProxyCommand."""
    identities: tuple[str, ...] = ()
    """Files of private keys that are tried, with the home written out."""
    known_hosts: str = ""
    """File in which the keys of hosts are kept."""
    control_path: str | None = None


@dataclass(frozen=True)
class Entry:
    """An attempt to enter a host."""

    route: Route
    seconds: float | None = None
    """How long it took; None when it failed."""
    trouble: Trouble | None = None
    words: str = ""
    """Last words of ssh."""


@dataclass(frozen=True)
class SiteKey:
    """The job key on a frontend."""

    path: str
    """Name there, maybe with ~."""
    mode: int | None = None
    """Permission bits; None when it is not there."""
    public: str | None = None
    authorized: bool = False
    """Whether the authorized_keys there has it."""


@dataclass(frozen=True)
class Site:
    """A site, as its frontend tells."""

    name: str
    entry: Entry
    rewritten: str
    """Address that host_rewrite_func gives for it; "" when it fails."""
    clock: float | None = None
    """Seconds by which its clock is ahead of the one here."""
    uncertain: float = 0.0
    """Seconds by which `clock` may be wrong."""
    stray: str = ""
    """What its shell prints that was not asked for."""
    has_oar: bool = True
    key: SiteKey | None = None


@dataclass(frozen=True)
class Facts:
    """All that is known before sites are asked."""

    programs: Programs
    ssh_directory: File
    ssh_files: tuple[File, ...]
    """The configuration of ssh, and what it includes of ours."""
    conf: Conf
    nodes: Nodes
    rewrite_origin: str
    """Where the host_rewrite_func of frontends is set."""
    job_key_file: str | None
    """Name, on frontends, of the key that jobs import; None when none is set."""
    job_key_origin: str
    """Where that is set."""
    inside_key: Key | None
    agent: Agent
    outside_keys: tuple[Key, ...] = ()
    """Those that are tried at the access machine, or at the frontends when there is none."""
    configured: bool = True
    """Whether `execo-g5k configure` was run, and knows the choices of the user."""
    socket_directory: str | None = "/tmp"
    """Where the sockets of shared connexions can be; None where no name is short enough."""
