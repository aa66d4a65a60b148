"""The logger, in scripts that configure logging and in scripts that do not; and colours."""

import subprocess
import sys

import pytest

from execo import configuration, logger, style
from execo.log import set_log_level, set_style


def script(text: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", text]
    return subprocess.run(command, capture_output=True, text=True, check=True)


def test_a_warning_reaches_standard_error_exactly_once_when_no_logging_is_configured():
    done = script("from execo import logger; logger.warning('look'); logger.info('hidden')")
    assert done.stderr.count("look") == 1
    assert "WARNING" in done.stderr
    assert "hidden" not in done.stderr
    assert done.stdout == ""


def test_a_script_that_set_the_level_sees_all_from_this_level_on():
    done = script(
        "from execo import logger; logger.setLevel('INFO')\n"
        "logger.info('shown'); logger.debug('no')"
    )
    assert done.stderr.count("shown") == 1
    assert "no\n" not in done.stderr


def test_a_script_that_configured_logging_gets_warnings_by_its_own_handler_alone():
    done = script(
        "import logging, sys; from execo import logger\n"
        "logging.basicConfig(stream=sys.stdout, format='own %(message)s')\n"
        "logger.warning('look')"
    )
    assert done.stdout == "own look\n"
    assert done.stderr == ""


def test_a_handler_on_the_logger_of_the_library_alone_is_enough():
    done = script(
        "import logging, sys; from execo import logger\n"
        "logger.addHandler(logging.StreamHandler(sys.stdout))\n"
        "logger.warning('look')"
    )
    assert done.stdout == "look\n"
    assert done.stderr == ""


def test_a_logger_that_tells_nobody_else_still_reaches_standard_error():
    done = script(
        "import logging, sys; from execo import logger\n"
        "logging.basicConfig(stream=sys.stdout); logger.propagate = False\n"
        "logger.warning('look')"
    )
    assert done.stdout == ""
    assert done.stderr.count("look") == 1


def test_importing_touches_nobodys_root_logger_and_starts_nothing():
    done = script(
        "import logging, os, signal, threading\n"
        "before = signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1)\n"
        "import execo, execo_g5k, execo.aio, execo_g5k.aio\n"
        "assert logging.getLogger().handlers == [], 'root'\n"
        "assert logging.getLogger().level == logging.WARNING\n"
        "assert logging.getLogger('execo').level == logging.NOTSET\n"
        "assert threading.active_count() == 1\n"
        "assert before == (signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1))\n"
    )
    assert done.stdout == done.stderr == ""


def test_a_failed_process_is_told_exactly_once():
    done = script("from execo import Process; Process('exit 3', shell=True).run()")
    assert done.stderr.count("WARNING") == 1
    assert done.stdout == ""


def test_a_library_without_standard_error_goes_on():
    script("import sys; sys.stderr = None\nfrom execo import logger; logger.warning('look')")


def test_the_level_of_the_settings_counts_from_the_first_line_on(tmp_path):
    (tmp_path / ".execo.conf.py").write_text("configuration = {'log_level': 'INFO'}\n")
    home = f"import os; os.environ['HOME'] = {str(tmp_path)!r}\n"
    assert "INFO: look" in script(f"{home}from execo import logger; logger.info('look')").stderr
    own = script(
        f"{home}from execo import *; logger.setLevel('DEBUG'); configuration.get('fanout')\n"
        "print(logger.level)"
    )
    assert own.stdout == "10\n"


def test_the_level_is_a_number_or_a_name_in_any_case():
    set_log_level("debug")
    assert logger.level == 10
    set_log_level(30)
    assert logger.level == 30
    with pytest.raises(ValueError, match="CHATTY"):
        set_log_level("chatty")


def test_text_is_coloured_by_any_attribute_of_style():
    configuration["color_mode"] = True
    assert style.step("x") == "\x1b[36;1mx\x1b[0m"
    assert style.red("x") == "\x1b[31mx\x1b[0m"
    assert style.no_such_style("x") == "x"
    assert style.emph(12).endswith("12\x1b[0m")
    assert set_style("x", "step") == style.step("x")


def test_styles_can_be_changed_and_be_one_word():
    configuration["color_mode"] = True
    configuration["color_styles"]["step"] = "red"
    assert style.step("x") == "\x1b[31mx\x1b[0m"
    configuration["color_styles"]["mine"] = ("bold", "nonsense")
    assert style.mine("x") == "\x1b[1mx\x1b[0m"


def test_without_a_terminal_text_stays_as_it_is(monkeypatch):
    assert style.step("x") == "x"
    configuration["color_mode"] = False
    assert style.step("x") == "x"


class Terminal:
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_there_are_colours_unless_no_color_is_set(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert style.step("x") != "x"
    monkeypatch.setenv("NO_COLOR", "1")
    assert style.step("x") == "x"


def test_style_has_no_attributes_of_python_by_accident():
    with pytest.raises(AttributeError):
        style.__wrapped__  # noqa: B018


def test_styles_are_the_default_ones_when_settings_were_cleared():
    configuration.clear()
    configuration["color_mode"] = True
    assert style.emph("x") == "\x1b[35;1mx\x1b[0m"
