"""Settings: a dict for users, checked where it is written; a frozen record for the library."""

import dataclasses
import difflib
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from execo.spelling import modern

S = TypeVar("S")

Layer = tuple[str, Mapping[str, Any]]
"""Where values come from, and the values."""

_SCRIPT = "script"


class SettingsDict(dict[str, Any], Generic[S]):
    """A dict of settings whose keys, types and defaults are the fields of a dataclass.

    Files and environment are read at the first use. A key that is no setting is accepted with a
    warning; a value of a wrong type is refused, both on the line that writes it. `origin` tells
    where each value comes from. `snapshot()` is what the library reads.
    """

    def __init__(self, record: type[S], name: str, layers: Callable[[], Iterable[Layer]]) -> None:
        """`layers()` gives what is above the defaults, lowest first; called at the first use."""
        self._record = record
        self._name = name
        self._layers: Callable[[], Iterable[Layer]] | None = layers
        fields = dataclasses.fields(record)  # type: ignore[arg-type]
        self._types = _accepted_types(record)
        defaults = record()
        super().__init__({field.name: getattr(defaults, field.name) for field in fields})
        self._origin = dict.fromkeys(self._types, "default")
        self._snapshot: S | None = None

    # --- layers

    def _load(self) -> None:
        if self._layers is None:
            return
        layers, self._layers = self._layers, None
        for origin, values in layers():
            for key, value in values.items():
                self._put(modern(key), value, origin)

    @property
    def origin(self) -> dict[str, str]:
        """Where each value comes from: default, a file, the environment, the script."""
        self._load()
        return dict(self._origin)

    def _put(self, key: str, value: Any, origin: str) -> None:
        if key not in self._types:
            near = difflib.get_close_matches(key, self._types, 1)
            hint = f", did you mean {near[0]!r}?" if near else ""
            text = f"{self._name}[{key!r}] ({origin}) is no setting{hint}"
            warnings.warn(text, stacklevel=4)
        else:
            self._check(key, value, origin)
        super().__setitem__(key, value)
        self._origin[key] = origin
        self._snapshot = None

    def _check(self, key: str, value: Any, origin: str) -> None:
        accepted = self._types[key]
        wrong = isinstance(value, bool) and bool not in accepted
        if accepted and (wrong or not isinstance(value, accepted)):
            names = " or ".join("None" if t is type(None) else t.__name__ for t in accepted)
            raise TypeError(f"{self._name}[{key!r}] ({origin}): {value!r}: expected {names}")

    def snapshot(self, **overrides: Any) -> S:
        """Return the values as they are now, `overrides` above them.

        Raises:
            TypeError: a value is of a wrong type.
        """
        self._load()
        if self._snapshot is None:
            present = {key: self[key] for key in self._types if key in self}
            self._snapshot = self._record(**present)
        if not overrides:
            return self._snapshot
        for key, value in overrides.items():
            self._check(key, value, "argument")
        return dataclasses.replace(self._snapshot, **overrides)  # type: ignore[type-var]

    # --- a dict, read and written as any

    def __getitem__(self, key: str) -> Any:
        self._load()
        return super().__getitem__(modern(key))

    def __setitem__(self, key: str, value: Any) -> None:
        self._load()
        self._put(modern(key), value, _SCRIPT)

    def __delitem__(self, key: str) -> None:
        self._load()
        super().__delitem__(modern(key))
        self._snapshot = None

    def __contains__(self, key: object) -> bool:
        self._load()
        return super().__contains__(modern(key) if isinstance(key, str) else key)

    def __iter__(self) -> Iterator[str]:
        self._load()
        return super().__iter__()

    def __len__(self) -> int:
        self._load()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._load()
        return super().__eq__(other)

    __hash__ = None

    def __repr__(self) -> str:
        self._load()
        return super().__repr__()

    def __or__(self, other: Any) -> Any:
        return {**self, **other}

    def __ior__(self, other: Any) -> "SettingsDict[S]":  # type: ignore[override]
        self._load()
        for key, value in dict(other).items():
            self._put(modern(key), value, _SCRIPT)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, `default` if there is none."""
        self._load()
        return super().get(modern(key), default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return a value, set to `default` if there is none."""
        if key not in self:
            self._put(modern(key), default, _SCRIPT)
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a value and return it."""
        self._load()
        self._snapshot = None
        return super().pop(modern(key), *default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set many values."""
        self._load()
        for key, value in dict(*args, **kwargs).items():
            self._put(modern(key), value, _SCRIPT)

    def copy(self) -> dict[str, Any]:
        """Return a plain dict with the same values."""
        self._load()
        return dict(super().items())

    def keys(self) -> Any:
        """Return the keys."""
        self._load()
        return super().keys()

    def values(self) -> Any:
        """Return the values."""
        self._load()
        return super().values()

    def items(self) -> Any:
        """Return keys and values."""
        self._load()
        return super().items()


def _accepted_types(record: type[Any]) -> dict[str, tuple[type, ...]]:
    """Return for each field the types that isinstance can check; () accepts anything."""
    hints = typing.get_type_hints(record)
    fields = dataclasses.fields(record)
    return {field.name: _runtime_types(hints[field.name]) for field in fields}


def _runtime_types(hint: Any) -> tuple[type, ...]:
    if hint is Any:
        return ()
    members = typing.get_args(hint) if _is_union(hint) else (hint,)
    found: list[type] = []
    for member in members:
        if member is Any:
            return ()
        origin = typing.get_origin(member) or member
        if origin is Callable or not isinstance(origin, type):
            return ()
        found.append(origin)
        if origin is float:
            found.append(int)
        if origin is tuple:
            found.append(list)
    return tuple(dict.fromkeys(found))


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)
