"""Words of ssh -> options of asyncssh. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_YES = {"yes": True, "true": True, "no": False, "false": False}

# what has no meaning for a program that never asks anything, and shares nothing with ssh;
# whether a terminal is wanted is known otherwise
_IGNORED = frozenset(
    {
        "batchmode", "checkhostip", "controlmaster", "controlpath", "controlpersist",
        "escapechar", "hashknownhosts", "identitiesonly", "loglevel",
        "numberofpasswordprompts", "updatehostkeys", "visualhostkey",
    }
)  # fmt: skip
_IGNORED_FLAGS = frozenset({"-t", "-tt", "-q", "-n", "-x", "-a", "-v", "-vv", "-vvv"})

_AS_TEXT = {
    "kexalgorithms": "kex_algs", "ciphers": "encryption_algs", "macs": "mac_algs",
    "hostkeyalgorithms": "server_host_key_algs", "preferredauthentications": "preferred_auth",
    "hostkeyalias": "host_key_alias", "proxycommand": "proxy_command", "proxyjump": "tunnel",
    "user": "username", "connecttimeout": "connect_timeout",
    "serveraliveinterval": "keepalive_interval",
}  # fmt: skip
_AS_NUMBER = {"serveralivecountmax": "keepalive_count_max", "port": "port"}
_AS_SWITCH = {
    "passwordauthentication": "password_auth", "pubkeyauthentication": "public_key_auth",
    "kbdinteractiveauthentication": "kbdint_auth", "gssapiauthentication": "gss_auth",
    "challengeresponseauthentication": "kbdint_auth", "forwardagent": "agent_forwarding",
    "tcpkeepalive": "tcp_keepalive",
}  # fmt: skip
_OF_FLAG = {
    "-i": "identityfile", "-p": "port", "-l": "user", "-J": "proxyjump", "-c": "ciphers",
    "-m": "macs",
}  # fmt: skip


@dataclass
class Meaning:
    """What some words of ssh mean."""

    options: dict[str, Any] = field(default_factory=dict)
    """Arguments of `asyncssh.connect`."""
    keys: list[str] = field(default_factory=list)
    """Names of files with private keys."""


def meaning(words: Sequence[str]) -> Meaning:
    """Return what options of ssh mean.

    Raises:
        ValueError: one of them can't be said to asyncssh; the message names it.
    """
    found = Meaning()
    known_hosts: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word == "-A":
            found.options["agent_forwarding"] = True
        elif word == "-C":
            found.options["compression_algs"] = "zlib@openssh.com,zlib,none"
        elif word == "-T":
            found.options["request_pty"] = False
        elif word in _IGNORED_FLAGS:
            continue
        elif word[:2] == "-F":
            file = word[2:] or _next(rest, word)
            found.options["config"] = None if file == "none" else [file]
        elif word[:2] == "-o":
            _option(word[2:] or _next(rest, word), found, known_hosts)
        elif word[:2] in _OF_FLAG:
            _keyword(_OF_FLAG[word[:2]], word[2:] or _next(rest, word), word, found, known_hosts)
        else:
            raise _unknown(word)
    found.options |= _known_hosts(known_hosts)
    return found


def _next(rest: Any, word: str) -> str:
    value: str | None = next(rest, None)
    if value is None:
        raise ValueError(f"ssh_options: {word!r} lacks its argument")
    return value


def _unknown(word: str) -> ValueError:
    return ValueError(
        f"ssh_options: {word!r} can't be said to asyncssh: leave it out, or use transport='ssh'"
    )


def _option(text: str, found: Meaning, known_hosts: dict[str, str]) -> None:
    keyword, equals, value = text.partition("=")
    if not equals:
        keyword, _, value = text.partition(" ")
    _keyword(keyword.strip().lower(), value.strip(), text, found, known_hosts)


def _keyword(
    keyword: str, value: str, word: str, found: Meaning, known_hosts: dict[str, str]
) -> None:
    try:
        if keyword in _IGNORED:
            return
        if keyword in ("stricthostkeychecking", "userknownhostsfile"):
            known_hosts.setdefault(keyword, value)
        elif keyword == "identityfile":
            found.keys.append(value)
        elif keyword == "remotecommand" and value.lower() == "none":
            found.options["command"] = None
        else:
            name, convert = _conversion(keyword)
            # the first one wins, as for ssh
            found.options.setdefault(name, convert(value))
    except (KeyError, ValueError):
        raise _unknown(f"-o {word}" if not word.startswith("-") else word) from None


def _conversion(keyword: str) -> tuple[str, Callable[[str], Any]]:
    for names, convert in ((_AS_TEXT, str), (_AS_NUMBER, int), (_AS_SWITCH, _switch)):
        if keyword in names:
            return names[keyword], convert
    raise KeyError(keyword)


def _switch(value: str) -> bool:
    return _YES[value.lower()]


def _known_hosts(told: Mapping[str, str]) -> dict[str, Any]:
    strict = told.get("stricthostkeychecking", "ask").lower()
    if strict in ("no", "off"):
        return {"known_hosts": None}
    if strict == "accept-new":
        raise _unknown("-o StrictHostKeyChecking=accept-new")
    files = told.get("userknownhostsfile")
    return {} if files is None else {"known_hosts": files.split()}
