"""Fixtures for tests of experiments: each runs in a sandbox, without an account or a network::

    def test_my_experiment(sandbox):
        sandbox.faults.kill_node("grisou-1")
        my_experiment.main()

The sandbox is started once for all tests; before each of them it is mended and has no job. Define
a fixture `sandbox_sites` of your own for other sites, and `sandbox_settings` for other arguments
of `Sandbox`: {"vlans": True}.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from execo_g5k.sandbox import Sandbox
    from execo_g5k.sandbox.model.platform import Sites


@pytest.fixture(scope="session")
def sandbox_sites() -> "Sites":
    """The sites of the sandbox: {site: {cluster: number of nodes}}; here DEFAULT_SITES."""
    from execo_g5k.sandbox import DEFAULT_SITES

    return DEFAULT_SITES


@pytest.fixture(scope="session")
def sandbox_settings() -> dict[str, Any]:
    """Further arguments of Sandbox, as a dict; here none."""
    return {}


@pytest.fixture(scope="session")
def sandbox_of_all_tests(
    sandbox_sites: "Sites", sandbox_settings: dict[str, Any]
) -> "Iterator[Sandbox]":
    """The sandbox that all tests share. Tests need fixture `sandbox`."""
    from execo_g5k.sandbox import Sandbox

    sandbox = Sandbox(sandbox_sites, **sandbox_settings).start()
    try:
        yield sandbox
    finally:
        sandbox.stop()


@pytest.fixture
def sandbox(sandbox_of_all_tests: "Sandbox") -> "Iterator[Sandbox]":
    """A Sandbox in which the test runs, without a job and without a fault at its begin."""
    with sandbox_of_all_tests.entered():
        yield sandbox_of_all_tests
    sandbox_of_all_tests.faults.mend_all()
    for site in sandbox_of_all_tests.sites:
        sandbox_of_all_tests.clear(site)
