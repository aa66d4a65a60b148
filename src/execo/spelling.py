"""Old spellings of arguments, understood everywhere a user can write one."""

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

_RENAMED = {"num_deploy_tries": "num_tries"}
_FRONTENDS = {"frontend": ("site", "sites"), "frontends": ("sites", "site")}


def modern(name: str, arguments: Collection[str] = ()) -> str:
    """Return the spelling of today of a name: connexion for connection, site for frontend.

    `frontend_connexion_params` is no old spelling: only a whole `frontend` is, which stands for
    `site` or `sites`, whichever is in `arguments`.
    """
    name = _RENAMED.get(name, name).replace("connection", "connexion")
    spellings = _FRONTENDS.get(name, (name,))
    return next((spelling for spelling in spellings if spelling in arguments), spellings[0])


def accept_old_spellings(function: F) -> F:
    """Let a function, or an __init__, take arguments by their old spelling too.

    Raises, when it is called:
        TypeError: an argument is given by both spellings.
    """

    arguments = tuple(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if any(modern(name) != name for name in kwargs):
            given = arguments[: len(args)]
            kwargs = _modernized(kwargs, given, arguments, function.__qualname__)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def _modernized(
    kwargs: dict[str, Any], given: Collection[str], arguments: Collection[str], where: str
) -> dict[str, Any]:
    modernized: dict[str, Any] = {}
    for name, value in kwargs.items():
        new = name if name in arguments else modern(name, arguments)
        if new in modernized or (new != name and (new in kwargs or new in given)):
            raise TypeError(f"{where}: {name} is another spelling of {new}: give only one of them")
        modernized[new] = value
    return modernized
