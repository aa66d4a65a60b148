"""Names of modules that scripts reach into."""

import subprocess
import sys
from datetime import timedelta

import execo.errors
import execo.exception
import execo.time_utils
import execo.times


def test_times_are_reached_by_their_old_module():
    for name in ("Timer", "sleep", "get_seconds", "get_unixts", "format_date", "format_seconds"):
        assert getattr(execo.time_utils, name) is getattr(execo.times, name)


def test_a_timedelta_is_told_in_seconds():
    assert execo.time_utils.timedelta_to_seconds(timedelta(hours=1, milliseconds=500)) == 3600.5


def test_errors_are_reached_by_their_old_module():
    for name in ("Error", "ProcessesFailed", "ActionsFailed"):
        assert getattr(execo.exception, name) is getattr(execo.errors, name)


def test_importing_starts_nothing_reads_no_settings_and_touches_no_root_logger(tmp_path):
    (tmp_path / ".execo.conf.py").write_text("raise SystemExit('read at import')")
    program = (
        "import logging, threading, signal\n"
        "before = signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGINT)\n"
        "import execo, execo.time_utils, execo.exception\n"
        "assert threading.active_count() == 1\n"
        "assert logging.getLogger().handlers == []\n"
        "assert (signal.getsignal(signal.SIGCHLD), signal.getsignal(signal.SIGINT)) == before\n"
    )
    environment = {"HOME": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
