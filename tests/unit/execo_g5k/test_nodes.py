import pytest

from execo import Host
from execo_g5k.nodes import AskedNodes, get_kavlan_host_name, own_name, site_of

FULL = "graphene-1.nancy.grid5000.fr"


@pytest.mark.parametrize(
    ("name", "site", "own"),
    [
        (FULL, "nancy", FULL),
        # 22: names without the domain, or without the site
        ("graphene-1.nancy", "nancy", FULL),
        ("graphene-1", None, "graphene-1"),
        ("graphene-1-kavlan-4.nancy.grid5000.fr", "nancy", FULL),
        ("graphene-1-kavlan-4", None, "graphene-1"),
        ("my-cluster-12.newsite.grid5000.fr", "newsite.grid5000.fr", None),
        (Host(FULL, user="root"), "nancy", FULL),
        (f"{FULL}.", "nancy", FULL),
        ("Graphene-1.Nancy.Grid5000.fr", "nancy", FULL),
    ],
)
def test_the_site_and_the_own_name_are_in_the_name_of_a_node(name, site, own):
    assert site_of(name) == site
    assert own_name(name) == (own or name)


@pytest.mark.parametrize("name", ["172.16.64.1", "2001:660::1", "1.2", "::1"])
def test_an_address_has_no_site(name):
    with pytest.raises(ValueError, match="is an address"):
        site_of(name)


@pytest.mark.parametrize("name", ["a.b.c", "node.example.org", "graphene-1.nowhere", "a-.nancy"])
def test_a_name_of_no_known_site_is_an_error_that_says_what_is_expected(name):
    with pytest.raises(ValueError, match=name):
        site_of(name)


@pytest.mark.parametrize(
    ("host", "vlan", "expected"),
    [
        (FULL, 4, "graphene-1-kavlan-4.nancy.grid5000.fr"),
        (Host(FULL), "12", "graphene-1-kavlan-12.nancy.grid5000.fr"),
        ("graphene-1-kavlan-4.nancy.grid5000.fr", 5, "graphene-1-kavlan-5.nancy.grid5000.fr"),
        ("graphene-1", 4, "graphene-1-kavlan-4"),
    ],
)
def test_names_in_a_vlan(host, vlan, expected):
    assert get_kavlan_host_name(host, vlan) == expected


@pytest.mark.parametrize(("host", "vlan"), [("1.2.3.4", 4), (FULL, "x"), (FULL, None), (FULL, -1)])
def test_what_has_no_name_in_a_vlan_is_refused(host, vlan):
    with pytest.raises(ValueError):
        get_kavlan_host_name(host, vlan)


@pytest.mark.parametrize(
    "asked",
    [
        "graphene-1",
        "graphene-1.nancy",
        FULL,
        "graphene-1-kavlan-4.nancy.grid5000.fr",
        Host(FULL, user="root", port=2222),
    ],
)
@pytest.mark.parametrize("answered", [FULL, "graphene-1", "graphene-1-kavlan-4.nancy.grid5000.fr"])
def test_asked_hosts_are_found_by_any_name_that_is_answered(asked, answered):
    # 14: else an answer is taken for another node, and it is deployed again for ever
    host = Host(asked)
    assert AskedNodes([host, Host("graphene-10.nancy.grid5000.fr")]).find(answered) == (host,)


def test_one_node_asked_for_by_several_names_is_all_of_them():
    asked = [Host("graphene-1"), Host(FULL), Host(FULL, user="root")]
    assert set(AskedNodes(asked).find(FULL)) == set(asked)


@pytest.mark.parametrize(
    "name", ["graphene-1.lyon.grid5000.fr", "graphene-11", "", "a b", "1.2.3.4"]
)
def test_what_was_not_asked_for_is_not_found(name):
    assert AskedNodes([Host(FULL)]).find(name) == ()
