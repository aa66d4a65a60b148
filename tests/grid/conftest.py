"""Fixtures of the tests on the real grid.

They run on the users' laptop: `python3 -m testbed run python -m pytest tests/grid`, which
`make test` does.  Anywhere else they are skipped, and say why.  With GRID_TESTS_ON=sandbox those
of the library run on the sandbox, anywhere.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from execo_g5k import OarSubmission, get_oar_job_nodes, oarsub
from testbed import Grid, GridError, wait_until
from testbed.faults import Faults
from testbed.plan import nodes_of

Completed = subprocess.CompletedProcess[str]
Laptop = Callable[..., Completed]
OnFrontend = Callable[..., Completed]

EXECO_CONF = """\
default_connexion_params = {{"user": "alice", "keyfile": "{key}"}}
default_frontend_connexion_params = {{"user": "alice", "keyfile": "{key}"}}
g5k_configuration = {{"polling_interval": 1, "tiny_polling_interval": 1}}
"""


ON_SANDBOX = os.environ.get("GRID_TESTS_ON") == "sandbox"


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The running grid, seen from the laptop; or the sandbox, with the same methods."""
    if ON_SANDBOX:
        from tests.grid.on_sandbox import SandboxGrid

        on_sandbox = SandboxGrid(tmp_path_factory.mktemp("laptop"))
        yield on_sandbox
        on_sandbox.sandbox.stop()
        return
    grid = Grid()
    if not grid.on_laptop():
        pytest.skip("not on the test grid's laptop: use `make test`, or see testbed/README.md")
    grid.jobs.clear()
    yield grid


@pytest.fixture(scope="session", autouse=True)
def alice_home(grid: Grid, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of alice on her laptop, with ~/.execo.conf.py; it is $HOME in all tests."""
    home = tmp_path_factory.mktemp("alice")
    (home / ".execo.conf.py").write_text(EXECO_CONF.format(key=grid.work.user_key("alice")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in ("OAR_JOB_ID", "OAR_JOB_KEY_FILE", "SSH_AUTH_SOCK"):
            patch.delenv(name, raising=False)
        yield home


@pytest.fixture(autouse=True)
def clean_grid(grid: Grid) -> Iterator[None]:
    """Mend, after each test, what it broke, and delete the jobs it left."""
    yield
    try:
        grid.faults.mend_all()
        grid.jobs.clear()
    except GridError as error:
        # every later test would fail on it, slowly
        pytest.exit(f"the test grid is out of order: {error}", returncode=1)


@pytest.fixture
def faults(grid: Grid) -> Faults:
    """What breaks parts of the grid; all is mended after the test."""
    return grid.faults


@pytest.fixture
def job_key(grid: Grid) -> Path:
    """The laptop's copy of alice's job key, which is ~/.ssh/oar_job_key on each site."""
    return grid.work.job_key("alice")


@pytest.fixture
def key_on_frontends(grid: Grid) -> str:
    """Where each site has alice's job key."""
    return str(grid.work.job_key("alice")) if ON_SANDBOX else "/home/alice/.ssh/oar_job_key"


@pytest.fixture
def ssh_nodes(grid: Grid) -> Callable[[str, int], list[str]]:
    """Give nodes of a site that plain ssh enters: (site, how many).

    The test grid lets everybody in; on the sandbox, as on Grid'5000, it takes a job.
    """

    def nodes(site: str, count: int) -> list[str]:
        if not ON_SANDBOX:
            return [node.fqdn for node in nodes_of(site)[:count]]
        submission = OarSubmission(f"nodes={count}", 600, "allow_classic_ssh")
        [job] = oarsub([(submission, site)])
        return [host.address for host in get_oar_job_nodes(*job, timeout=30)]

    return nodes


@pytest.fixture
def laptop_ssh(grid: Grid) -> Laptop:
    """Run a command line on a host by ssh from the laptop: (host, command, *options, user=)."""

    def ssh(host: str, command: str, *options: str, user: str = "alice") -> Completed:
        argv = ["ssh", "-F", str(grid.work.ssh_config(user)), *options, host, command]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
        )

    return ssh


@pytest.fixture
def on_frontend(grid: Grid) -> OnFrontend:
    """Run Python source as a user on a frontend: (site, source, user="alice", timeout=60)."""

    def run(site: str, source: str, user: str = "alice", timeout: float = 60) -> Completed:
        return grid.exec(f"f{site}", ["python3", "-"], user=user, stdin=source, timeout=timeout)

    return run


class Script:
    """A Python script that alice runs on her laptop, in a terminal of its own."""

    def __init__(self, source: str, **environment: str) -> None:
        self._mark = f"execo_test_script={id(self)}_{os.getpid()}"
        name, _, value = self._mark.partition("=")
        self.process = subprocess.Popen(
            [sys.executable, "-c", source],
            env={**os.environ, name: value, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def line(self) -> str:
        """Wait for the next line that the script prints."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def press_ctrl_c(self) -> None:
        """Do what a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """Wait for the end: (exit code, stdout, stderr)."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def children(self) -> list[str]:
        """Return the command lines of the living processes that the script started."""
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark.encode() in (directory / "environ").read_bytes().split(b"\0"):
                    found.append((directory / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found


Scripts = Callable[..., Script]


@pytest.fixture
def script() -> Iterator[Scripts]:
    """Start Python source on the laptop: (source, **environment) -> Script."""
    started: list[Script] = []

    def start(source: str, **environment: str) -> Script:
        started.append(Script(source, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.communicate()


class SshWrapper:
    """A program that stands for ssh, and writes down each call."""

    def __init__(self, directory: Path, body: str = 'exec ssh "$@"') -> None:
        self.path = directory / "ssh-wrapper"
        self._log = directory / "ssh-calls"
        self._log.touch()
        text = f'#!/bin/sh\necho "$*" | tr "\\n" " " >> {self._log}; echo >> {self._log}\n{body}\n'
        self.path.write_text(text)
        self.path.chmod(0o755)

    def calls(self, word: str) -> int:
        """Return how many calls had a word."""
        return sum(word in line for line in self._log.read_text().splitlines())

    def wait_for(self, word: str) -> None:
        """Wait until a call has a word."""
        assert wait_until(lambda: self.calls(word) > 0, 20, pause=0.02)


@pytest.fixture
def active(grid: Grid) -> Callable[[str], list[int]]:
    """Give the ids of the jobs of a site, of all users, that are not over."""
    return grid.jobs.active
