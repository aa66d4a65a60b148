"""What doctor sees in ~/.execo.conf.py."""

from pathlib import Path

import pytest

from execo._config.execo_conf import forget
from execo_g5k.config import G5kSettings
from execo_g5k.doctor.conf import api_password, misspelt_names, problem_of, problems_of_conf
from execo_g5k.doctor.facts import ConfProblem


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write the file, which is read anew."""
    monkeypatch.setenv("HOME", str(tmp_path))

    def write(text: str) -> None:
        (tmp_path / ".execo.conf.py").write_text(text)
        forget()

    yield write
    forget()


def test_a_file_that_is_right_has_no_problem(conf) -> None:
    conf("configuration = {'fanout': 3}\ng5k_configuration = {'polling_interval': '0:0:5'}\n")
    assert list(problems_of_conf()) == []
    assert not api_password()


def test_all_problems_are_told_with_their_lines(conf) -> None:
    conf(
        "g5k_configuration = {\n    'polling_intervall': 3,\n    'api_timeout': [],\n}\n"
        "default_conexion_params = {}\n"
        "g5k_api_params = {'username': 'me', 'password': 'x'}\n"
        "1 / 0\n"
    )
    division, name, key, value = problems_of_conf()
    assert division == ConfProblem(7, "ZeroDivisionError: division by zero")
    assert (name.name, name.meant) == ("default_conexion_params", "default_connexion_params")
    assert (key.line, key.name, key.meant) == (2, "polling_intervall", "polling_interval")
    assert (value.line, value.name) == (3, "")
    assert value.what.startswith("g5k_configuration['api_timeout']: []: expected")
    assert api_password()


def test_what_is_no_dict_is_a_problem(conf) -> None:
    conf("g5k_configuration = 3\ndefault_connection_params = 'x'\ng5k_api_params = None\n")
    assert list(problems_of_conf()) == [
        ConfProblem(2, "default_connexion_params is no dict of settings, its type is str"),
        ConfProblem(1, "g5k_configuration is no dict of settings, its type is int"),
        ConfProblem(3, "g5k_api_params is no dict of settings, its type is NoneType"),
    ]


def test_old_spellings_and_names_of_the_user_are_no_problems() -> None:
    assert not list(misspelt_names({"g5k_api_params": {}, "my_params": {}, "configurations": 3}))
    [problem] = misspelt_names({"g5k_configuration_": {}})
    assert problem.meant == "g5k_configuration"
    assert not list(problem_of("g5k_configuration", G5kSettings, "api_uri", None, 1))
    [other] = problem_of("g5k_configuration", G5kSettings, 3, None, None)
    assert (other.line, other.meant) == (None, "")
