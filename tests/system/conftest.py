"""Fixtures of the tests with real processes, a real ssh and a real ssh server."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.system.helpers import PRIVSEP, SSHD, Sshd

settings.register_profile("system", deadline=None, derandomize=True, database=None)
settings.load_profile("system")


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home without settings of the user, and no ssh agent of theirs."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        yield folder


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """Ssh servers on 127.0.0.1 to 127.0.0.64, run by the current user.

    A server of another user than root lets in only that user, which is who the tests are.
    """
    if not os.access(SSHD, os.X_OK):
        pytest.skip(f"no {SSHD}: apt-get install openssh-server")
    missing = [tool for tool in ("ssh", "scp", "ssh-keygen") if not shutil.which(tool)]
    if missing:
        pytest.skip(f"no {' nor '.join(missing)}: apt-get install openssh-client")
    if os.geteuid() == 0 and not os.access(PRIVSEP.parent, os.W_OK):
        pytest.skip(f"{PRIVSEP} can't be made")
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def params(sshd: Sshd) -> dict[str, object]:
    """Connexion params that lead to the ssh servers."""
    return sshd.params
