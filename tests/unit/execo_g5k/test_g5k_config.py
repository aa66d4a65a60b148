import pytest

from execo_g5k.config import (
    default_frontend_connection_params,
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
    g5k_settings,
    site_address,
)
from execo_g5k.oarsh import node_connexion_params, oarsh_problem


def everywhere(command: str) -> str | None:
    return f"/usr/bin/{command}"


def nowhere(_command: str) -> str | None:
    return None


def test_the_settings_are_real_dicts_with_the_documented_defaults() -> None:
    assert isinstance(g5k_configuration, dict)
    assert g5k_configuration["kadeploy3"] == "kadeploy3"
    assert g5k_configuration["default_timeout"] == 900
    assert {**g5k_configuration}["polling_interval"] == 20
    assert g5k_configuration.get("tiny_polling_interval") == 10


def test_a_snapshot_does_not_change_with_the_dict(monkeypatch: pytest.MonkeyPatch) -> None:
    before = g5k_settings()
    monkeypatch.setitem(g5k_configuration, "polling_interval", 5)
    assert before.polling_interval == 20
    assert g5k_settings().polling_interval == 5


@pytest.mark.parametrize("directory", ["rel/ative", "./here", ""])
def test_records_are_in_the_same_place_from_all_directories(directory: str) -> None:
    with pytest.raises(ValueError, match=rf"state_directory: '{directory}': expected an absolute"):
        g5k_configuration["state_directory"] = directory
    assert g5k_settings().state_directory is None


def test_a_relative_directory_of_the_environment_is_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("EXECO_G5K_STATE_DIRECTORY", "rel/ative")
    g5k_configuration.reset()
    try:
        assert g5k_settings().state_directory is None
        assert "EXECO_G5K_STATE_DIRECTORY" in caplog.text
        assert "'rel/ative'" in caplog.text
        monkeypatch.setenv("EXECO_G5K_STATE_DIRECTORY", "~/records")
        g5k_configuration.reset()
        assert g5k_settings().state_directory == "~/records"
    finally:
        monkeypatch.undo()
        g5k_configuration.reset()


def test_both_spellings_name_the_same_dict() -> None:
    assert default_frontend_connection_params is default_frontend_connexion_params


def test_frontends_are_reached_on_a_terminal_by_the_name_of_their_site() -> None:
    assert default_frontend_connexion_params["pty"] is True
    assert default_frontend_connexion_params["host_rewrite_func"]("nancy") == "nancy.grid5000.fr"
    assert site_address("my-cluster.example.org") == "my-cluster.example.org"


def test_nodes_are_reached_by_oarsh_where_it_is() -> None:
    params = node_connexion_params(which=everywhere)
    assert params["ssh"] == "oarsh"
    assert params["scp"] == "oarcp"
    assert params["taktuk_connector"] == "oarsh"
    params["ssh"] = "mine"
    assert default_oarsh_oarcp_params["ssh"] == "oarsh"


def test_elsewhere_they_are_reached_as_oar_on_its_port_with_the_key_of_the_job() -> None:
    assert node_connexion_params("/keys/job", which=nowhere) == {
        "user": "oar",
        "port": 6667,
        "keyfile": "/keys/job",
    }


def test_without_oarsh_nor_key_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAR_JOB_KEY_FILE", raising=False)
    with pytest.raises(ValueError, match=r"(?s)oarsh.*6667.*allow_classic_ssh.*OAR_JOB_KEY_FILE"):
        node_connexion_params(which=nowhere)
    assert oarsh_problem(everywhere) is None


def test_settings_for_nodes_count_without_oarsh_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(default_oarsh_oarcp_params, "keyfile", "~/.ssh/inside")
    monkeypatch.setitem(default_oarsh_oarcp_params, "ssh", "ssh -v")
    assert node_connexion_params(which=nowhere, taktuk_gateway="nancy.grid5000.fr") == {
        "ssh": "ssh -v",
        "user": "oar",
        "port": 6667,
        "keyfile": "~/.ssh/inside",
        "taktuk_gateway": "nancy.grid5000.fr",
    }
    there = node_connexion_params(which=everywhere, taktuk_gateway="lyon")
    assert (there["scp"], there["taktuk_gateway"]) == ("oarcp", "lyon")
