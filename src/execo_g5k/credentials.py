"""The user name and password of the API: found, asked for, kept, and never shown.

From inside of Grid'5000 the API asks for none. From outside they come from, first found first:

- the key store of the desktop, by `keyring` (pip install 'execo-g5k[keyring]'), service
  `grid5000_api` as execo does; `store_password` puts it there;
- environment variable EXECO_G5K_API_PASSWORD. Programs that this library starts do not get it; the
  user's other processes can read it in /proc, so that it is for machines without a key store;
- dict `g5k_api_params` of ~/.execo.conf.py ({'username', 'password'}): clear text, with a warning;
- the user, where there is a terminal.

The user name is that of g5k_configuration['api_username'], which EXECO_G5K_API_USERNAME sets too.

Passwords are in a `Secret` here, also in local variables, which some tracebacks show.
"""

import getpass
import hmac
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from execo._config.execo_conf import conf_path, conf_values
from execo_g5k.config import g5k_settings
from execo_g5k.errors import CredentialsMissing, KeyStoreUnavailable

logger = logging.getLogger("execo")

R = TypeVar("R")

SERVICE = "grid5000_api"
"""Under which the key store has the password."""

PASSWORD_VARIABLE = "EXECO_G5K_API_PASSWORD"

_LEGACY = "g5k_api_params"
_INSTALL = "pip install 'execo-g5k[keyring]'"

_one_asks = threading.RLock()
_typed: dict[str, "Secret"] = {}
_typed_names: list[str] = []
_warned: set[str] = set()


class Secret:
    """A text that is shown to nobody: not printed, not formatted, not pickled.

    `text`: what to hide.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text: as late as possible, and into no variable that lives on."""
        return self._text

    def hidden_in(self, text: str) -> str:
        """Return `text`, such as a message of another library, without the secret."""
        return text.replace(self._text, "***") if self._text else text

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        ours, theirs = (s._text.encode(errors="surrogatepass") for s in (self, other))
        return hmac.compare_digest(ours, theirs)

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a secret is not pickled: the other process calls api_credentials()")

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: Any) -> "Secret":
        return self


@dataclass(frozen=True)
class ApiCredentials:
    """Who asks the API. It can be printed, and can't be pickled."""

    username: str
    """Login on the API."""
    password: Secret
    """Its password; `password.reveal()` is the text."""


def api_credentials(username: str | None = None) -> ApiCredentials:
    """Return the user name and the password for the API, from outside of Grid'5000.

    They come from, first found first: the key store of the desktop (extra `keyring`, service
    grid5000_api), environment variable EXECO_G5K_API_PASSWORD, dict `g5k_api_params` of
    ~/.execo.conf.py (clear text, with a warning), the user, on a terminal. What is typed is
    remembered until the end of the script, or `forget_typed`. It may wait for the user, also to
    unlock the key store.

    `username`: None: the configured one, or that of `g5k_api_params`, or what the user answers.

    Raises:
        CredentialsMissing: there are none, and no terminal to ask on.
    """
    with _one_asks:
        name = username or g5k_settings().api_username or _legacy_username() or _asked_name()
        password = _stored(name) or _of_environment() or _of_conf_file(name) or _typed.get(name)
        if not password:
            password = _typed[name] = _asked_password(name)
        return ApiCredentials(name, password)


def store_password(username: str | None = None, password: Secret | None = None) -> str:
    """Put a password in the key store, in place of an older one; return the user name.

    `username`: None: as `api_credentials` finds it. `password`: a Secret; None: what the user
    types.

    Raises:
        KeyStoreUnavailable: there is no key store, or it refuses.
        CredentialsMissing: there is no terminal to ask on.
    """
    with _one_asks:
        keyring = _keyring()
        if keyring is None:
            raise KeyStoreUnavailable(f"no key store: {_INSTALL}")
        _refuse_backend_without_store(keyring)
        name = username or g5k_settings().api_username or _legacy_username() or _asked_name()
        given = password or _asked_password(name)
        _, failure = _tried(lambda: keyring.set_password(SERVICE, name, given.reveal()), given)
        if failure:
            raise KeyStoreUnavailable(f"the key store refuses: {failure}")
        _typed.pop(name, None)
        return name


