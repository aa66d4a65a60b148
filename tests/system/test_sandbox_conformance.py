"""The sandbox answers what real OAR answers, case by case."""

import subprocess
from collections.abc import Iterator

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k.sandbox import Sandbox
from tests.contract.cases import CASES
from tests.contract.normal import FIRST_JOB_ID
from tests.contract.running import Answer, recorded, run_one

GRID = {"nancy": {"grisou": 4}, "lyon": {"nova": 2, "taurus": 2}}

DIFFERENT: dict[str, str] = {}
"""Case -> why the sandbox answers otherwise."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox(GRID, user="alice", first_job_id=FIRST_JOB_ID).start()
    try:
        yield sandbox
    finally:
        sandbox.stop()


def answer(sandbox: Sandbox, name: str) -> Answer:
    def shell(site: str, text: str) -> Answer:
        ssh = str(sandbox.directory.outside / "ssh")
        done = subprocess.run(
            [ssh, site, text],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def home(site: str) -> str:
        return str(sandbox.directory.path / "home" / site / "alice")

    return run_one(name, shell, sandbox.clear, home)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DIFFERENT])
def test_the_sandbox_answers_as_oar_does(name, sandbox):
    assert answer(sandbox, name) == recorded()[name]
