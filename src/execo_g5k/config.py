"""Settings of this package: dicts for users, a typed snapshot of them for the code.

The dicts are read, assigned and updated by scripts, and by `~/.execo.conf.py`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from execo._config.layers import SettingsDict
from execo.config import ConnexionSettings, layers_of

S = TypeVar("S")

SITES = frozenset(
    {
        "bordeaux",
        "grenoble",
        "lille",
        "louvain",
        "luxembourg",
        "lyon",
        "nancy",
        "nantes",
        "orsay",
        "reims",
        "rennes",
        "sophia",
        "strasbourg",
        "toulouse",
    }
)
"""Sites of Grid'5000, of today and of yesterday."""


@dataclass(frozen=True, kw_only=True)
class G5kSettings:
    """What `g5k_configuration` holds, at one moment. Durations in seconds."""

    kadeploy3: str = "kadeploy3"
    """Program on frontends that deploys."""
    kadeploy3_options: str = "-k -d"
    """-k: the user's key opens deployed nodes to root; -d: Kadeploy tells its steps."""
    kaconsole3: str = "kaconsole3"
    """Program on frontends that opens the console of a node."""
    default_env_name: str | None = None
    """Name of the environment of a Deployment that has none."""
    default_env_file: str | None = None
    """The same, by the file that describes it: a path on frontends, or a URL."""
    default_timeout: float | None = 900
    """Seconds for a call, where its `timeout` is omitted; None: no limit."""
    kadeploy_cancel_timeout: float = 10
    """Seconds that kadeploy3 is given to cancel a deployment, before it is killed."""
    kadeploy_lock_timeout: float = 900
    """Seconds, in all, that `deploy` waits for nodes that another deployment has."""
    check_deployed_command: str = "! (mount | grep -E '^/dev/[[:alpha:]]+2 on / ')"
    """Shell text that succeeds on deployed nodes: their root is not that of the usual system."""
    no_ssh_for_local_frontend: bool = False
    """Run commands of a frontend directly when the script runs on it."""
    polling_interval: float = 20
    """Seconds between two looks at a job that is waited for, at most."""
    tiny_polling_interval: float = 10
    """Seconds between two looks when the job is about to start, at most."""
    default_frontend: str | None = None
    """Site of calls that name none; None: as the name of this machine tells."""
    oar_job_key_file: str | None = None
    """Path, on the frontend, of the ssh key that jobs import; None: as OAR_JOB_KEY_FILE says."""
    job_ledger: bool = True
    """Record the jobs that scripts submit until they end, so that none is lost."""
    script_name: str | None = None
    """Name under which they are recorded, for `take_over`."""
    state_directory: str | None = None
    """Where the records are; None: execo-g5k in $XDG_STATE_HOME, else in ~/.local/state."""
    api_uri: str | None = None
    """Address of the REST API. Not used yet."""
    api_username: str | None = None
    """Login on the API; None: asked for, or that of `g5k_api_params`."""
    api_timeout: float = 30
    """Seconds for an answer of the API. Not used yet."""
    api_verify_ssl_cert: bool | str = True
    """Whether its certificate is verified, or the file of authorities for that. Not used yet."""
    api_additional_args: dict[str, Any] = field(default_factory=dict)
    """Further arguments of its requests. Not used yet."""

    def __post_init__(self) -> None:
        directory = self.state_directory
        if directory is not None and not directory.startswith(("/", "~")):
            # the records would be others in each directory in which a script is started
            raise ValueError(
                f"state_directory: {directory!r}: expected an absolute path, or one from ~"
            )


def site_address(name: str) -> str:
    """Return the address of the frontend of a site; what is no site is an address."""
    return f"{name}.grid5000.fr" if name in SITES else name


@dataclass(frozen=True, kw_only=True)
class FrontendConnexionSettings(ConnexionSettings):
    """Connexion params for frontends: all of them, so that nothing of the nodes' leaks in."""

    pty: bool = True
    host_rewrite_func: Callable[[str], str] | None = site_address


@dataclass(frozen=True, kw_only=True)
class OarshConnexionSettings(ConnexionSettings):
    """Connexion params for nodes, through oarsh and oarcp."""

    ssh: str = "oarsh"
    scp: str = "oarcp"
    taktuk_connector: str = "oarsh"
    pty: bool = True


def _settings_dict(record: type[S], name: str) -> SettingsDict[S]:
    return SettingsDict(record, name, layers_of(name))


g5k_configuration = SettingsDict(
    G5kSettings, "g5k_configuration", layers_of("g5k_configuration", G5kSettings, "EXECO_G5K_")
)
"""Settings of this package; its keys are the fields of G5kSettings.

The environment sets them too: EXECO_G5K_DEFAULT_TIMEOUT for `default_timeout`.
"""

default_frontend_connexion_params = _settings_dict(
    FrontendConnexionSettings, "default_frontend_connexion_params"
)
"""How frontends are reached; what scripts set for nodes has no effect on it."""

default_oarsh_oarcp_params = _settings_dict(OarshConnexionSettings, "default_oarsh_oarcp_params")
"""How nodes are reached with oarsh and oarcp."""

default_frontend_connection_params = default_frontend_connexion_params


def g5k_settings() -> G5kSettings:
    """Return `g5k_configuration` as it is now."""
    return g5k_configuration.snapshot()


def job_key_file() -> str | None:
    """Return the file, on frontends, of the ssh key that jobs import; None when none is set."""
    return job_key_file_and_origin()[0]


def job_key_file_and_origin() -> tuple[str | None, str]:
    """Return the same, and where it comes from."""
    key = "oar_job_key_file"
    own = g5k_settings().oar_job_key_file
    given = os.environ.get("OAR_JOB_KEY_FILE")
    if own or not given:
        return own or None, g5k_configuration.origin.get(key, "default")
    return given, "environment variable OAR_JOB_KEY_FILE"
