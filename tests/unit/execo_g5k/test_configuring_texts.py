"""The texts that configure writes: aliases, ~/.execo.conf.py, keys of sites."""

import dataclasses
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from execo_g5k.config import SITES
from execo_g5k.configuring import files
from execo_g5k.configuring.aliases import own_config, with_include
from execo_g5k.configuring.changes import Change
from execo_g5k.configuring.choices import (
    SITES_TODAY,
    BadChoice,
    Choices,
    checked_sites,
    parse_choices,
)
from execo_g5k.configuring.conf import UnreadableConf, merged_conf, wanted_entries
from execo_g5k.configuring.sites import AUTHORIZED, changes_of_key
from execo_g5k.doctor.facts import Entry, Route, Site, SiteKey
from execo_g5k.doctor.openssh import parse_route

CHOICES = Choices("alice", sites=("nancy", "lyon"))
ENTRIES = wanted_entries(CHOICES, oarsh=False)


def merged(text: str) -> str:
    return merged_conf(text, CHOICES, ENTRIES).text


def run(text: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(text, names)
    return names


def test_choices_are_read_back_from_the_aliases() -> None:
    text = own_config(CHOICES, "~/.ssh/id")
    assert parse_choices(text) == CHOICES
    assert parse_choices("Host x\n") == Choices()
    assert parse_choices('# choices: {"user": 3, "sites": ["nancy"], "more": 1}') == Choices(
        sites=("nancy",)
    )
    assert parse_choices("# choices: {") == parse_choices("# choices: []") == Choices()
    assert CHOICES.chosen(user=None, sites=(), access="gate") == Choices(
        "alice", "gate", ("nancy", "lyon")
    )
    assert set(SITES_TODAY) <= SITES


@pytest.mark.parametrize(
    ("field", "value", "option"),
    [
        *(("user", value, "--user") for value in ("", "Jane Doe", "a\nb", "-x", 'a"b', "a%u", "#")),
        *(("access", value, "--access") for value in ("", "a b", "-oX", "g\n", "a,b", "ü.org")),
        *(("sites", (value,), "--site") for value in ("", "x\n ProxyCommand y", "-x", "a/b")),
        *(
            (field, value, option)
            for value in ("", "key", "#key", "/a\tb", "/a\x85", '/a"b', "/a'b", "/a\\", "/${A}")
            for field, option in (("outside_key", "--outside-key"), ("inside_key", "--inside-key"))
        ),
        ("inside_key", "/a%h", "--inside-key"),
    ],
)
def test_a_choice_that_would_break_what_is_made_of_it_is_refused(
    field: str, value: Any, option: str
) -> None:
    bad = value[0] if field == "sites" else value
    with pytest.raises(BadChoice) as told:
        CHOICES.chosen(**{field: value})
    assert str(told.value).startswith(f"{option}: {bad!r}: expected ")
    # a file of ours that somebody changed
    with pytest.raises(BadChoice, match="remembered"):
        dataclasses.replace(CHOICES, **{field: value}).chosen(
            **({"user": "bob"} if field != "user" else {})
        )


def test_choices_that_can_be_used_are_taken() -> None:
    keys = {"outside_key": "/my keys/50%h é\udce9", "inside_key": "~/.ssh/my key"}
    chosen = CHOICES.chosen(user="jane.doe@lab", access="gate-1.example.org", **keys)
    assert parse_choices(chosen.line()) == chosen
    assert checked_sites(["nancy", "frontend.my_cluster.org"])
    with pytest.raises(BadChoice, match="--site: ''"):
        checked_sites(["nancy", ""])
    assert parse_choices('# choices: {"sites": "nancy", "user": ["a"]}') == Choices()
    assert parse_choices('# choices: {"sites": []}') == Choices()


@pytest.mark.skipif(shutil.which("ssh") is None, reason="it asks ssh")
def test_ssh_reads_the_name_of_a_key_as_it_is(tmp_path: Path) -> None:
    path = str(tmp_path / "a b%h")
    (tmp_path / "config").write_text(own_config(CHOICES, path))
    argv = ["ssh", "-F", str(tmp_path / "config"), "-G", "nancy.grid5000.fr"]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    assert parse_route(told, "/home").identities == (path,)


@pytest.mark.parametrize("text", ["", "# mine\n", "Host x\n  User y\n", "Include other\n"])
def test_the_include_is_the_first_line_and_is_written_once(text: str) -> None:
    once = with_include(text, "~/.ssh/own")
    assert "Include ~/.ssh/own\n" in once.partition("Host x")[0]
    assert once.endswith(text)
    assert with_include(once, "~/.ssh/own") == once


def test_the_line_ends_of_the_user_stay() -> None:
    text = "Host x\r\n  User y\r\n"
    once = with_include(text, "~/.ssh/own")
    assert once.endswith(text)
    assert once.count("\n") == once.count("\r\n")
    assert with_include(once, "~/.ssh/own") == once
    conf = "x = 1\r\ny = (\r\n  2)\r\n"
    once = merged(conf)
    assert once.startswith(conf)
    assert once.count("\n") == once.count("\r\n")
    assert run(once)["g5k_configuration"] == {"oar_job_key_file": "~/.ssh/g5k_inside"}
    assert merged(once) == once
    again = merged_conf(once, dataclasses.replace(CHOICES, sites=("lille",)), ENTRIES).text
    assert again.count("def g5k_address") == 1


def test_an_include_below_a_host_is_none() -> None:
    text = "Host x\n  Include ~/.ssh/own\n"
    assert with_include(text, "~/.ssh/own") != text
    assert 'Include "/my home/own"' in with_include("", "/my home/own")
    spaced = with_include("", "/my home/own")
    assert with_include(spaced, "/my home/own") == spaced


def test_an_empty_file_gets_all_settings() -> None:
    names = run(merged(""))
    assert names["g5k_configuration"] == {"oar_job_key_file": "~/.ssh/g5k_inside"}
    rewrite = names["default_frontend_connexion_params"]["host_rewrite_func"]
    assert [rewrite(name) for name in ("nancy", "grisou-1.nancy", "x.example.org", "10.0.0.1")] == [
        "nancy.grid5000.fr", "grisou-1.nancy.grid5000.fr", "x.example.org", "10.0.0.1",
    ]  # fmt: skip
    nodes = names["default_oarsh_oarcp_params"]
    assert (nodes["user"], nodes["port"], nodes["ssh"]) == ("oar", 6667, "ssh")
    assert nodes["taktuk_gateway"] == "nancy.grid5000.fr"


OWN = [
    "",
    "x = 1",
    "# only a comment\n",
    'g5k_configuration = {"polling_interval": 3}\n',
    'g5k_configuration = {"oar_job_key_file": "~/.ssh/g5k_inside"}\n',
    'default_connection_params = {}\ndefault_frontend_connection_params = {"user": "me"}\n',
    'default_oarsh_oarcp_params: dict = {"user": "me", "keyfile": None}\n',
    'from somewhere import *\n\n\ndef f():\n    return "x"\n',
]


@pytest.mark.parametrize("text", OWN)
def test_the_second_time_nothing_changes(text: str) -> None:
    once = merged(text)
    assert merged(once) == once
    assert once.startswith(text.rstrip())


@pytest.mark.parametrize("below", OWN[3:-1])
@pytest.mark.parametrize("above", OWN[:-1])
def test_what_is_written_above_and_below_later_wins(above: str, below: str) -> None:
    text = merged(f"{merged(above)}{below}")
    assert merged(text) == text
    names = run(text)
    g5k = names["g5k_configuration"]
    assert g5k["oar_job_key_file"] == "~/.ssh/g5k_inside"
    assert names["default_oarsh_oarcp_params"]["port"] == 6667
    if "polling" in below:
        assert g5k["polling_interval"] == 3


def test_keys_that_are_changed_below_the_block_still_have_a_dict() -> None:
    text = merged("") + 'g5k_configuration["oar_job_key_file"] = "~/.ssh/other"\n'
    again = merged_conf(text, CHOICES, ENTRIES)
    assert again.job_key == "~/.ssh/other"
    assert run(again.text)["g5k_configuration"] == {"oar_job_key_file": "~/.ssh/other"}
    assert again.kept == ("g5k_configuration['oar_job_key_file'] = '~/.ssh/other'",)
    assert merged(again.text) == again.text


def test_what_the_user_has_set_otherwise_stays_and_is_told() -> None:
    text = "import os\ng5k_configuration = {'oar_job_key_file': os.environ['KEY']}\n"
    found = merged_conf(text, CHOICES, ENTRIES)
    assert found.kept == ("g5k_configuration['oar_job_key_file'] = os.environ['KEY']",)
    assert found.job_key is None
    assert found.text.count("oar_job_key_file") == 1


def test_other_choices_replace_what_was_written() -> None:
    other = Choices("bob", sites=("lille",), inside_key="~/.ssh/mine")
    text = merged_conf(merged("x = 1\n"), other, wanted_entries(other, oarsh=True)).text
    assert run(text)["g5k_configuration"] == {"oar_job_key_file": "~/.ssh/mine"}
    assert "default_oarsh_oarcp_params" not in text
    assert text.startswith("x = 1\n")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("x = = 1\n", [1]),
        ("\n\n  y\n", [3]),
        # each version of Python has its own idea of these
        ("a = '\0'", [None, 1]),
        ("-" * 100_000 + "1", [None, 1]),
    ],
)
def test_what_is_no_python_is_left_alone(text: str, lines: list[int | None]) -> None:
    with pytest.raises(UnreadableConf) as told:
        merged(text)
    assert told.value.line in lines
    assert str(told.value)


