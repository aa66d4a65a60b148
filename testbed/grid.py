"""The grid as one object: start it, stop it, run commands on its hosts."""

import hashlib
import os
import shlex
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from testbed import base, clients, oar
from testbed.apt import require_tool
from testbed.boot import LAPTOP, Boot, Root, Roots
from testbed.commands import CLEAN_ENVIRONMENT, attempt, must
from testbed.errors import GridError
from testbed.faults import Faults
from testbed.jobs import Jobs
from testbed.plan import HOSTS, GridHost
from testbed.workdir import FILES, PROJECT, TESTBED, WorkDir

PROJECT_PARTS = ("src", "examples")


class Grid:
    """A grid in a work directory; the default is GRID_DIR, else `testbed/work`.

    Creating the object does nothing: the grid may be up, thanks to another process, or down.
    """

    def __init__(self, work: WorkDir | None = None) -> None:
        self.work = work or WorkDir.default()
        self._roots = Roots(self.work)

    @cached_property
    def faults(self) -> Faults:
        """Return what breaks parts of the grid, and mends them."""
        return Faults(self.script)

    @cached_property
    def jobs(self) -> Jobs:
        """Return what clears the users' jobs away."""
        return Jobs(self.script)

    # ------------------------------------------------------------ up and down
    def up(self, *, fresh: bool = False) -> str:
        """Start the grid unless it is up and healthy; `fresh` restarts it anyway.

        Builds the base first when it is missing or of another version.  Returns what was
        done, in a few words.
        """
        require_root()
        with self.work.locked():
            reason = "restart asked for" if fresh else self.trouble()
            if reason is None:
                return "already up"
            self._down()
            require_tool("ip", "iproute2")
            base.build(self.work)
            try:
                self._up()
            except BaseException:
                self._down()
                raise
        return f"started ({reason})"

    def down(self) -> None:
        """Stop the grid: nothing of it stays running or mounted; the base is kept."""
        require_root()
        with self.work.locked():
            self._down()

    def trouble(self) -> str | None:
        """Return why the grid can't be used as it is, None if it is up and healthy."""
        roots = self._roots.load()
        if not roots:
            return "was down"
        dead = [name for name, root in roots.items() if not root.alive()]
        if dead:
            return f"dead: {', '.join(dead)}"
        if self._version_path.read_text() != _version():
            return "the test grid's own code changed"
        if any(not self._sees_project(host) for host in HOSTS):
            return f"{PROJECT}/src or /examples was replaced"
        with ThreadPoolExecutor(4) as pool:
            checks = pool.map(self._ill_health, HOSTS.values())
            return next((ill for ill in checks if ill), None)

    @property
    def is_up(self) -> bool:
        """Tell whether the grid's processes all run."""
        roots = self._roots.load()
        return bool(roots) and all(root.alive() for root in roots.values())

    def _up(self) -> None:
        self.work.run.mkdir(exist_ok=True)
        options = "mode=755,size=6g"
        must(["mount", "-t", "tmpfs", "-o", options, "grid5k", self.work.run])
        clients.make_homes(self.work)
        clients.make_laptop(self.work)
        Boot(self.work, self._roots).all()
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(self._configure, HOSTS.values()):
                pass
        self._version_path.write_text(_version())

    def _configure(self, host: GridHost) -> None:
        oar.configure(self.work, host, self._root_directory(host.name), self.script)

    def _down(self) -> None:
        self._roots.kill()
        while os.path.ismount(self.work.run):
            # a shell may stand in it: it is let go, and no other grid sees it any more
            if attempt(["umount", self.work.run]).returncode:
                must(["umount", "-l", self.work.run])

    @property
    def _version_path(self) -> Path:
        return self.work.run / "version"

    def _root_directory(self, name: str) -> Path:
        """Return the root directory of a host, as seen from the machine."""
        return Path(f"/proc/{self._root(name).pid}/root")

    def _sees_project(self, name: str) -> bool:
        """Tell whether a host sees the very directories that the project has now."""
        for part in PROJECT_PARTS:
            here = PROJECT / part
            there = self._root_directory(name) / "opt/execo-g5k" / part
            if here.is_dir() and not here.samefile(there):
                return False
        return True

    def _ill_health(self, host: GridHost) -> str | None:
        try:
            done = self.exec(host.name, ["bash", "-c", oar.health_check(host)], timeout=10)
        except subprocess.TimeoutExpired:
            return f"{host.name}: does not answer"
        return f"{host.name}: {done.stdout.strip()}" if done.returncode else None

    # --------------------------------------------------------------- commands
    def _root(self, name: str) -> Root:
        if name not in HOSTS and name != LAPTOP:
            raise GridError(f"no host {name!r}: the grid has {', '.join([*HOSTS, LAPTOP])}")
        root = self._roots.load().get(name)
        if root is None or not root.alive():
            raise GridError(f"{name} is down: start the grid by `python3 -m testbed up`")
        return root

    def exec_argv(self, host: str, argv: Sequence[str], user: str | None = None) -> list[str]:
        """Return the command of the machine that runs `argv` on a host.

        It runs as root, or as `user` with a login shell's environment.
        """
        words = ["su", "-", user, "-c", shlex.join(argv)] if user else list(argv)
        return self._root(host).enter(words)

    def exec(
        self,
        host: str,
        argv: Sequence[str],
        *,
        user: str | None = None,
        stdin: str = "",
        timeout: float | None = 60,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host, whatever its exit code; see `exec_argv`.

        Raises subprocess.TimeoutExpired after `timeout` seconds.
        """
        argv = self.exec_argv(host, argv, user)
        return attempt(argv, stdin=stdin, timeout=timeout, env=CLEAN_ENVIRONMENT)

    def script(self, host: str, script: str) -> str:
        """Run a shell script on a host as root and return its stdout.

        Raises GridError if it fails.
        """
        argv = self.exec_argv(host, ["bash", "-c", script])
        return must(argv, timeout=120, env=CLEAN_ENVIRONMENT)

    def laptop_argv(self, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` on the users' laptop.

        The laptop has the machine's files, except that /etc is read-only, the grid's network
        and the grid's names.
        """
        # the mount is seen in a mount namespace of its own only
        layers = f"lowerdir={self.work.laptop_etc}:/etc"
        mount = shlex.join(["mount", "-t", "overlay", "overlay", "-o", layers, "/etc"])
        script = f'{mount} && exec "$@"'
        command = ["unshare", "-m", "--", "sh", "-c", script, "sh", *argv]
        return self._root(LAPTOP).enter(command, network_only=True)

    def on_laptop(self) -> bool:
        """Tell whether the calling process runs on the users' laptop."""
        root = self._roots.load().get(LAPTOP)
        if root is None or not root.alive():
            return False
        return os.readlink("/proc/self/ns/net") == os.readlink(f"/proc/{root.pid}/ns/net")


def _version() -> str:
    """Return what tells a grid started by this code from another's."""
    digest = hashlib.sha256()
    for path in sorted([*TESTBED.glob("*.py"), *FILES.iterdir()]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def require_root() -> None:
    """Raise GridError unless the caller is root."""
    if os.geteuid():
        raise GridError("the test grid needs root (namespaces, mounts): run it as root")


def obstacle(work: WorkDir) -> str | None:
    """Return why the grid can't run on this machine, None if it can."""
    if os.geteuid():
        return "not root"
    work.top.mkdir(parents=True, exist_ok=True)
    # what `up` will do: a tmpfs, new namespaces, an overlay in them
    trial = (
        "set -e; mount --make-rprivate /; mount -t tmpfs grid5k /mnt; cd /mnt; "
        "mkdir lower upper work root; "
        "mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root"
    )
    namespaces = ["unshare", "-m", "-u", "-i", "-p", "-n", "--fork"]
    try:
        done = attempt([*namespaces, "sh", "-c", trial], timeout=30)
    except FileNotFoundError:
        return "no `unshare` command: not Linux, or no util-linux"
    if done.returncode:
        return f"no namespaces or overlay mounts here: {done.stderr.strip()}"
    if not base.is_built(work) and not Path("/usr/bin/apt-get").exists():
        return "not Debian: the base is built with apt"
    return None
