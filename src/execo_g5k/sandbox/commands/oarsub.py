"""oarsub: submit jobs."""

import shlex
from dataclasses import replace

from execo_g5k.sandbox.commands.admission import NotAdmitted, Submission, admit
from execo_g5k.sandbox.commands.call import VERSION, Call, Reply, refusal
from execo_g5k.sandbox.commands.formats import as_json
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.dates import read_date
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.request import DEFAULT, BadRequest, parse_request
from execo_g5k.sandbox.model.site import NotEnoughResources
from execo_g5k.sandbox.model.table import BadSql

_SPEC = {
    "I|interactive": FLAG, "C|connect": VALUE, "l|resource": VALUE, "array": VALUE,
    "array-param-file": VALUE, "S|scanscript": FLAG, "q|queue": VALUE, "p|property": VALUE,
    "r|reservation": VALUE, "checkpoint": VALUE, "signal": VALUE, "t|type": VALUE,
    "d|directory": VALUE, "project": VALUE, "n|name": VALUE, "a|anterior": VALUE,
    "notify": VALUE, "resubmit": VALUE, "k|use-job-key": FLAG,
    "i|import-job-key-from-file": VALUE, "import-job-key-inline": VALUE,
    "e|export-job-key-to-file": VALUE, "O|stdout": VALUE, "E|stderr": VALUE, "hold": FLAG,
    "s|stagein": VALUE, "stagein-md5sum": VALUE, "D|dumper": FLAG, "X|xml": FLAG,
    "Y|yaml": FLAG, "J|json": FLAG, "h|help": FLAG, "V|version": FLAG,
}  # fmt: skip

_VERIFY = "[ERROR] Oarsub failed, please verify your request syntax.\n"
_DATE_SYNTAX = (
    "[ERROR] Syntax error near the -r or --reservation option."
    ' The reservation date synstax is : "2027-03-25 17:32:12".\n'
)

# exit codes of oarsub
_USAGE = 5
_SYNTAX = 7
_FAILED = 8
_NOT_VALID = 10
_NO_CONNEXION = 20
_BAD_RESOURCES = 255

# what it prints for a job id
_NO_RESOURCES = -5
_BAD_KEY = -14
_NO_USE_OF_KEY = -15


