"""What oarstat and oarprint printed (OAR 2.5.9)."""

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from execo_g5k.dates import oar_date_to_unixts, oar_duration_to_seconds
from execo_g5k.errors import UnparsableOutput
from execo_g5k.jobs import JobInfo, JobState

# the second line keeps apart what a command has of "Job_Id: 5"
_JOB_HEADER = re.compile(r"^Job_Id: (\d+)[ \t]*\n(?=    job_array_id = )", re.MULTILINE)
_HEADER_ALONE = re.compile(r"^Job_Id: \d+", re.MULTILINE)
_FIELD = re.compile(r"^    (\w+) = (.*)$")
# Fields whose text is the user's, and may look like other fields -> what comes next in a job. In
# the order of oarstat: the last one holds the others again.
_FREE_TEXTS = {
    name: re.compile(rf"^    {name} = (.*?)\n(?=    {end})", re.MULTILINE | re.DOTALL)
    for name, end in (
        ("name", r"project = "),
        (
            "command",
            r"(?:exit_code = \d[^\n]*\n    )?launchingDirectory = [^\n]*\n    stdout_file = ",
        ),
        ("properties", r"reservation = "),
        ("initial_request", r"message = [^\n]*\n    scheduledStart = "),
    )
}
_EVENT = re.compile(r"^(\d+-\d+-\d+ \d+:\d+:\d+)> (\w+):(.*)$")
_STATE_LINE = re.compile(r"^(\d+): (\w+)\s*$", re.MULTILINE)
_EXIT = re.compile(r"^(\d+)(?: \(.*\))?$")
_TABLE_LINE = re.compile(r"^(\d+)\s")

# what a value of another type or form raises
_WRONG_VALUE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)

# OAR's field -> ours, for values that are the same in text and JSON
_SAME = {
    "name": "name",
    "owner": "user",
    "queue": "queue",
    "project": "project",
    "command": "command",
    "properties": "properties",
    "initial_request": "initial_request",
    "message": "message",
    "reservation": "reservation",
    "launchingDirectory": "directory",
    "stdout_file": "stdout_file",
    "stderr_file": "stderr_file",
}
_JSON_DATES = {
    "startTime": "start_date",
    "stopTime": "stop_date",
    "submissionTime": "submission_date",
    "scheduledStart": "scheduled_start",
}
_LETTERS = {
    "W": JobState.WAITING, "H": JobState.HOLD, "t": JobState.TO_LAUNCH, "L": JobState.LAUNCHING,
    "R": JobState.RUNNING, "F": JobState.FINISHING, "T": JobState.TERMINATED, "E": JobState.ERROR,
    "S": JobState.SUSPENDED, "r": JobState.RESUMING,
}  # fmt: skip


def parse_oarstat_json(text: str) -> dict[int, JobInfo]:
    """Return the jobs of `oarstat -J [-f]`, by id; nothing printed means no job.

    Lines before the JSON, such as a banner, are skipped.

    Raises:
        UnparsableOutput: there is something, and it is no JSON of jobs, or a state is none that
            OAR has.
    """
    jobs = _json_object(text)
    found = {}
    for key, fields in jobs.items():
        if not isinstance(fields, Mapping) or not fields.get("state"):
            raise UnparsableOutput(["oarstat", "-J"], text)
        try:
            found[int(key)] = _from_json(int(key), fields)
        except _WRONG_VALUE as error:
            raise UnparsableOutput(["oarstat", "-J"], text) from error
    return found


def _json_object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    reader = json.JSONDecoder()
    empty = False
    # a banner may begin like JSON too, or end without a line of its own
    for start in re.finditer(r'^\{|\{(?=\s*"\d+"\s*:)', text, re.MULTILINE):
        try:
            value, _ = reader.raw_decode(text, start.start())
        except ValueError:
            continue
        if value:
            return dict(value)
        empty = True
    if empty:
        return {}
    raise UnparsableOutput(["oarstat", "-J"], text)


def _from_json(job_id: int, fields: Mapping[str, Any]) -> JobInfo:
    info = JobInfo(job_id=job_id, state=JobState(fields["state"]).value)
    _put_same(info, fields)
    for name, key in _JSON_DATES.items():
        if fields.get(name):
            info[key] = int(fields[name])
    info["types"] = list(fields.get("types") or ())
    if "dependencies" in fields:
        info["dependencies"] = [int(job) for job in fields["dependencies"] or ()]
    info["resources"] = [int(number) for number in fields.get("assigned_resources") or ()]
    info["hosts"] = list(fields.get("assigned_network_address") or ())
    if fields.get("wanted_resources"):
        info["wanted_resources"] = fields["wanted_resources"].strip()
    if fields.get("walltime"):
        _put_walltime(info, int(fields["walltime"]))
    if fields.get("exit_code") is not None:
        _put_exit_code(info, int(fields["exit_code"]))
    if "events" in fields:
        info["events"] = [_event(event) for event in fields["events"] or ()]
    return info


def _put_same(info: JobInfo, fields: Mapping[str, Any]) -> None:
    for name, key in _SAME.items():
        if fields.get(name) not in (None, ""):
            info[key] = fields[name]
    _put_number(info, "array_id", fields.get("array_id", fields.get("job_array_id")))
    _put_number(info, "array_index", fields.get("array_index", fields.get("job_array_index")))


