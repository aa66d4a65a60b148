"""Settings: a dict for users, checked where it is written; a frozen record for the library."""

import copy
import dataclasses
import difflib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from execo._config.execo_conf import being_read, needed_by_the_file, reading
from execo._config.values import accepted_types, checked
from execo.errors import ConfigError
from execo.spelling import modern

logger = logging.getLogger("execo")

S = TypeVar("S")

Layer = tuple[str, Mapping[str, Any]]
"""Where values come from, and the values."""

_SCRIPT = "script"


class SettingsDict(dict[str, Any], Generic[S]):
    """A dict of settings whose keys, types and defaults are the fields of a dataclass.

    Files and environment are read at the first use: what is wrong in them is logged and left out.
    In the script, a key that is no setting is accepted with a warning, and a value of a wrong type
    is refused, both on the line that writes it. `origin` tells where each value comes from.
    `snapshot()` is what the library reads. Copies, also by pickle, are plain dicts.
    """

    def __init__(
        self,
        record: type[S],
        name: str,
        layers: Callable[[], Iterable[Layer]],
        changed: Callable[[str, Any], object] = lambda key, value: None,
    ) -> None:
        """`layers()` gives what is above the defaults, lowest first; called at the first use.

        `changed(key, value)` is told each value that is set, and may refuse it by a ValueError.
        """
        self._record = record
        self._name = name
        self._sources = layers
        self._layers: Callable[[], Iterable[Layer]] | None = layers
        self._changed = changed
        self._loading = False
        self._types = accepted_types(record)
        self._origin: dict[str, str] = {}
        self._snapshot: S | None = None
        self._nested: dict[str, Any] = {}
        super().__init__()
        self.reset()

    def reset(self) -> None:
        """Go back to the defaults; files and environment are read again at the next use."""
        with reading:
            super().clear()
            super().update(self.defaults())
            self._origin = dict.fromkeys(self._types, "default")
            self._snapshot = None
            self._layers = self._sources

    def defaults(self) -> dict[str, Any]:
        """Return the values as they are without a file, an environment or a script."""
        defaults = self._record()
        return {key: getattr(defaults, key) for key in self._types}

    # --- layers

    def _load(self) -> None:
        if self._layers is None or needed_by_the_file():
            return
        with reading:
            # the file may itself read settings while it runs: they are the defaults
            if self._layers is None or self._loading or being_read():
                return
            self._loading = True
            try:
                for origin, values in self._layers():
                    for key, value in values.items():
                        self._put_from(origin, key, value)
            finally:
                self._layers = None
                self._loading = False

    def _put_from(self, origin: str, key: str, value: Any) -> None:
        if _modern(key) not in self._types:
            logger.warning("%s[%r] (%s) is no setting%s", self._name, key, origin, self._hint(key))
        try:
            self._put(key, value, origin)
        except (TypeError, ValueError) as error:
            problem = ConfigError(f"{self._name}[{key!r}]", origin, str(error))
            logger.error("%s; it is left out", problem)

    def _hint(self, key: object) -> str:
        near = difflib.get_close_matches(str(key), self._types, 1)
        return f", did you mean {near[0]!r}?" if near else ""

    @property
    def origin(self) -> dict[str, str]:
        """Where each value comes from: default, a file, the environment, the script."""
        self._load()
        return dict(self._origin)

    def _put(self, key: str, value: Any, origin: str) -> None:
        key = _modern(key)
        if key in self._types:
            value = checked(value, self._types[key])
            # what the record says of its values
            self._record(**{key: value})
            self._changed(key, value)
        super().__setitem__(key, value)
        self._origin[key] = origin
        self._snapshot = None

    def _put_all(self, values: Mapping[str, Any]) -> None:
        self._load()
        for key, value in values.items():
            if _modern(key) not in self._types:
                text = f"{self._name}[{key!r}] is no setting{self._hint(key)}"
                warnings.warn(text, stacklevel=3)
            try:
                self._put(key, value, _SCRIPT)
            except (TypeError, ValueError) as error:
                raise type(error)(f"{self._name}[{key!r}]: {error}") from None

    def _forget_key(self, key: str) -> None:
        self._origin.pop(key, None)
        self._snapshot = None

    # --- what the library reads

    def snapshot(self, **overrides: Any) -> S:
        """Return the values as they are now, `overrides` above them.

        Raises:
            TypeError: a value is of a wrong type.
            ValueError: a value is a duration of a wrong form.
        """
        self._load()
        snapshot = self._snapshot
        # scripts also change what is inside values
        if snapshot is None or any(self.get(k) != kept for k, kept in self._nested.items()):
            snapshot = self._frozen()
            if self._layers is None:
                self._snapshot = snapshot
        if not overrides:
            return snapshot
        for key, value in overrides.items():
            try:
                overrides[key] = checked(value, self._types.get(key, ()))
            except (TypeError, ValueError) as error:
                raise type(error)(f"{key}: {error}") from None
        return dataclasses.replace(snapshot, **overrides)  # type: ignore[type-var]

    def _frozen(self) -> S:
        present = {key: self[key] for key in self._types if key in self}
        mutable = {key: v for key, v in present.items() if isinstance(v, dict | list | set)}
        self._nested = copy.deepcopy(mutable)
        return self._record(**{**present, **copy.deepcopy(mutable)})

    # --- a dict, read and written as any

    def __getitem__(self, key: str) -> Any:
        self._load()
        return super().__getitem__(_modern(key))

    def __setitem__(self, key: str, value: Any) -> None:
        self._put_all({key: value})

    def __delitem__(self, key: str) -> None:
        self._load()
        super().__delitem__(_modern(key))
        self._forget_key(_modern(key))

    def __contains__(self, key: object) -> bool:
        self._load()
        return super().__contains__(_modern(key))

    def __iter__(self) -> Iterator[str]:
        self._load()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._load()
        return super().__reversed__()

    def __len__(self) -> int:
        self._load()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        return self.copy() == (other.copy() if isinstance(other, SettingsDict) else other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __repr__(self) -> str:
        self._load()
        return super().__repr__()

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return (dict, (self.copy(),))

    def __or__(self, other: Any) -> Any:
        return {**self, **other} if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: Any) -> Any:
        return {**other, **self} if isinstance(other, Mapping) else NotImplemented

    def __ior__(self, other: Any) -> "SettingsDict[S]":  # type: ignore[override]
        self._put_all(dict(other))
        return self

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, `default` if there is none."""
        self._load()
        return super().get(_modern(key), default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return a value, set to `default` if there is none."""
        if key not in self:
            self._put_all({key: default})
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a value and return it."""
        self._load()
        value = super().pop(_modern(key), *default)
        self._forget_key(_modern(key))
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove the key that was set last, and return it with its value."""
        self._load()
        key, value = super().popitem()
        self._forget_key(key)
        return key, value

    def clear(self) -> None:
        """Remove all values: the library goes by the defaults, whatever files say."""
        self._load()
        super().clear()
        self._origin.clear()
        self._snapshot = None

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set many values."""
        self._put_all(dict(*args, **kwargs))

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


def _modern(key: Any) -> Any:
    return modern(key) if isinstance(key, str) else key
