"""What a user chooses of his set-up. The aliases of ssh keep it for the next time."""

import dataclasses
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
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

_OPTIONS = {
    "user": "--user",
    "access": "--access",
    "sites": "--site",
    "outside_key": "--outside-key",
    "inside_key": "--inside-key",
}
_LOGIN = re.compile(r"[\w.][\w.@+-]*")
_HOST = re.compile(r"[a-z0-9][\w.-]*", re.ASCII | re.IGNORECASE)
# quotes and backslashes end words in files of ssh, and ${...} is replaced in names of keys
_NO_PATH = re.compile(r"""["'\\]|\$\{""")


class BadChoice(ValueError):
    """A value that would break what is made of it; the text names it, and its option."""


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
        """Return these, below the `options` that are not None or ().

        Raises:
            BadChoice: one of all these values can't be used.
        """
        given = {name: value for name, value in options.items() if value not in (None, ())}
        made = dataclasses.replace(self, **given)
        for name, value in dataclasses.asdict(made).items():
            for problem in _problems(name, value):
                where = "" if name in given else ", remembered from an earlier run"
                raise BadChoice(f"{problem}{where}")
        return made

    @property
    def inside_key_there(self) -> str:
        """Name of the inside key on the sites."""
        return f"~/.ssh/{os.path.basename(self.inside_key)}"


def checked_sites(names: Iterable[str]) -> tuple[str, ...]:
    """Return names of sites. Raises BadChoice."""
    sites = tuple(names)
    for problem in _problems("sites", sites):
        raise BadChoice(problem)
    return sites


def _problems(name: str, value: Any) -> Iterator[str]:
    """Yield why the value of a field can't be used, if it can't."""
    for one in value if name == "sites" else [value]:
        expected = None if one is None else _expected(name, one)
        if expected:
            yield f"{_OPTIONS[name]}: {one!r}: expected {expected}"


def _expected(name: str, text: str) -> str | None:
    """Return what the value of a field should be; None when it is that."""
    if name == "user":
        return None if _LOGIN.fullmatch(text) else "a login: letters, digits, and . _ - + @"
    if name in ("access", "sites"):
        return None if _HOST.fullmatch(text) else "the name of a host: letters, digits, and . _ -"
    if not text.startswith(("/", "~")):
        return "a file, by its absolute path or from ~"
    if _NO_PATH.search(text) or any(unicodedata.category(c) == "Cc" for c in text):
        return "a file whose name has no quote, backslash, ${ or control character"
    if name == "inside_key" and "%" in text:
        return "a file whose name has no %, for which ssh puts something else"
    return None


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
        if isinstance(told.get(field.name), list if field.name == "sites" else str)
    }
    if sites := tuple(map(str, known.pop("sites", ()))):
        known["sites"] = sites
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
