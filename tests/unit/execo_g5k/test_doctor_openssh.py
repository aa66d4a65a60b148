"""What OpenSSH prints, read by doctor. Recorded from 9.2 unless a test says otherwise."""

import pytest

from execo_g5k.doctor.facts import Entry, Route, Site, Trouble
from execo_g5k.doctor.openssh import (
    last_words,
    parse_public_key,
    parse_public_keys,
    parse_route,
    parse_version,
    trouble_of,
)
from execo_g5k.doctor.remote import parse_answer


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("OpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3.0.19 27 Jan 2026", (9, 2)),
        ("OpenSSH_7.4p1, OpenSSL 1.0.2k-fips  26 Jan 2017", (7, 4)),
        ("OpenSSH_10.0p2, LibreSSL 4.1.0", (10, 0)),
        ("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2", (8, 1)),
        ("Dropbear v2022.83", None),
    ],
)
def test_versions(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for access.grid5000.fr has changed and you have requested strict checking.
Host key verification failed.
"""
THROUGH = """\
ssh: Could not resolve hostname access.grid5000.fr: Name or service not known
kex_exchange_identification: Connection closed by remote host
Connection closed by UNKNOWN port 65535
"""


@pytest.mark.parametrize(
    ("stderr", "trouble", "words"),
    [
        (CHANGED, Trouble.CHANGED_HOST_KEY, "Host key verification failed."),
        ("Host key verification failed.\r\n", Trouble.UNKNOWN_HOST_KEY, "Host key verification"),
        (THROUGH, Trouble.NAME, "ssh: Could not resolve hostname access.grid5000.fr"),
        ("alice@access: Permission denied (publickey).\n", Trouble.DENIED, "alice@access: Perm"),
        ("ssh: connect to host x port 22: Connection refused\n", Trouble.REFUSED, "ssh: connect"),
        ("Connection timed out during banner exchange\n", Trouble.NO_ANSWER, "Connection timed"),
        ("ssh: connect to host x port 22: No route to host", Trouble.NO_ANSWER, "ssh: connect"),
        ("something else\n", Trouble.OTHER, "something else"),
        ("", Trouble.OTHER, ""),
    ],
)
def test_why_a_host_is_not_entered(stderr: str, trouble: Trouble, words: str) -> None:
    assert trouble_of(stderr) is trouble
    assert last_words(stderr).startswith(words)


ROUTE = """\
host nancy.grid5000.fr
user alice
hostname nancy.grid5000.fr
port 22
identityfile ~/.ssh/id_rsa
identityfile /keys/grid
userknownhostsfile ~/.ssh/known_hosts ~/.ssh/known_hosts2
controlpath none
proxyjump access.grid5000.fr
"""


def test_how_ssh_goes_to_a_host() -> None:
    assert parse_route(ROUTE, "/home/me") == Route(
        "nancy.grid5000.fr",
        "alice",
        "access.grid5000.fr",
        None,
        ("/home/me/.ssh/id_rsa", "/keys/grid"),
        "/home/me/.ssh/known_hosts",
    )
    assert parse_route("proxycommand none\n", "/home/me") == Route("")
    own = parse_route("proxycommand ssh g5k -W x:22\ncontrolpath ~/.ssh/cm\n", "/home/me")
    assert (own.command, own.control_path) == ("ssh g5k -W x:22", "/home/me/.ssh/cm")


def test_public_keys_without_their_comments_and_options() -> None:
    line = 'from="10.*" ssh-rsa AAAAB3Nza/+= me@home'
    assert parse_public_key(line) == "ssh-rsa AAAAB3Nza/+="
    assert parse_public_key("no key") is None
    ecdsa = "ecdsa-sha2-nistp256 AAAAE2Vj"
    assert parse_public_keys(f"{line}\n{ecdsa} x\n") == {"ssh-rsa AAAAB3Nza/+=", ecdsa}
    assert parse_public_keys("The agent has no identities.") == frozenset()


SITE = Site("nancy", Entry(Route("nancy.grid5000.fr"), 0.5), "nancy.grid5000.fr")
ANSWER = """\
Welcome!
execo-doctor-begins
date 1000.250000000
oar
mode 600
public ssh-rsa AAAAB3 me@home
authorized
execo-doctor-ends
"""


def test_the_answer_of_a_frontend() -> None:
    site = parse_answer(SITE, ANSWER, "~/.ssh/key", 1000.0)
    assert (site.clock, site.uncertain, site.stray, site.has_oar) == (0.25, 0.25, "Welcome!", True)
    assert site.key is not None
    assert (site.key.mode, site.key.public, site.key.authorized) == (0o600, "ssh-rsa AAAAB3", True)


def test_the_answer_of_a_host_that_has_nothing() -> None:
    site = parse_answer(SITE, "execo-doctor-begins\nexeco-doctor-ends\n", "~/.ssh/key", 1000.0)
    assert (site.clock, site.has_oar) == (None, False)
    assert site.key is not None
    assert (site.key.mode, site.key.public, site.key.authorized) == (None, None, False)
    assert parse_answer(SITE, ANSWER, None, 1000.0).key is None
