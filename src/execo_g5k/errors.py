"""All that `execo_g5k` raises, besides the errors of `execo`.

execo.Error
  G5kError
    FrontendUnreachable   no connexion, or one that was cut
    CommandFailed         a command ran on a frontend and failed
    SubmissionRefused     OAR said no, in its own words
    JobNotFound           OAR knows no such job
      GridJobNotFound     there is no such grid job
    GridJobNotRecorded    a grid job can't be recorded on this machine
    LedgerUnreadable      the records of submitted jobs can't be read
    ReservationHeld       another script, which runs, has a reservation of this name
    JobEnded              the job will not run any more
    CredentialsMissing    no password for the API can be found, nor asked for
    KeyStoreUnavailable   the desktop's key store can't be used
    DeploymentFailed      some hosts are not deployed, and the caller asked to know
    UnparsableOutput      a command printed something else than it should
"""

from collections.abc import Mapping, Sequence

from execo import quoting
from execo.errors import Error
from execo.host import Host, fold_hosts
from execo.times import format_date

_SHOWN = 400
_SAMPLES = 4


class G5kError(Error):
    """Base of all errors of `execo_g5k`."""


class FrontendUnreachable(G5kError):
    """A frontend can't be reached, or the connexion to it was cut."""

    frontend: str
    """Name of the frontend, a site or an address."""
    reason: str
    """The words of ssh."""

    def __init__(self, frontend: str, reason: str) -> None:
        super().__init__(f"{frontend}: {reason}")
        self.frontend = frontend
        self.reason = reason


class CommandFailed(G5kError):
    """A command ran on a frontend and failed."""

    frontend: str
    """Name of the frontend, a site or an address."""
    argv: tuple[str, ...]
    """Words of the command."""
    exit_code: int | None
    """Its exit status."""
    stdout: str
    """What it printed on its standard output."""
    stderr: str
    """What it printed on its standard error."""

    def __init__(
        self,
        frontend: str,
        argv: Sequence[str],
        exit_code: int | None,
        stdout: str,
        stderr: str,
    ) -> None:
        words = (stderr.strip() or stdout.strip())[-_SHOWN:] or "no output"
        super().__init__(f"{frontend}: `{quoting.join(argv)}`: exit {exit_code}: {words}")
        self.frontend = frontend
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr


class SubmissionRefused(G5kError):
    """OAR refused a submission."""

    frontend: str
    """Name of the frontend, a site or an address."""
    reason: str
    """OAR's own words."""
    could_start_at: float | None
    """Date that OAR offers for a reservation it refused (unix timestamp); None when it tells none.
    """
    exit_code: int | None
    """Exit status of oarsub; None when it did not run to its end."""

    def __init__(
        self,
        frontend: str,
        reason: str,
        could_start_at: float | None = None,
        exit_code: int | None = None,
    ) -> None:
        offer = "" if could_start_at is None else f"; it could start {format_date(could_start_at)}"
        super().__init__(f"{frontend}: submission refused: {reason}{offer}")
        self.frontend = frontend
        self.reason = reason
        self.could_start_at = could_start_at
        self.exit_code = exit_code


class JobNotFound(G5kError):
    """OAR knows no such job on this frontend."""

    job_id: int
    """The id that was asked for."""
    frontend: str
    """Name of the frontend, a site or an address."""

    def __init__(self, job_id: int, frontend: str) -> None:
        super().__init__(
            f"{frontend}: job {job_id} is unknown; jobs belong to a site: is it the right one?"
        )
        self.job_id = job_id
        self.frontend = frontend


class GridJobNotFound(JobNotFound):
    """There is no such grid job; `frontend` is the frontend, or the directory of the records."""

    def __init__(self, job_id: int, where: str, why: str) -> None:
        G5kError.__init__(self, f"grid job {job_id} is unknown: {why}")
        self.job_id = job_id
        self.frontend = where


class GridJobNotRecorded(G5kError):
    """A grid job can't be recorded on this machine.

    Nothing was submitted, or the message names the jobs that were.
    """


class LedgerUnreadable(G5kError):
    """The records of submitted jobs can't be read."""


class ReservationHeld(G5kError):
    """Another reservation has this name, and its script runs."""

    name: str
    """Name of the reservation."""
    holder: str
    """Which script has it, in words."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(
            f"reservation {name!r} is held by {holder or 'another script'}: wait for its end,"
            " or give another name"
        )
        self.name = name
        self.holder = holder


class JobEnded(G5kError):
    """A job ended, or failed, and will not run any more."""

    job_id: int
    """The job."""
    frontend: str
    """Name of the frontend, a site or an address."""
    state: object
    """Its JobState, TERMINATED or ERROR."""

    def __init__(
        self, job_id: int, frontend: str, state: object, message: str | None = None
    ) -> None:
        words = getattr(state, "value", state)
        more = f": {message}" if message else ""
        super().__init__(f"{frontend}: job {job_id} has ended (state {words}){more}")
        self.job_id = job_id
        self.frontend = frontend
        self.state = state


class CredentialsMissing(G5kError):
    """No user name or password for the API can be found, nor asked for."""


class KeyStoreUnavailable(G5kError):
    """The key store of the desktop can't be used."""


class DeploymentFailed(G5kError):
    """Some hosts are not deployed, and `Kadeployer.check` was called."""

    errors: dict[Host, str]
    """A reason for each host that is not deployed."""

    def __init__(self, errors: Mapping[Host, str]) -> None:
        by_reason: dict[str, list[Host]] = {}
        for host, reason in errors.items():
            by_reason.setdefault(reason, []).append(host)
        told = [
            f"\n  {fold_hosts(hosts)}: {reason[:_SHOWN]}" for reason, hosts in by_reason.items()
        ]
        more = f"\n  and {len(told) - _SAMPLES} other reasons" if told[_SAMPLES:] else ""
        super().__init__(f"{len(errors)} hosts not deployed{''.join(told[:_SAMPLES])}{more}")
        self.errors = dict(errors)


class UnparsableOutput(G5kError):
    """A command printed something else than it should."""

    argv: tuple[str, ...]
    """Words of the command."""
    text: str
    """What it printed."""

    def __init__(self, argv: Sequence[str], text: str) -> None:
        super().__init__(f"can't read the output of `{quoting.join(argv)}`: {text[:_SHOWN]!r}")
        self.argv = tuple(argv)
        self.text = text
