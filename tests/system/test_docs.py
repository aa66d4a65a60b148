"""What the docs show is run, in the sandbox."""

import re
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import get_current_oar_jobs
from tests.system.helpers import run_script, until

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["README.md", "docs/if-a-script-dies.md"])
def test_the_python_of_a_page_runs(sandbox, page):
    blocks = _BLOCK.findall((ROOT / page).read_text())
    assert blocks
    done = run_script("\n".join(blocks))
    assert (done.returncode, done.stderr) == (0, ""), done
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])
