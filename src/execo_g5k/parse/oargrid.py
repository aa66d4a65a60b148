"""What the commands of OARGrid print (OARGrid 2.2.4): oargridsub, oargridstat, oargriddel."""

import re
from dataclasses import dataclass

from execo_g5k.dates import oar_date_to_unixts, oar_duration_to_seconds
from execo_g5k.errors import UnparsableOutput

_GRID_JOB = re.compile(r"^\[OAR_GRIDSUB\] Grid reservation id = (\d+)\s*$", re.MULTILINE)
_KEY = re.compile(r"^\[OAR_GRIDSUB\] SSH KEY : (\S.*?)\s*$", re.MULTILINE)
_RESTORED = re.compile(r"^Key restored into (\S.*?)\s*$", re.MULTILINE)
_TAKEN = re.compile(r"Reservation success on (\S+) : batchId = (\d+)\s*$", re.MULTILINE)
_IN_DOUBT = re.compile(
    r"^\[OAR_GRIDSUB\] \[(\S+)\] (?:Command timed out|I am not able to parse)", re.MULTILINE
)
# with -v, other lines hold the private key
_TOLD = re.compile(r"^(?:\[OAR_GRIDSUB\](?!.*Launch command)|ERROR|WARNING|/!\\|BAD )")
_NO_NEWS = re.compile(
    r"Date/TZ adjustment|Reservation success|Grid reservation id|SSH KEY|right aliases"
    r"|Use -v option"
)
_PERL = re.compile(r"^Use of uninitialized value|^perl: warning|^\s*$")
_KILLED = range(129, 160)

_HEADER = re.compile(r"^Reservation # (\d+):$")
_FIELD = re.compile(
    r"^(submission date|start date|walltime|program|directory|user|cmd) :(?: (.*))?$"
)
_PART = re.compile(r'^(\S+) --> (\d+)(?: \(name = "(.*?)", resources = "(.*)", properties = )?')
_NODE = re.compile(r"^[A-Za-z0-9][\w.-]*$")
_DELETED = re.compile(
    r"^\[OAR_GRIDDEL\] I am deleting the job (\d+) on the cluster (\S+) \.\.\.\s*(.*)$"
)


@dataclass(frozen=True, slots=True)
class GridSubmitted:
    """OARGrid took the submission."""

    grid_job_id: int
    key_file: str | None
    """Private ssh key of the jobs, on the frontend."""
    parts: tuple[tuple[str, int], ...] = ()
    """(alias, OAR job id) of each, in the order of the answers."""
    warnings: tuple[str, ...] = ()
    """What it said of sites that refused nevertheless (option -F)."""


@dataclass(frozen=True, slots=True)
class GridRefused:
    """OARGrid refused the submission, and deleted the jobs that it had obtained."""

    reason: str
    """Its own words."""
    exit_code: int
    in_doubt: tuple[str, ...] = ()
    """Aliases whose answer it did not get, or did not understand: a job may be left there."""


@dataclass(frozen=True, slots=True)
class GridPart:
    """A job of a grid job."""

    alias: str
    """Name of a site, or of a cluster."""
    job_id: int
    name: str = ""
    resources: str = ""


@dataclass(frozen=True, slots=True)
class GridReservation:
    """What oargridstat tells of a grid job."""

    grid_job_id: int | None
    """None when it was asked for by its id, which is not repeated."""
    parts: tuple[GridPart, ...] = ()
    submission_date: int | None = None
    start_date: int | None = None
    walltime: int | None = None
    user: str | None = None
    program: str | None = None
    directory: str | None = None
    command_line: str | None = None
    """The arguments of oargridsub."""


@dataclass(frozen=True, slots=True)
class GridDeletion:
    """What became of a job of a grid job that is deleted."""

    job_id: int
    alias: str
    answer: str
    """DONE, ALREADY TERMINATED, or ERROR and a number."""

    @property
    def done(self) -> bool:
        """Whether the job is over, or will be."""
        return self.answer in ("DONE", "ALREADY TERMINATED")


