"""oarstat: what is known of jobs."""

from collections.abc import Callable
from typing import Any

from execo_g5k.sandbox.commands.call import VERSION, Call, Reply, refusal
from execo_g5k.sandbox.commands.formats import as_dumped_lines, as_json, as_xml, as_yaml
from execo_g5k.sandbox.commands.gantt import gantt
from execo_g5k.sandbox.commands.options import FLAG, OPTIONAL, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.select import jobs_of_sql
from execo_g5k.sandbox.model.dates import told_date
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.request import told_duration
from execo_g5k.sandbox.model.table import BadSql, ids_of

_SPEC = {
    "j|job": OPTIONAL, "f|full": FLAG, "s|state": FLAG, "u|user": OPTIONAL, "a|accounting": VALUE,
    "g|gantt": VALUE, "e|events": FLAG, "p|properties": FLAG, "A|array": OPTIONAL,
    "c|compact": FLAG, "sql": VALUE, "format": VALUE, "D|dumper": FLAG, "X|xml": FLAG,
    "Y|yaml": FLAG, "J|json": FLAG, "V|version": FLAG, "h|help": FLAG,
}  # fmt: skip

_WRITERS: dict[str, Callable[[Any], str]] = {
    "dumper": as_dumped_lines, "xml": as_xml, "yaml": as_yaml, "json": as_json,
}  # fmt: skip

_NO_JOB_ID = "/!\\ ERROR: No job id provided in command line or environment variables\n"

_HIDDEN = ("resource_id", "state")

_PLAIN = (
    "Job id    S User     Duration   System message\n"
    "--------- - -------- ---------- ------------------------------------------------\n"
)
_ARRAYS = (
    "Job id    A. id     index S User     Duration   System message\n"
    "--------- --------- ----- - -------- ---------- --------------------------------\n"
)
_OTHER = (
    "Job id     Name           User           Submission Date     S Queue\n"
    "---------- -------------- -------------- ------------------- - ----------\n"
)


class _NoJobId(ValueError):
    pass


def oarstat(call: Call) -> Reply:
    """Show jobs."""
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n")
    if options.has("version"):
        return Reply(0, f"OAR version : {VERSION}\n")
    for name in ("accounting", "help"):
        if options.has(name):
            return refusal(1, f"oarstat: this sandbox has no --{name}\n")
    if (text := options.last("gantt")) is not None:
        found = gantt(call, text)
        if found is None:
            return refusal(0, "Bad syntax for --gantt\n")
        return Reply(0, (_writer(options) or as_dumped_lines)(found))
    try:
        jobs = _chosen(call, options)
    except _NoJobId:
        return refusal(255, _NO_JOB_ID)
    except BadSql as error:
        return refusal(0, f"DBD::Pg::st execute failed: ERROR:  {error}\n")
    return Reply(0, _printed(call, options, jobs))


def _chosen(call: Call, options: Options) -> list[Job]:
    if options.has("job"):
        return [job for n in _job_ids(call, options) if (job := call.site.jobs.get(n))]
    if (array := options.last("array")) is not None:
        return [job for job in call.site.jobs.values() if str(job.array_id) == array]
    if (where := options.last("sql")) is not None:
        return jobs_of_sql(call.site, where)
    live = list(call.site.live())
    if options.has("user"):
        user = options.last("user") or call.user
        return [job for job in live if job.user == user]
    return live


def _job_ids(call: Call, options: Options) -> list[int]:
    given = options.all("job") or [call.environment.get("OAR_JOB_ID", "")]
    if not all(word.isdecimal() for word in given):
        raise _NoJobId
    return [int(word) for word in given]


def _writer(options: Options) -> Callable[[Any], str] | None:
    return next((write for name, write in _WRITERS.items() if options.has(name)), None)


def _printed(call: Call, options: Options, jobs: list[Job]) -> str:
    write = _writer(options)
    if options.has("state"):
        states = {str(job.job_id): job.state.value for job in jobs}
        return write(states) if write else "".join(f"{n}: {s}\n" for n, s in states.items())
    if options.has("properties"):
        return "".join(_properties(call, job) for job in jobs)
    if options.has("events"):
        return "".join(_events(call, job) for job in jobs)
    if not jobs:
        return ""
    full = options.has("full")
    if write is not None:
        return write({str(job.job_id): _data(call, job, full=full) for job in jobs})
    if full:
        return "".join(_full(call, job) for job in jobs)
    return _table(call, options, jobs)


# --- tables


def _table(call: Call, options: Options, jobs: list[Job]) -> str:
    if options.last("format") == "1":
        return _OTHER + "".join(_other_line(call, job) for job in jobs)
    arrays = options.has("array")
    lines = [_line(call, job, arrays=arrays) for job in jobs]
    return (_ARRAYS if arrays else _PLAIN) + "".join(lines)


def _line(call: Call, job: Job, *, arrays: bool) -> str:
    array = f"{job.array_id:<9} {job.array_index:<5} " if arrays else ""
    duration = _duration(call, job)
    return f"{job.job_id:<9} {array}{job.state.letter} {job.user:<8} {duration:>10} {job.message}\n"


def _duration(call: Call, job: Job) -> str:
    seconds = 0
    if job.state.has_nodes or job.state.final:
        end = job.stop_date if job.state.final or job.state is State.FINISHING else call.now
        seconds = max(0, int(end - job.start_date)) if job.start_date else 0
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def _other_line(call: Call, job: Job) -> str:
    date = told_date(job.submission_date, call.zone)
    return (
        f"{job.job_id:<10} {job.name or '':<14} {job.user:<14} {date} {job.state.letter}"
        f" {job.queue:<10}\n"
    )


