"""Hosts: an address, and how it is connected to."""

import functools
import os
import re
from collections.abc import Iterable, Sequence
from typing import TypeAlias

_NAMED_AT_MOST = 4
_NUMBERED = re.compile(r"^([^.]*?)(\d+)((?:\..*)?)$")
_BAD_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f]")
# not at the comma between brackets
_BETWEEN_NAMES = re.compile(r"(?:\s*,\s*|\s+)(?![^\[]*\])")
_LONGEST_RANGE = 100_000


@functools.total_ordering
class Host:
    """A host to connect to. Immutable.

    Equal by all four fields, in the order of their addresses. A Host with an address alone equals
    its text too, and `str(host)` is its address: a str stands for `Host(str)` everywhere.
    """

    __slots__ = ("address", "keyfile", "port", "user")

    address: str
    """Name or address to connect to."""
    user: str | None
    """Account there; None for what connexion params or ssh say."""
    keyfile: str | None
    """Path of a private key; None for what connexion params or ssh say."""
    port: int | None
    """Port of its ssh server; None for what connexion params or ssh say."""

    def __init__(
        self,
        address: "str | Host",
        user: str | None = None,
        keyfile: str | os.PathLike[str] | None = None,
        port: int | None = None,
    ) -> None:
        """Make a host, or copy one when `address` is a Host: fields that are given replace its own.

        Raises:
            TypeError: a field is of another type.
            ValueError: the address is empty, begins with - or holds blanks; the port is not between
                1 and 65535.
        """
        if isinstance(address, Host):
            user = address.user if user is None else user
            keyfile = address.keyfile if keyfile is None else keyfile
            port = address.port if port is None else port
            address = address.address
        put = object.__setattr__
        put(self, "address", _checked_address(address))
        put(self, "user", checked_user(user))
        put(self, "keyfile", checked_keyfile(keyfile))
        put(self, "port", checked_port(port))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self!r} is immutable: Host(host, {name}={value!r}) makes another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self!r} is immutable")

    @property
    def _fields(self) -> tuple[str, str | None, str | None, int | None]:
        return (self.address, self.user, self.keyfile, self.port)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Host):
            return self._fields == other._fields
        if isinstance(other, str):
            return self._fields == (other, None, None, None)
        return NotImplemented

    def __lt__(self, other: object) -> bool:
        if isinstance(other, Host):
            return self._rank < other._rank
        if isinstance(other, str):
            return self._rank < (other, "", "", 0)
        return NotImplemented

    @property
    def _rank(self) -> tuple[str, str, str, int]:
        return (self.address, self.user or "", self.keyfile or "", self.port or 0)

    def __hash__(self) -> int:
        plain = self.user is None and self.keyfile is None and self.port is None
        return hash(self.address) if plain else hash(self._fields)

    def __reduce__(self) -> tuple[object, ...]:
        return (Host, self._fields)

    def __str__(self) -> str:
        return self.address

    def __repr__(self) -> str:
        given = ("user", "keyfile", "port")
        words = [f"{name}={getattr(self, name)!r}" for name in given if getattr(self, name)]
        return f"Host({', '.join([repr(self.address), *words])})"


Hosts: TypeAlias = Iterable[Host | str] | Host | str | None


def _checked_address(address: object) -> str:
    if not isinstance(address, str):
        raise TypeError(f"address: {address!r} is no host: expected its name, or a Host")
    if not address:
        raise ValueError("address: a host has a name, '' is none")
    if address.startswith("-") or _BAD_ADDRESS.search(address):
        # ssh would take a leading - for an option
        raise ValueError(f"address: {address!r} is no name of a host")
    return address


def checked_user(user: object) -> str | None:
    """Return the name of an account, or None; raise TypeError or ValueError if it is neither."""
    if user is not None and not isinstance(user, str):
        raise TypeError(f"user: {user!r}: expected text")
    if user is not None and (not user or user.startswith("-") or _BAD_ADDRESS.search(user)):
        raise ValueError(f"user: {user!r} is no name of an account")
    return user


def checked_keyfile(keyfile: object) -> str | None:
    """Return the path of a key, or None; raise TypeError or ValueError if it is neither."""
    if keyfile is None:
        return None
    path = os.fspath(keyfile) if isinstance(keyfile, os.PathLike) else keyfile
    if not isinstance(path, str):
        raise TypeError(f"keyfile: {keyfile!r}: expected a path")
    if not path or "\0" in path:
        raise ValueError(f"keyfile: {keyfile!r} is no path; None for no key")
    return path


def checked_port(port: object) -> int | None:
    """Return the number of a port, or None; raise TypeError or ValueError if it is neither."""
    if port is None:
        return None
    if isinstance(port, str) and port.isdecimal():
        port = int(port)
    if isinstance(port, bool) or not isinstance(port, int):
        raise TypeError(f"port: {port!r}: expected a number")
    if not 0 < port < 65536:
        raise ValueError(f"port: {port} is none: expected 1 to 65535")
    return port


