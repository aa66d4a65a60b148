from ipaddress import IPv4Address, IPv4Network

import pytest

from execo_g5k.sandbox.model.networks import (
    mac_of,
    name_in_vlan,
    network_rows,
    site_networks,
    subnets_of,
    vlans_of,
)
from execo_g5k.sandbox.model.request import parse_request
from execo_g5k.sandbox.model.table import BadSql, ids_of
from tests.unit.execo_g5k.sandbox.gridlab import GridLab


def rows_of(lab: GridLab, job_id: int, site: str = "nancy"):
    table = lab.sites[site].table
    return [table.rows[n - 1] for n in ids_of(lab.sites[site].jobs[job_id].resources)]


def test_known_sites_have_the_numbers_of_grid5000():
    networks = site_networks(["rennes", "nancy"])
    nancy, rennes = networks["nancy"], networks["rennes"]
    found = {v.vlan_id: (str(v.network), str(v.gateway)) for v in nancy.vlans.values()}
    assert found == {
        "1": ("192.168.192.0/20", "192.168.207.254"),
        "2": ("192.168.208.0/20", "192.168.223.254"),
        "3": ("192.168.224.0/20", "192.168.239.254"),
        "4": ("10.16.0.0/18", "10.16.63.254"),
        "5": ("10.16.64.0/18", "10.16.127.254"),
        "6": ("10.16.128.0/18", "10.16.191.254"),
        "7": ("10.16.192.0/18", "10.16.255.254"),
        "8": ("10.17.0.0/18", "10.17.63.254"),
        "9": ("10.17.64.0/18", "10.17.127.254"),
        "14": ("10.19.192.0/18", "10.19.255.254"),
    }  # fmt: skip
    assert (str(rennes.block), str(rennes.gateway)) == ("10.156.0.0/14", "10.159.255.254")
    assert "16" in rennes.vlans


def test_sites_that_nobody_knows_share_no_address():
    names = ["nancy", *(f"site{n}" for n in range(30))]
    blocks = [network.block for network in site_networks(names).values()]
    assert len(set(blocks)) == len(names)
    assert all(block.is_private for block in blocks)
    vlans = [v.vlan_id for n in site_networks(names).values() for v in n.vlans.values()]
    of_the_grid = [int(vlan_id) for vlan_id in vlans if int(vlan_id) >= 10]
    assert len(set(of_the_grid)) == len(names)


def test_prefixes_number_the_blocks_that_hold_a_subnet():
    networks = site_networks(["nancy"])["nancy"]
    rows = list(network_rows(networks, 11, vlans=False, subnets=True))
    assert [row["resource_id"] for row in rows] == list(range(11, 11 + 192))
    for length in range(16, 23):
        for number in {row[f"slash_{length}"] for row in rows}:
            inside = subnets_of(row for row in rows if row[f"slash_{length}"] == number)
            [whole] = {subnet.supernet(new_prefix=length) for subnet in inside}
            assert whole.num_addresses == 1024 * len(inside)
    assert len({row["slash_16"] for row in rows}) == 3


def test_addresses_have_the_mac_of_grid5000():
    assert mac_of(IPv4Address("10.132.8.1")) == "00:16:3E:84:08:01"
    assert mac_of(IPv4Address("10.158.3.254")) == "00:16:3E:9E:03:FE"
    assert name_in_vlan("a-1.lyon.grid5000.fr", "4") == "a-1-kavlan-4.lyon.grid5000.fr"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nodes=2", "{type = 'default'}/network_address=2"),
        ("slash_22=1+nodes=2", "{type = 'subnet'}/slash_22=1+{type = 'default'}/network_address=2"),
        ("/slash_20=2/slash_22=1", "{type = 'subnet'}/slash_20=2/slash_22=1"),
        ("{type='kavlan'}/vlan=1", "{type='kavlan'}/vlan=1"),
        ("{(type = 'kavlan')}/vlan=1", "{(type = 'kavlan')}/vlan=1"),
        ("{cputype='x'}/nodes=1", "{(cputype='x') AND type = 'default'}/network_address=1"),
    ],
)
def test_a_request_names_the_type_of_its_resources(text, told):
    assert str(parse_request(text).with_type()) == told


