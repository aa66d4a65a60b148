"""What submissions, deletions and looks do to the ledger, on frontends that are scripted."""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from execo._engine.clock import ManualClock
from execo.errors import TimedOut
from execo.times import Deadline
from execo_g5k import follow, reserve
from execo_g5k.config import g5k_configuration
from execo_g5k.errors import FrontendUnreachable, LedgerUnreadable
from execo_g5k.frontend import CommandResult
from execo_g5k.ledger import book
from execo_g5k.ledger.left import jobs_left, take_over
from execo_g5k.ledger.look import condition
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.scripts import Script, this_script
from execo_g5k.ledger.store import JobStore
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.scripted import (
    Answer,
    ScriptedFrontend,
    World,
    jobs,
    refused,
    run,
    submitted,
    world,
)

JOB = OarSubmission("nodes=2", walltime=600, command="sleep 600")
SCANNED = OarSubmission(additional_options="-S", command="./s.sh")
CUT = Answer(raises=FrontendUnreachable("nancy", "Connection to nancy closed by remote host."))
NO_ROUTE = Answer(raises=FrontendUnreachable("nancy", "ssh: connect to host nancy port 22: no"))
SILENT = Answer(raises=FrontendUnreachable("lyon", "it is down"))
DELETED = Answer("Deleting the job = 12 ...REGISTERED.\n")
NOT_OURS = Answer("Deleting the job = 12 ...ERROR\n", 1, "Cannot frag 12 ; Job 12 is not yours\n")


@pytest.fixture
def store(own_home: Path) -> JobStore:
    return JobStore(own_home / ".local" / "state" / "execo-g5k" / "jobs")


@pytest.fixture(autouse=True)
def _complain_anew() -> None:
    book._complained.clear()


def gone() -> Script:
    process = subprocess.Popen(["true"])
    process.wait()
    return replace(this_script(), pid=process.pid, started=7)


def left_behind(store: JobStore, **fields: Any) -> Entry:
    """Record a submission of a script that is gone."""
    entry = Entry(book.new_key(), "nancy", ManualClock().time(), ("oarsub", "sleep 1"), gone())
    entry = replace(entry, **fields)
    store.put(entry)
    return entry


def submit(submission: OarSubmission = JOB, site: str = "nancy") -> Any:
    return run(reserve.oarsub([(submission, site)]))


# --- submissions


def test_a_submission_is_recorded_before_oarsub_runs_and_has_its_job_after(store: JobStore) -> None:
    during: list[Entry] = []

    def accept(argv: Sequence[str]) -> Answer:
        during.extend(store.all())
        return submitted(12)

    with world() as grid:
        grid["nancy"].on("oarsub", then=accept)
        submit()
        [argv] = grid["nancy"].called("oarsub")
    [intent] = during
    assert intent.job_ids == ()
    assert intent.key in argv
    assert intent.request == ("oarsub", *argv[5:])
    assert intent.script == this_script()
    assert intent.submission_date == grid.clock.time()
    assert store.all() == [replace(intent, job_ids=(12,))]


def test_an_array_is_recorded_whole(store: JobStore) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(46, 47, 48))
        submit()
    assert [entry.job_ids for entry in store.all()] == [(46, 47, 48)]


@pytest.mark.parametrize("answer", [refused(), NO_ROUTE])
def test_what_made_no_job_is_not_recorded(store: JobStore, answer: Answer) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=answer)
        submit()
    assert store.all() == []


def test_a_job_whose_answer_was_lost_is_recorded_when_it_is_found(store: JobStore) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=CUT).on("oarstat", then=jobs(j12={}))
        submit()
    assert [entry.job_ids for entry in store.all()] == [(12,)]


def test_a_job_that_nobody_could_look_for_stays_recorded_without_its_id(store: JobStore) -> None:
    late = Answer(raises=TimedOut("no answer in time"))
    with world() as grid:
        grid["nancy"].on("oarsub", then=late).on("oarstat", then=late)
        submit()
    assert [entry.job_ids for entry in store.all()] == [()]


