"""The jobs of a block, on frontends that are scripted: what is submitted, taken over, deleted."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from execo._engine.endings import Endings
from execo.errors import TimedOut
from execo_g5k.config import g5k_configuration
from execo_g5k.errors import FrontendUnreachable, JobEnded, SubmissionRefused
from execo_g5k.ledger import book
from execo_g5k.ledger.record import Entry
from execo_g5k.ledger.scripts import this_script
from execo_g5k.ledger.store import JobStore
from execo_g5k.reservation import Reservation, ReservedNodes
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.scripted import Answer, jobs, refused, run, submitted, world

JOB = OarSubmission("nodes=1", command="sleep 600")
ARRAY = OarSubmission("nodes=1", additional_options="--array 3")
NO_ROUTE = Answer(raises=FrontendUnreachable("lyon", "ssh: connect to host lyon port 22: no"))


def running(*hosts: str) -> dict[str, Any]:
    return {"state": "Running", "assigned_network_address": list(hosts), "startTime": 1}


def deleted(argv: Sequence[str]) -> Answer:
    return Answer("".join(f"Deleting the job = {word} ...REGISTERED.\n" for word in argv[1:]))


def of(specs: Any, name: str | None = None, keep: bool = False, timeout: Any = None) -> Reservation:
    return Reservation(specs, None, timeout, name, keep)


@pytest.fixture
def store(own_home: Path) -> JobStore:
    return JobStore(own_home / ".local" / "state" / "execo-g5k" / "jobs")


def left_behind(store: JobStore, job_id: int, site: str = "nancy") -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    script = replace(this_script(), pid=process.pid, started=7)
    request = ("oarsub", "-l", "nodes=1", "sleep 600")
    store.put(Entry(book.new_key(), site, job_id, request, script, "x", job_ids=(job_id,)))


async def until_running(reservation: Reservation) -> tuple[ReservedNodes, list[int]]:
    nodes = await reservation.obtain()
    told = list(nodes), list(nodes.jobs)
    await reservation.release()
    await reservation.release()
    assert told == (list(nodes), list(nodes.jobs))
    return nodes, [job_id for job_id, _ in nodes.jobs]


def test_hosts_come_by_site_and_jobs_in_the_order_given(store: JobStore) -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarsub", then=[submitted(5), submitted(6)]).on("oardel", then=deleted)
        grid["nancy"].on("oarstat", then=jobs(j5=running("n-10", "n-2"), j6=running("n-1")))
        grid["lyon"].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
        grid["lyon"].on("oarstat", then=jobs(j5=running("l-1")))
        nodes, _ = run(until_running(of([(JOB, "nancy"), (JOB, "lyon"), (JOB, None)])))
        assert grid["nancy"].called("oardel") == [("oardel", "5", "6")]
        assert grid["lyon"].called("oardel") == [("oardel", "5")]
    assert nodes.jobs == [(5, "nancy"), (5, "lyon"), (6, "nancy")]
    assert [host.address for host in nodes] == ["n-2", "n-10", "n-1", "l-1"]
    by_site = {site: [host.address for host in hosts] for site, hosts in nodes.by_site.items()}
    assert by_site == {"nancy": ["n-2", "n-10", "n-1"], "lyon": ["l-1"]}
    assert store.all() == []


@pytest.mark.parametrize(
    ("answer", "error"), [(refused(), SubmissionRefused), (NO_ROUTE, FrontendUnreachable)]
)
def test_all_or_nothing_and_the_reason_is_raised(answer: Answer, error: type[Exception]) -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
        grid["lyon"].on("oarsub", then=answer)
        with pytest.raises(error, match="lyon"):
            run(of([(JOB, "nancy"), (JOB, "lyon")]).obtain())
        assert grid["nancy"].called("oardel") == [("oardel", "5")]


def test_a_job_that_ends_before_its_start_ends_the_others() -> None:
    with world("nancy", "lyon") as grid:
        for site, state in (("nancy", "Error"), ("lyon", "Running")):
            grid[site].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
            grid[site].on("oarstat", then=jobs(j5={"state": state}))
        with pytest.raises(JobEnded, match="nancy: job 5"):
            run(of([(JOB, "nancy"), (JOB, "lyon")]).obtain())
        assert grid["lyon"].called("oardel") == [("oardel", "5")]


def test_jobs_that_do_not_start_in_time_are_deleted() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
        grid["nancy"].on("oarstat", then=jobs(j5={}))

        async def scenario() -> None:
            task = asyncio.ensure_future(of((JOB, "nancy"), timeout=30).obtain())
            with pytest.raises(TimedOut, match=r"\(5, 'nancy'\)"):
                await grid.spend(task)

        run(scenario())
        assert grid["nancy"].called("oardel") == [("oardel", "5")]


def test_jobs_left_by_the_name_serve_and_only_the_others_are_submitted(
    store: JobStore, caplog: pytest.LogCaptureFixture
) -> None:
    for job_id in (3, 4):
        left_behind(store, job_id)
    left_behind(store, 8, "lyon")
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
        here = {f"j{job_id}": running("n-1") for job_id in (4, 5)}
        grid["nancy"].on("oarstat", then=jobs(**here))
        grid["lyon"].on("oarstat", then=jobs(j8=running("l-1"))).on("oardel", then=deleted)
        _, obtained = run(until_running(of([(JOB, "nancy")] * 2, name="x")))
        assert len(grid["nancy"].called("oarsub")) == 1
        assert grid["lyon"].called("oardel") == []
    # 3 has ended; 8 is of a site that is no longer asked for
    assert obtained == [4, 5]
    assert "job 8 of lyon was left under this name" in caplog.text
    assert [entry.job_ids for entry in store.all()] == [(8,)]


def test_kept_jobs_are_not_deleted_unless_the_block_says_so(store: JobStore) -> None:
    for keep_at_the_end in (True, False):
        with world() as grid:
            grid["nancy"].on("oarsub", then=submitted(5)).on("oardel", then=deleted)
            grid["nancy"].on("oarstat", then=jobs(j5=running("n-1")))

            async def scenario(keep: bool = keep_at_the_end) -> None:
                reservation = of((JOB, "nancy"), name="x", keep=True)
                (await reservation.obtain()).keep = keep
                await reservation.release()

            run(scenario())
            assert len(grid["nancy"].called("oardel")) == (0 if keep_at_the_end else 1)
            assert len(grid["nancy"].called("oarsub")) == (1 if keep_at_the_end else 0)
        assert len(store.all()) == (1 if keep_at_the_end else 0)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"keep": True}, ValueError, "keep"),
        ({"name": ""}, ValueError, "name"),
        ({"name": 3}, ValueError, "name"),
        ({"specs": [JOB]}, TypeError, r"job_specs\[0\]"),
        ({"specs": "nancy"}, TypeError, "job_specs"),
        ({"specs": [(ARRAY, "nancy")]}, ValueError, "array"),
        ({"specs": (JOB, 12)}, TypeError, r"job_specs\[0\]"),
    ],
)
def test_wrong_arguments_are_named_at_once(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    specs = arguments.pop("specs", [(JOB, "nancy")])
    with pytest.raises(error, match=words):
        of(specs, **arguments)


def test_without_a_ledger_there_are_no_names() -> None:
    g5k_configuration["job_ledger"] = False
    with pytest.raises(ValueError, match="job_ledger"):
        of((JOB, "nancy"), name="x")


# --- signals


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_the_exit_that_a_shell_would_tell(number: signal.Signals) -> None:
    endings = Endings()
    endings.set()
    try:
        with pytest.raises(SystemExit) as caught:
            os.kill(os.getpid(), number)
        assert caught.value.code == 128 + number
    finally:
        endings.put_back()
    assert signal.getsignal(number) is signal.SIG_DFL


def test_handlers_of_others_and_ignored_signals_are_left() -> None:
    def own(*_: object) -> None: ...

    before = [signal.signal(signal.SIGTERM, own), signal.signal(signal.SIGHUP, signal.SIG_IGN)]
    try:
        endings = Endings()
        endings.set()
        endings.put_back()
        now = [signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)]
        assert now == [own, signal.SIG_IGN]
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGHUP, before[1])


def test_a_handler_set_in_the_block_stays() -> None:
    def own(*_: object) -> None: ...

    endings = Endings()
    endings.set()
    signal.signal(signal.SIGTERM, own)
    endings.put_back()
    assert signal.getsignal(signal.SIGTERM) is own
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_forked_process_dies_of_the_signal_as_it_would_without_a_block() -> None:
    source = """
import os, signal
from execo._engine.endings import Endings
Endings().set()
child = os.fork()
if child == 0:
    os.kill(os.getpid(), signal.SIGTERM)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True)
    assert done.stdout.strip() == str(-signal.SIGTERM)
