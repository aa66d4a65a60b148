"""`~/.execo.conf.py`."""

import logging

import pytest

from execo import Process, configuration, default_connexion_params
from execo._config.execo_conf import conf_layers, conf_path, conf_values, forget
from execo.config import settings
from execo_g5k import default_frontend_connexion_params, g5k_configuration


@pytest.fixture
def write(own_home):
    def write(text):
        path = own_home / ".execo.conf.py"
        path.write_text(text)
        return path

    return write


def errors(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]


def test_without_a_file_the_defaults_count(own_home, caplog):
    assert conf_path() == own_home / ".execo.conf.py"
    assert conf_values("configuration") == {}
    assert settings().kill_timeout == 60
    assert not caplog.records


def test_the_file_is_python_that_defines_dicts(write):
    write(
        "import os\n"
        "configuration = {'kill_timeout': 30 * 2 + 1}\n"
        "default_connexion_params = {'user': os.environ['HOME'][:1]}\n"
        "g5k_configuration = {'default_env_name': 'debian12-min'}\n"
        "default_frontend_connexion_params = {'user': 'alice'}\n"
    )
    assert configuration["kill_timeout"] == 61
    assert default_connexion_params["user"] == "/"
    assert g5k_configuration["default_env_name"] == "debian12-min"
    assert default_frontend_connexion_params["user"] == "alice"
    assert default_frontend_connexion_params["pty"] is True


def test_it_is_read_once(write):
    write("configuration = {'kill_timeout': 1}")
    assert configuration["kill_timeout"] == 1
    write("g5k_configuration = {'default_timeout': 2}")
    assert g5k_configuration["default_timeout"] == 900
    forget()
    assert conf_values("g5k_configuration") == {"default_timeout": 2}


def test_old_spellings_name_the_same_dicts(write):
    write(
        "default_connection_params = {'user': 'a'}\n"
        "default_frontend_connection_params = {'user': 'b'}\n"
    )
    assert default_connexion_params["user"] == "a"
    assert default_frontend_connexion_params["user"] == "b"


def test_one_dict_by_both_spellings_is_told_and_the_documented_one_counts(write, caplog):
    path = write(
        "default_connexion_params = {'user': 'a'}\ndefault_connection_params = {'user': 'b'}\n"
    )
    assert default_connexion_params["user"] == "a"
    [message] = errors(caplog)
    assert str(path) in message
    assert "default_connection_params is another spelling of default_connexion_params" in message


def test_the_same_dict_by_both_spellings_is_no_error(write, caplog):
    write("default_connection_params = default_connexion_params = {'user': 'a'}\n")
    assert default_connexion_params["user"] == "a"
    assert not errors(caplog)


def test_origins_tell_the_line_of_each_key(write):
    path = write(
        "configuration = {\n    'kill_timeout': 1,\n    'fanout': 2,\n}\n"
        "configuration['compact_output_threshold'] = 3\n"
        "configuration.update(color_mode=True)\n"
    )
    assert configuration.origin["kill_timeout"] == f"{path}, line 2"
    assert configuration.origin["fanout"] == f"{path}, line 3"
    assert configuration.origin["compact_output_threshold"] == f"{path}, line 5"
    assert configuration.origin["color_mode"] == str(path)
    assert [origin for origin, _ in conf_layers("configuration")][0] == f"{path}, line 2"


def test_a_wrong_value_is_told_with_file_line_and_key_and_breaks_nothing(write, caplog):
    path = write("configuration = {\n    'fanout': 'many',\n    'kill_timeout': 7,\n}\n")
    assert Process("echo fine").run().stdout == "fine\n"
    assert settings().kill_timeout == 7
    assert settings().fanout is None
    [message] = errors(caplog)
    assert f"configuration['fanout'] ({path}, line 2): 'many': expected int or None" in message


def test_an_error_keeps_what_comes_before_it_and_tells_its_line(write, caplog):
    path = write(
        "configuration = {'kill_timeout': 7}\n\nnowhere['x'] = 1\n"
        "default_connexion_params = {'user': 'a'}\n"
    )
    assert configuration["kill_timeout"] == 7
    assert default_connexion_params["user"] is None
    [message] = errors(caplog)
    assert f"{path}, line 3: NameError" in message