def forget_password(username: str | None = None) -> bool:
    """Remove a password from the key store; tell whether there was one.

    `username`: None: the configured one, or that of `g5k_api_params`.

    Raises:
        KeyStoreUnavailable: there is no key store, or it refuses.
        CredentialsMissing: no user name is known.
    """
    with _one_asks:
        name = username or g5k_settings().api_username or _legacy_username()
        if not name:
            raise CredentialsMissing("whose password? Give the user name")
        keyring = _keyring()
        if keyring is None:
            raise KeyStoreUnavailable(f"no key store: {_INSTALL}")
        _typed.pop(name, None)
        found, failure = _tried(lambda: keyring.get_password(SERVICE, name) is not None)
        if found:
            _, failure = _tried(lambda: keyring.delete_password(SERVICE, name))
        if failure:
            raise KeyStoreUnavailable(f"the key store refuses: {failure}")
        return bool(found)


def forget_typed() -> None:
    """Ask again for what was typed: the API refused it."""
    with _one_asks:
        _typed.clear()
        _typed_names.clear()


# --- the key store


def _keyring() -> Any:
    """Return the module; None where it is not installed."""
    try:
        import keyring
    except ImportError:
        return None
    return keyring


def _refuse_backend_without_store(keyring: Any) -> None:
    # keyring's own: its backends that keep nothing have no priority
    priority, failure = _tried(lambda: keyring.get_keyring().priority)
    if failure or not priority or priority <= 0:
        raise KeyStoreUnavailable(
            f"this machine has no key store that can be used{failure and ': '}{failure}: the"
            f" password can be in environment variable {PASSWORD_VARIABLE}, and is asked for on a"
            " terminal"
        )


def _stored(name: str) -> Secret | None:
    keyring = _keyring()
    if keyring is None:
        return None
    found, failure = _tried(lambda: _secret(keyring.get_password(SERVICE, name)))
    if failure:
        _warn_once(f"the key store can't be read, the password is looked for elsewhere: {failure}")
    return found


def _tried(call: Callable[[], R], secret: Secret | None = None) -> tuple[R | None, str]:
    """Call a backend; return what it gives, and in words without the secret why it failed.

    A backend that fails may have the password in its frames: no other error may lead to them.
    """
    try:
        return call(), ""
    except Exception as error:
        # each backend raises what the libraries below it raise
        words = f"{type(error).__name__}: {error}"
        return None, words if secret is None else secret.hidden_in(words)


# --- environment and file


def _secret(text: object) -> Secret | None:
    return Secret(text) if isinstance(text, str) and text else None


def _of_environment() -> Secret | None:
    return _secret(os.environ.get(PASSWORD_VARIABLE))


def _legacy_username() -> str | None:
    name = conf_values(_LEGACY).get("username")
    return name if isinstance(name, str) and name else None


def _of_conf_file(name: str) -> Secret | None:
    if _legacy_username() not in (None, name):
        return None
    found = _secret(conf_values(_LEGACY).get("password"))
    if found is not None:
        _warn_once(
            f"{conf_path()}: {_LEGACY} holds a password that everybody can read who reads the file:"
            f" put it in the key store ({_INSTALL}, then execo_g5k.credentials.store_password())"
            " and delete it there"
        )
    return found


def _warn_once(text: str) -> None:
    if text not in _warned:
        _warned.add(text)
        logger.warning("%s", text)


# --- the user


def _asked_name() -> str:
    if _typed_names:
        return _typed_names[0]
    if not _on_terminal():
        raise CredentialsMissing(
            "no user name for the API: set g5k_configuration['api_username'], or environment"
            " variable EXECO_G5K_API_USERNAME, or run this on a terminal, where it is asked for"
        )
    with open("/dev/tty", "w") as out, open("/dev/tty") as answers:
        out.write("Grid'5000 user name: ")
        out.flush()
        name = answers.readline().strip()
    if not name:
        raise CredentialsMissing("no user name for the API was typed")
    _typed_names.append(name)
    return name


def _asked_password(name: str) -> Secret:
    if not _on_terminal():
        raise CredentialsMissing(
            f"no password of {name} for the API: put it in the key store ({_INSTALL}, then"
            f" execo_g5k.credentials.store_password({name!r}) on a terminal), or set environment"
            f" variable {PASSWORD_VARIABLE}, or run this on a terminal, where it is asked for"
        )
    typed = _secret(getpass.getpass(f"Grid'5000 password of {name}: "))
    if typed is None:
        raise CredentialsMissing(f"no password of {name} for the API was typed")
    return typed


def _on_terminal() -> bool:
    """Tell whether the user can be asked: a job in the background would be stopped for it."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
