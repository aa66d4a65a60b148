"""Every recorded command is read by a parser, or left alone for a reason written here."""

import re
from collections import Counter
from collections.abc import Callable

import pytest

from execo_g5k.errors import UnparsableOutput
from execo_g5k.jobs import JobInfo, JobState
from execo_g5k.parse.oardel import parse_oardel
from execo_g5k.parse.oarstat import (
    parse_oarprint_hosts,
    parse_oarstat_full,
    parse_oarstat_json,
    parse_oarstat_states,
    parse_oarstat_table,
)
from execo_g5k.parse.oarsub import Refused, parse_oarsub
from tests.unit.execo_g5k.transcripts import Transcript, transcript, transcripts

# kind -> why the library reads no such output; what the words of the command are
LEFT_ALONE = {
    "versions": ("no decision hangs on it", r"-V;"),
    "shell on a node": ("the user's own output, and exit code", r"\boarsh\b|\boarcp\b|^ssh "),
    "no OAR command": ("ssh, or files of a job", r"^(hostname|true|nosuchcommand|cat|ls)\b"),
    "nodes": ("what a site has is asked elsewhere", r"^oarnodes"),
    "walltime and hold": ("not offered", r"^(oarwalltime|oarhold|oarresume|sleep 2; oarwall)"),
    "gantt": ("not offered", r"--gantt"),
    "other formats": ("JSON or plain text are asked for", r"oarstat -[YXD]"),
    "events": ("-f has them too", r"oarstat -ej"),
    "properties": ("oarprint reads them, or the hosts are in -f", r"^oarstat -pj \d+( -J)?$"),
    "cut by grep": ("parts of other answers", r"oarstat[^|;]*\| grep"),
    "oarprint, not of hosts": ("not asked for", r"oarprint (-l|core|nosuch|host -P)"),
}


# the commands whose output is compound, and of which a part is left alone -> the rest
PARTS = {118: r"oarstat -pj 11 \| oarprint.*", 141: "oarstat -J -j 19", 164: "oarstat -J -j 29"}


def kinds(recorded: Transcript) -> list[str]:
    if recorded.n in PARTS:
        [part] = re.findall(PARTS[recorded.n], recorded.cmd)
        recorded = recorded._replace(n=0, cmd=part)
    alone = [kind for kind, (_, words) in LEFT_ALONE.items() if re.search(words, recorded.cmd)]
    if alone:
        return alone[:1]
    return [
        kind
        for kind, words in {
            "oarsub": r"\boarsub\b",
            "oardel": r"\boardel\b",
            "oarprint": r"\boarprint\b",
            "json": r"oarstat -J(?! -sj)",
            "states": r"oarstat (-J )?-s",
            "full": r"oarstat -f",
            "table": r"oarstat($|;| (-u|-j|--format|--sql|--array|--nosuch))",
        }.items()
        if re.search(words, recorded.cmd)
    ]


def without_jobs_in_json(t: Transcript) -> str:
    return re.sub(r"^\{\n   \"\d+\" : \{.*?^\}", "", t.stdout, flags=re.M | re.S)


def read_oarsub(t: Transcript) -> str:
    answer = parse_oarsub(t.exit_code, t.stdout, t.stderr)
    if isinstance(answer, Refused):
        assert answer.reason
        assert answer.exit_code == t.exit_code != 0
        return "oarsub refused"
    assert all(f"OAR_JOB_ID={job_id}" in t.stdout for job_id in answer.job_ids)
    return "oarsub submitted"


def read_oardel(t: Transcript) -> str:
    answer = parse_oardel(t.stdout, t.stderr)
    assert len(answer) == t.stdout.count("Deleting the job")
    return "oardel deletions" if answer else "oardel, no job"


def assert_told(infos: dict[int, JobInfo], states: list[str]) -> None:
    assert [info["state"] for info in infos.values()] == states
    for job_id, info in infos.items():
        assert info.job_id == job_id
        assert info.user == "alice"
        assert info.submission_date is not None
        assert all(host.endswith(".grid5000.fr") for host in info.hosts or ())
        assert bool(info.hosts) == bool(info.resources)


def read_json(t: Transcript) -> str:
    infos = parse_oarstat_json(t.stdout)
    assert list(infos) == [int(n) for n in re.findall(r'"Job_Id" : (\d+)', t.stdout)]
    assert_told(infos, re.findall(r'"state" : "(\w+)"', t.stdout))
    return "json jobs" if infos else "json, no job"


def read_full(t: Transcript) -> str:
    infos = parse_oarstat_full(t.stdout)
    assert list(infos) == [int(n) for n in re.findall(r"^Job_Id: (\d+)", t.stdout, re.M)]
    assert_told(infos, re.findall(r"^    state = (\w+)", t.stdout, re.MULTILINE))
    return "full jobs" if infos else "full, no job"


