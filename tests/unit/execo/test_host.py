"""Hosts, lists of them, and their folded names."""

import copy
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo import Host, get_hosts_list, get_hosts_set, get_unique_hosts_list
from execo.host import fold_hosts, natural_key, unfold_hosts

FULL = Host("node-1", "root", "/keys/a", 2222)


def test_hosts_are_equal_by_all_four_fields():
    assert Host("node-1", "root", "/keys/a", 2222) == FULL
    assert hash(Host("node-1", "root", "/keys/a", 2222)) == hash(FULL)
    assert Host("node-1", "root", "/keys/a", 22) != FULL
    assert Host("node-1", "alice", "/keys/a", 2222) != FULL
    assert Host("node-1", "root", "/keys/b", 2222) != FULL
    assert Host("node-2", "root", "/keys/a", 2222) != FULL


def test_a_host_with_an_address_alone_stands_for_its_text():
    host = Host("node-1.nancy.grid5000.fr")
    assert host == "node-1.nancy.grid5000.fr"
    assert host in ["node-1.nancy.grid5000.fr"]
    assert "node-1.nancy.grid5000.fr" in {host}
    assert {host: 1}["node-1.nancy.grid5000.fr"] == 1
    assert host != "node-2.nancy.grid5000.fr"


def test_a_host_with_an_account_is_no_text():
    assert Host("node-1", user="root") != "node-1"
    assert Host("node-1", user="root") not in {"node-1"}
    assert Host("node-1") != 1


def test_a_host_prints_as_its_address():
    assert f"{FULL}" == str(FULL) == "node-1"
    assert repr(FULL) == "Host('node-1', user='root', keyfile='/keys/a', port=2222)"
    assert repr(Host("node-1")) == "Host('node-1')"


def test_a_host_made_of_a_host_keeps_the_fields_that_are_not_given():
    assert Host(FULL) == FULL
    assert Host(FULL, user="alice") == Host("node-1", "alice", "/keys/a", 2222)


def test_a_host_is_immutable_and_the_error_says_how_to_make_another():
    with pytest.raises(AttributeError, match=r"immutable: Host\(host, user='alice'\)"):
        FULL.user = "alice"
    with pytest.raises((AttributeError, TypeError)):
        del FULL.user
    assert FULL.user == "root"


def test_a_host_survives_pickle_and_copies():
    assert pickle.loads(pickle.dumps(FULL)) == copy.deepcopy(FULL) == copy.copy(FULL) == FULL


def test_a_key_can_be_a_path_and_a_port_can_be_text():
    host = Host("node-1", keyfile=Path("/keys/a"), port="2222")
    assert (host.keyfile, host.port) == ("/keys/a", 2222)


@pytest.mark.parametrize("address", ["", "-oProxyCommand=x", "a b", "a\nb", "a\0b"])
def test_an_address_that_ssh_would_take_for_something_else_is_refused(address):
    with pytest.raises(ValueError, match=r"^address: "):
        Host(address)


@pytest.mark.parametrize(
    ("fields", "kind", "named"),
    [
        ({"address": None}, TypeError, "address"),
        ({"address": 12}, TypeError, "address"),
        ({"address": "a", "user": "-l"}, ValueError, "user"),
        ({"address": "a", "user": ""}, ValueError, "user"),
        ({"address": "a", "user": 1}, TypeError, "user"),
        ({"address": "a", "port": 0}, ValueError, "port"),
        ({"address": "a", "port": 65536}, ValueError, "port"),
        ({"address": "a", "port": True}, TypeError, "port"),
        ({"address": "a", "port": "ssh"}, TypeError, "port"),
    ],
)
def test_a_wrong_field_is_refused_by_name(fields, kind, named):
    with pytest.raises(kind, match=rf"^{named}: "):
        Host(**fields)


