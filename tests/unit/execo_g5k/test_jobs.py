import pickle

import pytest

from execo.errors import Error
from execo_g5k.errors import (
    CommandFailed,
    FrontendUnreachable,
    G5kError,
    JobEnded,
    JobNotFound,
    SubmissionRefused,
    UnparsableOutput,
)
from execo_g5k.jobs import Ended, JobInfo, JobRef, JobState, NotFound, Started, TimedOut


def test_a_job_of_a_site_is_the_pair_that_scripts_unpack() -> None:
    job_id, site = JobRef(12, "nancy")
    assert (job_id, site) == JobRef(12, "nancy") == (12, "nancy")


def test_every_state_is_final_running_or_before() -> None:
    assert {state for state in JobState if state.final} == {JobState.TERMINATED, JobState.ERROR}
    running = {state.value for state in JobState if state.running}
    assert running == {"Running", "Suspended", "Resuming"}
    assert not any(state.final and state.running for state in JobState)


def test_only_a_started_job_is_true() -> None:
    assert Started()
    for outcome in (Ended(JobState.ERROR), TimedOut(), NotFound(12, "nancy")):
        assert not outcome
    assert "ERROR" in repr(Ended(JobState.ERROR))
    assert "nancy" in repr(NotFound(12, "nancy"))


ATTRIBUTES = [
    "job_id",
    "start_date",
    "stop_date",
    "scheduled_start",
    "submission_date",
    "walltime",
    "duration",
    "name",
    "user",
    "queue",
    "project",
    "command",
    "types",
    "properties",
    "resources",
    "wanted_resources",
    "hosts",
    "exit_code",
    "events",
]


def test_what_is_not_known_of_a_job_is_none_and_no_key() -> None:
    info = JobInfo(state="Waiting")
    assert [getattr(info, name) for name in ATTRIBUTES] == [None] * len(ATTRIBUTES)
    assert dict(info) == {"state": "Waiting"}
    assert info.state is JobState.WAITING
    assert JobInfo().state is None


def test_what_is_known_of_a_job_is_read_both_ways() -> None:
    info = JobInfo({name: name for name in ATTRIBUTES})
    for name in ATTRIBUTES:
        assert getattr(info, name) == info[name] == name


def test_the_repr_of_a_job_says_when_it_starts() -> None:
    text = repr(JobInfo(job_id=12, state="Waiting", scheduled_start=1795392160))
    assert text.startswith("<JobInfo(12, Waiting, start 2026-11-2")
    assert repr(JobInfo(job_id=12, state="Hold")) == "<JobInfo(12, Hold)>"


def test_a_job_survives_a_copy_and_a_pickle() -> None:
    info = JobInfo(job_id=12, state="Waiting")
    assert pickle.loads(pickle.dumps(info)) == info
    assert JobInfo(info) == info


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FrontendUnreachable("nancy", "no route"), ["nancy", "no route"]),
        (CommandFailed("nancy", ["oarstat", "a b"], 3, "out", "bad\n"), ["'a b'", "exit 3", "bad"]),
        (CommandFailed("nancy", ["x"], 3, "out", ""), ["out"]),
        (SubmissionRefused("nancy", "no"), ["nancy", "no"]),
        (SubmissionRefused("nancy", "no", 1795399761, 10), ["could start 2026-11-23"]),
        (JobNotFound(12, "nancy"), ["12", "nancy"]),
        (JobEnded(12, "nancy", JobState.ERROR), ["12", "(state Error)"]),
        (UnparsableOutput(["oarstat", "-J"], "x" * 9999), ["oarstat -J", "xxx"]),
    ],
)
def test_errors_say_where_and_what(error: G5kError, words: list[str]) -> None:
    assert isinstance(error, Error)
    text = str(error)
    assert all(word in text for word in words)
    assert len(text) < 1000
