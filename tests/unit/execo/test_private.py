"""Private directories, and what killed processes leave of them."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from execo._private import longest_name, private_directory

MAKE = "import sys; from execo._private import private_directory as d; print(d(*sys.argv[1:]))"


def made_by_a_process_that_is_gone(kind, base):
    done = subprocess.run(
        [sys.executable, "-c", MAKE, kind, str(base)], capture_output=True, text=True, check=True
    )
    return Path(done.stdout.strip())


def test_nobody_else_can_enter_a_private_directory(tmp_path):
    made = private_directory("probe", str(tmp_path))
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert made.parent == tmp_path
    assert len(made.name) <= longest_name("probe")


def test_what_a_process_that_is_gone_left_is_deleted_by_the_next_one(tmp_path):
    left = made_by_a_process_that_is_gone("probe", tmp_path)
    (left / "file").write_text("x")
    of_another_kind = made_by_a_process_that_is_gone("other", tmp_path)
    of_somebody_alive = tmp_path / f"execo-probe-{os.getppid()}-abc"
    of_somebody_alive.mkdir()
    foreign = tmp_path / "execo-probe-notes-2026"
    foreign.mkdir()
    private_directory("probe", str(tmp_path))
    assert not left.exists()
    assert of_another_kind.exists()
    assert of_somebody_alive.exists()
    assert foreign.exists()
