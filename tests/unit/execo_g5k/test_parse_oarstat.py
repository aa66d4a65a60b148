import json

import pytest

from execo_g5k.errors import UnparsableOutput
from execo_g5k.jobs import JobInfo, JobState
from execo_g5k.parse.oardel import Deletion, parse_oardel
from execo_g5k.parse.oarstat import (
    parse_oarprint_hosts,
    parse_oarstat_full,
    parse_oarstat_json,
    parse_oarstat_states,
    parse_oarstat_table,
)
from tests.unit.execo_g5k.transcripts import transcript

BANNER = "Linux fnancy 6.1\n{ Welcome! }\n\n* maintenance tonight\n"


def only(jobs: dict[int, JobInfo]) -> JobInfo:
    [info] = jobs.values()
    return info


def test_a_running_job_is_told_with_the_keys_that_scripts_read() -> None:
    assert only(parse_oarstat_json(transcript(31).stdout)) == {
        "job_id": 1,
        "state": "Running",
        "user": "alice",
        "queue": "default",
        "project": "default",
        "command": "sleep 600",
        "properties": "(desktop_computing = 'NO') AND drain='NO'",
        "initial_request": "oarsub -l nodes=2,walltime=0:10:00 sleep 600",
        "message": "R=8,W=0:10:0,J=B (Karma=0.000,quota_ok)",
        "reservation": "None",
        "directory": "/home/alice",
        "stdout_file": "OAR.1.stdout",
        "stderr_file": "OAR.1.stderr",
        "array_id": 1,
        "array_index": 1,
        "start_date": 1795392160,
        "submission_date": 1795392158,
        "scheduled_start": 1795392160,
        "types": [],
        "dependencies": [],
        "resources": [1, 2, 3, 4, 5, 6, 7, 8],
        "hosts": ["grisou-1.nancy.grid5000.fr", "grisou-2.nancy.grid5000.fr"],
        "wanted_resources": "-l \"{type = 'default'}/network_address=2,walltime=0:10:0\"",
        "walltime": 600,
        "duration": 600,
        "events": [],
    }


@pytest.mark.parametrize("n", [205, 184])
def test_a_waiting_job_has_a_predicted_start_and_no_start(n: int) -> None:
    info = only(parse_oarstat_json(transcript(n).stdout))
    assert info.state is JobState.WAITING
    assert info.start_date is None or n == 184
    assert info.scheduled_start is not None
    assert info.scheduled_start > 1795392158
    assert info.hosts == [] or n == 184


def test_no_prediction_is_no_scheduled_start() -> None:
    text = transcript(97).stdout
    assert "scheduledStart = no prediction" in text
    for info in (only(parse_oarstat_full(text)), only(parse_oarstat_json(transcript(98).stdout))):
        assert "scheduled_start" not in info
        assert info.scheduled_start is None


@pytest.mark.parametrize(("text", "exit_code"), [(97, 0), (99, 3), (106, 127)])
def test_the_exit_code_is_the_true_one(text: int, exit_code: int) -> None:
    assert only(parse_oarstat_full(transcript(text).stdout)).exit_code == exit_code


@pytest.mark.parametrize(
    ("status", "exit_code"), [(0, 0), (768, 3), (9, -9), (15, -15), (139, -11), (4991, None)]
)
def test_the_wait_status_of_oar_is_decoded(status: int, exit_code: int | None) -> None:
    text = json.dumps({"5": {"state": "Terminated", "exit_code": status}})
    assert only(parse_oarstat_json(text)).exit_code == exit_code


def test_what_oar_did_is_told_with_dates() -> None:
    events = only(parse_oarstat_full(transcript(246).stdout)).events
    assert events is not None
    assert [event["type"] for event in events] == ["CPUSET_ERROR", "RESUBMIT_JOB_AUTOMATICALLY"]
    assert events[0]["date"] == 1795392761
    assert "Resubmiting job 57 => 58" in events[1]["description"]


def test_types_and_names_and_dependencies_are_read() -> None:
    named = only(parse_oarstat_full(transcript(110).stdout))
    assert (named.name, named.project) == ("myname", "myproj")
    assert only(parse_oarstat_full(transcript(162).stdout)).types == ["allow_classic_ssh"]
    assert only(parse_oarstat_full(transcript(226).stdout))["dependencies"] == [49]
    assert only(parse_oarstat_json(transcript(164).stdout)).types == [
        "allow_classic_ssh",
        "besteffort",
    ]