def _properties(call: Call, job: Job) -> str:
    lines = []
    for resource_id in ids_of(job.resources):
        row = call.site.table.rows[resource_id - 1]
        pairs = (f"{k} = '{'' if v is None else v}'" for k, v in row.items() if k not in _HIDDEN)
        lines.append(f" {' , '.join(pairs)} \n")
    return "".join(lines)


def _events(call: Call, job: Job) -> str:
    return "".join(
        f"{told_date(event.date, call.zone)}> {event.kind}:{event.description}\n"
        for event in job.events
    )


# --- all that is known


def _reservation(job: Job) -> str:
    if not job.is_reservation:
        return "None"
    return "Scheduled"


def _wanted(job: Job) -> str:
    requests = job.requests
    if job.walltime_granted:
        return "".join(f'-l "{_lengthened(job, request)}" ' for request in requests)
    return "".join(f'-l "{request}" ' for request in requests)


def _lengthened(job: Job, request: Any) -> str:
    head, _, _ = str(request).rpartition(",walltime=")
    return f"{head},walltime={told_duration((request.walltime or 0) + job.walltime_granted)}"


def _known_walltime(job: Job) -> int | None:
    known = job.request is not None or job.predicted_start is not None
    if job.state is State.ERROR and not job.resources:
        known = False
    return job.walltime if known else None


def _data(call: Call, job: Job, *, full: bool) -> dict[str, Any]:
    table = call.site.table
    data: dict[str, Any] = {
        "Job_Id": job.job_id,
        "array_id": job.array_id,
        "array_index": job.array_index,
        "name": job.name,
        "project": job.project,
        "owner": job.user,
        "state": job.state.value,
        "queue": job.queue,
        "command": job.command or None,
        "launchingDirectory": job.directory,
        "stdout_file": job.stdout_file,
        "stderr_file": job.stderr_file,
        "jobType": "INTERACTIVE" if job.interactive else "PASSIVE",
        "properties": job.properties,
        "reservation": _reservation(job),
        "submissionTime": job.submission_date,
        "startTime": job.start_date,
        "cpuset_name": f"{job.user}_{job.job_id}",
        "message": job.message,
        "resubmit_job_id": 0,
        "types": list(job.types),
        "dependencies": list(job.dependencies),
        "assigned_resources": list(ids_of(job.resources)),
        "assigned_network_address": table.hosts(job.resources),
    }
    if full:
        data |= _more(call, job)
    return data


def _more(call: Call, job: Job) -> dict[str, Any]:
    shown = call.user in (job.user, "root", "oar")
    data: dict[str, Any] = {
        "job_user": job.user,
        "wanted_resources": _wanted(job),
        "walltime": _known_walltime(job),
        "stopTime": job.stop_date,
        "exit_code": job.exit_status,
        "initial_request": job.initial_request if shown else "",
        "scheduledStart": None if job.state.final else _int(job.predicted_start),
        "events": [
            {
                "event_id": event.event_id,
                "job_id": job.job_id,
                "date": event.date,
                "type": event.kind,
                "description": event.description,
                "to_check": "NO",
            }
            for event in job.events
        ],
    }
    if job.reserved and not job.state.has_nodes and not job.state.final:
        rows = call.site.table.rows
        data["reserved_resources"] = {
            str(n): {
                "current_state": rows[n - 1]["state"],
                "network_address": rows[n - 1]["network_address"],
            }
            for n in ids_of(job.reserved)
        }
    return data


def _int(date: float | None) -> int | None:
    return None if date is None else int(date)


def _full(call: Call, job: Job) -> str:
    data = _data(call, job, full=True)
    walltime, scheduled = data["walltime"], data["scheduledStart"]
    lines: list[tuple[str, object]] = [
        ("job_array_id", job.array_id),
        ("job_array_index", job.array_index),
        ("name", job.name or ""),
        ("project", job.project),
        ("owner", job.user),
        ("state", job.state.value),
        ("wanted_resources", data["wanted_resources"]),
        ("types", ", ".join(job.types)),
        ("dependencies", " ".join(str(job_id) for job_id in job.dependencies)),
        ("assigned_resources", "+".join(str(n) for n in data["assigned_resources"])),
        ("assigned_hostnames", "+".join(data["assigned_network_address"])),
        ("queue", job.queue),
        ("command", job.command),
        *_exit(job.exit_status),
        ("launchingDirectory", job.directory),
        ("stdout_file", job.stdout_file),
        ("stderr_file", job.stderr_file),
        ("jobType", data["jobType"]),
        ("properties", job.properties),
        ("reservation", data["reservation"]),
        *_reserved(data),
        ("walltime", "" if walltime is None else told_duration(walltime)),
        ("submissionTime", told_date(job.submission_date, call.zone)),
        *_date(call, "startTime", job.start_date),
        *_date(call, "stopTime", job.stop_date),
        ("cpuset_name", data["cpuset_name"]),
        ("initial_request", data["initial_request"]),
        ("message", job.message),
        (
            "scheduledStart",
            "no prediction" if scheduled is None else told_date(scheduled, call.zone),
        ),
        ("resubmit_job_id", 0),
        ("events", ""),
    ]
    text = "".join(f"    {name} = {value}\n" for name, value in lines)
    return f"Job_Id: {job.job_id}\n{text}{_events(call, job)}\n"


def _exit(status: int | None) -> list[tuple[str, object]]:
    if status is None:
        return []
    told = f"{status} ({status >> 8},{status & 127},{1 if status & 128 else 0})"
    return [("exit_code", told)]


def _reserved(data: dict[str, Any]) -> list[tuple[str, object]]:
    reserved = data.get("reserved_resources")
    return [("reserved_resources", "+".join(reserved))] if reserved else []


def _date(call: Call, name: str, date: int) -> list[tuple[str, object]]:
    return [(name, told_date(date, call.zone))] if date else []
