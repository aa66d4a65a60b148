"""Where a grid keeps its files.  Nothing is written anywhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from pathlib import Path

TESTBED = Path(__file__).resolve().parent
FILES = TESTBED / "files"
PROJECT = TESTBED.parent


@dataclass(frozen=True)
class WorkDir:
    """The work directory of one grid; several may run side by side."""

    top: Path

    @classmethod
    def default(cls) -> "WorkDir":
        """Return the directory named by GRID_DIR, else `testbed/work`."""
        return cls(Path(os.environ.get("GRID_DIR") or TESTBED / "work").resolve())

    @property
    def rootfs(self) -> Path:
        """Return the root every host starts from: the packages, unpacked once."""
        return self.top / "rootfs"

    @property
    def keys(self) -> Path:
        """Return the directory of key pairs: users', jobs', the OAR servers'."""
        return self.top / "keys"

    @property
    def run(self) -> Path:
        """Return the tmpfs of the running grid: hosts' private files, homes, state."""
        return self.top / "run"

    def host(self, name: str) -> Path:
        """Return the private directory of a host."""
        return self.run / "hosts" / name

    def home(self, site: str | None) -> Path:
        """Return what a site's hosts see as /home (None: the access machine's)."""
        return self.run / "home" / (site or "access")

    def user_key(self, user: str) -> Path:
        """Return the private key with which `user` enters the grid."""
        return self.keys / user

    def job_key(self, user: str) -> Path:
        """Return the private key `user` gives to `oarsub -k -i`."""
        return self.keys / f"{user}.job_key"

    def server_key(self, site: str) -> Path:
        """Return the key with which the OAR server of a site enters its nodes."""
        return self.keys / f"oar.{site}"

    def ssh_config(self, user: str) -> Path:
        """Return the ssh configuration of `user`'s laptop."""
        return self.run / f"ssh_config.{user}"

    @property
    def laptop_etc(self) -> Path:
        """Return the files that the laptop has in /etc instead of the machine's."""
        return self.run / "laptop-etc"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands from starting or stopping the same grid meanwhile."""
        self.top.mkdir(parents=True, exist_ok=True)
        with (self.top / "lock").open("w") as lock:
            flock(lock, LOCK_EX)
            yield
