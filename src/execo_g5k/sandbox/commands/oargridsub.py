"""oargridsub: submit reservations on several sites at once, all or none.

The words, streams and exit codes are those of OARGrid 2.2.4. It runs `oarsub -r` on each site
in turn, the last one first. What its authors left to chance is told so where it is decided here:
- a site that can't be reached in time gives "Command timed out", at once rather than after -T;
- `oarsub` that fails without a job id is taken for a rejection, any other surprise for an answer
  that can't be parsed.
"""

import re
from dataclasses import dataclass, field

from execo_g5k.sandbox.commands.call import Call, Reply, refusal
from execo_g5k.sandbox.commands.formats import as_dumper
from execo_g5k.sandbox.commands.gridspec import (
    BadDescription,
    SiteSpec,
    parse_description,
    through_shells,
    told_aliases,
)
from execo_g5k.sandbox.commands.oardel import oardel
from execo_g5k.sandbox.commands.oarsub import oarsub
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.commands.wholegrid import Contact, WholeGrid
from execo_g5k.sandbox.model.dates import read_date, told_date
from execo_g5k.sandbox.model.gridjobs import GridPart, GridReservation

VERSION = "2.2.3"
"""What OARGrid 2.2.4 takes itself for."""

KEYS = "/tmp/oargrid/"
"""Where the keys of reservations are, on the frontend on which they were made."""

_SPEC = {
    "s": VALUE, "q": VALUE, "t": VALUE, "p": VALUE, "w": VALUE, "i": VALUE, "T": VALUE,
    "d": VALUE, "F": FLAG, "v": FLAG, "V": FLAG, "f": VALUE, "h": FLAG,
}  # fmt: skip

_WALLTIME = re.compile(r"(\d+):(\d+):(\d+)")
_BAD_WALLTIME = "[ERROR] Bad walltime syntax (use something like 13:00:00).\n"
_NO_TYPE = (
    "Use of uninitialized value $tmpType in string ne at /usr/lib/oargrid/oargridsub line 357.\n"
)
_UNPARSABLE = (
    "I am not able to parse correctly the output, contact administrator (Check if the launching"
    " directory is readable and browsable by oargrid user. This is a known limitation but we"
    " cannot do in an other way.)."
)

# exit codes of oargridsub
_USAGE = 1
_BAD_DESCRIPTION = 2
_NOT_RESERVED = 3
_NO_FILE = 4
_BAD_WALLTIME_CODE = 5


@dataclass
class _Submission:
    """A call of oargridsub, as it goes on."""

    call: Call
    grid: WholeGrid
    options: Options
    start: int
    walltime: str
    private_key: str
    out: str
    err: str = ""
    parts: list[GridPart] = field(default_factory=list)

    @property
    def verbose(self) -> bool:
        return self.options.has("v")

    def say(self, spec: SiteSpec, text: str) -> None:
        self.out += f"[OAR_GRIDSUB] [{spec.alias}] {text}\n"


def oargridsub(call: Call) -> Reply:
    """Reserve resources of several sites."""
    grid = call.grid
    if grid is None:
        return refusal(127, "oargridsub: there is no OARGrid\n")
    help_text = f"{usage('oargridsub')}{told_aliases(grid.aliases())}"
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(_USAGE, f"{error}\n", help_text)
    if options.has("V"):
        return Reply(0, f"OARGrid version : {VERSION}\n")
    try:
        description = _description(call, options)
    except OSError:
        return Reply(_NO_FILE, f"/!\\ File {options.last('f')} not readable by user oargrid.\n")
    if options.has("h") or not description:
        return Reply(_USAGE, help_text)
    return _checked(call, grid, options, description, help_text)


def _description(call: Call, options: Options) -> str:
    name = options.last("f")
    return " ".join(options.arguments) if name is None else call.files.read(name).strip()


def _checked(
    call: Call, grid: WholeGrid, options: Options, description: str, help_text: str
) -> Reply:
    out = f"{description}\n"
    given = options.last("s")
    start = int(call.now) if given is None else read_date(given)
    if start is None:
        return Reply(_USAGE, f"{out}\tBAD start date value\n\n{help_text}")
    walltime = options.last("w") or "1:00:00"
    if not _WALLTIME.fullmatch(walltime):
        return Reply(_BAD_WALLTIME_CODE, out, _BAD_WALLTIME)
    try:
        specs, said = parse_description(description, grid.aliases(), verbose=options.has("v"))
    except BadDescription as error:
        return Reply(_BAD_DESCRIPTION, f"{out}{error}")
    name = options.last("i")
    try:
        private = call.files.new_key()[0] if name is None else call.files.read(name)
    except OSError:
        return Reply(_NO_FILE, f"{out}/!\\ File {name} not readable by user oargrid.\n")
    submission = _Submission(call, grid, options, start, walltime, private, out + said)
    return _submitted(submission, specs)


