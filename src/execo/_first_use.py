"""Names of a module whose homes are imported when a name is first used."""

import importlib
from collections.abc import Callable, Iterable, Mapping


def import_at_first_use(
    module: dict[str, object], homes: Mapping[str, Iterable[str]]
) -> Callable[[str], object]:
    """Return a `__getattr__` for a module.

    Args:
        module: its `globals()`.
        homes: by the full name of another module, the names that are to be found in it. A home in
            the package itself is found too, as it would be had the package imported it.
    """
    here = str(module["__name__"])
    home_of = {name: home for home, names in homes.items() for name in names}
    inside = {home.removeprefix(f"{here}."): home for home in homes if home.startswith(f"{here}.")}

    def __getattr__(name: str) -> object:  # noqa: N807
        if name in home_of:
            module[name] = getattr(importlib.import_module(home_of[name]), name)
        elif name in inside:
            module[name] = importlib.import_module(inside[name])
        else:
            raise AttributeError(f"module {here!r} has no attribute {name!r}")
        return module[name]

    return __getattr__
