"""What the programs of OpenSSH print, read. Of versions 7.3 to 10."""

import re
import shlex
from collections.abc import Mapping

from execo_g5k.doctor.facts import Route, Trouble

_VERSION = re.compile(r"OpenSSH_(?:for_Windows_)?(\d+)\.(\d+)")
_PUBLIC = re.compile(r"\b((?:ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+)\s+(AAAA[\w+/=]+)")

_TROUBLES: tuple[tuple[str, Trouble], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", Trouble.CHANGED_HOST_KEY),
    ("Host key verification failed", Trouble.UNKNOWN_HOST_KEY),
    ("Could not resolve hostname", Trouble.NAME),
    ("Name or service not known", Trouble.NAME),
    ("Permission denied", Trouble.DENIED),
    ("Too many authentication failures", Trouble.DENIED),
    ("Connection refused", Trouble.REFUSED),
    ("timed out", Trouble.NO_ANSWER),
    ("No route to host", Trouble.NO_ANSWER),
    ("Network is unreachable", Trouble.NO_ANSWER),
)

_CHATTER = re.compile(
    r"^\s*$|^Warning: Permanently added|^Pseudo-terminal will not|^no such identity: "
    r"|^kex_exchange_identification: |^Connection closed by UNKNOWN port |^[@]+$"
)


def parse_version(text: str) -> tuple[int, int] | None:
    """Return the version that `ssh -V` tells; None when it is not that of OpenSSH."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2])) if match else None


def parse_public_key(text: str) -> str | None:
    """Return the kind and the number of the first public key in a text; None if there is none."""
    match = _PUBLIC.search(text)
    return f"{match[1]} {match[2]}" if match else None


def parse_public_keys(text: str) -> frozenset[str]:
    """Return the kind and the number of each public key in a text."""
    return frozenset(f"{kind} {number}" for kind, number in _PUBLIC.findall(text))


def parse_route(text: str, home: str) -> Route:
    """Return how `ssh -G` says that ssh goes to a host; `home` stands for ~ in names of files."""
    values: dict[str, list[str]] = {}
    for line in text.splitlines():
        word, _, value = line.partition(" ")
        values.setdefault(word.lower(), []).append(value.strip())
    one: Mapping[str, str] = {word: found[0] for word, found in values.items()}
    return Route(
        address=one.get("hostname", ""),
        user=one.get("user", ""),
        jump=_set(one.get("proxyjump")),
        command=_set(one.get("proxycommand")),
        identities=tuple(_key(name, home) for name in values.get("identityfile", [])),
        known_hosts=_at_home(_first_word(one.get("userknownhostsfile", "")), home),
        control_path=_at_home(path, home) if (path := _set(one.get("controlpath"))) else None,
    )


def _set(value: str | None) -> str | None:
    return None if value in (None, "", "none") else value


def _key(name: str, home: str) -> str:
    return _at_home(name, home).replace("%%", "%")


def _at_home(name: str, home: str) -> str:
    for start in ("~/", "%d/", "${HOME}/"):
        if name.startswith(start):
            return f"{home}/{name.removeprefix(start)}"
    return name


def _first_word(text: str) -> str:
    try:
        return next(iter(shlex.split(text)), "")
    except ValueError:
        return text


def trouble_of(stderr: str) -> Trouble:
    """Return why ssh could not enter a host, from what it says."""
    return next((trouble for words, trouble in _TROUBLES if words in stderr), Trouble.OTHER)


def last_words(stderr: str) -> str:
    """Return the line in which ssh says most of its end."""
    lines = [line.strip() for line in stderr.splitlines() if not _CHATTER.match(line)]
    telling = [line for line in lines if any(words in line for words, _ in _TROUBLES)]
    return (telling or lines or [""])[-1]
