"""Real OAR still answers what was recorded of it, and what the sandbox is held to.

Only cases that make no job: the others take minutes, and are recorded with
`python -m tests.contract.record`.
"""

import pytest

from tests.contract.record import number_jobs, shell_of
from tests.contract.running import Answer, makes_jobs, recorded, run_all

QUICK = [name for name, answer in recorded().items() if not makes_jobs(name, answer)]


@pytest.fixture(scope="module")
def answers(grid) -> dict[str, Answer]:
    number_jobs(grid)
    return run_all(shell_of(grid), grid.jobs.clear_site, lambda site: "/home/alice", QUICK)


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", QUICK)
def test_oar_answers_as_it_was_recorded(name, answers):
    assert answers[name] == recorded()[name]
