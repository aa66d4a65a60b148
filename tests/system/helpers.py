"""What the system tests share: an ssh server of ours, scripts in processes of their own."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

SSHD = "/usr/sbin/sshd"
PRIVSEP = Path("/run/sshd")
HOSTS = [f"127.0.0.{number}" for number in range(1, 65)]
# a server listens on that many addresses at most
_ADDRESSES = 16

_CONFIG = """\
Port {port}
{listen}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PidFile {folder}/{name}.pid
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
KexAlgorithms curve25519-sha256
UseDNS no
PrintMotd no
PrintLastLog no
MaxStartups 500
LogLevel VERBOSE
Subsystem sftp internal-sftp
SetEnv HOME={folder}/home LC_ALL=C.UTF-8
"""


def until(condition: Callable[[], Any], timeout: float = 20.0) -> None:
    """Wait for a condition, which comes true by itself."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Tell whether a process lives; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def free_port(addresses: list[str]) -> int:
    """Return a port that is free on all addresses."""
    for _ in range(50):
        with contextlib.ExitStack() as probes:
            port = 0
            try:
                for address in addresses:
                    probe = probes.enter_context(socket.socket())
                    probe.bind((address, port))
                    port = probe.getsockname()[1]
            except OSError:
                continue
            return port
    raise OSError("no port is free on all addresses")


class Sshd:
    """OpenSSH servers of the current user on loopback addresses, all on one port."""

    def __init__(self, folder: Path, config: str = "") -> None:
        """`config`: lines that differ from those of the other servers of tests."""
        self.folder = folder
        self._config = f"{config}\n{_CONFIG}"
        self.port = free_port(HOSTS)
        self.keyfile = folder / "user_key"
        self.hosts = HOSTS
        self._made_privsep = False
        self._servers: list[subprocess.Popen[bytes]] = []

    @property
    def params(self) -> dict[str, Any]:
        """Connexion params that lead to it."""
        # the user's own ~/.ssh/config has no say in tests
        return {
            "port": self.port,
            "keyfile": str(self.keyfile),
            "ssh": "ssh -F none",
            "scp": "scp -F none",
        }

    def without_terminal(self) -> dict[str, Any]:
        """Return params that ask for no remote terminal."""
        from execo import default_connexion_params

        options = default_connexion_params["ssh_options"]
        return self.params | {"ssh_options": tuple(o for o in options if o != "-tt")}

    def start(self) -> None:
        """Start the servers, and return when they listen."""
        # start-up files of the user's shell have no say in tests
        (self.folder / "home").mkdir()
        for name in ("host_key", "user_key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        if os.geteuid() == 0 and not PRIVSEP.exists():
            # root's sshd wants this empty directory, which the boot of a machine makes
            PRIVSEP.mkdir(mode=0o755)
            self._made_privsep = True
        for first in range(0, len(HOSTS), _ADDRESSES):
            self._start_one(f"sshd{first}", HOSTS[first : first + _ADDRESSES])
        for address in HOSTS:
            until(partial(self._listens, address))

    def _start_one(self, name: str, addresses: list[str]) -> None:
        config = self.folder / f"{name}.conf"
        listen = "\n".join(f"ListenAddress {address}" for address in addresses)
        config.write_text(
            self._config.format(port=self.port, listen=listen, folder=self.folder, name=name)
        )
        words = [SSHD, "-D", "-f", str(config), "-E", str(self.folder / "sshd.log")]
        # new servers punish an address whose key they refused
        lenient = ["-o", "PerSourcePenalties=no"]
        if subprocess.run([*words, *lenient, "-t"], capture_output=True).returncode == 0:
            words += lenient
        self._servers.append(subprocess.Popen(words, stdin=subprocess.DEVNULL))

    def _listens(self, address: str) -> bool:
        assert all(server.poll() is None for server in self._servers), self.log()
        with socket.socket() as probe:
            return probe.connect_ex((address, self.port)) == 0

    def log(self) -> str:
        """Return what the servers logged."""
        return (self.folder / "sshd.log").read_text(errors="replace")

    def stop(self) -> None:
        """Stop the servers."""
        for server in self._servers:
            server.terminate()
        for server in self._servers:
            server.wait(10)
        if self._made_privsep:
            with contextlib.suppress(OSError):
                PRIVSEP.rmdir()


def argv_of(source: str, limits: str = "") -> list[str]:
    """Return the words that run Python source, after shell text such as `ulimit -n 256`."""
    # tests that a shell runs in the background ignore these, and all that they start would
    start = ["env", "--default-signal=INT,QUIT"]
    words = [*start, sys.executable, "-W", "error", "-c", source]
    return ["/bin/sh", "-c", f"{limits} && exec {shlex.join(words)}"] if limits else words


def run_script(
    source: str, limits: str = "", timeout: float = 100
) -> "subprocess.CompletedProcess[str]":
    """Run Python source in a process of its own, to its end."""
    return subprocess.run(
        argv_of(source, limits),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=timeout,
    )


def checked_script(source: str, limits: str = "") -> str:
    """Run Python source, which must end right and silently; return what it printed."""
    done = run_script(source, limits)
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


@contextlib.contextmanager
def script(source: str) -> Iterator["subprocess.Popen[str]"]:
    """Python source that runs in a process of its own, killed at the end if need be."""
    with subprocess.Popen(
        argv_of(source),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def end_of(process: "subprocess.Popen[str]", timeout: float = 15) -> tuple[int, str]:
    """Wait for the end of a script; return its exit status and what it said of errors."""
    _, stderr = process.communicate(timeout=timeout)
    return process.returncode, stderr


def numbers(line: str) -> list[int]:
    """Return the numbers in a line."""
    return [int(word) for word in line.split()]


def kill_all(pids: list[int]) -> None:
    """Kill processes that a test left on purpose, with their groups."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
