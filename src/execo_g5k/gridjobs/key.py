"""An ssh key for the jobs of a grid job, where the user has configured none.

As OARGrid does, so that one key enters the nodes of all sites. It is made on this machine, and lies
on the frontends while the jobs are submitted. OAR 2.5.9 takes RSA keys only.
"""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

from execo.errors import Error
from execo.process import Process
from execo.times import Deadline
from execo_g5k.errors import GridJobNotRecorded
from execo_g5k.frontend import Frontend
from execo_g5k.query import failed
from execo_g5k.stray import despite_cancel

logger = logging.getLogger("execo")

_PUT = 'umask 077 && mkdir -p ~/.ssh && cat > ~/.ssh/"$1"'
_REMOVE = 'rm -f ~/.ssh/"$1"'
_CLEANUP = 6.0
_NO_PROGRAM = "No such file or directory"


async def make_key(path: Path) -> bool:
    """Make a private key at `path`; tell whether there is one: not without ssh-keygen here.

    Raises:
        GridJobNotRecorded: it can't be made.
    """
    argv = ["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-C", "oargrid"]
    process = Process(
        [*argv, "-f", str(path)], nolog_exit_code=True, nolog_error=True, timeout=60
    ).start()
    await process
    if process.error and _NO_PROGRAM in str(process.error_reason):
        logger.warning(
            "no ssh-keygen here, so the jobs get no common key; set OAR_JOB_KEY_FILE to enter them"
        )
        return False
    if not process.ok:
        words = process.stderr.strip() or process.error_reason or f"exit {process.exit_code}"
        raise GridJobNotRecorded(f"can't make a key {path}: {words}: nothing was submitted")
    return True


def on_sites(grid_job_id: int) -> str:
    """Return where the key of a grid job lies on frontends, for oarsub."""
    return f"~/.ssh/{_name(grid_job_id)}"


def _name(grid_job_id: int) -> str:
    return f"oargrid_{grid_job_id}"


async def put_key(
    frontends: Sequence[Frontend], grid_job_id: int, path: Path, deadline: Deadline
) -> None:
    """Copy a key to all frontends, or to none.

    Raises FrontendUnreachable, TimedOut, CommandFailed.
    """
    private = _content(path)
    try:
        answers = await asyncio.gather(
            *(_put(frontend, grid_job_id, private, deadline) for frontend in frontends),
            return_exceptions=True,
        )
        for answer in answers:
            if answer is not None:
                raise answer
    except BaseException:
        await despite_cancel(remove_key(frontends, grid_job_id))
        raise


async def _put(frontend: Frontend, grid_job_id: int, private: str, deadline: Deadline) -> None:
    argv = ["sh", "-c", _PUT, "sh", _name(grid_job_id)]
    result = await frontend.run(argv, stdin=private, deadline=deadline)
    if result.exit_code:
        raise failed(frontend, result)


def _content(path: Path) -> str:
    return path.read_text()


async def remove_key(frontends: Sequence[Frontend], grid_job_id: int) -> None:
    """Remove a key from frontends; log where it stays."""
    argv = ["sh", "-c", _REMOVE, "sh", _name(grid_job_id)]
    deadline = Deadline.of(_CLEANUP)
    answers = await asyncio.gather(
        *(frontend.run(argv, deadline=deadline) for frontend in frontends), return_exceptions=True
    )
    for frontend, answer in zip(frontends, answers, strict=True):
        if isinstance(answer, Error):
            logger.warning(
                "%s: key %s may be left: %s", frontend.name, on_sites(grid_job_id), answer
            )
        elif isinstance(answer, BaseException):
            raise answer