def test_the_name_of_the_script_is_recorded(store: JobStore) -> None:
    g5k_configuration["script_name"] = "campaign"
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(12))
        submit()
    assert [entry.name for entry in store.all()] == ["campaign"]


def test_a_setting_turns_it_off(store: JobStore) -> None:
    g5k_configuration["job_ledger"] = False
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(12)).on("oardel", then=DELETED)
        submit()
        run(reserve.oardel([(12, "nancy")]))
    assert not store.directory.exists()


def test_nothing_is_written_before_the_first_submission(own_home: Path) -> None:
    source = "import execo_g5k, execo_g5k.aio; execo_g5k.oardel([])"
    subprocess.run([sys.executable, "-c", source], check=True, timeout=60)
    assert os.listdir(own_home) == []


def test_a_directory_of_the_settings_has_the_records(tmp_path: Path, own_home: Path) -> None:
    g5k_configuration["state_directory"] = str(tmp_path / "mine")
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(12))
        submit()
    assert len(JobStore(tmp_path / "mine" / "jobs").all()) == 1
    assert os.listdir(own_home) == []


# --- where nothing can be recorded


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def submit_thrice(grid: World) -> None:
    grid["nancy"].on("oarsub", then=[submitted(12), submitted(13), submitted(14)])
    grid["nancy"].on("oardel", then=DELETED)
    result = run(reserve.oarsub([(JOB, "nancy")] * 3))
    assert [job_id for job_id, _ in result] == [12, 13, 14]
    run(reserve.oardel(result))


def test_a_full_disk_stops_nothing_and_is_told_once(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    with world() as grid, full_disk():
        submit_thrice(grid)
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert str(store.directory) in warning.getMessage()
    assert "jobs_left" in warning.getMessage()
    assert os.listdir(store.directory) == []


def test_a_disk_that_fills_up_during_the_submission_leaves_the_mark(store: JobStore) -> None:
    with world() as grid, contextlib.ExitStack() as until_the_end:

        def accept(argv: Sequence[str]) -> Answer:
            until_the_end.enter_context(full_disk())
            return submitted(12)

        grid["nancy"].on("oarsub", then=accept)
        assert submit() == [(12, "nancy")]
    [entry] = store.all()
    assert entry.key in grid["nancy"].called("oarsub")[0]


def test_a_directory_that_cannot_be_made_stops_nothing_and_is_told_once(
    own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (own_home / ".local").write_text("a file")
    with world() as grid:
        submit_thrice(grid)
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert str(own_home / ".local") in warning.getMessage()
    with world(), pytest.raises(LedgerUnreadable, match=r"\.local"):
        run(jobs_left())


# --- ends


@pytest.mark.parametrize(("answer", "left"), [(DELETED, 0), (NOT_OURS, 1)])
def test_a_deleted_job_is_forgotten(store: JobStore, answer: Answer, left: int) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(12)).on("oardel", then=answer)
        run(reserve.oardel(submit()))
    assert len(store.all()) == left


COPIED = {"type": "RESUBMIT_JOB_AUTOMATICALLY", "description": "Resubmit job 12 => 13", "date": 1}


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"state": "Terminated"}, 0),
        ({"state": "Error"}, 0),
        ({"state": "Running"}, 1),
        # its mark leads to the copy
        ({"state": "Error", "events": [COPIED]}, 1),
    ],
)
def test_a_job_that_is_seen_ended_is_forgotten(
    store: JobStore, fields: dict[str, Any], left: int
) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(12)).on("oarstat", then=jobs(j12=fields))
        submit()
        run(follow.get_oar_job_info(12, "nancy"))
        assert len(store.all()) == left
        run(follow.wait_oar_job_start(12, "nancy"))
    assert len(store.all()) == left


# --- looks


def asked_for(entry: Entry, **by_id: dict[str, Any]) -> Answer:
    request = f"oarsub --checkpoint {entry.key} --checkpoint 0 sleep 1"
    return jobs(**{key: {"initial_request": request, **job} for key, job in by_id.items()})


