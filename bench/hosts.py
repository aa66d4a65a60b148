"""Hosts: ssh servers of ours on loopback addresses, each host an address."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

SSHD = "/usr/sbin/sshd"
_PRIVSEP = Path("/run/sshd")
_PATIENCE = 20.0

# a server listens on that many addresses at most
_ADDRESSES = 16

_CONFIG = """\
Port {port}
{listen}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 500
LogLevel ERROR
Subsystem sftp internal-sftp
SetEnv HOME={folder}/home
"""


class Hosts:
    """So many hosts, during a block; algorithms are those that the server prefers."""

    def __init__(self, count: int) -> None:
        self.addresses = [f"127.5.{n // 200}.{n % 200 + 1}" for n in range(count)]
        self._servers: list[subprocess.Popen[bytes]] = []
        self._made_privsep = False

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="execo-bench-"))
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._made_privsep:
            with contextlib.suppress(OSError):
                _PRIVSEP.rmdir()

    def job(self, count: int) -> dict[str, Any]:
        """Return what a job on so many of them has to know."""
        return {
            "hosts": self.addresses[:count],
            "port": self.port,
            "user": getpass.getuser(),
            "key": str(self.folder / "user_key"),
        }

    def _start(self) -> None:
        # what the user's shell reads when it starts is no part of the measure
        (self.folder / "home").mkdir()
        for name in ("host_key", "user_key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        if os.geteuid() == 0 and not _PRIVSEP.exists():
            # root's sshd wants this empty directory, which the boot of a machine makes
            _PRIVSEP.mkdir(mode=0o755)
            self._made_privsep = True
        self.port = _free_port(self.addresses[0])
        for first in range(0, len(self.addresses), _ADDRESSES):
            self._start_one(first)
        end = time.monotonic() + _PATIENCE
        for address in self.addresses:
            while not self._listens(address):
                if time.monotonic() > end or any(s.poll() is not None for s in self._servers):
                    log = (self.folder / "sshd.log").read_text(errors="replace")
                    raise OSError(f"{address}: {SSHD} does not listen: {log}")
                time.sleep(0.01)

    def _start_one(self, first: int) -> None:
        config = self.folder / f"sshd{first}.conf"
        addresses = self.addresses[first : first + _ADDRESSES]
        listen = "\n".join(f"ListenAddress {address}" for address in addresses)
        config.write_text(_CONFIG.format(port=self.port, listen=listen, folder=self.folder))
        words = [SSHD, "-D", "-f", str(config), "-E", str(self.folder / "sshd.log")]
        # new servers punish an address that connects often
        lenient = ["-o", "PerSourcePenalties=no"]
        if subprocess.run([*words, *lenient, "-t"], capture_output=True).returncode == 0:
            words += lenient
        # Ctrl-C is for the bench, which stops it in its own time
        server = subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)
        self._servers.append(server)

    def _listens(self, address: str) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((address, self.port)) == 0


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])
