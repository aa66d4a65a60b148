"""Old spellings of arguments, understood everywhere a user can write one."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_OLD = {"connection": "connexion", "frontends": "sites", "frontend": "site"}


def modern(name: str) -> str:
    """Return the spelling of today of a name: connexion for connection, site for frontend.

    `frontend_connexion_params` is no old spelling: only a whole `frontend` is.
    """
    name = name.replace("connection", "connexion")
    return _OLD.get(name, name)


def accept_old_spellings(function: F) -> F:
    """Let a function, or an __init__, take arguments by their old spelling too.

    Raises, when it is called:
        TypeError: an argument is given by both spellings.
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(modern(name) != name for name in kwargs):
            kwargs = _modernized(kwargs, function.__qualname__)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def _modernized(kwargs: dict[str, Any], where: str) -> dict[str, Any]:
    modernized: dict[str, Any] = {}
    for name, value in kwargs.items():
        new = modern(name)
        if new in modernized or (new != name and new in kwargs):
            raise TypeError(f"{where}: {name} is another spelling of {new}: give only one of them")
        modernized[new] = value
    return modernized
