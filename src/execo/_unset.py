"""The value of an argument that was not given, where None means something else."""

import enum
from typing import Final


class Unset(enum.Enum):
    """Type of UNSET, the mark of an argument that the caller left out."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> bool:
        return False


UNSET: Final = Unset.UNSET
