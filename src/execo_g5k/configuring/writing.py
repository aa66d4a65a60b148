"""The whole set-up, in order: keys, aliases, settings, sites. Asks before each change."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from execo._config.execo_conf import conf_path, decoded, place
from execo._engine.loop import blocking
from execo_g5k.configuring import files
from execo_g5k.configuring.aliases import DOMAIN, own_config, with_include
from execo_g5k.configuring.changes import Change
from execo_g5k.configuring.choices import Choices, own_config_path
from execo_g5k.configuring.conf import UnreadableConf, merged_conf, wanted_entries
from execo_g5k.configuring.sites import (
    AUTHORIZED,
    SiteFailed,
    changes_of_key,
    read_there,
    write_there,
)
from execo_g5k.doctor.conf import no_dicts
from execo_g5k.doctor.facts import Key, Site
from execo_g5k.doctor.local import home_directory, read_key, run
from execo_g5k.doctor.remote import BadConfiguration, ask_site, route_to
from execo_g5k.frontend import local_site

Ask = Callable[[Change], bool]
"""Asked whether a change is to be made."""

Tell = Callable[[str], object]

_KEYGEN = ("ssh-keygen", "-q", "-t", "rsa", "-b", "3072", "-m", "PEM", "-N", "")
_ANSWER = 20.0
_OAR_KEYS = ("ssh-rsa ", "ssh-dss ")


_read_key = blocking(read_key)
_run = blocking(run)
_route_to = blocking(route_to)
_read_there = blocking(read_there)
_write_there = blocking(write_there)


@blocking
async def _ask_sites(names: Sequence[str], there: str) -> list[Site]:
    home = home_directory()
    return await asyncio.gather(*(ask_site(name, there, _ANSWER, home) for name in names))


@dataclass
class Outcome:
    """What became of it."""

    changed: list[str] = field(default_factory=list)
    """Files that were written, or would be."""
    refused: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """What could not be done, and why."""


class _Writer:
    """Makes changes one after the other."""

    def __init__(self, ask: Ask, tell: Tell, stamp: str, *, dry_run: bool) -> None:
        self.outcome = Outcome()
        self.tell = tell
        self.dry_run = dry_run
        self._ask = ask
        self._stamp = stamp

    def fails(self, why: str) -> None:
        self.outcome.failed.append(why)
        self.tell(f"not done: {why}")

    def agreed(self, change: Change) -> bool:
        """Ask, and note the answer; False in a dry run too."""
        agreed = self._ask(change)
        (self.outcome.changed if agreed else self.outcome.refused).append(change.where)
        return agreed and not self.dry_run

    def make(self, change: Change) -> bool:
        """Write a file, if the user agrees; tell whether it is as wanted."""
        if not self.agreed(change):
            return False
        try:
            if change.site is None:
                backup = files.write(Path(change.path), change.content, self._stamp)
            else:
                backup = None
                _write_there(change, self._stamp)
        except (OSError, UnicodeEncodeError, SiteFailed) as error:
            self.outcome.changed.remove(change.where)
            self.fails(f"{change.where}: {error}")
            return False
        kept = f" (it was: {backup})" if backup else ""
        self.tell(f"written: {change.where}{kept}")
        return True


def configure(
    choices: Choices, ask: Ask, tell: Tell, *, stamp: str, dry_run: bool = False
) -> Outcome:
    """Write what is missing of the set-up; what is right is left alone.

    `ask`: whether to make a change. In a dry run it is asked too, and nothing is written. `tell`:
    is told what happens. `stamp`: what the names of backups end with, a date.
    """
    writer = _Writer(ask, tell, stamp, dry_run=dry_run)
    key = _inside_key(writer, choices)
    led = _aliases(writer, choices)
    there = _conf(writer, choices) or choices.inside_key_there
    if key is None:
        tell("sites: not looked at, there is no inside key yet")
    elif not led:
        tell("sites: not looked at, no alias leads there yet")
    else:
        _sites(writer, choices, key, there)
    return writer.outcome


# --- this machine


def _inside_key(writer: _Writer, choices: Choices) -> Key | None:
    path = os.path.expanduser(choices.inside_key)
    key = _read_key(path)
    if not key.file.exists:
        asked = Change(path, "", secret=True, why="a new RSA key, without a passphrase, for inside")
        if not writer.agreed(asked):
            return None
        Path(path).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # a public key that is alone belongs to a private one that is lost
        Path(f"{path}.pub").unlink(missing_ok=True)
        ended = _run([*_KEYGEN, "-C", f"{choices.user}@inside", "-f", path])
        if ended.exit_code != 0:
            writer.fails(f"{path}: {ended.stderr.strip()}")
            return None
        writer.tell(f"written: {path}")
        key = _read_key(path)
    if key.public is None or key.encrypted:
        why = "it has a passphrase" if key.encrypted else key.problem
        writer.fails(f"{path} is no key for OAR: {why}")
        return None
    if not key.public.startswith(_OAR_KEYS):
        writer.fails(f"{path} is no key for OAR: its kind is {key.public.split()[0]}, not ssh-rsa")
        return None
    if key.beside != key.public:
        before = _ssh_file(writer, Path(f"{path}.pub"))
        if before is not None:
            change = Change(f"{path}.pub", f"{key.public}\n", before.text, why="its public key")
            writer.make(change)
    return key


def _aliases(writer: _Writer, choices: Choices) -> bool:
    """Write the aliases of ssh; tell whether sites can be reached."""
    own, config = own_config_path(), Path("~/.ssh/config").expanduser()
    if local_site() is not None:
        # an alias would lead out, and in again
        writer.tell("ssh: this machine is inside, and needs no alias")
        return True
    other = _leads_already(choices, own)
    if other is not None:
        writer.tell(f"ssh: your own configuration leads through {other}: left as it is")
        return True
    text = own_config(choices, files.for_ssh(choices.outside_key))
    included, before_own = _ssh_file(writer, config), _ssh_file(writer, own)
    if included is None or before_own is None:
        return False
    wanted = with_include(included.text or "", files.for_ssh(str(own)))
    right = True
    for path, before, after, why in (
        (own, before_own.text, text, "aliases of ssh, through the access machine"),
        (config, included.text, wanted, "so that ssh reads the aliases"),
    ):
        if before != after:
            right = writer.make(Change(str(path), after, before, why=why)) and right
    return right


class _Text(NamedTuple):
    text: str | None
    """None when there is no such file."""


def _ssh_file(writer: _Writer, path: Path) -> _Text | None:
    """Return what a file of ssh holds; None, with a word, when it can't be read."""
    try:
        return _Text(files.read(path))
    except OSError as error:
        writer.fails(f"{path} can't be read: {_words(error)}")
        return None


