"""Settings given by the environment: one variable a key, such as EXECO_G5K_DEFAULT_TIMEOUT."""

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any

from execo._config.values import accepted_types, parsed
from execo.errors import ConfigError

logger = logging.getLogger("execo")


def environment_layers(
    record: type[Any], prefix: str, environ: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield where each value comes from, and the value.

    A value of a wrong form is logged as an error and left out.
    """
    environ = os.environ if environ is None else environ
    for key, accepted in accepted_types(record).items():
        variable = f"{prefix}{key.upper()}"
        if variable not in environ:
            continue
        try:
            value = parsed(environ[variable], accepted)
        except ValueError as error:
            problem = ConfigError(key, f"environment variable {variable}", f"{error}")
            logger.error("%s; it is left out", problem)
        else:
            yield f"environment variable {variable}", {key: value}
