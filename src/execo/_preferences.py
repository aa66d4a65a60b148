"""What ssh is told to prefer: algorithms that cost less than its first choice, and are as safe.

OpenSSH 9.2 begins with a key exchange that takes ten times the CPU time of curve25519, and with a
cipher for which processors have no instructions. A `^` (since OpenSSH 8.0) puts an algorithm first
and disables none: what a server can't do is left out as ever.
"""

import glob
import os
import pwd
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from execo._engine.probe import succeeds

_WANTED = {"KexAlgorithms": "^curve25519-sha256", "Ciphers": "^aes128-gcm@openssh.com"}

# the last three run the ssh of the machine, and have no way to be asked
_PROGRAMS = ("ssh", "scp", "oarsh", "oarcp")

_INCLUDE = re.compile(r"^\s*include[\s=]+(.*)$", re.IGNORECASE | re.MULTILINE)
_DEEPEST_INCLUDE = 16


def prefer(keyword: str, command: Sequence[str]) -> tuple[str, ...]:
    """Return the options by which a program of OpenSSH prefers what is cheap.

    `keyword` of ssh_config: KexAlgorithms or Ciphers. `command`: words of the program, with its
    options. Return none when the program does not know them, when a configuration file of ssh
    chooses, and for programs that are called by a path: they may be anything.
    """
    ssh = shutil.which("ssh")
    if command[0] not in _PROGRAMS or ssh is None:
        return ()
    if _is_configured(keyword, _given_file(command), _homes(os.environ.get("HOME", "/"))):
        return ()
    options = ("-o", f"{keyword}={_WANTED[keyword]}")
    return options if _is_known(options, ssh) else ()


@lru_cache
def _is_known(options: tuple[str, ...], ssh: str) -> bool:
    return succeeds([ssh, "-F", "none", *options, "-G", "localhost"])


@lru_cache
def _is_configured(keyword: str, given: str | None, homes: tuple[str, ...]) -> bool:
    chosen = re.compile(rf"^\s*{keyword}\b", re.IGNORECASE | re.MULTILINE)
    return any(chosen.search(text) for text in _texts(given, homes))


def _given_file(command: Sequence[str]) -> str | None:
    """Return the configuration file that the words name, None when there is none."""
    for word, following in zip(command, [*command[1:], ""], strict=True):
        if word.startswith("-F"):
            return word[2:] or following
    return None


@lru_cache
def _homes(home: str) -> tuple[str, ...]:
    """Return that of the environment, and that of the account, in which ssh looks."""
    try:
        return tuple(dict.fromkeys((home, pwd.getpwuid(os.getuid()).pw_dir)))
    except KeyError:
        return (home,)


def _texts(given: str | None, homes: Sequence[str]) -> Iterator[str]:
    """Yield the configuration of ssh, and what it includes, for any host."""
    if given is None:
        for home in homes:
            yield from _with_included(f"{home}/.ssh/config", f"{home}/.ssh", home)
        yield from _with_included("/etc/ssh/ssh_config", "/etc/ssh", homes[0])
    elif given.lower() != "none":
        yield from _with_included(given, f"{homes[0]}/.ssh", homes[0])


def _with_included(file: str, folder: str, home: str, depth: int = 0) -> Iterator[str]:
    try:
        text = Path(file).read_text(errors="replace")
    except OSError:
        return
    yield text
    if depth == _DEEPEST_INCLUDE:
        return
    for match in _INCLUDE.finditer(text):
        for name in _names(match[1]):
            path = f"{home}{name[1:]}" if name.startswith("~/") else os.path.join(folder, name)
            for found in glob.glob(path):
                yield from _with_included(found, folder, home, depth + 1)


def _names(text: str) -> list[str]:
    try:
        return shlex.split(text, comments=True)
    except ValueError:
        return text.split()
