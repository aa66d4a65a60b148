"""Starting and finding the process of a sandbox."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from execo._engine.spawn import environment_of_children
from execo.errors import Error
from execo_g5k.sandbox.model.platform import Cluster, Features
from execo_g5k.sandbox.model.site import Pace
from execo_g5k.sandbox.servers.places import Directory
from execo_g5k.sandbox.servers.processes import MARK

_LOG_LINES = 5
_STOP = 20
_NAME = "execo-sandbox-"

# the name of a socket has at most 107 characters, and ssh splits its configuration at spaces
_LONGEST = 95
_SIMPLE = re.compile(r"[\w/.-]+", re.ASCII)


class SandboxError(Error):
    """The sandbox can't do what it is asked."""


def prepare(
    path: Path | None,
    sites: Mapping[str, Mapping[str, Cluster]],
    user: str,
    speed: float,
    pace: Pace,
    first_job_id: int,
    features: Features,
    *,
    parent: bool,
) -> Directory:
    """Make the directory of a sandbox, with what its process is told.

    `parent`: whether it stops with the process that starts it.
    """
    if path is None:
        base = Path(tempfile.gettempdir()).resolve()
        fits = _fits(base / f"{_NAME}12345678")
        path = Path(tempfile.mkdtemp(prefix=_NAME, dir=base if fits else "/tmp"))
    elif not _fits(path.resolve()):
        raise SandboxError(
            f"directory: {str(path)!r}: expected at most {_LONGEST} letters, digits, /, ., _ and -"
        )
    else:
        try:
            path.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise SandboxError(f"directory: {str(path)!r}: {error.strerror}") from error
    directory = Directory(path.resolve())
    told = {
        "sites": {
            site: {name: {**asdict(cluster)} for name, cluster in clusters.items()}
            for site, clusters in sites.items()
        },
        "user": user,
        "speed": speed,
        "pace": asdict(pace),
        "first_job_id": first_job_id,
        "features": asdict(features),
        "parent": os.getpid() if parent else None,
    }
    directory.settings.write_text(json.dumps(told, indent=1))
    return directory


def _fits(path: Path) -> bool:
    return len(str(path)) <= _LONGEST and _SIMPLE.fullmatch(str(path)) is not None


def launch(directory: Directory, *, parent: bool) -> "subprocess.Popen[bytes]":
    """Start the process of a sandbox, and wait until its hosts can be reached.

    Raises:
        SandboxError: it can't be started.
    """
    command = [sys.executable, "-m", "execo_g5k.sandbox.servers.main", str(directory.path)]
    sources = str(Path(__file__).resolve().parents[2])
    paths = [sources, *filter(None, [os.environ.get("PYTHONPATH")])]
    with open(directory.log, "ab") as log:
        process = subprocess.Popen(
            command,
            env={**environment_of_children(), b"PYTHONPATH": os.fsencode(os.pathsep.join(paths))},
            stdin=subprocess.PIPE if parent else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    if process.stdout is None or not process.stdout.readline():
        process.wait()
        raise SandboxError(f"the sandbox does not start: {_last_words(directory)}")
    process.stdout.close()
    return process


def _last_words(directory: Directory) -> str:
    try:
        text = directory.log.read_text(errors="replace")
    except OSError:
        return "it left no log"
    if "No module named 'asyncssh'" in text:
        return "it needs asyncssh: pip install 'execo-g5k[sandbox]'"
    return "\n".join(text.strip().splitlines()[-_LOG_LINES:])


def _around(environment: Mapping[str, str]) -> Directory | None:
    """Return the directory of the sandbox in which a program is, by its variables."""
    path = environment.get(MARK)
    return None if path is None else Directory(Path(path))


def has_ended(environment: Mapping[str, str]) -> bool:
    """Tell whether a program, by its variables, is in a sandbox that has ended."""
    directory = _around(environment)
    return directory is not None and not directory.control.exists()


def is_inside(environment: Mapping[str, str]) -> bool:
    """Tell whether a program, by its variables, is in a sandbox, and not on a laptop outside."""
    directory = _around(environment)
    if directory is None:
        return False
    places = {str(directory.outside): True, str(directory.laptop): False}
    programs = environment.get("PATH", "").split(os.pathsep)
    return next((places[program] for program in programs if program in places), False)


def sites_around(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the sites of the sandbox in which a program runs, by its variables; () for none."""
    directory = _around(environment)
    if directory is None:
        return ()
    try:
        told = json.loads(directory.settings.read_text())
    except OSError:
        return ()
    return tuple(told["sites"])


def stop(directory: Directory) -> None:
    """End the process of a sandbox, and wait for its end.

    Raises:
        SandboxError: it is not there.
    """
    pid = ask(directory, do="status")["pid"]
    with os.fdopen(os.pidfd_open(pid)) as process:
        ask(directory, do="stop")
        ended, _, _ = select.select([process], [], [], _STOP)
        if not ended:
            os.kill(pid, signal.SIGKILL)


def remove(directory: Directory) -> None:
    """Delete all files of a sandbox."""
    shutil.rmtree(directory.path, ignore_errors=True)


def ask(directory: Directory, /, timeout: float | None = None, **request: Any) -> dict[str, Any]:
    """Ask the process of a sandbox; `timeout` in seconds.

    Raises:
        SandboxError: it is not there, or can't do it.
    """
    from execo_g5k.sandbox.servers import shim

    try:
        answer = shim.ask(str(directory.control), request, timeout)
    except OSError as error:
        raise SandboxError(f"no sandbox runs in {directory.path}: {error}") from error
    if "error" in answer:
        raise SandboxError(answer["error"])
    return answer