# --- sites

PUBLIC = "ssh-rsa AAAA me@inside\n"
ENTRY = Entry(Route("nancy.grid5000.fr"), 0.1)


def changes(key: SiteKey | None, authorized: str = "") -> list[str]:
    site = Site("nancy", ENTRY, "nancy.grid5000.fr", key=key)
    return [
        change.path for change in changes_of_key(site, "~/.ssh/k", "PRIVATE", PUBLIC, authorized)
    ]


def test_only_what_is_missing_on_a_site_is_written() -> None:
    right = SiteKey("~/.ssh/k", 0o600, "ssh-rsa AAAA", True)
    assert changes(right, "x\nssh-rsa AAAA other comment\n") == []
    assert changes(right, "# ssh-rsa AAAA\n") == [AUTHORIZED]
    assert changes(None) == ["~/.ssh/k", "~/.ssh/k.pub", AUTHORIZED]
    seen = SiteKey("~/.ssh/k", 0o644, "ssh-rsa AAAA", True)
    assert changes(seen, "ssh-rsa AAAA\n") == ["~/.ssh/k"]


def test_a_key_is_added_behind_a_last_line_without_an_end() -> None:
    site = Site("nancy", ENTRY, "nancy.grid5000.fr")
    *_, added = changes_of_key(site, "~/.ssh/k", "PRIVATE", PUBLIC, "ssh-dss B")
    assert added.after == f"ssh-dss B\n{PUBLIC}"
    assert "+ssh-rsa AAAA me@inside" in added.diff()
    assert "PRIVATE" not in "".join(
        change.diff() for change in changes_of_key(site, "~/.ssh/k", "PRIVATE", PUBLIC, "")
    )


