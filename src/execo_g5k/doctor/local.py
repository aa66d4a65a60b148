"""The facts of this machine: programs, files, keys, settings."""

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from execo._config.execo_conf import conf_path
from execo._sharing import socket_bases
from execo.process import Process
from execo_g5k.config import (
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    job_key_file,
    job_key_file_and_origin,
)
from execo_g5k.doctor.conf import api_password, problems_of_conf
from execo_g5k.doctor.facts import Agent, AgentState, Conf, Facts, File, Key, Nodes, Programs
from execo_g5k.doctor.openssh import parse_public_key, parse_public_keys

OWN_CONFIG = "execo-g5k.config"
"""File of ~/.ssh that `execo-g5k configure` writes."""

_TIME = 20.0
_TOOLS = ("scp", "ssh-keygen", "oarsh", "oarcp")
_NO_AGENT = 2
_PASSPHRASE = "incorrect passphrase"


class Ended(NamedTuple):
    """The end of a command of this machine."""

    exit_code: int | None
    """None when it could not be started, or had no end in time."""
    stdout: str
    stderr: str


async def run(argv: Sequence[str], seconds: float = _TIME) -> Ended:
    """Run a command of this machine, which gets no input."""
    process = Process(
        list(argv), nolog_exit_code=True, nolog_error=True, nolog_timeout=True,
        nolog_write_error=True, timeout=seconds, kill_subprocesses=True,
    )  # fmt: skip
    process.start()
    try:
        process.close_stdin()
        await process
    finally:
        if not process.ended:
            process.kill()
    if process.error:
        return Ended(None, "", str(process.error_reason))
    if process.timeouted:
        return Ended(None, process.stdout, f"{process.stderr}\ntimed out after {seconds:g} s")
    return Ended(process.exit_code, process.stdout, process.stderr)


async def gather_facts() -> Facts:
    """Return what is known of this machine."""
    ssh = Path(home_directory(), ".ssh")
    inside = inside_key_file()
    programs, agent, key = await asyncio.gather(
        find_programs(), ask_agent(), read_key(inside) if inside else _nothing()
    )
    job_key, origin = job_key_file_and_origin()
    return Facts(
        programs=programs,
        ssh_directory=look_at(ssh),
        ssh_files=tuple(look_at(path) for path in (ssh / "config", ssh / OWN_CONFIG)),
        conf=Conf(look_at(conf_path()), tuple(problems_of_conf()), api_password()),
        nodes=_nodes(),
        rewrite_origin=default_frontend_connexion_params.origin.get("host_rewrite_func", ""),
        job_key_file=job_key,
        job_key_origin=origin,
        inside_key=key,
        agent=agent,
        configured=look_at(ssh / OWN_CONFIG).exists,
        socket_directory=sharing_directory(),
    )


async def _nothing() -> None:
    return None


def _nodes() -> Nodes:
    params = default_oarsh_oarcp_params
    return Nodes(
        programs=(params["ssh"], params["scp"], params["taktuk_connector"]),
        user=params["user"],
        port=params["port"],
        keyfile=None if params["keyfile"] is None else str(params["keyfile"]),
    )


def home_directory() -> str:
    """Return the home of the user."""
    return os.path.expanduser("~")


def inside_key_file() -> str | None:
    """Return the file of this machine that should have the key of jobs; None if none is set."""
    named = default_oarsh_oarcp_params["keyfile"] or job_key_file()
    return None if named is None else os.path.expanduser(named)


def look_at(path: Path | str) -> File:
    """Return what a file is; links are followed."""
    try:
        status = os.stat(path)
    except OSError:
        return File(str(path), None)
    return File(
        str(path),
        status.st_mode & 0o7777,
        owned=status.st_uid in (0, os.geteuid()),
        directory=stat.S_ISDIR(status.st_mode),
    )


async def find_programs() -> Programs:
    """Return what can be run here."""
    ended = await run(["ssh", "-V"])
    version = None if ended.exit_code is None else (ended.stderr + ended.stdout).strip()
    found = frozenset(tool for tool in _TOOLS if shutil.which(tool))
    return Programs(sys.version_info[:3], version, found)


async def ask_agent() -> Agent:
    """Return what the ssh agent has."""
    if not os.environ.get("SSH_AUTH_SOCK"):
        return Agent(AgentState.NONE)
    ended = await run(["ssh-add", "-L"])
    if ended.exit_code is None or ended.exit_code == _NO_AGENT:
        return Agent(AgentState.SILENT)
    return Agent(AgentState.ANSWERS, parse_public_keys(ended.stdout))


async def read_key(path: str) -> Key:
    """Return what a private key is, without a passphrase to open it."""
    file = look_at(path)
    if not file.exists:
        return Key(file)
    beside = _public_beside(path)
    ended = await run(["ssh-keygen", "-y", "-P", "", "-f", path])
    if ended.exit_code == 0:
        return Key(file, parse_public_key(ended.stdout), beside=beside)
    if _PASSPHRASE in ended.stderr:
        return Key(file, beside, encrypted=True, beside=beside)
    words = [line for line in ended.stderr.splitlines() if line.strip("@ \t")]
    return Key(file, beside=beside, problem=words[-1] if words else "it can't be read")


def _public_beside(path: str) -> str | None:
    try:
        return parse_public_key(Path(f"{path}.pub").read_text(errors="replace"))
    except OSError:
        return None


def sharing_directory() -> str | None:
    """Return a directory for the sockets of shared connexions; None where none will do."""
    return next((base for base in socket_bases() if os.access(base, os.W_OK | os.X_OK)), None)
