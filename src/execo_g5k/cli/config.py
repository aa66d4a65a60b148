"""`execo-g5k config`."""

from typing import Any

import click

from execo.config import configuration, default_connexion_params
from execo_g5k.cli._out import json_option, show_json, show_table
from execo_g5k.config import (
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
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
            raise ValueError(f"{name!r} is no setting: `execo-g5k config` shows all")
    rows = [
        (where, key, settings[key], settings.origin[key])
        for where, settings in _SETTINGS.items()
        for key in settings
        if (not names or key in names) and not (changed and settings.origin[key] == "default")
    ]
    if as_json:
        show_json([dict(zip(("dict", "key", "value", "origin"), row, strict=True)) for row in rows])
    else:
        told = [[where, key, _told(value), origin] for where, key, value, origin in rows]
        show_table(("DICT", "KEY", "VALUE", "FROM"), told)


def _told(value: Any) -> str:
    return getattr(value, "__qualname__", None) or repr(value)