def test_a_change_shows_what_goes_and_what_comes() -> None:
    change = Change("/h/conf", "a\nc\n", before="a\nb")
    assert change.diff().splitlines()[-2:] == ["-b", "+c"]
    assert Change("/h/conf", "a\n").diff().startswith("--- /dev/null\n+++ /h/conf\n")
    assert Change("~/k", "", site="nancy").where == "~/k on nancy"


# --- files


def test_a_file_is_replaced_with_its_mode_and_a_backup(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_text("old")
    path.chmod(0o640)
    backup = files.write(path, b"new", "20260101")
    assert backup == tmp_path / "conf.execo-20260101"
    assert (path.read_text(), backup.read_text()) == ("new", "old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["conf", "conf.execo-20260101"]


def test_the_line_ends_of_a_file_are_read_and_written(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"a\r\nb\nc\r")
    change = Change("conf", files.read(path) or "")
    files.write(path, change.content, "20260101")
    assert path.read_bytes() == b"a\r\nb\nc\r"


def test_bytes_that_are_no_characters_stay(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.write_bytes(b"# r\xe9glages\nHost foo\n")
    change = Change("conf", with_include(files.read(path) or "", "~/.ssh/own"))
    assert change.content.endswith(path.read_bytes())
    assert Change("conf", "é", encoding="latin-1").content == b"\xe9"


def test_a_new_file_is_private_and_has_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "conf"
    assert files.write(path, b"new", "20260101") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert files.read(path) == "new"
    assert files.read(tmp_path / "other") is None


def test_a_file_that_cant_be_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "conf"
    path.mkdir()
    with pytest.raises(OSError):
        files.write(path, b"new", "20260101")
    assert path.is_dir()


def test_ssh_is_told_names_in_the_home_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    home = pwd.getpwuid(os.getuid()).pw_dir
    monkeypatch.setenv("HOME", home)
    assert files.for_ssh("~/.ssh/key") == "~/.ssh/key"
    assert files.for_ssh("/keys/key") == "/keys/key"
    monkeypatch.setenv("HOME", "/another")
    assert files.for_ssh("~/.ssh/key") == "/another/.ssh/key"
