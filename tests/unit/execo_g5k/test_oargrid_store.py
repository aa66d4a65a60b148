import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from execo_g5k.errors import GridJobNotRecorded
from execo_g5k.gridjobs.record import FIRST_NATIVE_ID, GridJob, as_grid_job_id
from execo_g5k.gridjobs.store import GridStore, Record, state_directory
from execo_g5k.jobs import JobRef

NOW = 1_795_391_177.5
JOB = GridJob(0, (JobRef(12, "nancy"), JobRef(7, "lyon")), 1795391177, 1795391182, 1800, "alice")
RECORD = Record(JOB, "123456", ("nancy", "lyon"), complete=True)
PROCESSES = 4
EACH = 40


@pytest.fixture
def store(tmp_path: Path) -> GridStore:
    return GridStore(tmp_path / "deep" / "state")


def made(store: GridStore, now: float = NOW) -> int:
    claim = store.claim(now, RECORD)
    claim.complete(claim.record)
    return claim.record.job.grid_job_id


def test_a_grid_job_is_read_as_it_was_recorded(store: GridStore) -> None:
    claim = store.claim(NOW, RECORD)
    claim.complete(claim.record)
    assert store.read(claim.record.job.grid_job_id) == claim.record
    assert store.all() == [claim.record]
    assert claim.record.job.parts == JOB.parts


def test_an_id_is_the_date_and_is_never_given_twice(store: GridStore) -> None:
    assert [made(store) for _ in range(3)] == [1795391177500, 1795391177501, 1795391177502]
    assert made(store, now=0) == FIRST_NATIVE_ID


def test_no_id_is_one_of_oargrid() -> None:
    # an unsigned column of 32 bits
    assert FIRST_NATIVE_ID > 2**32 - 1


def test_only_the_user_may_read_what_is_recorded(store: GridStore) -> None:
    store.directory.mkdir(parents=True, mode=0o755)
    grid_job_id = made(store)
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert (store.directory / f"{grid_job_id}.json").stat().st_mode & 0o777 == 0o600


def test_nothing_but_records_is_left(store: GridStore) -> None:
    grid_job_id = made(store)
    store.claim(NOW, RECORD).abandon()
    assert os.listdir(store.directory) == [f"{grid_job_id}.json"]


def test_an_unknown_id_and_a_missing_directory_hold_nothing(store: GridStore) -> None:
    assert store.read(FIRST_NATIVE_ID) is None
    assert store.all() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1}',
        b'{"version": 1, "id": "x", "jobs": [[1, "nancy"]]}',
        b"null" + b"\0" * 4096,
        b"[" * 200_000,
    ],
)
def test_a_file_that_is_no_record_is_told_and_skipped(
    store: GridStore, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    good = made(store)
    bad = store.directory / f"{good + 1}.json"
    bad.write_bytes(content)
    assert [record.job.grid_job_id for record in store.all()] == [good]
    assert str(bad) in caplog.text
    assert store.read(good + 1) is None


@pytest.mark.parametrize("field", ["jobs", "walltime", "sites", "mark", "complete"])
def test_a_field_of_another_type_is_told(
    store: GridStore, field: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.directory / f"{made(store)}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: {"a": 1}}))
    assert store.all() == []
    assert path.name in caplog.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("submission_date", 10**400),
        ("walltime", -1),
        ("start_date", 2**60),
        ("id", 2**64),
        ("jobs", [[10**400, "nancy"]]),
        ("sites", ["\ud800"]),
    ],
)
def test_a_value_that_none_can_be_is_told(
    store: GridStore, field: str, value: object, caplog: pytest.LogCaptureFixture
) -> None:
    path = store.directory / f"{made(store)}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    assert store.all() == []
    assert path.name in caplog.text


