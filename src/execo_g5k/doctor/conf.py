"""What is wrong in ~/.execo.conf.py: its error if it has one, keys that are none, bad values."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from execo._config.execo_conf import conf_layers, conf_lines, conf_names, conf_problem, conf_values
from execo._config.values import accepted_types, checked
from execo.config import ConnexionSettings, Settings
from execo.spelling import modern
from execo_g5k.config import FrontendConnexionSettings, G5kSettings, OarshConnexionSettings
from execo_g5k.doctor.facts import ConfProblem

RECORDS: Mapping[str, type[Any]] = {
    "configuration": Settings,
    "default_connexion_params": ConnexionSettings,
    "g5k_configuration": G5kSettings,
    "default_frontend_connexion_params": FrontendConnexionSettings,
    "default_oarsh_oarcp_params": OarshConnexionSettings,
}
_OTHERS = ("g5k_api_params",)
_ALIKE = 0.8


def problems_of_conf() -> Iterator[ConfProblem]:
    """Yield what is wrong in the file, in the order of its lines where they are known."""
    problem = conf_problem()
    if problem is not None:
        yield ConfProblem(*problem)
    yield from misspelt_names(conf_names())
    yield from no_dicts((*RECORDS, *_OTHERS))
    for name, record in RECORDS.items():
        for origin, values in conf_layers(name):
            line = origin.rpartition(", line ")[2]
            for key, value in values.items():
                number = int(line) if line.isdecimal() else None
                yield from problem_of(name, record, key, value, number)


def misspelt_names(names: Mapping[str, Any]) -> Iterator[ConfProblem]:
    """Yield the dicts whose names are nearly those of settings."""
    known = [*RECORDS, *_OTHERS]
    for name, value in names.items():
        if name in known or not isinstance(value, Mapping):
            continue
        near = difflib.get_close_matches(name, known, 1, _ALIKE)
        if near:
            what = f"{name} is no dict of settings, did you mean {near[0]}?"
            yield ConfProblem(None, what, name, near[0])


def no_dicts(settings: Iterable[str]) -> Iterator[ConfProblem]:
    """Yield those of the names of settings that the file defines, and that are no dicts."""
    names, lines = conf_names(), conf_lines()
    for name in settings:
        if name in names and not isinstance(names[name], Mapping):
            kind = type(names[name]).__name__
            what = f"{name} is no dict of settings, its type is {kind}"
            yield ConfProblem(lines.get(name), what)


def problem_of(
    name: str, record: type[Any], key: object, value: Any, line: int | None
) -> Iterator[ConfProblem]:
    """Yield what is wrong with one value of a dict, if anything is."""
    fields = accepted_types(record)
    if not isinstance(key, str) or modern(key) not in fields:
        near = difflib.get_close_matches(str(key), fields, 1)
        hint = f", did you mean {near[0]!r}?" if near else ""
        meant = (str(key), near[0]) if near else ("", "")
        yield ConfProblem(line, f"{name}[{key!r}] is no setting{hint}", *meant)
        return
    try:
        record(**{modern(key): checked(value, fields[modern(key)])})
    except (TypeError, ValueError) as error:
        yield ConfProblem(line, f"{name}[{key!r}]: {error}")


def api_password() -> bool:
    """Tell whether the file has the password of the API."""
    return bool(conf_values("g5k_api_params").get("password"))
