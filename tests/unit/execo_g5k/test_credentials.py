"""Where the password of the API comes from, and where it never goes."""

import copy
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from execo._config import execo_conf
from execo_g5k import credentials
from execo_g5k.config import g5k_configuration
from execo_g5k.credentials import (
    PASSWORD_VARIABLE,
    SERVICE,
    Secret,
    api_credentials,
    forget_password,
    store_password,
)
from execo_g5k.errors import CredentialsMissing, KeyStoreUnavailable

keyring = pytest.importorskip("keyring")
from keyring.backend import KeyringBackend  # noqa: E402
from keyring.errors import KeyringLocked, PasswordDeleteError  # noqa: E402

PASSWORD = "pl4nted-s3cret"
CONF = f"g5k_api_params = {{'username': 'alice', 'password': '{PASSWORD}'}}\n"


class Desktop(KeyringBackend):
    """A key store in memory."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.passwords: dict[tuple[str, str], str] = {}
        self.fails: Exception | None = None

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.fails is not None:
            raise RuntimeError(f"can't keep {password}") from self.fails
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        if self.passwords.pop((service, username), None) is None:
            raise PasswordDeleteError("there is none")

    def _check(self) -> None:
        if self.fails is not None:
            raise self.fails


@pytest.fixture(autouse=True)
def desktop() -> Iterator[Desktop]:
    before = keyring.get_keyring()
    backend = Desktop()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)
    credentials.forget_typed()
    credentials._warned.clear()


@pytest.fixture(autouse=True)
def alice(own_home: Path) -> None:
    g5k_configuration["api_username"] = "alice"


def configure(home: Path, text: str) -> None:
    """Write the configuration file, which has been read."""
    (home / ".execo.conf.py").write_text(text)
    execo_conf.forget()


# --- where it comes from


def test_the_key_store_comes_first(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, own_home: Path
) -> None:
    desktop.passwords[SERVICE, "alice"] = PASSWORD
    monkeypatch.setenv(PASSWORD_VARIABLE, "of the environment")
    configure(own_home, CONF.replace(PASSWORD, "of the file"))
    found = api_credentials()
    assert (found.username, found.password.reveal()) == ("alice", PASSWORD)


def test_the_service_is_that_of_execo() -> None:
    assert SERVICE == "grid5000_api"


def test_the_environment_comes_next(monkeypatch: pytest.MonkeyPatch, own_home: Path) -> None:
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    configure(own_home, CONF.replace(PASSWORD, "of the file"))
    assert api_credentials().password == Secret(PASSWORD)


def test_the_environment_names_the_user_too(monkeypatch: pytest.MonkeyPatch) -> None:
    g5k_configuration.reset()
    monkeypatch.setenv("EXECO_G5K_API_USERNAME", "bob")
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    assert api_credentials().username == "bob"
    assert api_credentials("carol").username == "carol"


def test_the_dict_of_execo_is_accepted_with_one_warning(
    own_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    g5k_configuration["api_username"] = None
    configure(own_home, CONF)
    assert api_credentials() == api_credentials()
    assert api_credentials().password.reveal() == PASSWORD
    [warning] = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert "g5k_api_params" in warning.getMessage()
    assert PASSWORD not in caplog.text


def test_the_password_of_another_user_is_not_taken(own_home: Path) -> None:
    configure(own_home, CONF)
    with without_terminal(), pytest.raises(CredentialsMissing):
        api_credentials("bob")


class without_terminal:  # noqa: N801
    """Tests may be run on a terminal: nobody is to be asked."""

    def __enter__(self) -> None:
        if credentials._on_terminal():
            pytest.skip("run it without a terminal (setsid)")

    def __exit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    "conf",
    [
        "g5k_api_params = {'username': 'alice', 'password': None}\n",
        "g5k_api_params = {'username': 12, 'password': b'x'}\n",
        "g5k_api_params = 3\n",
        "",
    ],
)
def test_without_any_the_error_names_the_ways(own_home: Path, conf: str) -> None:
    configure(own_home, conf)
    with without_terminal(), pytest.raises(CredentialsMissing) as caught:
        api_credentials()
    for words in ("alice", "execo-g5k[keyring]", "store_password", PASSWORD_VARIABLE, "terminal"):
        assert words in str(caught.value)


def test_without_a_user_name_the_error_names_the_ways() -> None:
    g5k_configuration["api_username"] = None
    with without_terminal(), pytest.raises(CredentialsMissing, match="EXECO_G5K_API_USERNAME"):
        api_credentials()


def test_a_key_store_that_is_locked_is_told_and_the_others_serve(
    desktop: Desktop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desktop.fails = KeyringLocked("nobody unlocked it")
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
    assert api_credentials().password.reveal() == PASSWORD
    assert api_credentials()
    assert caplog.text.count("nobody unlocked it") == 1


def test_without_the_library_there_is_the_environment(tmp_path: Path) -> None:
    (tmp_path / "keyring.py").write_text("raise ImportError('not installed')\n")
    source = (
        "from execo_g5k.credentials import *\n"
        "print(len(api_credentials('alice').password.reveal()))\n"
        "from execo_g5k import KeyStoreUnavailable\n"
        "try:\n    store_password('alice', Secret('x'))\n"
        "except KeyStoreUnavailable as error:\n    print(error)\n"
    )
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths, PASSWORD_VARIABLE: PASSWORD}
    done = subprocess.run(
        [sys.executable, "-c", source], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    count, error = done.stdout.splitlines()
    assert int(count) == len(PASSWORD)
    assert "pip install 'execo-g5k[keyring]'" in error


# --- keeping it


def test_a_password_is_stored_and_forgotten(desktop: Desktop) -> None:
    assert store_password(password=Secret(PASSWORD)) == "alice"
    assert desktop.passwords == {("grid5000_api", "alice"): PASSWORD}
    assert api_credentials().password.reveal() == PASSWORD
    assert forget_password() is True
    assert forget_password() is False
    assert desktop.passwords == {}


def test_a_key_store_that_refuses_is_told_without_the_password(desktop: Desktop) -> None:
    desktop.fails = KeyringLocked("nobody unlocked it")
    with pytest.raises(KeyStoreUnavailable, match=r"refuses.*\*\*\*") as caught:
        store_password("alice", Secret(PASSWORD))
    assert PASSWORD not in shown(caught.value)
    with pytest.raises(KeyStoreUnavailable, match="nobody unlocked it"):
        forget_password("alice")


# --- where it does not go


def shown(error: BaseException) -> str:
    """Return a traceback with all local variables of all frames, and of its causes."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(told.format())
    while (error := error.__cause__ or error.__context__) is not None:  # type: ignore[assignment]
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        text += "".join(told.format())
    return text


def test_what_shows_credentials_does_not_show_the_password(desktop: Desktop) -> None:
    desktop.passwords[SERVICE, "alice"] = PASSWORD
    found = api_credentials()
    for told in (
        repr(found), str(found), f"{found}", f"{found.password!s:>20}", "%r" % found.password,  # noqa: UP031
        repr(asdict(found)), repr(vars(found)), repr(copy.deepcopy(found)), repr([found.password]),
    ):  # fmt: skip
        assert PASSWORD not in told
        assert "alice" in told or "secret" in told
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(found, protocol)


def test_a_traceback_with_local_variables_does_not_show_it(desktop: Desktop) -> None:
    desktop.passwords[SERVICE, "alice"] = PASSWORD

    def asks_the_api() -> None:
        found = api_credentials()
        password = found.password
        raise OSError(f"{found.username}: no route to the API with {password}")

    with pytest.raises(OSError, match="alice") as caught:
        asks_the_api()
    text = shown(caught.value)
    assert "<secret>" in text
    assert PASSWORD not in text


def test_secrets_are_compared_and_are_true_when_there_is_one() -> None:
    assert Secret("é") == Secret("é")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert not Secret("")
    with pytest.raises(TypeError):
        hash(Secret("a"))
