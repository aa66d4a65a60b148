"""Files of private keys -> keys for asyncssh."""

import functools
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from execo._engine.fanout import NO_DESCRIPTORS


@dataclass
class Keys:
    """What is found in some files."""

    usable: list[Any] = field(default_factory=list)
    encrypted: list[str] = field(default_factory=list)
    """Files whose key only an agent can use."""
    warnings: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> dict[str, Any]:
        """What `asyncssh.connect` is told; nothing: it takes the default keys, as ssh does."""
        if self.encrypted:
            # the agent may have them under any name, even where only named keys are to be used
            keys = [*self.usable, *self.encrypted]
            return {"client_keys": keys, "ignore_encrypted": True, "agent_identities": None}
        return {"client_keys": self.usable} if self.usable else {}


def read_keys(named: Iterable[str], configured: Sequence[str]) -> Keys:
    """Return the keys in files; those that are not there are left out, as by ssh.

    `named` are what the user of this connexion named: he is warned of what is wrong with them.

    Raises:
        ValueError: none of the files that are there can be used; the message names one.
        OSError: descriptors are short.
    """
    found = Keys()
    broken = ""
    for file in dict.fromkeys([*named, *map(os.path.expanduser, configured)]):
        try:
            key, certificate = _key(file, os.stat(file).st_mtime_ns), f"{file}-cert.pub"
            found.usable.append((key, certificate) if os.path.exists(certificate) else key)
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                raise
            if file in named:
                why = f"Identity file {file} not accessible: {error.strerror}"
                found.warnings.append(f"Warning: {why}.")
        except ValueError as error:
            if str(error).startswith("Passphrase"):
                found.encrypted.append(file)
            else:
                broken = f"Load key {file!r}: {error}"
                found.warnings.append(broken)
    if broken and not found.arguments:
        raise ValueError(broken)
    return found


@functools.lru_cache
def _key(file: str, _changed: int) -> Any:
    import asyncssh

    return asyncssh.read_private_key(file)
