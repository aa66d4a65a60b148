"""oarstat -D, -X and --gantt, beside what OAR 2.5.9 was seen to answer."""

import ast
import json
import re

from execo_g5k.sandbox.model.dates import read_date, told_date
from tests.unit.execo_g5k.sandbox.gridlab import GridLab
from tests.unit.execo_g5k.transcripts import transcript

# the grid on which answers were recorded
SITES = {"nancy": {"grisou": 4}}
# what times, homes and users make of a job
CHANGING = {"startTime", "submissionTime", "stop_time", "start_time", "submission_time"}


def recorded_lab() -> GridLab:
    """A site with the job that was recorded."""
    lab = GridLab(SITES)
    site = lab.sites["nancy"]
    lab.call("oarsub -l nodes=2,walltime=0:10:0 'sleep 600'", user="alice")
    lab.wait()
    [job] = site.jobs.values()
    job.job_id = job.array_id = 1
    job.directory = "/home/alice"
    job.stdout_file, job.stderr_file = "OAR.1.stdout", "OAR.1.stderr"
    site.jobs = {1: job}
    return lab


def of_dumper(text: str) -> dict[str, dict[str, object]]:
    found = ast.literal_eval(text.replace(" => undef", ": None").replace(" => ", ": "))
    return {number: without_dates(job) for number, job in found.items()}


def without_dates(job: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in job.items() if name not in CHANGING}


def test_the_dumper_says_the_same():
    reply = recorded_lab().call("oarstat -D -j 1", user="alice")
    seen = transcript(35).stdout
    assert of_dumper(reply.stdout) == of_dumper(seen)
    blank = [re.sub(r"\d{10}", "<date>", text) for text in (reply.stdout, seen)]
    plain, expected = (sorted(line.rstrip(",") for line in text.splitlines()) for text in blank)
    assert plain == expected


def test_xml_is_the_same_to_the_letter():
    reply = recorded_lab().call("oarstat -X -j 1", user="alice")
    mine, seen = (
        re.sub(r'0x\w+"|\d{10}', "<n>", text) for text in (reply.stdout, transcript(34).stdout)
    )
    assert mine == seen


def test_the_gantt_says_the_same():
    lab = recorded_lab()
    dates = f"{told_date(lab.now - 300)}, {told_date(lab.now + 900)}"
    found = json.loads(lab.call(["oarstat", "-J", "--gantt", dates]).stdout)
    seen = json.loads(transcript(39).stdout)
    assert without_dates(found["jobs"]["1"]) == without_dates(seen["jobs"]["1"])
    assert found["jobs"]["1"]["stop_time"] - found["jobs"]["1"]["start_time"] == 600
    assert sorted(found["resources"], key=str) == sorted(
        ({k: row[k] for k in found["resources"][0]} for row in seen["resources"]), key=str
    )
    assert set(found["resources"][0]) == set(seen["resources"][0])
    assert found["dead_resources"] == seen["dead_resources"]


def test_the_gantt_knows_past_and_future_jobs():
    lab = recorded_lab()
    lab.call("oardel 1", user="alice")
    date = told_date(lab.now + 3600)
    lab.call(["oarsub", "-r", date, "-l", "nodes=1,walltime=1"], user="alice")
    lab.wait()
    words = ["oarstat", "-D", "--gantt", f"{told_date(lab.now - 9)},{told_date(lab.now + 9999)}"]
    found = ast.literal_eval(
        lab.call(words).stdout.replace(" => undef", ": None").replace(" => ", ": ")
    )
    *_, future = found["jobs"]
    assert found["jobs"]["1"]["state"] == "Error"
    assert found["jobs"]["1"]["types"] == []
    assert found["jobs"][future]["start_time"] == read_date(date)
    assert "types" not in found["jobs"][future]
    seen = json.loads(transcript(198).stdout)["jobs"]
    assert set(found["jobs"]["1"]) == set(seen["34"])
    assert set(found["jobs"][future]) == set(seen["36"])
    assert lab.call("oarstat --gantt tomorrow").stderr == "Bad syntax for --gantt\n"