def test_an_error_of_syntax_tells_its_line_once(write, caplog):
    path = write("configuration = {'kill_timeout': 7}\nthis is no python\n")
    assert configuration["kill_timeout"] == 60
    assert g5k_configuration["default_timeout"] == 900
    [message] = errors(caplog)
    assert f"{path}, line 2: SyntaxError" in message


def test_what_is_no_dict_is_told_and_left_out(write, caplog):
    write("configuration = 12\n")
    assert configuration["kill_timeout"] == 60
    assert "configuration is no dict" in errors(caplog)[0]


def test_a_file_that_is_no_text_is_told(own_home, caplog):
    (own_home / ".execo.conf.py").write_bytes(b"\xff\xfe\x00")
    assert configuration["kill_timeout"] == 60
    assert "can't be read" in errors(caplog)[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("# coding: latin-1\nconfiguration = {'kill_timeout': len('é')}\n", "latin-1"),
        ("configuration = {'kill_timeout': len('é')}\r\n", "utf-8"),
        ("configuration = {'kill_timeout': len('é')}\n", "utf-8-sig"),
    ],
)
def test_its_first_line_tells_its_encoding(own_home, caplog, text, encoding):
    (own_home / ".execo.conf.py").write_bytes(text.encode(encoding))
    assert configuration["kill_timeout"] == 1
    assert not errors(caplog)


@pytest.mark.parametrize("content", [b"x = '\xe9'", b"# coding: none-such\n", b"# coding: hex\n"])
def test_an_encoding_that_does_not_fit_is_told_with_the_file(own_home, caplog, content):
    (own_home / ".execo.conf.py").write_bytes(content)
    assert configuration["kill_timeout"] == 60
    [message] = errors(caplog)
    assert message.startswith(f"{own_home}/.execo.conf.py can't be read: ")


def test_the_text_of_an_error_leaves_the_terminal_alone(write, caplog):
    write("raise ValueError('\\x1b]0;title\\a\\n\\x1b[31mred')\n")
    assert configuration["kill_timeout"] == 60
    [message] = errors(caplog)
    assert message.endswith("line 1: ValueError: ?]0;title???[31mred")


def test_an_error_without_a_text_is_told(write, caplog):
    write("class Odd(Exception):\n    def __str__(self): return 1 / 0\n\nraise Odd\n")
    assert configuration["kill_timeout"] == 60
    assert "line 4: Odd: (its text fails: ZeroDivisionError)" in errors(caplog)[0]


def test_a_line_that_is_not_known_is_not_told(write, caplog):
    write("x = '\0'\n")
    assert configuration["kill_timeout"] == 60
    [message] = errors(caplog)
    assert "null byte" in message
    assert "None" not in message


def test_a_folder_in_its_place_is_told(own_home, caplog):
    (own_home / ".execo.conf.py").mkdir()
    assert configuration["kill_timeout"] == 60
    assert "can't be read" in errors(caplog)[0]


def test_the_file_may_read_and_change_the_settings_themselves(write, caplog):
    write(
        "from execo import configuration as c, default_connexion_params as p\n"
        "p['user'] = 'alice'\n"
        "configuration = {'kill_timeout': c['kill_timeout'] + 1}\n"
    )
    assert configuration["kill_timeout"] == 61
    assert default_connexion_params["user"] == "alice"
    assert not errors(caplog)


def test_the_file_may_copy_the_settings_and_lose_nothing(write):
    write(
        "import execo\n"
        "pause = execo.configuration['kill_timeout']\n"
        "default_connexion_params = dict(execo.default_connexion_params, user='bob')\n"
        "configuration = {'kill_timeout': pause / 2}\n"
    )
    assert default_connexion_params["user"] == "bob"
    assert configuration["kill_timeout"] == 30


def test_a_level_of_the_logger_that_is_none_is_told_with_its_line(write, caplog):
    write("configuration = {'log_level': 'chatty'}\n")
    assert settings().log_level is None
    assert "line 1" in errors(caplog)[0]