def test_jobs_get_vlans_and_subnets_of_their_own():
    lab = GridLab(vlans=True, subnets=True)
    wanted = "{type='kavlan'}/vlan=1+slash_22=1+nodes=1,walltime=1"
    for _ in range(2):
        assert lab.call(["oarsub", "-t", "deploy", "-l", wanted, "sleep"]).exit_code == 0
    lab.wait()
    first, second = lab.sites["nancy"].jobs
    assert (vlans_of(rows_of(lab, first)), vlans_of(rows_of(lab, second))) == (["4"], ["5"])
    assert subnets_of(rows_of(lab, first)) == [IPv4Network("10.144.0.0/22")]
    assert subnets_of(rows_of(lab, second)) == [IPv4Network("10.144.4.0/22")]


def test_larger_blocks_are_whole():
    lab = GridLab(subnets=True)
    lab.call("oarsub -l slash_22=1,walltime=1 sleep")
    lab.call("oarsub -l slash_21=1+nodes=1,walltime=1 sleep")
    lab.wait()
    *_, job_id = lab.sites["nancy"].jobs
    assert [str(subnet) for subnet in subnets_of(rows_of(lab, job_id))] == [
        "10.144.8.0/22", "10.144.12.0/22"
    ]  # fmt: skip
    refused = lab.call("oarsub -l slash_16=4,walltime=1 sleep")
    assert "There are not enough resources" in refused.stderr
    assert len(lab.sites["nancy"].jobs) == 2


def test_the_one_global_vlan_of_a_site_is_waited_for():
    lab = GridLab(vlans=True)
    words = [
        "oarsub",
        "-t",
        "deploy",
        "-l",
        "{type='kavlan-global'}/vlan=1+nodes=1,walltime=1",
        "s",
    ]
    lab.call(words)
    lab.call(words)
    lab.wait()
    assert [state for *_, state in lab.jobs()] == ["Running", "Waiting"]


def test_oarstat_tells_vlans_as_resources_and_not_as_hosts():
    lab = GridLab(vlans=True, subnets=True)
    lab.call(["oarsub", "-t", "deploy", "-l", "{type='kavlan-local'}/vlan=1+nodes=1", "sleep"])
    lab.wait()
    [job] = lab.sites["nancy"].jobs.values()
    told = lab.call(f"oarstat -fj {job.job_id}").stdout
    assert "    assigned_hostnames = griffon-1.nancy.grid5000.fr\n" in told
    assert "    assigned_resources = 1+2+13\n" in told
    assert "{type='kavlan-local'}/vlan=1+{type = 'default'}/network_address=1,walltime" in told
    properties = lab.call(f"oarstat -pj {job.job_id}").stdout.splitlines()
    assert len(properties) == 3
    assert " type = 'kavlan-local' " in properties[2]
    assert " vlan = '1' " in properties[2]
    assert lab.call("oarnodes -l").stdout.splitlines()[0] == "", "as OAR, which lists '' too"


def test_a_job_without_nodes_is_on_the_frontend():
    lab = GridLab(subnets=True)
    lab.call("oarsub -l slash_22=1,walltime=1 sleep")
    lab.wait()
    [job] = lab.sites["nancy"].jobs.values()
    assert lab.sites["nancy"].head(job) == "frontend.nancy.grid5000.fr"
    lab.call(f"oardel {job.job_id}")
    lab.wait()
    assert lab.jobs() == [("nancy", job.job_id, "Error")]


def test_sites_without_networks_have_none():
    lab = GridLab()
    for wanted in ("{type='kavlan'}/vlan=1", "slash_22=1"):
        reply = lab.call(["oarsub", "-l", f"{wanted}+nodes=1", "sleep"])
        assert reply.exit_code == 8
    with pytest.raises(BadSql):
        lab.sites["nancy"].table.select("vlan = '4'")
