"""Names of a package whose modules are imported when a name is first used."""

import importlib
from collections.abc import Callable, Iterable, Mapping


def import_at_first_use(
    package: dict[str, object], modules: Mapping[str, Iterable[str]]
) -> Callable[[str], object]:
    """Return a `__getattr__` for a package.

    Args:
        package: the `globals()` of the package.
        modules: by the name of a module in the package, the names that it brings. The module
            itself is found too, as it would be had the package imported it.
    """
    parent = str(package["__name__"])
    homes = {name: module for module, names in modules.items() for name in names}

    def __getattr__(name: str) -> object:  # noqa: N807
        module = homes.get(name, name)
        if module not in modules:
            raise AttributeError(f"module {parent!r} has no attribute {name!r}")
        home = importlib.import_module(f"{parent}.{module}")
        package[name] = getattr(home, name) if name in homes else home
        return package[name]

    return __getattr__
