"""Record what real OAR answers: `python -m tests.contract.record [CASE...]`, with the grid up."""

import json
import sys
import time

from testbed import Grid
from testbed.oar import PSQL
from testbed.plan import FRONTENDS
from tests.contract.cases import CASES
from tests.contract.normal import FIRST_JOB_ID
from tests.contract.running import RECORDED, Answer, Shell, recorded, run_all


def number_jobs(grid: Grid) -> None:
    """Let the ids of jobs start where those of the cases do, or go on if they did."""
    for frontend in FRONTENDS.values():
        query = f"SELECT setval('jobs_job_id_seq', greatest({FIRST_JOB_ID - 1}, last_value))"
        grid.exec(frontend.name, ["sh", "-c", f'{PSQL} -c "{query} FROM jobs_job_id_seq"'])


def shell_of(grid: Grid) -> Shell:
    """Return what runs a text on a frontend of the grid."""

    def shell(site: str, text: str) -> Answer:
        done = grid.exec(FRONTENDS[site].name, ["bash", "-c", text], user="alice", timeout=120)
        return Answer(done.returncode, done.stdout, done.stderr)

    return shell


def main() -> int:
    """Run all cases on the grid, and write what it answers."""
    grid = Grid()
    grid.jobs.clear()
    number_jobs(grid)
    start = time.monotonic()
    names = sys.argv[1:] or list(CASES)
    answers = run_all(shell_of(grid), grid.jobs.clear_site, lambda site: "/home/alice", names)
    kept = recorded() if sys.argv[1:] else {}
    data = {name: answer._asdict() for name, answer in sorted({**kept, **answers}.items())}
    RECORDED.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(answers)} cases in {time.monotonic() - start:.0f} s -> {RECORDED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
