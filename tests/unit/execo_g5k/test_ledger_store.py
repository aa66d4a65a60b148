"""Records of jobs: text and back, files, and many processes at once."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from execo_g5k.errors import ReservationHeld
from execo_g5k.ledger.names import HeldName
from execo_g5k.ledger.record import Entry, FileName, as_text, file_name, from_text, read_name
from execo_g5k.ledger.scripts import Script, runs, same_process, this_script
from execo_g5k.ledger.store import JobStore

KEY = "1" + "0" * 24
SCRIPT = Script(("my script.py", "-x"), "/home/alice", "laptop", 12, 345, "boot", "pid:[1]")
ENTRY = Entry(KEY, "nancy", 1_795_391_177.5, ("oarsub", "-l", "nodes=1", "sleep 1"), SCRIPT)
PROCESSES = 4
EACH = 25


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "deep" / "jobs")


def keyed(number: int, **fields: object) -> Entry:
    return replace(ENTRY, key=str(int(KEY) + number), **fields)  # type: ignore[arg-type]


# --- text


@pytest.mark.parametrize(
    "entry",
    [
        ENTRY,
        replace(ENTRY, job_ids=(12,), name="campaign"),
        replace(ENTRY, job_ids=(12, 13, 15), marked=False),
        replace(ENTRY, site="frontend.my_cluster@example.org", name="é / \n"),
        replace(ENTRY, script=Script((), None, "laptop", 1)),
        replace(ENTRY, script=replace(SCRIPT, argv=("not utf-8: \udcff",))),
    ],
)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    assert from_text(as_text(entry)) == entry
    told = read_name(file_name(entry))
    first = entry.job_ids[0] if entry.job_ids else None
    assert told == FileName(entry.site, first, len(entry.job_ids) < 2)
    assert "/" not in file_name(entry)


@pytest.mark.parametrize(
    "name", ["lock", "x.name", f"12@nancy@{KEY}.0a.new", "12@nancy.json", f"x@nancy@{KEY}.json"]
)
def test_other_files_are_no_entries(name: str) -> None:
    assert read_name(name) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1}',
        as_text(ENTRY).replace(b'"pid": 12', b'"pid": "12"'),
        as_text(ENTRY).replace(KEY.encode(), b"%' OR 1=1 --"),
        as_text(ENTRY).replace(b'"job_ids": []', b'"job_ids": [null]'),
        as_text(ENTRY).replace(b'"job_ids": []', b'"job_ids": [1%s]' % (b"0" * 400)),
        as_text(ENTRY).replace(b'"job_ids": []', b'"job_ids": [-1]'),
        as_text(ENTRY).replace(b'"nancy"', b'"\\ud800"'),
        as_text(ENTRY).replace(b'"pid": 12', b'"pid": %d' % 2**64),
        as_text(ENTRY).replace(b'"pid": 12', b'"pid": 0'),
        as_text(ENTRY).replace(KEY.encode(), "٣".encode()),
        *(
            as_text(ENTRY).replace(b"1795391177.5", date)
            for date in (b"1" + b"0" * 400, b"1e300", b"Infinity", b"NaN", b"-1", b"true", b'"1"')
        ),
        b"[" * 200_000,
        b'{"version": 1, "more": ' + b"[" * 200_000,
        b"0" * 5000,
    ],
)
def test_what_is_no_entry_is_told_and_left_out(
    store: JobStore, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    store.put(keyed(1))
    bad = store.directory / f"7@nancy@{KEY}.json"
    bad.write_bytes(content)
    assert store.all() == [keyed(1)]
    assert str(bad) in caplog.text


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as end:
        end.bind(path.name)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.truncate(1 << 30)


IRREGULAR = [_pipe, _socket, _device, _sparse, Path.mkdir]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("made", IRREGULAR)
def test_what_is_no_file_is_told_and_not_waited_for(
    store: JobStore, caplog: pytest.LogCaptureFixture, made: Callable[[Path], object]
) -> None:
    store.put(keyed(1))
    bad = store.directory / f"7@nancy@{KEY}.json"
    made(bad)
    assert store.all() == [keyed(1)]
    assert f"{bad} is no record of a job" in caplog.text
    store.forget("nancy", [12])


@pytest.mark.timeout(30)
@pytest.mark.parametrize("made", [_pipe, _socket, Path.mkdir])
def test_a_lock_that_is_no_file_is_an_error_and_not_waited_for(
    store: JobStore, made: Callable[[Path], object]
) -> None:
    store.put(ENTRY)
    made(store.directory / "lock")
    with pytest.raises(OSError):
        store.claim(ENTRY, this_script())
    made(store.directory / "x.name")
    with pytest.raises(OSError):
        HeldName(store.directory, "x")


# --- files


def test_only_the_user_may_read_it(store: JobStore) -> None:
    store.directory.mkdir(parents=True, mode=0o755)
    store.put(ENTRY)
    assert store.directory.stat().st_mode & 0o777 == 0o700
    assert (store.directory / file_name(ENTRY)).stat().st_mode & 0o777 == 0o600


def test_an_entry_that_gets_its_jobs_is_one_entry(store: JobStore) -> None:
    obtained = replace(ENTRY, job_ids=(12,))
    store.put(ENTRY)
    store.put(obtained, instead_of=ENTRY)
    assert os.listdir(store.directory) == [file_name(obtained)]
    # killed between the two files
    store.put(ENTRY)
    assert store.all() == [obtained]
    store.settle(obtained, ())
    assert store.all() == []
    assert os.listdir(store.directory) == []


def test_jobs_are_forgotten_by_id_on_their_site_alone(store: JobStore) -> None:
    kept = [keyed(1, job_ids=(13,)), keyed(2, site="lyon", job_ids=(12,)), keyed(3)]
    for entry in [*kept, replace(ENTRY, job_ids=(12,))]:
        store.put(entry)
    store.forget("nancy", [12, 99])
    assert store.all() == kept


def test_an_array_is_forgotten_when_its_last_job_is(store: JobStore) -> None:
    store.put(replace(ENTRY, job_ids=(12, 13, 15)))
    store.forget("nancy", [12, 13])
    assert store.all() == [replace(ENTRY, job_ids=(15,))]
    store.forget("nancy", [15])
    assert store.all() == []


def test_a_missing_directory_holds_nothing(store: JobStore) -> None:
    assert store.all() == []
    store.forget("nancy", [1])
    store.sweep()
    assert not store.directory.exists()


def test_what_dead_processes_had_begun_to_write_is_swept(store: JobStore) -> None:
    store.put(ENTRY)
    old, young = store.directory / "a.new", store.directory / "b.new"
    old.touch()
    young.touch()
    os.utime(old, (1, 1))
    store.sweep()
    assert not old.exists()
    assert young.exists()
    assert store.all() == [ENTRY]


@pytest.mark.parametrize("written", [0, 10])
def test_a_full_disk_leaves_what_was_there(store: JobStore, written: int) -> None:
    store.put(ENTRY)
    full = JobStore(store.directory, lambda file, content: os.write(file, content[:written]) and 0)
    with pytest.raises(OSError, match="No space left"):
        full.put(replace(ENTRY, job_ids=(12,)), instead_of=ENTRY)
    assert store.all() == [ENTRY]
    assert os.listdir(store.directory) == [file_name(ENTRY)]


# --- processes

_WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from execo_g5k.ledger.record import from_text
from execo_g5k.ledger.store import JobStore
directory, entry, first, count = sys.argv[1:]
store = JobStore(Path(directory))
entry = from_text(entry.encode())
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(first), int(first) + int(count)):
    intent = replace(entry, key=str(10**24 + number))
    store.put(intent)
    store.put(replace(intent, job_ids=(number,)), instead_of=intent)
    store.all()
    if number % 5 == 0:
        store.forget("nancy", [number])
"""


