"""Fixtures of all tests: nothing of the developer's account is read, nothing is left behind."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from execo import Process, configuration, default_connexion_params
from execo._config import execo_conf
from execo_g5k.config import (
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
)

SETTINGS = (
    configuration,
    default_connexion_params,
    g5k_configuration,
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
)
# the last one: programs of users have buffers
SCRUBBED = ("OAR_", "EXECO_", "PYTHONUNBUFFERED")
LEFT_AFTER = 10.0


@pytest.fixture(autouse=True)
def own_home(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path | None]:
    """An empty home and settings as they are without a file; they are put back after the test."""
    if "alice_home" in request.fixturenames:
        # the tests on the real grid have a home of their own
        yield None
        return
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    for variable in [name for name in os.environ if name.startswith(SCRUBBED)]:
        monkeypatch.delenv(variable)
    forget_settings()
    yield home
    forget_settings()


def forget_settings() -> None:
    """Put all settings back; the file and the environment are read again at the next use."""
    execo_conf.forget()
    for settings in SETTINGS:
        settings.reset()
    logging.getLogger("execo").setLevel(logging.NOTSET)


@pytest.fixture(scope="session")
def engine_at_work() -> None:
    """Start the engine and its keeper, which live as long as the interpreter."""
    Process("true").run()
    # it ran before a test had a home of its own
    forget_settings()


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest, engine_at_work: None) -> Iterator[None]:
    """Fail a test that leaves a child process, a pipe or a pidfd behind."""
    before = held()
    yield
    end = time.monotonic() + LEFT_AFTER
    while (left := held() - before) and time.monotonic() < end:
        # the engine closes and reaps behind the back of a test that has its result
        time.sleep(0.002)
    assert not left, f"{request.node.name} leaves {sorted(left)} behind"


def held() -> set[str]:
    """Return the children of this process, and what its pipes and pidfds are."""
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            found.update(f"process {pid}" for pid in (task / "children").read_text().split())
        except OSError:
            continue
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if target.startswith(("pipe:", "/dev/pt")) or "pidfd" in target:
            found.add(f"descriptor {descriptor.name} ({target})")
    return found
