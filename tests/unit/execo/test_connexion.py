"""Connexion params -> words of ssh and scp."""

from pathlib import Path

import pytest

from execo import Host, default_connexion_params
from execo.connexion import ConnexionParams, words

HOST = Host("node-1")


def test_without_params_the_default_ones_count():
    argv = ConnexionParams.of(None).ssh_argv(HOST, "hostname")
    assert argv[0] == "ssh"
    assert "-tt" in argv
    assert argv[-2:] == ["node-1", "hostname"]
    assert "-l" not in argv
    assert "-p" not in argv


def test_without_a_command_nothing_follows_the_address():
    assert ConnexionParams.of({}).ssh_argv(HOST)[-1] == "node-1"


def test_a_command_is_no_option_of_ssh():
    assert ConnexionParams.of({}).ssh_argv(HOST, "-oProxyCommand=touch x")[-1].startswith(" -o")


def test_fields_of_the_host_win_over_params_and_these_over_the_default_ones():
    default_connexion_params.update(user="default", port=1, keyfile="/default")
    params = ConnexionParams.of({"user": "given", "port": 2})
    assert (params.user(HOST), params.port(HOST)) == ("given", 2)
    argv = params.ssh_argv(HOST, "x")
    assert argv[argv.index("-i") + 1] == "/default"
    assert argv[argv.index("-l") + 1] == "given"
    assert argv[argv.index("-p") + 1] == "2"
    full = Host("node-1", "root", "/own", 3)
    argv = params.ssh_argv(full, "x")
    assert argv[argv.index("-i") + 1] == "/own"
    assert argv[argv.index("-l") + 1] == "root"
    assert argv[argv.index("-p") + 1] == "3"


def test_none_in_params_leaves_a_default_out():
    default_connexion_params["user"] = "default"
    assert ConnexionParams.of({"user": None}).user(HOST) is None


def test_the_home_in_the_name_of_a_key_is_expanded(own_home):
    argv = ConnexionParams.of({"keyfile": "~/.ssh/id"}).ssh_argv(HOST)
    assert f"{own_home}/.ssh/id" in argv


def test_ssh_and_its_options_can_be_given_as_text():
    given = {"ssh": "ssh -4", "ssh_options": "-o 'A=b c'", "fast_algorithms": False}
    params = ConnexionParams.of(given)
    assert params.ssh_argv(HOST, "x") == ["ssh", "-4", "-o", "A=b c", "node-1", "x"]
    assert words(("a b",)) == ["a b"]


def test_options_may_be_a_list():
    assert ConnexionParams.of({"ssh_options": ["-t"]}).remote_terminal
    assert not ConnexionParams.of({"ssh_options": []}).remote_terminal
    assert ConnexionParams.of(None).remote_terminal


def test_scp_spells_its_port_with_a_capital():
    argv = ConnexionParams.of({"port": 2222, "scp_options": (), "fast_algorithms": False}).scp_argv(
        HOST
    )
    assert argv == ["scp", "-P", "2222"]


@pytest.mark.parametrize(
    ("host", "path", "target"),
    [
        (Host("node-1"), "/tmp/a b", "node-1:/tmp/a b"),
        (Host("node-1", "root"), ".", "root@node-1:."),
        (Host("fe80::1", "root"), "x", "root@[fe80::1]:x"),
    ],
)
def test_scp_calls_a_path_by_account_and_host(host, path, target):
    assert ConnexionParams.of(None).scp_target(host, path) == target


def test_wildcards_in_the_name_of_a_file_to_fetch_are_no_wildcards():
    assert ConnexionParams.of(None).scp_source(HOST, "/a*[b]?") == r"node-1:/a\*\[b]\?"


def test_the_address_is_rewritten_at_connexion_time_only():
    params = ConnexionParams.of({"host_rewrite_func": lambda address: f"{address}.example.org"})
    assert params.address(HOST) == "node-1.example.org"
    assert params.ssh_argv(HOST, "x")[-2] == "node-1.example.org"
    assert params.scp_target(HOST, "x") == "node-1.example.org:x"
    assert HOST.address == "node-1"


@pytest.mark.parametrize("rewrite", [lambda address: 1 / 0, lambda address: None, lambda a: "-o"])
def test_a_rewriting_that_fails_is_told_with_the_host(rewrite):
    params = ConnexionParams.of({"host_rewrite_func": rewrite})
    with pytest.raises(ValueError, match="host_rewrite_func fails for 'node-1'"):
        params.address(HOST)


def test_a_param_that_is_none_is_refused_with_the_nearest_one():
    with pytest.raises(ValueError, match="'usr' is no connexion param, did you mean 'user'"):
        ConnexionParams.of({"usr": "root"})


def test_an_unknown_key_of_the_default_params_may_be_copied():
    with pytest.warns(UserWarning, match="is no setting"):
        default_connexion_params["own_key"] = 1
    assert ConnexionParams.of({**default_connexion_params, "user": "root"}).user(HOST) == "root"


@pytest.mark.parametrize("params", [{"port": "x"}, {"user": 1}, {"pty": 1}])
def test_a_param_of_a_wrong_type_is_refused_by_name(params):
    with pytest.raises(TypeError, match=rf"^{next(iter(params))}: .*expected"):
        ConnexionParams.of(params)


IMPOSSIBLE = [
    {"user": "-oProxyCommand=x"},
    {"user": ""},
    {"port": 99999},
    {"keyfile": ""},
    {"ssh": ""},
    {"ssh_options": "-o 'x"},
    {"scp_options": ("-o", "a\0b")},
]


