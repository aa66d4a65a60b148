"""How to connect to the nodes of a job from where this program runs."""

import logging
import os
import shutil
from collections.abc import Callable
from typing import Any

from execo_g5k.config import default_oarsh_oarcp_params, job_key_file

logger = logging.getLogger("execo")

Which = Callable[[str], str | None]

OAR_SSH_PORT = 6667
"""Port on which the sshd of OAR listens on nodes."""


def oarsh_problem(which: Which = shutil.which) -> str | None:
    """Say what to do when `oarsh` or `oarcp` is missing here; None when both are there."""
    missing = [command for command in ("oarsh", "oarcp") if which(command) is None]
    if not missing:
        return None
    return (
        f"no {' nor '.join(missing)} on this machine. Use ssh to the nodes as user 'oar' on port"
        f" {OAR_SSH_PORT} with the key of the job: connexion_params=node_connexion_params(key);"
        " or submit jobs of whole nodes with job_type='allow_classic_ssh', or deploy the nodes,"
        " and use plain ssh"
    )


def node_connexion_params(
    job_key_file: str | None = None, which: Which = shutil.which
) -> dict[str, Any]:
    """Return connexion params for the nodes of a job.

    Where oarsh and oarcp are, they are used: `default_oarsh_oarcp_params`. Elsewhere it is ssh as
    user oar, port 6667, with the private key of the job: `job_key_file`, a file of this machine,
    else the configured one. Raises ValueError when there is no oarsh, nor key, and says what to do.
    """
    problem = oarsh_problem(which)
    if problem is None:
        return dict(default_oarsh_oarcp_params)
    keyfile = job_key_file or _configured_key()
    if not keyfile:
        raise ValueError(
            f"{problem}. No key of the job was given, and neither"
            " g5k_configuration['oar_job_key_file'] nor OAR_JOB_KEY_FILE names one"
        )
    return {"user": "oar", "port": OAR_SSH_PORT, "keyfile": os.path.expanduser(keyfile)}


def _configured_key() -> str | None:
    return job_key_file()