def get_hosts_list(hosts: Hosts) -> list[Host]:
    """Return hosts as a list of Host, in order, with duplicates. Takes one or many, str or Host.

    None gives an empty list.

    Raises:
        TypeError: something is no host.
    """
    if hosts is None:
        return []
    if isinstance(hosts, str | Host):
        return [_as_host(hosts)]
    if not isinstance(hosts, Iterable) or isinstance(hosts, bytes):
        raise TypeError(f"hosts: {hosts!r}: expected a host, or several")
    return [_as_host(host) for host in hosts]


def _as_host(host: "str | Host") -> Host:
    return host if isinstance(host, Host) else Host(host)


def get_hosts_set(hosts: Hosts) -> set[Host]:
    """Return hosts as a set of Host. Takes what `get_hosts_list` takes."""
    return set(get_hosts_list(hosts))


def get_unique_hosts_list(hosts: Hosts) -> list[Host]:
    """Return hosts as a list of Host without duplicates, each where it came first.

    Takes what `get_hosts_list` takes.
    """
    return list(dict.fromkeys(get_hosts_list(hosts)))


def natural_key(host: "str | Host") -> tuple[tuple[int, int | str], ...]:
    """Return a key that sorts node-2 before node-10."""
    return tuple(
        (0, int(part)) if part.isdecimal() else (1, part) for part in re.split(r"(\d+)", str(host))
    )


def fold_hosts(hosts: Iterable["str | Host"]) -> str:
    """Return the names of hosts as short text, such as "grisou-[1-4,7].nancy.grid5000.fr, x".

    Names are sorted, each once. No host gives "".
    """
    groups: dict[tuple[str, str], dict[int, str]] = {}
    plain: list[str] = []
    for name in sorted({str(host) for host in hosts}, key=natural_key):
        match = _NUMBERED.match(name)
        # a leading zero is part of the name: 01 is not 1
        if match is None or name.replace(".", "").isdecimal() or str(int(match[2])) != match[2]:
            plain.append(name)
        else:
            groups.setdefault((match[1], match[3]), {})[int(match[2])] = name
    folded = []
    for (prefix, suffix), members in groups.items():
        numbers = _ranges(sorted(members))
        text = numbers if len(members) == 1 else f"[{numbers}]"
        folded.append(f"{prefix}{text}{suffix}")
    return ", ".join(sorted([*folded, *plain], key=natural_key))


def _ranges(numbers: list[int]) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def unfold_hosts(text: str) -> list[Host]:
    """Return the hosts of text such as "grisou-[1-4,7].nancy, x": what `fold_hosts` gives, back.

    The list has the order of the text. Several brackets in a name are taken too.

    Raises:
        ValueError: a bracket, a number or a name is missing.
    """
    return [Host(name) for part in _BETWEEN_NAMES.split(text) for name in _unfolded(part, text)]


def _unfolded(name: str, text: str) -> list[str]:
    before, opened, rest = name.partition("[")
    inside, closed, after = rest.partition("]")
    if not name or bool(opened) != bool(closed) or "]" in before or "[" in inside:
        raise ValueError(f"{text!r}: expected names of hosts such as 'grisou-[1-4,7].nancy, x'")
    if not opened:
        return [name]
    numbers = [number for range_ in inside.split(",") for number in _numbers(range_, text)]
    ends = _unfolded(after, text) if after else [""]
    if len(numbers) * len(ends) > _LONGEST_RANGE:
        raise ValueError(f"{text!r}: {name!r} is more than {_LONGEST_RANGE} hosts")
    return [f"{before}{number}{end}" for number in numbers for end in ends]


def _numbers(range_: str, text: str) -> list[str]:
    low, dash, high = range_.strip().partition("-")
    if not (low.isdecimal() and (high.isdecimal() if dash else not high)):
        raise ValueError(f"{text!r}: {range_!r} is no number, nor such as 1-4")
    if not dash:
        return [low]
    if int(high) < int(low) or int(high) - int(low) >= _LONGEST_RANGE:
        raise ValueError(f"{text!r}: {range_!r} is no range of at most {_LONGEST_RANGE} hosts")
    # nodes named n01 ... n12 keep their zeros
    width = len(low) if low.startswith("0") else 0
    return [str(number).zfill(width) for number in range(int(low), int(high) + 1)]


def hosts_in_short(hosts: Sequence[Host]) -> str:
    """Return the folded names of hosts, or how many they are when that is long."""
    if len(hosts) > _NAMED_AT_MOST:
        return f"{len(hosts)} hosts"
    return fold_hosts(hosts) or "no host"