def read_states(t: Transcript) -> str:
    states = parse_oarstat_states(without_jobs_in_json(t))
    told = re.findall(r'^(?:   ")?(\d+)(?:" )?: "?(\w+)"?$', t.stdout, re.MULTILINE)
    assert states == {int(job_id): JobState(state) for job_id, state in told}
    return "states" if states else "states, no job"


def read_table(t: Transcript) -> str:
    states = parse_oarstat_table(t.stdout)
    rows = re.findall(r"^(\d+) +(?:\d+ +\d+ +)?(?:\w ?)? +", t.stdout, re.MULTILINE)
    assert sorted(states) == sorted({int(row) for row in rows})
    return "table jobs" if states else "table, no job"


def read_oarprint(t: Transcript) -> str:
    lines = re.findall(r"^(?:grisou|taurus)-.*\n", t.stdout, re.MULTILINE)
    hosts = parse_oarprint_hosts("".join(lines))
    assert len(hosts) == len(set(re.findall(r"\S+\.grid5000\.fr", t.stdout)))
    return "hosts" if hosts else "no host"


READERS: dict[str, Callable[[Transcript], str]] = {
    "oarsub": read_oarsub,
    "oardel": read_oardel,
    "json": read_json,
    "full": read_full,
    "states": read_states,
    "table": read_table,
    "oarprint": read_oarprint,
}


def read(kind: str, t: Transcript) -> str:
    if kind in LEFT_ALONE:
        return f"left alone: {kind}"
    if t.exit_code not in (0, None) and kind not in ("oarsub", "oardel"):
        assert not t.stdout
        assert t.stderr
        return "told by the exit code"
    try:
        return READERS[kind](t)
    except UnparsableOutput:
        return f"{kind} unparsable"


EXPECTED = {
    "full jobs": 27,
    "full, no job": 1,
    "hosts": 4,
    "json jobs": 16,
    "json, no job": 3,
    "left alone: cut by grep": 4,
    "left alone: events": 2,
    "left alone: gantt": 2,
    "left alone: no OAR command": 9,
    "left alone: nodes": 11,
    "left alone: oarprint, not of hosts": 4,
    "left alone: other formats": 3,
    "left alone: properties": 4,
    "left alone: shell on a node": 27,
    "left alone: versions": 1,
    "left alone: walltime and hold": 8,
    "no host": 3,
    "oardel deletions": 9,
    "oardel, no job": 5,
    "oarsub refused": 36,
    "oarsub submitted": 58,
    "oarsub unparsable": 2,
    "states": 9,
    "states, no job": 2,
    "table jobs": 23,
    "table, no job": 6,
    "told by the exit code": 6,
}


def test_every_recorded_command_is_read_or_left_alone_for_a_reason() -> None:
    assert len(transcripts()) == 268
    results = {(t.n, kind): read(kind, t) for t in transcripts().values() for kind in kinds(t)}
    assert {n for n, _ in results} == set(transcripts())
    assert dict(Counter(results.values())) == EXPECTED


def test_only_commands_that_were_given_up_or_submit_nothing_can_not_be_read() -> None:
    unparsable = {
        t.n
        for t in transcripts().values()
        for kind in kinds(t)
        if read(kind, t).endswith("unparsable")
    }
    assert unparsable == {236, 263}
    assert "oarsub -C" in transcript(236).cmd
    assert transcript(263).exit_code is None


@pytest.mark.parametrize(
    ("text", "json"), [(14, 31), (72, 73), (97, 98), (99, 100), (184, 184), (205, 205)]
)
def test_text_and_json_tell_the_same_of_a_job(text: int, json: int) -> None:
    from_text = parse_oarstat_full(transcript(text).stdout)
    from_json = parse_oarstat_json(transcript(json).stdout)
    assert from_text == from_json
    assert len(from_text) == 1


@pytest.mark.parametrize("n", [158, 172])
def test_text_tells_all_that_short_json_tells(n: int) -> None:
    from_text = parse_oarstat_full(transcript(n).stdout)
    from_json = parse_oarstat_json(transcript(n).stdout)
    assert from_text.keys() == from_json.keys()
    for job_id, info in from_json.items():
        assert {key: from_text[job_id].get(key) for key in info} == info


@pytest.mark.parametrize("n", [6, 156, 205, 219, 246, 248, 252, 260])
def test_the_table_the_states_and_the_full_text_agree(n: int) -> None:
    text = transcript(n).stdout
    table = parse_oarstat_table(text)
    states = parse_oarstat_states(without_jobs_in_json(transcript(n)))
    full = {job_id: info.state for job_id, info in parse_oarstat_full(text).items()}
    for job_id in table.keys() & full.keys():
        # the job of transcript 6 was launched between the two commands
        assert table[job_id] is full[job_id] or n == 6
    for job_id in table.keys() & states.keys():
        assert table[job_id] is states[job_id]
    assert table.keys() | states.keys() | full.keys()
    assert all(isinstance(state, JobState) for state in table.values())