def started(source: str, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines(processes: "list[subprocess.Popen[str]]") -> list[str]:
    return [process.stdout.readline().strip() for process in processes]  # type: ignore[union-attr]


def go(processes: "list[subprocess.Popen[str]]") -> None:
    for process in processes:
        process.stdin.write("\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]


def test_many_processes_at_once_lose_no_entry(store: JobStore) -> None:
    text = as_text(ENTRY).decode()
    writers = [
        started(_WRITER, str(store.directory), text, str(1 + n * EACH), str(EACH))
        for n in range(PROCESSES)
    ]
    assert lines(writers) == ["ready"] * PROCESSES
    go(writers)
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0
    wanted = {number for number in range(1, 1 + PROCESSES * EACH) if number % 5}
    assert {entry.job_ids[0] for entry in store.all()} == wanted
    assert len(os.listdir(store.directory)) == len(wanted)


def test_many_threads_at_once_lose_no_entry(store: JobStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.put(keyed(n, job_ids=(n,))), range(1, 101)))
        list(pool.map(lambda n: store.forget("nancy", [n]), range(1, 51)))
    assert {entry.job_ids[0] for entry in store.all()} == set(range(51, 101))


_CLAIMER = """
import sys
from pathlib import Path
from execo_g5k.ledger.scripts import this_script
from execo_g5k.ledger.store import JobStore
store = JobStore(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(sum(store.claim(entry, this_script()) for entry in store.all()), flush=True)
sys.stdin.readline()
"""


def test_a_job_is_taken_over_by_one_of_many(store: JobStore) -> None:
    for number in range(1, EACH + 1):
        store.put(keyed(number, job_ids=(number,), script=dead()))
    claimers = [started(_CLAIMER, str(store.directory)) for _ in range(PROCESSES)]
    assert lines(claimers) == ["ready"] * PROCESSES
    go(claimers)
    taken = [int(line) for line in lines(claimers)]
    pids = [entry.script.pid for entry in store.all()]
    assert sum(taken) == EACH
    assert [pids.count(claimer.pid) for claimer in claimers] == taken
    go(claimers)
    for claimer in claimers:
        claimer.communicate(timeout=20)


def dead() -> Script:
    """Return a script of this machine that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return replace(this_script(), pid=process.pid, started=7)


# --- scripts


def test_this_script_runs() -> None:
    here = this_script()
    assert runs(here) is True
    assert same_process(here, replace(here, directory="/elsewhere"))
    assert here.pid == os.getpid()


def test_a_process_of_the_same_number_is_another_script() -> None:
    here = this_script()
    assert runs(replace(here, started=(here.started or 0) - 1)) is False
    assert not same_process(here, replace(here, started=1))


def test_a_script_from_before_the_boot_is_gone() -> None:
    assert runs(replace(this_script(), boot="another")) is False


@pytest.mark.parametrize("other", [{"host": "fnancy"}, {"namespace": "pid:[1]"}])
def test_of_a_script_elsewhere_nothing_is_known(other: dict[str, str]) -> None:
    assert runs(replace(this_script(), **other)) is None  # type: ignore[arg-type]


def test_a_script_that_nobody_has_waited_for_yet_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{process.pid}/stat").read_text()
    script = replace(
        this_script(), pid=process.pid, started=int(stat.rpartition(")")[2].split()[19])
    )
    assert runs(script) is True
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert runs(script) is False
    process.communicate()


def test_where_starts_are_not_told_the_number_decides() -> None:
    assert runs(replace(this_script(), started=None)) is True
    assert runs(replace(dead(), started=None)) is False


# --- names

_HOLDER = """
import sys
from pathlib import Path
from execo_g5k.ledger.names import HeldName
held = HeldName(Path(sys.argv[1]), "my campaign/1")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_name_is_held_until_its_script_dies(tmp_path: Path) -> None:
    holder = started(_HOLDER, str(tmp_path))
    assert lines([holder]) == ["held"]
    with pytest.raises(ReservationHeld, match=f"my campaign/1.*process {holder.pid} of"):
        HeldName(tmp_path, "my campaign/1")
    HeldName(tmp_path, "other").release()
    holder.kill()
    holder.communicate()
    HeldName(tmp_path, "my campaign/1").release()
    assert os.listdir(tmp_path) == []


def test_a_name_is_held_by_one_thread_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []

    def hold(number: int) -> int:
        try:
            held = HeldName(tmp_path, "x")
        except ReservationHeld:
            return 0
        inside.append(number)
        assert inside == [number]
        inside.remove(number)
        held.release()
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(hold, range(200))) >= 1
    HeldName(tmp_path, "x").release()
