"""How the programs of OpenSSH reach the hosts of a job."""

from bench.peers.common import Job, place

_QUIET = (
    "-o", "BatchMode=yes",
    "-o", "StrictHostKeyChecking=no",
    "-o", "UserKnownHostsFile=/dev/null",
    "-o", "LogLevel=ERROR",
)  # fmt: skip
_FAST_EXCHANGE = ("-o", "KexAlgorithms=^curve25519-sha256")
_FAST_CIPHER = ("-o", "Ciphers=^aes128-gcm@openssh.com")


def options(job: Job) -> list[str]:
    """Return the options that ssh and scp share; the user's own configuration has no say."""
    return ["-F", "none", "-i", job["key"], "-o", f"Port={job['port']}", *_QUIET]


def ssh_argv(job: Job, host: str, command: str | None, *more: str, fast: bool = True) -> list[str]:
    """Return the words that run a command on a host; `fast`: with the cheap key exchange."""
    preferred = _FAST_EXCHANGE if fast else ()
    words = ["ssh", *options(job), *preferred, *more, "-l", job["user"], host]
    return words if command is None else [*words, command]


def scp_argv(job: Job, host: str, *, fast: bool = True) -> list[str]:
    """Return the words that copy the file of a job to a host; `fast`: with the cheap algorithms."""
    preferred = (*_FAST_EXCHANGE, *_FAST_CIPHER) if fast else ()
    target = f"{job['user']}@{host}:{place(job, host)}/"
    return ["scp", *options(job), *preferred, "-rp", job["file"], target]
