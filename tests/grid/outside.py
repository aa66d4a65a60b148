"""A laptop outside of the grid: an ssh of its own that knows the access machine, and no oarsh."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SSH_CONFIG = """\
Host access.grid5000.fr
    User alice
    IdentityFile {home}/.ssh/id_grid

Host *.grid5000.fr !access.grid5000.fr
    User alice
    IdentityFile {home}/.ssh/id_grid
    ProxyJump access.grid5000.fr

Host *
    IdentitiesOnly yes
    BatchMode yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
"""

# what users write
EXECO_CONF = """\
def full_name(name):
    return name if name.endswith(".grid5000.fr") else f"{name}.grid5000.fr"

g5k_configuration = {
    "oar_job_key_file": "~/.ssh/oar_job_key",
    "polling_interval": 1,
    "tiny_polling_interval": 1,
}
default_frontend_connexion_params = {"host_rewrite_func": full_name}
default_connexion_params = {"host_rewrite_func": full_name}
default_oarsh_oarcp_params = {
    "ssh": "ssh",
    "scp": "scp",
    "taktuk_connector": "ssh",
    "user": "oar",
    "port": 6667,
    "keyfile": "~/.ssh/oar_job_key",
    "taktuk_gateway": "nancy.grid5000.fr",
    "host_rewrite_func": full_name,
}
"""


class Laptop:
    """A home with aliases and settings as users have them, and the programs of a laptop."""

    def __init__(self, home: Path, key: Path, job_key: Path, variables: dict[str, str]) -> None:
        ssh = home / ".ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        for name, file in (("id_grid", key), ("oar_job_key", job_key)):
            shutil.copy(file, ssh / name)
            (ssh / name).chmod(0o600)
        (ssh / "config").write_text(SSH_CONFIG.format(home=home))
        (home / ".execo.conf.py").write_text(EXECO_CONF)
        self.home = home
        self.environment = {**os.environ, "HOME": str(home), **variables}
        for name in ("OAR_JOB_ID", "OAR_JOB_KEY_FILE", "SSH_AUTH_SOCK"):
            self.environment.pop(name, None)

    @classmethod
    def bare(cls, home: Path, key: Path, variables: dict[str, str]) -> "Laptop":
        """Return a laptop with a key that the account knows, and nothing else."""
        laptop = cls.__new__(cls)
        ssh = home / ".ssh"
        ssh.mkdir(mode=0o700, parents=True)
        shutil.copy(key, ssh / "id_ed25519")
        shutil.copy(f"{key}.pub", ssh / "id_ed25519.pub")
        (ssh / "id_ed25519").chmod(0o600)
        # not those of the account that runs the tests
        (ssh / "config").write_text(f"Host *\n    UserKnownHostsFile {ssh}/known_hosts\n")
        (ssh / "config").chmod(0o600)
        laptop.home = home
        laptop.environment = {**variables, "HOME": str(home)}
        return laptop

    def run(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run a command line on the laptop, without any input."""
        return subprocess.run(
            argv, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip

    def script(self, source: str) -> dict[str, Any]:
        """Run Python source, which prints one JSON object at its end."""
        done = self.run(sys.executable, "-c", source)
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found


def ssh_of_home(directory: Path) -> str:
    """Return a PATH with an ssh that reads the configuration of $HOME, which is not the account's.

    ssh itself asks the account where the home is.
    """
    for tool in ("ssh", "scp"):
        program = directory / tool
        program.write_text(f'#!/bin/sh\nexec /usr/bin/{tool} -F "$HOME/.ssh/config" "$@"\n')
        program.chmod(0o755)
    return f"{directory}{os.pathsep}{os.environ['PATH']}"