def _submitted(submission: _Submission, specs: list[SiteSpec]) -> Reply:
    for spec in reversed(specs):
        reserved = _reserve(submission, spec)
        if not reserved and not submission.options.has("F"):
            _give_back(submission)
            return Reply(_NOT_RESERVED, submission.out, submission.err)
    call, options = submission.call, submission.options
    hours, minutes, seconds = (int(number) for number in submission.walltime.split(":"))
    database = submission.grid.database
    reservation = GridReservation(
        database.next_id, call.user, int(call.now), submission.start, submission.walltime,
        hours * 3600 + minutes * 60 + seconds, options.last("p") or "",
        options.last("d") or f"~{call.user}", " ".join(call.arguments), submission.parts,
        submission.private_key,
    )  # fmt: skip
    database.add(reservation)
    key = f"{KEYS}/oargrid_ssh_key_{call.user}_{reservation.grid_id}"
    submission.err += write_key(call, key, reservation.private_key)
    submission.out += (
        f"[OAR_GRIDSUB] Grid reservation id = {reservation.grid_id}\n"
        f"[OAR_GRIDSUB] SSH KEY : {key}\n"
        "\tYou can use this key to connect directly to your OAR nodes with the oar user.\n"
    )
    return Reply(0, submission.out, submission.err)


def write_key(call: Call, path: str, private_key: str) -> str:
    """Write a key and its public one on the frontend; return what went wrong."""
    public = call.files.public_key_of(private_key) or ""
    try:
        call.files.write(path, private_key, parents=True)
        call.files.write(f"{path}.pub", f"{public}\n")
    except OSError as error:
        return f"{path}: {error.strerror}\n"
    return ""


def _give_back(submission: _Submission) -> None:
    submission.out += "[OAR_GRIDSUB] I delete jobs already submitted\n"
    for part in submission.parts:
        submission.out += f"[OAR_GRIDSUB] Delete job {part.job_id} on the cluster {part.alias}\n"
        words = [str(part.job_id)]
        submission.grid.run(submission.call, part.site, oardel, "oardel", words)


# --- one site


def _reserve(submission: _Submission, spec: SiteSpec) -> bool:
    contact = submission.grid.contact(spec.site)
    if contact is Contact.REFUSES:
        return _not_understood(submission, spec)
    if contact is Contact.SILENT:
        submission.say(spec, "Command timed out")
        return False
    if submission.verbose:
        seconds = f"{int(submission.call.now)}+0000\n"
        submission.out += _dumped(Reply(0, seconds * 2))
    submission.say(spec, "Date/TZ adjustment: 0 seconds")
    types = [*submission.options.all("t"), *spec.types]
    if not types:
        submission.err += _NO_TYPE
    text = _command(submission, spec, types)
    if submission.verbose:
        submission.out += f"[OAR_GRIDSUB] Launch command : {text}\n"
    if submission.grid.reaches(spec.site) is Contact.SILENT:
        submission.say(spec, "Command timed out")
        return False
    words = through_shells(text)
    if words is None:
        return _not_understood(submission, spec)
    home = submission.grid.homes[spec.site]
    arguments = [_at_home(word, submission, home) for word in words[words.index("oarsub") + 1 :]]
    reply = submission.grid.run(submission.call, spec.site, oarsub, "oarsub", arguments)
    return _understood(submission, spec, reply)


def _command(submission: _Submission, spec: SiteSpec, types: list[str]) -> str:
    options, user = submission.options, submission.call.user
    home = f"~{user}"
    words = [
        f"-d {options.last('d') or home}",
        f"-q {spec.queue or options.last('q') or 'default'}",
        f'-r \\\\\\"{told_date(submission.start)}\\\\\\"',
        f"-l {spec.rdef},walltime={submission.walltime}",
        f"-k --import-job-key-inline='{submission.private_key}'",
        *(f"-t {kind}" for kind in types),
    ]
    if spec.properties:
        words.append(f'-p \\\\\\"({spec.properties})\\\\\\"')
    if program := options.last("p"):
        words.append(f'\\\\\\"{program}\\\\\\"')
    inner = f"cd {home} && sudo -u {user} oarsub {' '.join(words)} "
    return f'ssh {spec.site} "/bin/sh -c \\"{inner}\\""'


def _at_home(word: str, submission: _Submission, home: str) -> str:
    name, slash, rest = word.partition("/")
    return home + slash + rest if name == f"~{submission.call.user}" else word


def _understood(submission: _Submission, spec: SiteSpec, reply: Reply) -> bool:
    if submission.verbose:
        submission.out += _dumped(reply)
    match = re.search(r"OAR_JOB_ID=(\d+)", reply.stdout)
    if match and "Reservation valid --> OK" in reply.stdout:
        job_id = int(match[1])
        submission.say(spec, f"Reservation success on {spec.alias} : batchId = {job_id}")
        queue = spec.queue or submission.options.last("q") or "default"
        submission.parts.append(
            GridPart(
                spec.alias,
                spec.site,
                job_id,
                spec.rdef,
                spec.properties,
                queue,
                spec.name,
                spec.environment,
                spec.partition,
                spec.nodes,
            )  # fmt: skip
        )
        return True
    if "--> KO" in reply.stdout or (reply.exit_code and not match):
        told = f"Your reservation was rejected when contacting {spec.alias}"
        submission.out += f"[OAR_GRIDSUB] [{spec.alias}]{told}\n"
        return False
    return _not_understood(submission, spec)


def _not_understood(submission: _Submission, spec: SiteSpec) -> bool:
    submission.say(spec, _UNPARSABLE)
    submission.say(spec, "Use -v option for a more verbose output.")
    return False


def _dumped(reply: Reply) -> str:
    values = ("stderr", reply.stderr, "status", reply.exit_code << 8, "stdout", reply.stdout)
    return "".join(f"$VAR{n} = {as_dumper(value)};\n" for n, value in enumerate(values, 1))
