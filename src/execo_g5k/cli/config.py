"""`execo-g5k config`."""

import difflib
from typing import Any

import click

from execo.config import configuration, default_connexion_params
from execo_g5k.cli._out import json_option, say, show_json, show_table
from execo_g5k.config import (
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
    job_key_file_and_origin,
)

_SETTINGS: dict[str, Any] = {
    "configuration": configuration,
    "default_connexion_params": default_connexion_params,
    "g5k_configuration": g5k_configuration,
    "default_frontend_connexion_params": default_frontend_connexion_params,
    "default_oarsh_oarcp_params": default_oarsh_oarcp_params,
}


@click.command()
@click.argument("names", nargs=-1, metavar="[KEY]...")
@click.option("--changed", is_flag=True, help="Leave out what has its default value.")
@json_option
def config(names: tuple[str, ...], changed: bool, as_json: bool) -> None:
    """Show the settings, or those named KEY: each value, and where it comes from.

    Above the defaults are ~/.execo.conf.py, then the environment (EXECO_G5K_DEFAULT_TIMEOUT for
    default_timeout of g5k_configuration), then what a script assigns.

    \b
    In Python:
      print(g5k_configuration["default_timeout"], g5k_configuration.origin["default_timeout"])
    """
    known = {key for settings in _SETTINGS.values() for key in settings}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else "`execo-g5k config` shows all"
            raise ValueError(f"{name!r} is no setting: {hint}")
    rows = [
        (where, key, value, origin)
        for where, settings in _SETTINGS.items()
        for key in settings
        for value, origin in [_value(settings, key)]
        if (not names or key in names) and not (changed and origin == "default")
    ]
    if as_json:
        show_json([dict(zip(("dict", "key", "value", "origin"), row, strict=True)) for row in rows])
    elif rows:
        told = [[where, key, origin, _told(value)] for where, key, value, origin in rows]
        show_table(("DICT", "KEY", "FROM", "VALUE"), told)
    else:
        say("all settings have their default values")


def _value(settings: Any, key: str) -> tuple[Any, str]:
    """Return a value that counts, and where it comes from."""
    if settings is g5k_configuration and key == "oar_job_key_file":
        # below it is the variable of OAR
        return job_key_file_and_origin()
    return settings[key], settings.origin[key]


def _told(value: Any) -> str:
    return getattr(value, "__qualname__", None) or repr(value)