class _Stop(Exception):
    """The end of a call."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply)
        self.reply = reply


def oarsub(call: Call) -> Reply:
    """Submit a job, or a copy of one, or connect to one."""
    try:
        return _oarsub(call)
    except _Stop as stop:
        return stop.reply


def _oarsub(call: Call) -> Reply:
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n")
    if options.has("version"):
        return Reply(0, f"OAR version : {VERSION}\n")
    if options.has("help"):
        return Reply(0, usage("oarsub"))
    if (job_id := options.last("connect")) is not None:
        return _connect(call, job_id)
    if (job_id := options.last("resubmit")) is not None:
        return _resubmit(call, job_id)
    request = "oarsub " + " ".join(map(_without_key, call.arguments))
    if options.has("scanscript"):
        options, request = _scanned(call, options, request)
    return _submit(call, options, request)


# --- submissions


def _submit(call: Call, options: Options, initial_request: str) -> Reply:
    command = " ".join(options.arguments)
    interactive = options.has("interactive")
    date = _reservation(options, interactive=interactive)
    several = len(options.arguments) > 1
    if several or not (command or interactive or date is not None):
        return refusal(_USAGE, "", usage("oarsub"))
    submission = _submission(call, options, date)
    try:
        admit(submission, call.site)
    except NotAdmitted as error:
        return refusal(error.exit_code, str(error), error.said)
    said, key = _job_key(call, options, submission.said)
    template = _template(call, options, submission, command, initial_request, key)
    try:
        jobs = _recorded(call, options, template)
    except NotEnoughResources as error:
        return _failed(said, _NO_RESOURCES, f"{error}\n")
    except BadSql as error:
        return _failed(said, _NO_RESOURCES, _of_database(error))
    return _answer(call, options, jobs, said)


def _reservation(options: Options, *, interactive: bool) -> int | None:
    text = options.last("reservation")
    if text is None:
        return None
    date = read_date(text)
    if date is None:
        raise _Stop(refusal(_SYNTAX, _DATE_SYNTAX))
    if interactive:
        text = "[ERROR] A reservation cannot be interactive.\n"
        raise _Stop(refusal(_SYNTAX, text, usage("oarsub")))
    return date


def _submission(call: Call, options: Options, date: int | None) -> Submission:
    try:
        requests = [parse_request(text) for text in options.all("resource")] or [DEFAULT]
    except BadRequest as error:
        raise _Stop(refusal(_BAD_RESOURCES, f"{error}\n")) from None
    types = list(dict.fromkeys(options.all("type")))
    queue = options.last("queue") or "default"
    properties = options.last("property") or ""
    return Submission(call.user, requests, types, properties, queue, date)


def _template(
    call: Call,
    options: Options,
    submission: Submission,
    command: str,
    initial_request: str,
    key: str | None,
) -> Job:
    """Return the job without what its id gives it."""
    return Job(
        job_id=0,
        array_id=0,
        user=call.user,
        requests=tuple(submission.requests),
        properties=submission.properties,
        queue=submission.queue,
        types=tuple(submission.types),
        command=command,
        directory=options.last("directory") or call.directory,
        stdout_file=options.last("stdout") or "",
        stderr_file=options.last("stderr") or "",
        initial_request=initial_request,
        submission_date=int(call.now),
        project=options.last("project") or "default",
        name=options.last("name"),
        interactive=options.has("interactive"),
        reservation_date=submission.reservation_date,
        dependencies=tuple(int(n) for n in options.all("anterior") if n.isdecimal()),
        checkpoint=_number(options.last("checkpoint"), 0),
        signal=_number(options.last("signal"), 12),
        key=key,
        state=State.HOLD if options.has("hold") else State.WAITING,
    )


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() else default


def _recorded(call: Call, options: Options, template: Job) -> list[Job]:
    commands = _commands(call, options, template.command)
    jobs: list[Job] = []
    for index, command in enumerate(commands, 1):

        def made(job_id: int, command: str = command, index: int = index) -> Job:
            stem = f"OAR.{template.name}.{job_id}" if template.name else f"OAR.{job_id}"
            return replace(
                template,
                job_id=job_id,
                array_id=jobs[0].job_id if jobs else job_id,
                array_index=index,
                command=command,
                stdout_file=_of_job(template.stdout_file, job_id) or f"{stem}.stdout",
                stderr_file=_of_job(template.stderr_file, job_id) or f"{stem}.stderr",
                events=[],
            )

        jobs.append(call.site.submit(made, call.now))
    return jobs


def _of_job(text: str, job_id: int) -> str:
    return text.replace("%jobid%", str(job_id))


def _commands(call: Call, options: Options, command: str) -> list[str]:
    name = options.last("array-param-file")
    if name is not None:
        try:
            lines = call.files.read(name).splitlines()
        except OSError as error:
            text = f"[ERROR] Cannot open the parameter file {name}: {error.strerror}\n"
            raise _Stop(refusal(6, text)) from None
        return [f"{command} {line}" for line in lines if line.strip()]
    return [command] * max(1, _number(options.last("array"), 1))


def _answer(call: Call, options: Options, jobs: list[Job], said: str) -> Reply:
    err = ""
    if len(jobs) > 1 and jobs[0].key is None:
        err = "Simple array job submission is used\n"
    out = said + "".join(f"OAR_JOB_ID={job.job_id}\n" for job in jobs)
    if len(jobs) > 1:
        out += f"OAR_ARRAY_ID={jobs[0].job_id}\n"
    if options.has("json"):
        data = as_json({"job_id": jobs[0].job_id})
        out += f"\n##########\n{data}\n##########\n\n"
    if jobs[0].is_reservation:
        valid, answer = _validity(jobs[0])
        out += f"Reservation mode: waiting validation...\n{answer}"
        return Reply(0 if valid else _NOT_VALID, out, err)
    if jobs[0].interactive:
        out += "Interactive mode: waiting...\nStarting...\n"
        return Reply(0, out, err, connect=jobs[0].job_id)
    return Reply(0, out, err)


def _validity(job: Job) -> tuple[bool, str]:
    if job.state is State.ERROR:
        return False, f"Reservation not valid --> KO ({job.message})\n"
    return True, "Reservation valid --> OK\n"


def _failed(said: str, job_id: int, reason: str) -> Reply:
    return refusal(_FAILED, f"{reason}{_VERIFY}", f"{said}OAR_JOB_ID={job_id}\n")


def _of_database(error: BadSql) -> str:
    where, column = "LINE 4: ...", " " * 10
    return (
        f"DBD::Pg::st execute failed: ERROR:  {error}\n{where}\n{column}^ at"
        " /usr/share/perl5/OAR/IO.pm line 1203.\n"
        f"Bad resource request (ERROR:  {error}\n{where}\n{column})\n"
    )


# --- keys of jobs


def _without_key(word: str) -> str:
    """Return a word of a command line, without the private key that it may hold."""
    option, equals, _ = word.partition("=")
    inline = option.startswith("--import-job-key-inline") and equals
    return f"{option}=..." if inline else word


def _job_key(call: Call, options: Options, said: str) -> tuple[str, str | None]:
    """Return what is printed so far, and the public key that enters the nodes."""
    name = options.last("import-job-key-from-file")
    if name is None and options.last("import-job-key-inline") is None:
        name = call.environment.get("OAR_JOB_KEY_FILE") or None
    inline = options.last("import-job-key-inline")
    if not options.has("use-job-key") and not call.environment.get("OAR_JOB_KEY_FILE"):
        if name is not None or inline is not None or options.has("export-job-key-to-file"):
            text = (
                "Error: You must set the --use-job-key (or -k) option in order to use other job"
                " key related options.\n"
            )
            raise _Stop(_failed(said, _NO_USE_OF_KEY, text))
        return said, None
    if inline is not None:
        return _imported_inline(call, inline, said)
    if name is None:
        private, public = call.files.new_key()
        said += "Generate a job key...\n"
        if (target := options.last("export-job-key-to-file")) is not None:
            said += f"Export job key to file: {_of_job(target, call.site.next_job_id)}\n"
            call.files.write(_of_job(target, call.site.next_job_id), private)
        return said, public
    told = f"Import job key from file: {name}\n"
    public = _imported(call, name, said + told)
    return said + told * max(1, _number(options.last("array"), 1)), public


def _imported(call: Call, name: str, said: str) -> str:
    problem = ""
    try:
        public = call.files.public_key(name)
    except OSError as error:
        public, problem = None, f"cat: {name}: {error.strerror}\n"
    return _checked_key(public, said, problem)


def _imported_inline(call: Call, private: str, said: str) -> tuple[str, str]:
    said += "Import job key inline.\n"
    return said, _checked_key(call.files.public_key_of(private), said)


def _checked_key(public: str | None, said: str, problem: str = "") -> str:
    if public is None:
        text = "Error: Fail to extract the public key. Please verify that the job key to import"
        raise _Stop(_failed(said, _BAD_KEY, f"{problem}{text} is valid.\n"))
    if not public.startswith(("ssh-rsa ", "ssh-dss ")):
        text = (
            "Error: Bad job key format. The public key must begin with either `ssh-rsa' or"
            " `ssh-dss' and is only 1 line.\n"
        )
        raise _Stop(_failed(said, _BAD_KEY, text))
    return public


# --- other ways to call it


def _scanned(call: Call, options: Options, request: str) -> tuple[Options, str]:
    script = options.arguments[0] if options.arguments else ""
    try:
        text = call.files.read(script)
    except OSError as error:
        raise _Stop(refusal(12, f"[ERROR] Unable to open {script}: {error.strerror}\n")) from None
    words: list[str] = []
    for line in text.splitlines():
        if line.startswith("#OAR "):
            request += f"; {line.rstrip()}"
            words += shlex.split(line.removeprefix("#OAR "))
    return Options(_SPEC, [*words, *call.arguments]), request


def _resubmit(call: Call, word: str) -> Reply:
    job = call.site.jobs.get(int(word)) if word.isdecimal() else None
    said = f"Resubmitting job {word}..."
    if job is None or job.user != call.user:
        return refusal(4, "[ERROR] The job does not exist or is not yours.\n", said)
    copy = call.site.copy_of(job, int(call.now))
    return Reply(0, f"{said}DONE\nOAR_JOB_ID={copy.job_id}\n")


def _connect(call: Call, word: str) -> Reply:
    job = call.site.jobs.get(int(word)) if word.isdecimal() else None
    state, owner = (job.state.value, job.user) if job else ("", "")
    problems = ""
    if state != State.RUNNING:
        problems += f"[ERROR] the job {word} is not running. Its current state is {state}.\n"
    if owner != call.user:
        problems += (
            f"[ERROR] you are not the right user for the job {word}."
            f" This job is owned by {owner}.\n"
        )
    if job is None or problems:
        return refusal(_NO_CONNEXION, problems)
    return Reply(connect=job.job_id)
