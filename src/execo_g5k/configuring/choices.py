"""What a user chooses of his set-up. The aliases of ssh keep it for the next time."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from execo_g5k.doctor.local import OWN_CONFIG

SITES_TODAY = (
    "grenoble", "lille", "louvain", "luxembourg", "lyon", "nancy", "nantes", "rennes", "sophia",
    "strasbourg", "toulouse",
)  # fmt: skip
"""Sites of Grid'5000 that have a frontend."""

_MARK = "# choices: "


@dataclass(frozen=True)
class Choices:
    """Names of keys are files of this machine, maybe with ~."""

    user: str | None = None
    """Login on the testbed; None when it was not told."""
    access: str = "access.grid5000.fr"
    sites: tuple[str, ...] = SITES_TODAY
    outside_key: str = "~/.ssh/id_ed25519"
    inside_key: str = "~/.ssh/g5k_inside"

    def line(self) -> str:
        """Return a line of comment that tells them."""
        return _MARK + json.dumps(dataclasses.asdict(self))

    def chosen(self, **options: Any) -> "Choices":
        """Return these, below the `options` that are not None or empty."""
        given = {name: value for name, value in options.items() if value}
        return dataclasses.replace(self, **given)

    @property
    def inside_key_there(self) -> str:
        """Name of the inside key on the sites."""
        return f"~/.ssh/{os.path.basename(self.inside_key)}"


def parse_choices(text: str) -> Choices:
    """Return the choices that a file of ours tells; the default ones where it does not."""
    for line in text.splitlines():
        if line.startswith(_MARK):
            try:
                told = json.loads(line.removeprefix(_MARK))
            except ValueError:
                break
            return _made(told) if isinstance(told, Mapping) else Choices()
    return Choices()


def _made(told: Mapping[str, Any]) -> Choices:
    known = {
        field.name: told[field.name]
        for field in dataclasses.fields(Choices)
        if isinstance(told.get(field.name), str | list)
    }
    if "sites" in known:
        known["sites"] = tuple(map(str, known["sites"]))
    return Choices(**known)


def own_config_path() -> Path:
    """Return the file of ours that ssh includes."""
    return Path("~/.ssh").expanduser() / OWN_CONFIG


def remembered() -> Choices:
    """Return what was chosen the last time; the default choices when nothing was."""
    try:
        return parse_choices(own_config_path().read_text(errors="replace"))
    except OSError:
        return Choices()
