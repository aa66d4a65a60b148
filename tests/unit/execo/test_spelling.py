"""Old spellings of arguments and names."""

import inspect
from typing import Any

import pytest

import execo
import execo_g5k
from execo import Remote, SshProcess, get_process
from execo.spelling import accept_old_spellings, modern
from execo_g5k import aio


def plain(host: str, connexion_params=None, site="x"):
    """Connect."""
    return host, connexion_params, site


def sites_given(sites=None):
    return sites


# typed as any function: a checker of types knows the documented spelling only
connect: Any = accept_old_spellings(plain)
listed: Any = accept_old_spellings(sites_given)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("connection_params", "connexion_params"),
        ("frontend_connection_params", "frontend_connexion_params"),
        ("default_frontend_connection_params", "default_frontend_connexion_params"),
        ("frontend", "site"),
        ("frontends", "sites"),
        ("default_frontend", "default_frontend"),
        ("frontend_connexion_params", "frontend_connexion_params"),
        ("host", "host"),
    ],
)
def test_a_name_is_spelt_as_today(old, new):
    assert modern(old) == new


def test_both_spellings_of_an_argument_work():
    assert connect("a", connection_params={"b": 1}) == connect("a", connexion_params={"b": 1})
    assert connect("a", frontend="nancy") == connect("a", site="nancy") == ("a", None, "nancy")


def test_one_frontend_and_several_are_both_understood():
    assert listed(frontends=["a"]) == listed(sites=["a"]) == ["a"]
    assert listed(frontend="a") == "a"
    assert connect("a", frontends="b") == ("a", None, "b")


@pytest.mark.parametrize(
    "call",
    [
        lambda: connect("a", connection_params={}, connexion_params={}),
        lambda: connect("a", frontend="x", site="y"),
        lambda: connect("a", {}, connection_params={}),
        lambda: connect("a", frontend="x", frontends="y"),
    ],
)
def test_giving_both_is_an_error_that_says_so(call):
    with pytest.raises(TypeError, match=r"plain: .*another spelling of .*: give only one"):
        call()


def test_an_argument_that_is_none_of_them_is_the_error_of_python():
    with pytest.raises(TypeError, match="unexpected keyword argument 'connexion'"):
        connect("a", connection=1)


def test_signature_name_and_docstring_are_kept():
    assert list(inspect.signature(connect).parameters) == ["host", "connexion_params", "site"]
    assert connect.__name__ == "plain"
    assert connect.__doc__ == "Connect."
    assert inspect.signature(connect).parameters["host"].annotation is str


@pytest.mark.parametrize(
    "name", ["oarsub", "oardel", "get_oar_job_info", "wait_oar_job_start", "get_oar_job_nodes"]
)
def test_functions_of_oar_show_their_own_arguments(name):
    for module in (execo_g5k, aio):
        parameters = inspect.signature(getattr(module, name)).parameters
        assert "frontend_connexion_params" in parameters
        assert "args" not in parameters


def test_processes_and_actions_understand_both():
    params = {"user": "root"}
    assert SshProcess("x", "h", connection_params=params).connexion_params == params
    assert get_process("x", "h", connection_params=params).connexion_params == params
    [process] = Remote("x", ["h"], connection_params=params).processes
    assert process.connexion_params == params
    with pytest.raises(TypeError, match="give only one of them"):
        Remote("x", ["h"], connection_params=params, connexion_params=params)


def test_both_spellings_of_a_name_are_the_same_object():
    assert execo.default_connection_params is execo.default_connexion_params
    assert execo.make_connection_params is execo.make_connexion_params
    assert (
        execo_g5k.default_frontend_connection_params is execo_g5k.default_frontend_connexion_params
    )
    assert execo_g5k.node_connection_params is execo_g5k.node_connexion_params
