"""The sandbox in the clothes of the test grid, so that the same tests run on both."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from execo.quoting import join
from execo_g5k.sandbox import Sandbox

SITES = {"nancy": {"grisou": 4}, "lyon": {"nova": 2, "taurus": 2}}
OVER = ("Error", "Terminated")
Completed = subprocess.CompletedProcess[str]


class SandboxGrid:
    """A sandbox, with the methods of the test grid that its tests use."""

    def __init__(self, directory: Path) -> None:
        """`directory`: where what is outside of the sandbox is made."""
        self.sandbox = Sandbox(SITES, user="alice").start()
        self.faults = _Faults(self.sandbox)
        self.jobs = _Jobs(self.sandbox)
        self.work = _Work(self.sandbox, directory)
        # the users' laptop has the programs of OpenSSH, and none of OAR
        # their keys are those that the tests give
        config = directory / "ssh_config"
        lines = self.sandbox.directory.ssh_config.read_text().splitlines(keepends=True)
        config.write_text("".join(line for line in lines if "IdentityFile" not in line))
        for tool in ("ssh", "scp", "sftp"):
            program = directory / tool
            program.write_text(f'#!/bin/sh\nexec {shutil.which(tool)} -F {config} "$@"\n')
            program.chmod(0o755)
        os.environ["PATH"] = f"{directory}{os.pathsep}{os.environ['PATH']}"

    def on_laptop(self) -> bool:
        """Tell that the grid can be reached from here."""
        return True

    def exec(
        self,
        host: str,
        argv: Sequence[str],
        user: str | None = None,
        stdin: str = "",
        timeout: float = 60,
    ) -> Completed:
        """Run a command on a host, as root or a user."""
        if user == "alice":
            config = self.work.ssh_config(user)
            command = ["ssh", "-F", str(config), host, join(list(argv))]
        elif user is not None:
            return self.sandbox.run_as(user, host.removeprefix("f"), argv)
        elif argv[0] == "pkill":
            self.sandbox.faults.cut(host)
            return subprocess.CompletedProcess(argv, 0, "", "")
        else:
            command = list(argv)
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )


class _Jobs:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def active(self, site: str) -> list[int]:
        return [job["job_id"] for job in self._sandbox.jobs(site) if job["state"] not in OVER]

    def clear(self) -> None:
        for site in SITES:
            self._sandbox.clear(site)


class _Faults:
    def __init__(self, sandbox: Sandbox) -> None:
        self._faults = sandbox.faults
        self.freeze_frontend = self._faults.hang
        self.thaw_frontend = self._faults.mend
        self.stop_sshd = self._faults.refuse
        self.start_sshd = self._faults.mend
        self.stop_oar_server = self._faults.stop_server
        self.start_oar_server = self._faults.start_server
        self.stop_database = self._faults.stop_database
        self.start_database = self._faults.start_database
        self.kill_node = self._faults.kill_node
        self.mend_all = self._faults.mend_all


class _Work:
    def __init__(self, sandbox: Sandbox, directory: Path) -> None:
        self._files = sandbox.directory
        self._directory = directory

    def user_key(self, user: str) -> Path:
        if user == "alice":
            return self._files.user_key
        key = self._directory / f"{user}.key"
        if not key.exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
            subprocess.run(command, check=True, timeout=30)
        return key

    def job_key(self, user: str) -> Path:
        return self._files.job_key

    def ssh_config(self, user: str) -> Path:
        return self._files.ssh_config