@pytest.mark.parametrize("params", IMPOSSIBLE)
def test_an_impossible_param_is_refused_by_name_wherever_it_is_given(params):
    with pytest.raises(ValueError, match=rf"{next(iter(params))}: "):
        ConnexionParams.of(params)
    with pytest.raises(ValueError, match=rf"{next(iter(params))}: "):
        default_connexion_params.update(params)


def test_a_word_of_options_is_text():
    with pytest.raises(TypeError, match="ssh_options: 5 in .*expected text"):
        ConnexionParams.of({"ssh_options": ("-o", 5)})


def test_the_key_may_be_any_path():
    argv = ConnexionParams.of({"keyfile": Path("~/key")}).ssh_argv(HOST)
    assert argv[argv.index("-i") + 1] == str(Path.home() / "key")


@pytest.mark.parametrize("params", [["user"], "user", 1])
def test_params_are_a_dict(params):
    with pytest.raises(TypeError, match="connexion_params: .*expected a dict"):
        ConnexionParams.of(params)


def test_the_default_params_themselves_can_be_given():
    assert ConnexionParams.of(default_connexion_params) == ConnexionParams.of(None)


def test_a_key_is_the_first_option_as_oarsh_and_oarcp_need_it() -> None:
    params = ConnexionParams.of({"ssh": "oarsh", "scp": "oarcp", "keyfile": "/key"})
    assert params.ssh_argv(Host("node"), "true")[:3] == ["oarsh", "-i", "/key"]
    assert params.scp_argv(Host("node"))[:3] == ["oarcp", "-i", "/key"]


KEX = ["-o", "KexAlgorithms=^curve25519-sha256"]
CIPHER = ["-o", "Ciphers=^aes128-gcm@openssh.com"]


@pytest.fixture
def client(tmp_path, monkeypatch):
    """Programs called ssh, scp and oarsh; ssh takes the options in the file `known` alone."""
    known = tmp_path / "known"
    known.write_text("KexAlgorithms Ciphers")
    for name in ("ssh", "scp", "oarsh"):
        text = f'#!/bin/sh\n[ "$4" ] && grep -q "${{4%%=*}}" {known}\n'
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return known


def test_cheap_algorithms_are_preferred_where_ssh_knows_them(client):
    params = ConnexionParams.of({"ssh_options": (), "scp_options": ()})
    assert params.ssh_argv(HOST) == ["ssh", *KEX, "node-1"]
    assert params.scp_argv(HOST) == ["scp", *KEX, *CIPHER]
    assert ConnexionParams.of({"ssh": "oarsh", "ssh_options": ()}).ssh_argv(HOST)[1:3] == KEX


def test_an_ssh_that_does_not_know_them_is_left_alone(client):
    client.write_text("nothing")
    assert ConnexionParams.of({"ssh_options": ()}).ssh_argv(HOST) == ["ssh", "node-1"]


@pytest.mark.parametrize("program", ["sshpass -e ssh", "/nonexistent/ssh", "dbclient"])
def test_other_programs_are_not_told_what_to_prefer(client, program):
    argv = ConnexionParams.of({"ssh": program, "ssh_options": ()}).ssh_argv(HOST)
    assert argv == [*program.split(), "node-1"]


def test_the_choice_of_the_user_wins(client, own_home):
    own = ("-o", "KexAlgorithms=ecdh-sha2-nistp256")
    argv = ConnexionParams.of({"ssh_options": own}).ssh_argv(HOST)
    assert argv.index(own[1]) < argv.index(KEX[1])
    params = ConnexionParams.of({"ssh_options": (), "fast_algorithms": False})
    assert params.ssh_argv(HOST) == ["ssh", "node-1"]


@pytest.mark.parametrize(
    "include", ["Include more/*", 'include "~/.ssh/more/kex"', "Include=more/kex"]
)
def test_what_an_included_file_chooses_is_left_alone(client, own_home, include):
    more = own_home / ".ssh" / "more"
    more.mkdir(parents=True)
    (own_home / ".ssh" / "config").write_text(f"{include}\nHost a\n  Include config\n")
    (more / "kex").write_text("KexAlgorithms +diffie-hellman-group14-sha1\n")
    assert ConnexionParams.of({"ssh_options": ()}).ssh_argv(HOST) == ["ssh", "node-1"]


@pytest.mark.parametrize("word", ["-F {}", "-F{}"])
def test_what_a_configuration_that_is_given_chooses_is_left_alone(client, tmp_path, word):
    given = tmp_path / "given"
    given.write_text("KexAlgorithms +diffie-hellman-group14-sha1\n")
    for params in ({"ssh": f"ssh {word.format(given)}"}, {"ssh_options": word.format(given)}):
        assert KEX[1] not in ConnexionParams.of({"ssh_options": (), **params}).ssh_argv(HOST)
    assert KEX[1] in ConnexionParams.of({"ssh_options": "-F none"}).ssh_argv(HOST)


def test_what_a_configuration_of_ssh_chooses_is_left_alone(client, own_home):
    (own_home / ".ssh").mkdir()
    (own_home / ".ssh" / "config").write_text(
        "# Ciphers aes128-ctr\nHost old\n  kexAlgorithms +diffie-hellman-group1-sha1\n"
    )
    params = ConnexionParams.of({"ssh_options": (), "scp_options": ()})
    assert params.ssh_argv(HOST) == ["ssh", "node-1"]
    assert params.scp_argv(HOST) == ["scp", *CIPHER]