def _words(error: Exception) -> str:
    """Return an error without the name of its file, which stands before it."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _leads_already(choices: Choices, own: Path) -> str | None:
    """Return the host that the user's own configuration goes through; None if ours has to."""
    if own.exists():
        return None
    try:
        route = _route_to(["ssh", f"{choices.sites[0]}.{DOMAIN}"], home_directory())
    except BadConfiguration:
        return None
    if route.jump is not None:
        return route.jump
    command = route.command or ""
    return choices.access if choices.access in command else None


def _conf(writer: _Writer, choices: Choices) -> str | None:
    """Write ~/.execo.conf.py; return the name of the job key on sites, if the user has set one."""
    path = conf_path()
    try:
        content = files.read_bytes(path)
        before, encoding = (None, "utf-8") if content is None else decoded(content)
    except (OSError, ValueError) as error:
        writer.fails(f"{path} can't be read: {_words(error)}")
        return None
    entries = wanted_entries(choices, oarsh=shutil.which("oarsh") is not None)
    for problem in no_dicts(entries):
        # what would be added to it would be an error
        writer.fails(f"{place(path, problem.line)}: {problem.what}")
        return None
    try:
        merged = merged_conf(before or "", choices, entries)
    except UnreadableConf as error:
        writer.fails(f"{place(path, error.line)}: {error}")
        return None
    for setting in merged.kept:
        writer.tell(f"{path}: yours stays: {setting}")
    if merged.text != (before or ""):
        why = "settings of this library"
        writer.make(Change(str(path), merged.text, before, why=why, encoding=encoding))
    return merged.job_key


# --- sites


def _sites(writer: _Writer, choices: Choices, key: Key, there: str) -> None:
    private = files.read(Path(key.file.path))
    if private is None or key.public is None:
        return
    silent: dict[str, list[str]] = {}
    for site in _ask_sites(choices.sites, there):
        if site.entry.seconds is None:
            words = site.entry.words.replace(site.entry.route.address, "the frontend")
            silent.setdefault(words or "no answer", []).append(site.name)
            continue
        public = f"{key.public} {choices.user}@inside\n"
        try:
            changes = [*_changes(site, there, private, public)]
        except SiteFailed as error:
            writer.fails(str(error))
            continue
        for change in changes:
            writer.make(change)
    for reason, names in silent.items():
        writer.fails(f"{', '.join(names)}: {reason}")


def _changes(site: Site, there: str, private: str, public: str) -> Iterator[Change]:
    authorized = _read_there(site.name, AUTHORIZED)
    return changes_of_key(site, there, private, public, authorized)
