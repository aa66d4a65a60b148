"""Examples on a frontend, as their docstrings say."""

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
AS_A_USER = """
import os
os.environ["OAR_JOB_KEY_FILE"] = os.path.expanduser("~/.ssh/oar_job_key")
from execo_g5k import g5k_configuration
g5k_configuration["polling_interval"] = 1
"""


@pytest.mark.parametrize(
    ("name", "last"),
    [
        ("all_or_nothing", "4 nodes are ready, together"),
        ("broadcast", "4 of 4 nodes have the file"),
        ("client_server", "grisou-4.nancy.grid5000.fr,grisou-2.nancy.grid5000.fr,"),
    ],
)
def test_an_example_runs_on_a_frontend(on_frontend, active, name, last):
    source = (EXAMPLES / f"{name}.py").read_text()
    done = on_frontend("nancy", AS_A_USER + source, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith(last)
