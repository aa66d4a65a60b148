"""Copies of what can be started: new ones with the same options."""

from copy import deepcopy
from typing import Any, Self

_HANDLERS = ("_lifecycle_handlers", "_stdout_handlers", "_stderr_handlers")


class CopiedAsNew:
    """A copy of it was never started, whatever became of the original.

    Its options are those of the original. Handlers are the same ones, also in a deep copy: they
    are where output and events go to.
    """

    __slots__ = ()

    def _clear(self) -> None:
        """Forget the run."""
        raise NotImplementedError

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        for name in _HANDLERS:
            if name in vars(self):
                setattr(twin, name, list(getattr(self, name)))
        twin._clear()
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # not by copy(), which subclasses extend: parts of this may be in `memo` already
        twin = memo[id(self)] = CopiedAsNew.__copy__(self)
        for name in _HANDLERS:
            memo.update({id(handler): handler for handler in vars(self).get(name, ())})
        vars(twin).update({name: deepcopy(value, memo) for name, value in vars(twin).items()})
        return twin