@pytest.mark.parametrize("n", [83, 84, 85, 88, 89, 90])
def test_an_unknown_job_is_in_no_answer(n: int) -> None:
    text = transcript(n).stdout
    assert parse_oarstat_json(text) == {}
    assert parse_oarstat_full(text) == {}
    assert parse_oarstat_states(text) == {}
    assert parse_oarstat_table(text) == {}


def test_an_unknown_job_among_others_is_left_out() -> None:
    assert parse_oarstat_states(transcript(94).stdout) == {1: JobState.ERROR}


def test_a_banner_before_the_answer_is_skipped() -> None:
    assert parse_oarstat_json(BANNER + transcript(31).stdout) == parse_oarstat_json(
        transcript(31).stdout
    )
    text = transcript(31).stdout
    assert parse_oarstat_json(f"{{motd}} Welcome! {text}") == parse_oarstat_json(text)
    assert parse_oarstat_full(BANNER + transcript(14).stdout) == parse_oarstat_full(
        transcript(14).stdout
    )
    assert parse_oarstat_table(BANNER + transcript(7).stdout) == {1: JobState.RUNNING}


def test_words_after_the_answer_are_skipped() -> None:
    text = transcript(31).stdout
    assert parse_oarstat_json(text + "Bye!\n") == parse_oarstat_json(text)


def test_lines_may_end_with_cr_lf() -> None:
    text = transcript(72).stdout
    assert parse_oarstat_full(text.replace("\n", "\r\n")) == parse_oarstat_full(text)


@pytest.mark.parametrize("cut", [1, 2, 300, -2, -3])
def test_json_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises(UnparsableOutput, match="oarstat"):
        parse_oarstat_json(transcript(31).stdout.rstrip()[:cut])


@pytest.mark.parametrize(
    "text", ["[]\n", "nothing here\n", '{"a": 1}\n', '{"5": {}}\n', '{"5": null}\n']
)
def test_what_is_no_json_of_jobs_is_refused(text: str) -> None:
    with pytest.raises(UnparsableOutput):
        parse_oarstat_json(text)


def test_the_gantt_is_no_answer_about_jobs() -> None:
    with pytest.raises(UnparsableOutput):
        parse_oarstat_json(transcript(39).stdout)


def test_a_job_without_a_state_is_refused() -> None:
    with pytest.raises(UnparsableOutput, match="state"):
        parse_oarstat_full("Job_Id: 5\n    job_array_id = 5\n    owner = alice\n")


def test_a_state_that_oar_does_not_have_is_refused() -> None:
    with pytest.raises(UnparsableOutput):
        parse_oarstat_states("5: Dancing\n")
    for value in ('"Dancing"', "null", "[]", '{"state": "Running"}'):
        with pytest.raises(UnparsableOutput):
            parse_oarstat_states(f'{{"5": {value}}}\n')
    with pytest.raises(UnparsableOutput):
        parse_oarstat_states('{"job": "Running"}\n')
    with pytest.raises(UnparsableOutput):
        parse_oarstat_json('{"5": {"state": "Dancing"}}\n')
    with pytest.raises(UnparsableOutput):
        parse_oarstat_full(transcript(14).stdout.replace("state = Running", "state = Dancing"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("startTime", "soon"), ("startTime", [1]), ("walltime", "1:0:0"), ("types", 3),
        ("dependencies", ["a"]), ("assigned_resources", {"a": 1}),
        ("assigned_network_address", 3), ("wanted_resources", ["nodes=1"]), ("exit_code", "zero"),
        ("events", [{}]), ("events", ["FRAG"]), ("events", 3), ("array_id", "first"),
    ],
)  # fmt: skip
def test_a_value_of_json_that_is_none_of_oar_is_refused(field: str, value: object) -> None:
    text = json.dumps({"5": {"state": "Running", field: value}})
    with pytest.raises(UnparsableOutput, match="oarstat -J"):
        parse_oarstat_json(text)


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("walltime = 0:10:0", "walltime = long"),
        ("startTime = 2026-11-23 01:02:40", "startTime = 2026-11-31 01:02:40"),
        ("assigned_resources = 1+2", "assigned_resources = 1+two"),
        ("job_array_id = 1", "job_array_id = first"),
    ],
)
def test_a_value_of_text_that_is_none_of_oar_is_refused(line: str, other: str) -> None:
    text = transcript(14).stdout
    assert line in text
    with pytest.raises(UnparsableOutput, match="oarstat -f"):
        parse_oarstat_full(text.replace(line, other))


