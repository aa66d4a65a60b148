import asyncio
import inspect
import sys
import threading

import pytest

import execo_g5k
import execo_g5k.grid
from execo_g5k import OarSubmission, aio, oar, oargrid
from tests.unit.execo_g5k.scripted import jobs, submitted, world

RUNNING = {"state": "Running", "assigned_network_address": ["grisou-1.nancy.grid5000.fr"]}


@pytest.mark.parametrize("name", aio.__all__)
def test_each_function_is_there_to_block_and_to_await_with_one_documentation(name: str) -> None:
    doors = (oar, oargrid, sys.modules["execo_g5k.kadeploy"])
    blocking, awaitable = (
        next(getattr(door, name) for door in doors if name in door.__all__),
        getattr(aio, name),
    )
    assert blocking.__name__ == awaitable.__name__ == name
    assert inspect.signature(blocking) == inspect.signature(awaitable)
    assert blocking.__doc__
    assert getattr(execo_g5k, name) is blocking


@pytest.mark.parametrize("module", [execo_g5k, oar, oargrid, aio])
def test_public_names_exist_and_are_sorted(module: object) -> None:
    names: list[str] = module.__all__  # type: ignore[attr-defined]
    assert names == sorted(names)
    assert all(hasattr(module, name) for name in names)


def test_nothing_of_the_core_is_hidden_by_a_star_import() -> None:
    assert not {"Host", "TimedOut", "Error", "Remote"} & set(execo_g5k.__all__)


def test_the_job_of_a_script_from_its_submission_to_its_nodes() -> None:
    with world() as grid:
        grid["nancy"].on("oarsub", then=submitted(5)).on("oarstat", then=jobs(j5=RUNNING))
        [(job_id, site)] = oar.oarsub([(OarSubmission("nodes=1"), "nancy")])
        assert oar.wait_oar_job_start(job_id, site)
        assert [h.address for h in oar.get_oar_job_nodes(job_id, site)] == [
            "grisou-1.nancy.grid5000.fr"
        ]


def test_old_spellings_of_arguments_are_accepted() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j5=RUNNING))
        info = oar.get_oar_job_info(5, frontend="nancy", frontend_connection_params={})  # type: ignore[call-arg]
        assert info["state"] == "Running"
        with pytest.raises(TypeError):
            oar.get_oar_job_info(5, site="nancy", frontend="nancy")  # type: ignore[call-arg]


def test_waits_of_many_threads_share_a_poller() -> None:
    with world() as grid:
        nancy = grid["nancy"].on("oarstat", then=jobs(j5=RUNNING))
        outcomes: list[object] = []
        threads = [
            threading.Thread(
                target=lambda: outcomes.append(_in(grid.grid, 5)),
            )
            for _ in range(30)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(outcomes) == 30
        assert all(outcomes)
        assert len(nancy.calls) <= 30


def _in(grid: execo_g5k.grid.Grid, job_id: int) -> object:
    with execo_g5k.grid.using(grid):
        return oar.wait_oar_job_start(job_id, "nancy")


def test_the_awaitable_twin_runs_in_any_loop() -> None:
    with world() as grid:
        grid["nancy"].on("oarstat", then=jobs(j5=RUNNING))
        assert asyncio.run(aio.wait_oar_job_start(5, "nancy"))
