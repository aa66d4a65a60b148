"""What ssh is told to prefer: algorithms that cost less than its first choice, and are as safe.

OpenSSH 9.2 begins with a key exchange that takes ten times the CPU time of curve25519, and with a
cipher for which processors have no instructions. A `^` (since OpenSSH 8.0) puts an algorithm first
and disables none: what a server can't do is left out as ever.
"""

import os
import re
import shutil
from functools import lru_cache
from pathlib import Path

from execo._engine.probe import succeeds

_WANTED = {"KexAlgorithms": "^curve25519-sha256", "Ciphers": "^aes128-gcm@openssh.com"}

# the last three run the ssh of the machine, and have no way to be asked
_PROGRAMS = ("ssh", "scp", "oarsh", "oarcp")


def prefer(keyword: str, program: str) -> tuple[str, ...]:
    """Return the options by which a program of OpenSSH prefers what is cheap.

    `keyword` of ssh_config: KexAlgorithms or Ciphers. Return none when the program does not know
    them, when a configuration file of ssh chooses, and for programs that are called by a path:
    they may be anything.
    """
    ssh = shutil.which("ssh")
    if program not in _PROGRAMS or ssh is None:
        return ()
    if _is_configured(keyword, os.environ.get("HOME", "/")):
        return ()
    options = ("-o", f"{keyword}={_WANTED[keyword]}")
    return options if _is_known(options, ssh) else ()


@lru_cache
def _is_known(options: tuple[str, ...], ssh: str) -> bool:
    return succeeds([ssh, "-F", "none", *options, "-G", "localhost"])


@lru_cache
def _is_configured(keyword: str, home: str) -> bool:
    for folder in (Path(home, ".ssh"), Path("/etc/ssh")):
        for file in (folder / "config", folder / "ssh_config", *folder.glob("*config.d/*")):
            try:
                text = file.read_text(errors="replace")
            except OSError:
                continue
            if re.search(rf"^\s*{keyword}\b", text, re.IGNORECASE | re.MULTILINE):
                return True
    return False