def test_jobs_of_scripts_that_are_gone_are_left(store: JobStore) -> None:
    entry = left_behind(store, job_ids=(12,), name="campaign")
    left_behind(store, job_ids=(14,), script=this_script())
    with world() as grid:
        grid["nancy"].on("oarstat", then=asked_for(entry, j12={"state": "Running"}))
        [left] = found = run(jobs_left())
        grid["nancy"].on("oardel", then=DELETED)
        run(reserve.oardel(found))
        [oarstat] = grid["nancy"].called("oarstat")
    assert (left.job_id, left.site, left.state.value) == (12, "nancy", "Running")
    assert tuple(left) == left.job == (12, "nancy")
    assert (left.script, left.name, left.request) == (entry.script, "campaign", "oarsub 'sleep 1'")
    assert left.submission_date == entry.submission_date
    assert left.info.job_id == 12
    assert "14" not in oarstat
    assert [entry.job_ids for entry in store.all()] == [(14,)]


def test_all_sites_are_asked_at_once_by_one_oarstat_each(store: JobStore) -> None:
    for number in range(1, 60):
        left_behind(store, job_ids=(number,), site=["nancy", "lyon"][number % 2])
    with world("nancy", "lyon") as grid:
        both = asyncio.Barrier(2)
        for site, frontend in grid.frontends.items():
            grid.frontends[site] = Together(both, frontend)
            frontend.on("oarstat", then=jobs(j4={}, j5={}))
        found = [left.job for left in run(jobs_left())]
        assert [len(frontend.calls) for frontend in grid.frontends.values()] == [1, 1]
    assert sorted(found) == [(4, "nancy"), (5, "lyon")]
    assert len(store.all()) == 2


class Together(ScriptedFrontend):
    """Answers when all that share the barrier are asked."""

    def __init__(self, all_asked: asyncio.Barrier, other: ScriptedFrontend) -> None:
        super().__init__(other.name, other.calls, other.scripts)
        self._all_asked = all_asked

    async def run(
        self, argv: Sequence[str], *, stdin: str = "", deadline: Deadline
    ) -> CommandResult:
        async with asyncio.timeout(20):
            await self._all_asked.wait()
        return await super().run(argv, stdin=stdin, deadline=deadline)


def test_what_has_ended_is_forgotten(store: JobStore) -> None:
    left_behind(store, job_ids=(12,))
    left_behind(store, job_ids=(13, 14))
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j14={"state": "Waiting"}))
        assert [left.job_id for left in run(jobs_left())] == [14]
    assert [entry.job_ids for entry in store.all()] == [(14,)]


def test_a_submission_without_an_answer_is_found_by_its_mark(store: JobStore) -> None:
    entry = left_behind(store)
    other = left_behind(store)
    with world() as grid:
        grid["nancy"].on("oarstat", then=asked_for(entry, j12={}, j13={}))
        found = run(jobs_left())
    assert [left.job_id for left in found] == [12, 13]
    assert found.undecided == [other]
    assert [e.job_ids for e in store.all() if e.key == entry.key] == [(12, 13)]


def test_the_copy_of_a_job_is_found_by_its_mark(store: JobStore) -> None:
    entry = left_behind(store, job_ids=(12,))
    with world() as grid:
        grid["nancy"].on("oarstat", then=asked_for(entry, j13={}))
        assert [left.job_id for left in run(jobs_left())] == [13]
    assert [entry.job_ids for entry in store.all()] == [(13,)]


def test_a_submission_that_made_no_job_is_forgotten_when_it_no_longer_can(store: JobStore) -> None:
    left_behind(store)
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs())
        assert len(run(jobs_left()).undecided) == 1
        assert len(store.all()) == 1

        async def later() -> None:
            await grid.clock.advance(601)
            assert (await jobs_left()).undecided == []

        run(later())
    assert store.all() == []


