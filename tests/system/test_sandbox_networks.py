"""Vlans and subnets in a running sandbox, by hand and through the library."""

import subprocess
from ipaddress import IPv4Address, IPv4Network

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import (
    OarSubmission,
    get_oar_job_kavlan,
    get_oar_job_nodes,
    get_oar_job_subnets,
    oarsub,
    wait_oar_job_start,
)
from execo_g5k.sandbox import Sandbox
from tests.system.helpers import until


@pytest.fixture(scope="module")
def started():
    sites = {"nancy": {"grisou": 4}, "lyon": {"nova": 2}}
    sandbox = Sandbox(sites, vlans=True, subnets=True).start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def grid(started):
    with started.entered():
        yield started
    for site in started.sites:
        started.clear(site)


def start(resources, site="nancy", **fields):
    [(job_id, _)] = oarsub([(OarSubmission(resources, walltime=600, **fields), site)])
    assert job_id is not None
    assert wait_oar_job_start(job_id, site, timeout=30)
    return job_id


def on(grid, text, site="nancy"):
    ssh = [grid.directory.outside / "ssh", site, text]
    return subprocess.run(
        ssh, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_subnet_is_found_through_the_library(grid):
    job_id = start("slash_22=1+nodes=2")
    assert len(get_oar_job_nodes(job_id, "nancy")) == 2
    addresses, network = get_oar_job_subnets(job_id, "nancy", timeout=30)
    prefix = IPv4Network(network["ip_prefix"])
    assert (len(addresses), prefix.prefixlen) == (1022, 22)
    assert all(IPv4Address(ip) in prefix for ip, _ in addresses)
    assert addresses[0] == ("10.144.0.1", "00:16:3E:90:00:01")
    whole = IPv4Network(f"{network['network']}/{network['netmask']}")
    assert prefix.subnet_of(whole)
    assert IPv4Address(network["gateway"]) in whole
    assert network["broadcast"] == str(whole.broadcast_address)
    assert network["dns_hostname"] == "dns.nancy.grid5000.fr"


def test_subnets_of_two_jobs_and_of_two_sites_differ(grid):
    jobs = [(start("slash_22=1", "nancy"), "nancy"), (start("slash_22=1", "nancy"), "nancy")]
    jobs.append((start("slash_22=1", "lyon"), "lyon"))
    prefixes = [get_oar_job_subnets(*job, timeout=30)[1]["ip_prefix"] for job in jobs]
    assert prefixes == ["10.144.0.0/22", "10.144.4.0/22", "10.140.0.0/22"]


def test_vlans_are_found_through_the_library(grid):
    job_id = start("{type='kavlan'}/vlan=1+/nodes=2", job_type="deploy")
    assert get_oar_job_kavlan(job_id, "nancy", timeout=30) == [4]
    both = start("{type='kavlan'}/vlan=1+{type='kavlan-global'}/vlan=1", job_type="deploy")
    assert get_oar_job_kavlan(both, "nancy", timeout=30) == [5, 14]


def test_jobs_without_networks_have_none(grid):
    job_id = start("nodes=1")
    assert get_oar_job_kavlan(job_id, "nancy", timeout=30) == []
    assert get_oar_job_subnets(job_id, "nancy", timeout=30) == ([], {})


def test_oar_tells_networks_as_resources_and_not_as_nodes(grid):
    job_id = start("slash_22=1+{type='kavlan'}/vlan=1+/nodes=1", job_type="deploy")
    full = on(grid, f"oarstat -fj {job_id}").stdout
    assert "    assigned_hostnames = grisou-1.nancy.grid5000.fr\n" in full
    assert "/slash_22=1+{type='kavlan'}/vlan=1+{type = 'default'}/network_address=1," in full
    assert [host.address for host in get_oar_job_nodes(job_id, "nancy")] == [
        "grisou-1.nancy.grid5000.fr"
    ]


def test_a_job_finds_its_networks_by_its_variables(grid):
    text = (
        "g5k-subnets -p > prefix; kavlan -V > vlan; kavlan -l > names;"
        " sort -u $OAR_NODEFILE > nodes; sleep 600"
    )
    start("slash_22=1+{type='kavlan'}/vlan=1+/nodes=2", job_type="deploy", command=text)
    until(lambda: on(grid, "cat prefix vlan").stdout == "10.144.0.0/22\n4\n", 20)
    names = "grisou-1-kavlan-4.nancy.grid5000.fr\ngrisou-2-kavlan-4.nancy.grid5000.fr\n"
    until(lambda: on(grid, "cat names").stdout == names, 20)
    until(lambda: on(grid, "cat nodes").stdout == names.replace("-kavlan-4", ""), 20)


def test_a_job_on_a_node_finds_its_subnet(grid):
    text = "g5k-subnets -im | head -n 1 > first; hostname >> first; sleep 600"
    start("slash_22=1+nodes=1", command=text)
    until(lambda: on(grid, "cat first").stdout == "10.144.0.1\t00:16:3E:90:00:01\ngrisou-1\n", 20)


def test_nodes_are_put_in_a_vlan(grid):
    job_id = start("{type='kavlan'}/vlan=1+/nodes=2", job_type="deploy")
    nodes = get_oar_job_nodes(job_id, "nancy")
    listed = "".join(f"{node.address}\n" for node in nodes)
    done = on(grid, f"printf '{listed}' > /tmp/list; kavlan -s -i 4 -f /tmp/list")
    assert (done.returncode, done.stdout) == (0, "all nodes are configured in the vlan 4\n")
    asked = " ".join(f"-m {node.address}" for node in nodes)
    assert on(grid, f"kavlan -g {asked}").stdout == "".join(f"{n.address}: 4\n" for n in nodes)
    back = on(grid, f"kavlan -s -i DEFAULT {asked}")
    assert (back.returncode, back.stdout) == (0, "all nodes are configured in the vlan DEFAULT\n")


def test_without_the_database_nothing_is_found(grid):
    job_id = start("slash_22=1+nodes=1")
    grid.faults.stop_database("nancy")
    try:
        for command in ("g5k-subnets -im", "kavlan -V"):
            done = on(grid, f"{command} -j {job_id}")
            assert (done.returncode, done.stdout) == (25, "")
    finally:
        grid.faults.mend_all()
