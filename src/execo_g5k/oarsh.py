"""How to connect to the nodes of a job from where this program runs."""

import logging
import shutil
from collections.abc import Callable
from typing import Any

from execo._engine.missing import advice
from execo.host import Host
from execo_g5k.config import default_oarsh_oarcp_params
from execo_g5k.config import job_key_file as job_key_file_here

logger = logging.getLogger("execo")

Which = Callable[[str], str | None]

_OAR_PROGRAMS = ("oarsh", "oarcp")

OAR_SSH_PORT = 6667
"""Port on which the sshd of OAR listens on nodes."""


def oarsh_problem(which: Which = shutil.which) -> str | None:
    """Say what to do when `oarsh` or `oarcp` is missing here; None when both are there."""
    missing = [command for command in _OAR_PROGRAMS if which(command) is None]
    if not missing:
        return None
    return (
        f"no {' nor '.join(missing)} on this machine. Use ssh to the nodes as user 'oar' on port"
        f" {OAR_SSH_PORT} with the key of the job: connexion_params=node_connexion_params(key);"
        " or submit jobs of whole nodes with job_type='allow_classic_ssh', or deploy the nodes,"
        " and use plain ssh"
    )


advice.update(dict.fromkeys(_OAR_PROGRAMS, oarsh_problem))


def node_connexion_params(
    job_key_file: str | None = None,
    which: Which | None = None,
    *,
    taktuk_gateway: Host | str | None = None,
) -> dict[str, Any]:
    """Return connexion params for the nodes of a job, as a new dict.

    Where oarsh and oarcp are, they are used: `default_oarsh_oarcp_params`. Elsewhere it is ssh as
    user oar, port 6667, with the private key of the job: `job_key_file`, a file of this machine;
    None: the configured one. What the user has set in `default_oarsh_oarcp_params` counts there
    too, unless it is oarsh or oarcp.

    `which`: function that finds a program by its name, or returns None; None: `shutil.which`.

    `taktuk_gateway`: from where trees of connexions start, such as "nancy.grid5000.fr": nodes can't
    connect through the ssh configuration of a laptop. The gateway and the nodes need the key by the
    same name then: "~/.ssh/oar_job_key", which each of them reads in its own home.

    Raises:
        ValueError: there is no oarsh, nor key; it says what to do.
    """
    problem = oarsh_problem(which or shutil.which)
    if problem is None:
        return _with_gateway(dict(default_oarsh_oarcp_params), taktuk_gateway)
    keyfile = job_key_file or default_oarsh_oarcp_params.get("keyfile") or job_key_file_here()
    if not keyfile:
        raise ValueError(
            f"{problem}. No key of the job was given, and neither"
            " default_oarsh_oarcp_params['keyfile'], g5k_configuration['oar_job_key_file'] nor"
            " OAR_JOB_KEY_FILE names one"
        )
    # ~ stays: whoever connects, here or on a gateway, reads it as the home there
    params = {**_own_settings(), "user": "oar", "port": OAR_SSH_PORT, "keyfile": keyfile}
    return _with_gateway(params, taktuk_gateway)


def _own_settings() -> dict[str, Any]:
    """Return what the user has set for nodes, and needs no oarsh."""
    defaults = default_oarsh_oarcp_params.defaults()
    return {
        key: value
        for key, value in default_oarsh_oarcp_params.items()
        if value != defaults.get(key) and value not in _OAR_PROGRAMS
    }


def _with_gateway(params: dict[str, Any], gateway: Host | str | None) -> dict[str, Any]:
    return params if gateway is None else {**params, "taktuk_gateway": gateway}
