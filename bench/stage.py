"""What has to be there for a workload: hosts, files to copy, a sandbox."""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.hosts import Hosts
from bench.workloads import MEGABYTE, Workload

_SITE = "nancy"
_BLOCKED = "0:0:15"

_COUNTING_SSH = """\
#!/bin/sh
printf '%s\\n' "$*" >> {calls}
exec {ssh} "$@"
"""


@dataclass
class Scene:
    """What a run is given beside the job of its workload."""

    job: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


class Stage:
    """As many hosts as the workloads want, during a block."""

    def __init__(self, workloads: Sequence[Workload]) -> None:
        self._count = max((workload.hosts for workload in workloads), default=0)
        self._stack = ExitStack()
        self._hosts: Hosts | None = None

    def __enter__(self) -> Self:
        if self._count:
            self._hosts = self._stack.enter_context(Hosts(self._count))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def set(self, workload: Workload) -> Iterator[Scene]:
        """Prepare one run of a workload."""
        scene = Scene()
        with ExitStack() as stack:
            if workload.hosts and self._hosts is not None:
                scene.job |= self._hosts.job(workload.hosts)
            if workload.stage == "files":
                stack.enter_context(_files(scene, workload.job["megabytes"]))
            if workload.stage == "sandbox":
                stack.enter_context(_sandbox(scene, workload.job["n"]))
            yield scene


@contextmanager
def _folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="execo-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _files(scene: Scene, megabytes: int) -> Iterator[None]:
    with _folder() as folder:
        file = folder / "data"
        file.write_bytes(os.urandom(megabytes * MEGABYTE))
        for host in scene.job["hosts"]:
            (folder / host).mkdir()
        scene.job |= {"file": str(file), "folder": str(folder)}
        yield


@contextmanager
def _sandbox(scene: Scene, jobs: int) -> Iterator[None]:
    from execo_g5k.sandbox import Sandbox

    with _folder() as folder:
        sandbox = Sandbox({_SITE: {"grisou": jobs}}).start()
        try:
            calls = folder / "calls"
            environment = sandbox.environment()
            environment["PATH"] = _counting(calls, folder / "bin", environment["PATH"])
            scene.environment |= environment
            scene.job |= {
                "site": _SITE,
                "jobs": _jobs_in_queue(environment, jobs),
                # hosts of a sandbox have a /tmp of their own, and the home of their site
                "home": str(sandbox.directory.home_of(_SITE, sandbox.user)),
                "calls": str(calls),
            }
            calls.write_text("")
            yield
        finally:
            sandbox.stop()


def _counting(calls: Path, folder: Path, path: str) -> str:
    """Return a PATH on which ssh writes down how it was called."""
    ssh = shutil.which("ssh", path=path)
    folder.mkdir()
    counting = folder / "ssh"
    counting.write_text(
        _COUNTING_SSH.format(calls=shlex.quote(str(calls)), ssh=shlex.quote(str(ssh)))
    )
    counting.chmod(0o755)
    return f"{folder}{os.pathsep}{path}"


def _jobs_in_queue(environment: dict[str, str], count: int) -> list[int]:
    """Submit jobs that start when one that has all nodes ends; return their ids."""

    def oarsub(*words: str) -> list[int]:
        done = subprocess.run(
            ["ssh", _SITE, shlex.join(["oarsub", *words])],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(job_id) for job_id in re.findall(r"^OAR_JOB_ID=(\d+)", done.stdout, re.M)]

    oarsub("-l", f"nodes={count},walltime={_BLOCKED}", "sleep 1000")
    stamp = "date +%s.%N > ~/started.$OAR_JOB_ID; sleep 1000"
    return oarsub("--array", str(count), "-l", "nodes=1,walltime=0:10:0", stamp)