def test_hosts_are_one_or_many_text_or_host():
    assert get_hosts_list("node-1") == [Host("node-1")]
    assert get_hosts_list(FULL) == [FULL]
    assert get_hosts_list(None) == []
    assert get_hosts_list(name for name in ("b", Host("a"))) == [Host("b"), Host("a")]
    assert get_hosts_list({"a": 1}.keys()) == ["a"]


def test_duplicated_hosts_stay_duplicated_in_a_list():
    assert get_hosts_list(["a", "b", "a"]) == ["a", "b", "a"]
    assert get_unique_hosts_list(["b", "a", "b", Host("a", "root")]) == [
        "b",
        "a",
        Host("a", "root"),
    ]
    assert get_hosts_set(["a", "b", "a"]) == {Host("a"), Host("b")}


@pytest.mark.parametrize("hosts", [12, b"node-1", ["a", None], [["a"]]])
def test_what_is_no_host_is_refused(hosts):
    with pytest.raises(TypeError, match="expected"):
        get_hosts_list(hosts)


@pytest.mark.parametrize(
    ("hosts", "text"),
    [
        ([], ""),
        (["x"], "x"),
        (["n-1"], "n-1"),
        (["n-1", "n-2", "n-3"], "n-[1-3]"),
        (["n-10", "n-9", "n-2", "n-9"], "n-[2,9-10]"),
        (["n-01", "n-1", "n-2"], "n-01, n-[1-2]"),
        (["10.0.0.1", "10.0.0.2"], "10.0.0.1, 10.0.0.2"),
        (
            ["gros-1.nancy.grid5000.fr", "gros-2.nancy.grid5000.fr", "gros-1.lille.grid5000.fr"],
            "gros-1.lille.grid5000.fr, gros-[1-2].nancy.grid5000.fr",
        ),
        ([Host("n-1", "root"), Host("n-2")], "n-[1-2]"),
    ],
)
def test_names_are_folded(hosts, text):
    assert fold_hosts(hosts) == text


def expanded(text: str) -> set[str]:
    names: set[str] = set()
    for word in re.findall(r"(?:\[[^]]*\]|[^,\[ ])+", text):
        match = re.fullmatch(r"(.*)\[(.*)\](.*)", word)
        if match is None:
            names.add(word)
            continue
        for part in match[2].split(","):
            low, _, high = part.partition("-")
            numbers = range(int(low), int(high or low) + 1)
            names.update(f"{match[1]}{number}{match[3]}" for number in numbers)
    return names


NAMES = st.from_regex(
    r"[a-c]{0,2}-?[0-3]{1,3}(\.[x-z]{1,2}){0,2}|[a-c]{1,3}", fullmatch=True
).filter(lambda name: not name.startswith("-"))


@given(st.sets(NAMES, max_size=40))
def test_expanding_folded_names_gives_the_same_names(names):
    assert expanded(fold_hosts(names)) == names


@given(st.text())
def test_any_text_can_be_sorted_and_folded(name):
    assert natural_key(name) == natural_key(name)
    assert isinstance(fold_hosts([name]), str)


def test_hosts_and_text_have_one_order():
    assert sorted([Host("c"), "b", Host("a", user="u"), Host("a")]) == [
        "a", Host("a", user="u"), "b", "c",
    ]  # fmt: skip
    assert "a" < Host("b") <= "b" < Host("b", port=1)
    with pytest.raises(TypeError, match="not supported"):
        assert Host("a") < 1


def test_names_sort_by_their_numbers():
    assert sorted(["n-10", "n-9", "m-1"], key=natural_key) == ["m-1", "n-9", "n-10"]


def test_two_thousand_names_fold_into_a_few_characters():
    assert fold_hosts(f"n-{i}.lyon" for i in range(1, 2001)) == "n-[1-2000].lyon"


def test_names_that_stand_for_too_many_hosts_are_refused():
    for text in ("a-[1-2]-[1-99999]", "a-[1-90000]-[1-90000]", "a-[1-60000,1-60000]"):
        with pytest.raises(ValueError, match="more than 100000 hosts"):
            unfold_hosts(text)