def _put_number(info: JobInfo, key: str, value: Any) -> None:
    if value not in (None, ""):
        info[key] = int(value)


def _put_walltime(info: JobInfo, seconds: int) -> None:
    info["walltime"] = info["duration"] = seconds


def _put_exit_code(info: JobInfo, status: int) -> None:
    try:
        info["exit_code"] = os.waitstatus_to_exitcode(status)
    except ValueError:
        # the status of a command that did not end
        return


def _event(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "date": int(fields["date"]),
        "type": str(fields["type"]),
        "description": str(fields["description"]),
    }


def parse_oarstat_full(text: str) -> dict[int, JobInfo]:
    """Return the jobs of `oarstat -f`, by id; text before the first job is skipped.

    Raises:
        UnparsableOutput: a job has no state, or a value is none that OAR prints.
    """
    _, *parts = _JOB_HEADER.split(text.replace("\r\n", "\n") + "\n")
    if not parts and _HEADER_ALONE.search(text):
        # no job found would mean that there is none
        raise UnparsableOutput(["oarstat", "-f"], text)
    pairs = zip(parts[::2], parts[1::2], strict=True)
    try:
        return {int(job_id): _from_text(int(job_id), _fields(block)) for job_id, block in pairs}
    except _WRONG_VALUE as error:
        raise UnparsableOutput(["oarstat", "-f"], text) from error


def _fields(block: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, pattern in _FREE_TEXTS.items():
        match = pattern.search(block)
        if match:
            fields[name] = match[1]
            block = block[: match.start()] + block[match.end() :]
    last: str | None = None
    for line in block.split("\n"):
        field = _FIELD.match(line)
        if field:
            last = field[1]
            fields.setdefault(last, field[2])
        elif last is not None:
            # events always have several lines
            fields[last] += "\n" + line
    return fields


def _from_text(job_id: int, fields: Mapping[str, str]) -> JobInfo:
    if not fields.get("state"):
        raise UnparsableOutput(["oarstat", "-f"], f"job {job_id} without a state: {fields}")
    info = JobInfo(job_id=job_id, state=JobState(fields["state"].strip()).value)
    _put_same(info, fields)
    for name, key in _JSON_DATES.items():
        _put_parsed(info, key, fields.get(name), oar_date_to_unixts)
    info["types"] = _split(fields.get("types"), r"[,+]\s*")
    info["resources"] = [int(n) for n in _split(fields.get("assigned_resources"), r"\+")]
    info["hosts"] = _split(fields.get("assigned_hostnames"), r"\+")
    info["dependencies"] = [int(job) for job in _split(fields.get("dependencies"), r"\D+")]
    if fields.get("wanted_resources"):
        info["wanted_resources"] = fields["wanted_resources"].strip()
    if (fields.get("walltime") or "").strip():
        _put_walltime(info, oar_duration_to_seconds(fields["walltime"]))
    status = _EXIT.match((fields.get("exit_code") or "").strip())
    if status:
        _put_exit_code(info, int(status[1]))
    info["events"] = _events(fields.get("events", ""))
    return info


def _put_parsed(info: JobInfo, key: str, text: str | None, parse: Callable[[str], int]) -> None:
    # "no prediction", or empty
    if text and text[:1].isdigit():
        info[key] = parse(text)


def _split(text: str | None, separator: str) -> list[str]:
    return [part for part in re.split(separator, (text or "").strip()) if part]


def _events(text: str) -> list[dict[str, Any]]:
    matches = (_EVENT.match(line) for line in text.splitlines())
    return [
        {"date": oar_date_to_unixts(match[1]), "type": match[2], "description": match[3]}
        for match in matches
        if match
    ]


def parse_oarstat_states(text: str) -> dict[int, JobState]:
    """Return the states of `oarstat -s`, as text or with -J, by id.

    Raises:
        UnparsableOutput: a state is none that OAR has.
    """
    lines = _STATE_LINE.findall(text)
    # the line of a banner may begin like JSON too
    is_json = not lines and re.search(r"^\{", text, re.MULTILINE)
    states = _json_object(text).items() if is_json else lines
    try:
        return {int(job_id): JobState(state) for job_id, state in states}
    except ValueError as error:
        raise UnparsableOutput(["oarstat", "-s"], text) from error


def parse_oarstat_table(text: str) -> dict[int, JobState]:
    """Return the states of the jobs of plain `oarstat`, by id.

    The column of states is found by its title S: the columns depend on the options and on
    OARSTAT_DEFAULT_OUTPUT_FORMAT of the frontend.

    Raises:
        UnparsableOutput: there is a job but no such column.
    """
    column = None
    states = {}
    for line in text.splitlines():
        title = re.search(r"(?<=\s)S(?=\s)", line)
        if line.startswith("Job id") and title:
            column = title.start()
        elif _TABLE_LINE.match(line):
            letter = line[column] if column is not None and len(line) > column else ""
            if letter not in _LETTERS:
                raise UnparsableOutput(["oarstat"], text)
            states[int(line.split()[0])] = _LETTERS[letter]
    return states


def parse_oarprint_hosts(text: str) -> list[str]:
    """Return the lines of `oarprint host`, each once, in order."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
