"""Words of ssh, as asyncssh understands them."""

import pytest

from execo._asyncssh.words import meaning
from execo.config import default_connexion_params


def test_the_default_options_are_understood():
    found = meaning(default_connexion_params["ssh_options"])
    assert found.options["known_hosts"] is None
    assert found.options["connect_timeout"] == "20"
    assert found.options["password_auth"] is False
    assert found.keys == []


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-p", "2222"], {"port": 2222}),
        (["-p2222"], {"port": 2222}),
        (["-o", "Port 2222"], {"port": 2222}),
        (["-oPort=1", "-oPort=2"], {"port": 1}),
        (["-l", "bob", "-A"], {"username": "bob", "agent_forwarding": True}),
        (["-F", "none"], {"config": None}),
        (["-F", "/some/file"], {"config": ["/some/file"]}),
        (["-J", "access"], {"tunnel": "access"}),
        (["-o", "ProxyCommand=nc %h %p"], {"proxy_command": "nc %h %p"}),
        (["-o", "KexAlgorithms=^curve25519-sha256"], {"kex_algs": "^curve25519-sha256"}),
        (["-o", "StrictHostKeyChecking=no", "-oUserKnownHostsFile=/x"], {"known_hosts": None}),
        (["-oUserKnownHostsFile=/x /y"], {"known_hosts": ["/x", "/y"]}),
        (["-T"], {"request_pty": False}),
        (["-o", "RemoteCommand=none"], {"command": None}),
        (["-o", "ControlMaster=auto", "-q", "-tt", "-o", "LogLevel=ERROR"], {}),
    ],
)
def test_options_have_the_meaning_that_they_have_for_ssh(words, options):
    assert meaning(words).options == options


def test_keys_are_all_tried():
    assert meaning(["-i", "a", "-o", "IdentityFile=b"]).keys == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["-W", "a:22"], "'-W'"),
        (["-L1:a:2"], "'-L1:a:2'"),
        (["-o", "LocalForward=1 a:2"], "-o LocalForward=1 a:2"),
        (["-o", "StrictHostKeyChecking=accept-new"], "accept-new"),
        (["-o", "RemoteCommand=date"], "-o RemoteCommand=date"),
        (["-o", "Port=many"], "-o Port=many"),
        (["-o", "PasswordAuthentication=maybe"], "PasswordAuthentication=maybe"),
        (["-p"], "'-p' lacks its argument"),
        (["host"], "'host'"),
    ],
)
def test_what_cannot_be_said_is_named(words, named):
    with pytest.raises(ValueError, match="ssh_options: ") as told:
        meaning(words)
    assert named in str(told.value)
