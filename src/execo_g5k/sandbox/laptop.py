"""A laptop outside of a sandbox: a home, and programs that find the access machine alone."""

import os
import shutil
from pathlib import Path

from execo._config.execo_conf import CONF_VARIABLE
from execo_g5k.sandbox.servers.places import Directory
from execo_g5k.sandbox.servers.processes import MARK


def environment(directory: Directory, home: Path) -> dict[str, str]:
    """Return the variables of programs on a laptop, which gets a key that the account knows."""
    ssh = home / ".ssh"
    ssh.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ssh / directory.user_key.name
    if not key.exists():
        for suffix in ("", ".pub"):
            shutil.copy(f"{directory.user_key}{suffix}", f"{key}{suffix}")
    before = os.environ.get("PATH", os.defpath)
    return {
        "HOME": str(home.resolve()),
        "PATH": f"{directory.laptop}{os.pathsep}{before}",
        "OAR_JOB_KEY_FILE": "",
        CONF_VARIABLE: "",
        MARK: str(directory.path),
    }
