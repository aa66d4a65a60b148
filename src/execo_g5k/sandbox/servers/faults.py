"""What breaks on demand: hosts that are silent, slow, or cut connexions; servers that are down."""

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class HostFaults:
    """What is wrong with a host."""

    refuses: bool = False
    """Connexions are refused, as by a host without a server."""
    hangs: bool = False
    """Connexions are accepted and never answered."""
    delay: float = 0.0
    """Seconds before each answer."""
    cut_after: int | None = None
    """Characters of output after which the connexion is cut."""
    banner: str = ""
    """Text shown before each session, on standard error, as a message of the day."""
    garbage: str = ""
    """Text that each command prints first, as a careless .bashrc does."""
    disk_full: bool = False
    """Files can't be written by scp and sftp."""

    @classmethod
    def of(cls, **faults: Any) -> "HostFaults":
        """Return faults by their names.

        Raises:
            ValueError: there is no such fault.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        for name, value in faults.items():
            if name not in known:
                raise ValueError(f"{name!r} is no fault of a host: expected {sorted(known)}")
            if name in ("delay", "cut_after") and not _is_amount(value):
                raise ValueError(f"{name}: {value!r}: expected 0 or more")
            if name in ("banner", "garbage") and not isinstance(value, str):
                raise ValueError(f"{name}: {value!r}: expected text")
        return cls(**faults)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


NO_FAULT = HostFaults()