def parse_oargridsub(
    exit_code: int | None, stdout: str, stderr: str
) -> GridSubmitted | GridRefused:
    """Return what oargridsub answered.

    Exit codes: 0 taken, by some sites at least with -F; 1 date or usage; 2 alias or keyword; 3 a
    site refused, the jobs of the others were deleted; 4 unreadable file; 5 walltime.

    Raises:
        UnparsableOutput: exit 0 and no id, or a signal ended oargridsub: there may be a grid job.
    """
    told = _told(stdout, stderr)
    grid_job = _GRID_JOB.search(stdout)
    if exit_code is None or exit_code < 0 or exit_code in _KILLED:
        raise UnparsableOutput(["oargridsub"], f"exit {exit_code}: {' / '.join(told)}")
    if exit_code == 0:
        if grid_job is None:
            raise UnparsableOutput(["oargridsub"], " / ".join(told))
        parts = tuple((alias, int(job_id)) for alias, job_id in _TAKEN.findall(stdout))
        return GridSubmitted(int(grid_job[1]), _path(_KEY, stdout), parts, tuple(told))
    in_doubt = tuple(_IN_DOUBT.findall(stdout))
    return GridRefused(" / ".join(told) or "no reason was given", exit_code, in_doubt)


def parse_oargridstat(text: str) -> list[GridReservation]:
    """Return the grid jobs that oargridstat tells of, in its order; [] for an unknown id.

    The same lines come with a header and a tabulation (the user's active grid jobs), or alone
    (one that was asked for by its id). Dates are wall time of Paris.

    Raises:
        UnparsableOutput: a date or a walltime is none.
    """
    found: list[GridReservation] = []
    grid_job_id: int | None = None
    fields: dict[str, str] = {}
    parts: list[GridPart] = []
    for line in [*text.splitlines(), "Reservation # 0:"]:
        words = line.strip()
        if header := _HEADER.match(words):
            if fields or parts:
                found.append(_reservation(grid_job_id, fields, parts, text))
            grid_job_id, fields, parts = int(header[1]), {}, []
        elif field := _FIELD.match(words):
            fields.setdefault(field[1], field[2] or "")
        elif part := _PART.match(words):
            parts.append(GridPart(part[1], int(part[2]), part[3] or "", part[4] or ""))
    return found


def _reservation(
    grid_job_id: int | None, fields: dict[str, str], parts: list[GridPart], text: str
) -> GridReservation:
    walltime = fields.get("walltime")
    try:
        return GridReservation(
            grid_job_id,
            tuple(parts),
            _date(fields.get("submission date")),
            _date(fields.get("start date")),
            oar_duration_to_seconds(walltime) if walltime else None,
            fields.get("user") or None,
            fields.get("program") or None,
            fields.get("directory") or None,
            fields.get("cmd"),
        )
    except ValueError as error:
        raise UnparsableOutput(["oargridstat"], f"{error}: {text}") from error


def parse_nodes(text: str) -> list[str]:
    """Return the node names of `oargridstat -l`, which prints one a core; each once, in order."""
    lines = (line.strip() for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if _NODE.match(line)))


def parse_restored_key(text: str) -> str | None:
    """Return the path of `oargridstat -k`: a key file on the frontend."""
    return _path(_RESTORED, text)


def parse_aliases(text: str) -> dict[str, str]:
    """Return {alias: site} of `oargridstat --list_aliases -Y`; an alias is a site or a cluster."""
    sites: dict[str, str] = {}
    alias = ""
    for line in text.splitlines():
        if name := re.match(r"^(\S+):\s*$", line):
            alias = name[1]
        elif (gateway := re.match(r"^\s+gateway: (\S+)\s*$", line)) and alias:
            sites[alias] = gateway[1]
    return sites


def parse_oargriddel(stdout: str) -> tuple[list[GridDeletion], list[str]]:
    """Return what became of each job, and the other lines, such as that of a foreign grid job.

    Nothing is printed of an unknown id.
    """
    deletions, others = [], []
    for line in filter(None, map(str.strip, _readable(stdout).splitlines())):
        if match := _DELETED.match(line):
            deletions.append(GridDeletion(int(match[1]), match[2], match[3].strip()))
        else:
            others.append(line)
    return deletions, others


def _told(stdout: str, stderr: str) -> list[str]:
    lines = [line.strip() for line in _readable(stdout).splitlines()]
    told = [line for line in lines if _TOLD.match(line) and not _NO_NEWS.search(line)]
    # ERROR may stand in the echo of the request, which comes first
    told = [line for line in told if line != (lines[0] if lines else "")]
    return told + [line.strip() for line in _readable(stderr).splitlines() if not _PERL.match(line)]


def _readable(text: str) -> str:
    # OARGrid's own messages are Latin-1
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="surrogateescape").decode("latin-1")
    return text


def _path(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return match[1].replace("//", "/") if match else None


def _date(text: str | None) -> int | None:
    return oar_date_to_unixts(text) if text else None