def test_the_status_of_a_command_that_did_not_end_is_no_exit_code() -> None:
    text = transcript(97).stdout.replace("exit_code = 0 (0,0,0)", "exit_code = 4991 (19,127,0)")
    assert "4991" in text
    assert "exit_code" not in only(parse_oarstat_full(text))


def test_a_job_in_an_unknown_form_is_not_taken_for_no_job() -> None:
    with pytest.raises(UnparsableOutput):
        parse_oarstat_full("Job_Id: 5\n    state = Running\n")
    with pytest.raises(UnparsableOutput):
        parse_oarstat_full("Job_Id: 5\n")


@pytest.mark.parametrize("banner", [BANNER, "{}\n{ news }\n", "Message 5: come: today\n"])
@pytest.mark.parametrize("n", [17, 18])
def test_a_banner_before_the_states_is_skipped(n: int, banner: str) -> None:
    assert parse_oarstat_states(banner + transcript(n).stdout) == {1: JobState.RUNNING}


# as OAR 2.5.9 prints such a job
LINES = """for i in 1; do
    state = 3
    walltime = 7
    launchingDirectory = x

Job_Id: 5
    state = Error
sleep 2; done"""


def with_command(text: str, command: str) -> str:
    return text.replace("command = sleep 600", f"command = {command}").replace(
        "walltime=0:10:00 sleep 600", f"walltime=0:10:00 {command}"
    )


@pytest.mark.parametrize("n", [14, 72])
def test_lines_of_a_command_are_no_fields_and_no_jobs(n: int) -> None:
    text = transcript(n).stdout
    plain = only(parse_oarstat_full(text))
    info = only(parse_oarstat_full(with_command(text, LINES)))
    assert info.pop("command") == LINES
    assert info.pop("initial_request").endswith(LINES)
    assert info == {key: plain[key] for key in info}
    assert info.state is not JobState.ERROR or n == 72


def test_the_first_of_two_fields_of_a_name_is_the_true_one() -> None:
    # another order of the fields than that of OAR 2.5.9
    text = transcript(14).stdout.replace("    stdout_file = OAR.1.stdout\n", "")
    info = only(parse_oarstat_full(with_command(text, "true\n    state = Error")))
    assert info.state is JobState.RUNNING


def test_many_jobs_keep_apart() -> None:
    first = with_command(transcript(14).stdout, LINES)
    jobs = parse_oarstat_full(first + transcript(97).stdout + transcript(99).stdout)
    assert list(jobs) == [1, 2, 3]
    assert jobs[2] == only(parse_oarstat_json(transcript(98).stdout))


@pytest.mark.parametrize("n", [7, 8, 12, 13, 37])
def test_all_formats_of_the_table_are_read(n: int) -> None:
    assert parse_oarstat_table(transcript(n).stdout) == {1: JobState.RUNNING}


def test_the_table_of_an_array_is_read_and_a_later_table_wins() -> None:
    text = transcript(222).stdout
    array, _, _ = text.rpartition("Job id")
    assert parse_oarstat_table(array) == dict.fromkeys((46, 47, 48), JobState.WAITING)
    later = dict.fromkeys((46, 47, 48), JobState.LAUNCHING)
    assert parse_oarstat_table(text) == {20: JobState.WAITING, **later}


def test_a_table_without_a_column_of_states_is_refused() -> None:
    with pytest.raises(UnparsableOutput):
        parse_oarstat_table("Job id    User\n--------- ----\n12        alice\n")


@pytest.mark.parametrize("n", [21, 23])
def test_hosts_come_once_each(n: int) -> None:
    hosts = parse_oarprint_hosts(transcript(n).stdout * 2)
    assert sorted(hosts) == ["grisou-1.nancy.grid5000.fr", "grisou-2.nancy.grid5000.fr"]
    assert parse_oarprint_hosts("\n") == []


@pytest.mark.parametrize(
    ("n", "deletions"),
    [
        (69, {1: Deletion.REGISTERED}),
        (70, {1: Deletion.ENDED}),
        (77, {1: Deletion.ENDED}),
        (68, {1: Deletion.REFUSED}),
        (78, {99999: Deletion.REFUSED}),
        (199, {36: Deletion.REGISTERED, 38: Deletion.REGISTERED}),
        (258, {62: Deletion.REGISTERED}),
        (79, {}),
        (80, {}),
        (264, {}),
    ],
)
def test_each_job_that_is_to_be_deleted_has_its_own_answer(
    n: int, deletions: dict[int, Deletion]
) -> None:
    recorded = transcript(n)
    assert parse_oardel(recorded.stdout, recorded.stderr) == deletions