@pytest.mark.timeout(30)
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_no_file_is_told_and_not_waited_for(
    store: GridStore, make: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    good = made(store)
    make(store.directory / f"{good + 1}.json")
    assert [record.job.grid_job_id for record in store.all()] == [good]
    assert f"{good + 1}.json is no record of a grid job" in caplog.text


# --- submissions under way


def test_a_submission_under_way_is_seen_as_such(store: GridStore) -> None:
    claim = store.claim(NOW, RECORD)
    [seen] = store.all()
    assert seen.under_way
    claim.leave()
    [seen] = store.all()
    assert not seen.under_way


def test_a_submission_whose_process_died_is_not_under_way(store: GridStore) -> None:
    source = (
        "import os, sys, pathlib\n"
        "from execo_g5k.gridjobs.store import GridStore, Record\n"
        "from execo_g5k.gridjobs.record import GridJob\n"
        "store = GridStore(pathlib.Path(sys.argv[1]))\n"
        "claim = store.claim(5e9, Record(GridJob(0, ()), 'mark', ('nancy',)))\n"
        "print(claim.record.job.grid_job_id, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(store.directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        grid_job_id = int(child.stdout.readline())
        record = store.read(grid_job_id)
        assert record is not None
        assert record.under_way
        child.send_signal(signal.SIGKILL)
    record = store.read(grid_job_id)
    assert record is not None
    assert not record.under_way
    assert (record.complete, record.mark, record.sites) == (False, "mark", ("nancy",))


# --- several processes at once

HAMMER = """
import sys, pathlib, dataclasses
from execo_g5k.gridjobs.store import GridStore, Record
from execo_g5k.gridjobs.record import GridJob
from execo_g5k.jobs import JobRef
store = GridStore(pathlib.Path(sys.argv[1]))
sys.stdin.read()
for n in range(int(sys.argv[2])):
    job = GridJob(0, tuple(JobRef(i, "nancy") for i in range(200)))
    # the same second for all of them: ids must be fought for
    claim = store.claim(5e9, Record(job, sys.argv[3], ("nancy",)))
    if n % 4 == 3:
        claim.abandon()
        continue
    claim.complete(dataclasses.replace(claim.record, complete=True))
    for seen in store.all():
        assert len(seen.job.parts) == 200, seen
        if n % 4 == 1 and seen.complete and not seen.over:
            store.replace(dataclasses.replace(seen, over=True, under_way=False))
    print(claim.record.job.grid_job_id)
"""


def test_processes_at_once_lose_no_grid_job_and_share_no_id(store: GridStore) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", HAMMER, str(store.directory), str(EACH), f"mark{n}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(PROCESSES)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    outputs = []
    for child in children:
        assert child.stdout is not None
        assert child.stderr is not None
        outputs.append(child.stdout.read())
        errors = child.stderr.read()
        child.stdout.close()
        child.stderr.close()
        assert child.wait(timeout=60) == 0, errors
        assert errors == ""
    ids = [int(word) for output in outputs for word in output.split()]
    assert len(ids) == len(set(ids)) == PROCESSES * EACH * 3 // 4
    assert {record.job.grid_job_id: record.mark for record in store.all()} == {
        int(word): f"mark{n}" for n, output in enumerate(outputs) for word in output.split()
    }
    assert {path.suffix for path in store.directory.iterdir()} == {".json"}


# --- disks that take nothing


def no_space(file: int, content: bytes) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_told_before_anything_is_there(tmp_path: Path) -> None:
    store = GridStore(tmp_path, no_space)
    with pytest.raises(GridJobNotRecorded, match=r"No space left.*nothing was submitted.*XDG_STA"):
        store.claim(NOW, RECORD)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_later_leaves_the_record_as_it_was(tmp_path: Path) -> None:
    good = GridStore(tmp_path)
    claim = good.claim(NOW, RECORD)
    before = good.read(claim.record.job.grid_job_id)
    full = GridStore(tmp_path, no_space)
    with pytest.raises(GridJobNotRecorded, match="the record is as it was"):
        full.replace(claim.record)
    assert good.read(claim.record.job.grid_job_id) == before
    assert len(list(tmp_path.iterdir())) == 1
    claim.leave()


def test_a_file_that_takes_a_part_at_a_time_is_whole(tmp_path: Path) -> None:
    store = GridStore(tmp_path, lambda file, content: os.write(file, content[:7]))
    assert len(store.all()) == 0
    made(store)
    assert store.all()[0].job.parts == JOB.parts


def test_a_limit_of_the_system_is_told_too(store: GridStore) -> None:
    source = (
        "import sys, pathlib, resource\n"
        "from execo_g5k.errors import GridJobNotRecorded\n"
        "from execo_g5k.gridjobs.store import GridStore, Record\n"
        "from execo_g5k.gridjobs.record import GridJob\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))\n"
        "try:\n"
        "    GridStore(pathlib.Path(sys.argv[1])).claim(5e9, Record(GridJob(0, ()), 'm', ()))\n"
        "except GridJobNotRecorded as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source, str(store.directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "File too large" in done.stdout, done.stderr
    assert list(store.directory.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = GridStore(tmp_path / "file" / "state")
    with pytest.raises(GridJobNotRecorded, match="Not a directory"):
        store.claim(NOW, RECORD)
    with pytest.raises(GridJobNotRecorded):
        store.all()


# --- where


def test_the_directory_is_that_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_directory({"XDG_STATE_HOME": "/s"}) == Path("/s/execo-g5k/oargrid")
    monkeypatch.setenv("HOME", str(tmp_path))
    default = tmp_path / ".local" / "state" / "execo-g5k" / "oargrid"
    assert state_directory({}) == default
    assert state_directory({"XDG_STATE_HOME": "relative"}) == default


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ((12, "/key"), TypeError, "first item"),
        (None, ValueError, "failed"),
        (True, TypeError, "True"),
        ("abc", ValueError, "abc"),
        (0, ValueError, "start at 1"),
    ],
)
def test_what_is_no_id_is_named(value: object, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        as_grid_job_id(value)
    assert as_grid_job_id("12") == 12