def test_a_site_that_does_not_answer_keeps_its_records_and_is_told(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    left_behind(store, job_ids=(12,))
    left_behind(store, site="lyon", job_ids=(13,))
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarstat", then=jobs(j12={}))
        grid["lyon"].on("oarstat", then=SILENT)
        found = run(jobs_left())
    assert [left.job for left in found] == [(12, "nancy")]
    assert list(found.unanswered) == ["lyon"]
    assert "lyon: can't tell which jobs are left there" in caplog.text
    assert len(store.all()) == 2


def test_of_scripts_on_other_machines_only_those_who_ask_are_told(store: JobStore) -> None:
    entry = left_behind(store, job_ids=(12,), script=replace(gone(), host="fnancy"))
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12={}))
        found = run(jobs_left())
        assert list(found) == []
        assert [(left.job_id, left.script) for left in found.elsewhere] == [(12, entry.script)]
        assert [left.job_id for left in run(jobs_left(elsewhere=True))] == [12]
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs())
        assert run(jobs_left()).elsewhere == []
    assert store.all() == []


def test_a_scanned_script_which_can_have_no_mark_is_found_by_its_words(store: JobStore) -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=CUT)
        submit(SCANNED)
        [intent] = store.all()
        store.put(replace(intent, script=gone()))
        date = int(grid.clock.time())
        same = {"initial_request": "oarsub -S ./s.sh; #OAR -n x", "submissionTime": date}
        late = {**same, "submissionTime": date + 10**5}
        other = {**same, "initial_request": "oarsub -S ./s.sh2"}
        grid["nancy"].on("oarstat", then=jobs(j12=same, j13=late, j14=other))
        assert [left.job_id for left in run(jobs_left())] == [12]
    assert not intent.marked


def test_conditions_ask_for_live_jobs_only(store: JobStore) -> None:
    first = left_behind(store, job_ids=(12, 13))
    second = left_behind(store)
    assert condition([first, second]) == (
        "state NOT IN ('Terminated','Error') AND (job_id IN (12,13)"
        f" OR initial_request LIKE '%{first.key}%' OR initial_request LIKE '%{second.key}%')"
    )


# --- taking over


def test_the_jobs_of_a_name_are_taken_over(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    for job_id, name in ((12, "campaign"), (13, "other"), (14, "campaign")):
        left_behind(store, job_ids=(job_id,), name=name)
    left_behind(store, job_ids=(15,), name="campaign", script=replace(gone(), host="fnancy"))
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j12={}, j13={}, j15={}))
        assert run(take_over("campaign")) == [(12, "nancy")]
        assert run(take_over("campaign")) == [(12, "nancy")]
    assert "job 15 was submitted by process" in caplog.text
    owners = {entry.job_ids: entry.script.pid == os.getpid() for entry in store.all()}
    assert owners == {(12,): True, (13,): False, (15,): False}


def test_the_jobs_of_a_script_that_runs_are_not_taken(store: JobStore) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        start = int(stat.rpartition(")")[2].split()[19])
        script = replace(this_script(), pid=process.pid, started=start)
        left_behind(store, job_ids=(12,), name="campaign", script=script)
        with world() as grid:
            grid["nancy"].on("oarstat", then=jobs(j12={}))
            assert run(take_over("campaign")) == []
            assert grid["nancy"].calls == []
        process.kill()


def test_nothing_is_taken_when_a_site_does_not_answer(store: JobStore) -> None:
    left_behind(store, job_ids=(12,), name="campaign")
    left_behind(store, site="lyon", job_ids=(13,), name="campaign")
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarstat", then=jobs(j12={}))
        grid["lyon"].on("oarstat", then=SILENT)
        with pytest.raises(FrontendUnreachable, match="lyon"):
            run(take_over("campaign"))
    assert os.getpid() not in {entry.script.pid for entry in store.all()}


def test_a_full_disk_does_not_keep_from_taking_over(store: JobStore) -> None:
    left_behind(store, job_ids=(12,), name="campaign")
    with world() as grid, full_disk():
        grid["nancy"].on("oarstat", then=jobs(j12={}))
        assert run(take_over("campaign")) == [(12, "nancy")]
