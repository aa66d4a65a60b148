"""kavlan and g5k-subnets, on modelled sites."""

import re

import pytest

from tests.unit.execo_g5k.sandbox.gridlab import GridLab

RESOURCES = "{type='kavlan'}/vlan=1+slash_22=1+nodes=2,walltime=1"


@pytest.fixture
def lab() -> GridLab:
    """A job with a vlan, a subnet and two nodes, and one with nodes alone."""
    lab = GridLab(vlans=True, subnets=True)
    lab.call(["oarsub", "-t", "deploy", "-l", RESOURCES, "sleep"])
    lab.call("oarsub -l nodes=1,walltime=1 sleep")
    lab.wait()
    return lab


@pytest.fixture
def job(lab: GridLab) -> int:
    return next(iter(lab.sites["nancy"].jobs))


def answer(lab: GridLab, words: str, **options) -> str:
    reply = lab.call(words, **options)
    assert (reply.exit_code, reply.stderr) == (0, ""), reply
    return reply.stdout


def refusal(lab: GridLab, words: str, **options) -> str:
    reply = lab.call(words, **options)
    assert (reply.exit_code, reply.stdout) == (1, ""), reply
    return reply.stderr


# --- kavlan


def test_the_vlan_of_a_job(lab, job):
    assert answer(lab, f"kavlan -V -j {job}") == "4\n"
    assert answer(lab, "kavlan -V", environment={"OAR_JOB_ID": str(job)}) == "4\n"
    assert refusal(lab, "kavlan -V") == "no job specified, use -j\n"
    assert refusal(lab, f"kavlan -V -j {job + 1}") == "no vlan found\n"
    assert refusal(lab, "kavlan -V -j 99") == "no vlan found\n"
    assert refusal(lab, "kavlan -V -j abc") == "Wrong jobid given (abc), abort!\n"
    assert refusal(lab, f"kavlan -q -V -j {job + 1}") == ""


def test_several_vlans_are_told_one_a_line(lab):
    wanted = "{type='kavlan'}/vlan=2+{type='kavlan-local'}/vlan=1+nodes=1,walltime=1"
    lab.call(["oarsub", "-t", "deploy", "-l", wanted, "sleep"])
    lab.wait()
    *_, job_id = lab.sites["nancy"].jobs
    assert answer(lab, f"kavlan -V -j {job_id}") == "1\n5\n6\n"


def test_the_names_of_nodes_in_a_vlan(lab, job):
    assert answer(lab, f"kavlan -l -j {job}").splitlines() == [
        "griffon-1-kavlan-4.nancy.grid5000.fr", "griffon-2-kavlan-4.nancy.grid5000.fr"
    ]  # fmt: skip
    plain = answer(lab, f"kavlan -l -i DEFAULT -j {job}")
    assert plain == "griffon-1.nancy.grid5000.fr\ngriffon-2.nancy.grid5000.fr\n"


def test_nodes_are_put_in_a_vlan_and_back(lab, job):
    done = "all nodes are configured in the vlan"
    lab.files.texts["nodes"] = "griffon-1.nancy.grid5000.fr\n"
    assert answer(lab, "kavlan -s -i 4 -f nodes -m griffon-2") == f"{done} 4\n"
    asked = "kavlan -g -m griffon-1 -m griffon-2"
    both = "griffon-1.nancy.grid5000.fr: 4\ngriffon-2.nancy.grid5000.fr: 4\n"
    assert answer(lab, asked) == both
    assert answer(lab, "kavlan -q -s -i default -m griffon-1") == ""
    assert answer(lab, asked).splitlines()[0].endswith(": DEFAULT")
    assert answer(lab, f"kavlan -s -j {job}") == f"{done} 4\n"
    assert answer(lab, asked).count(": 4\n") == 2
    in_job = {"OAR_JOB_ID": str(job), "OAR_NODEFILE": "/var/lib/oar/1"}
    assert answer(lab, "kavlan -s -i DEFAULT", environment=in_job) == (
        f"Take node list from OAR nodefile: /var/lib/oar/1\n{done} DEFAULT\n"
    )


def test_nodes_go_back_when_their_job_ends(lab, job):
    answer(lab, f"kavlan -s -j {job}")
    lab.call(f"oardel {job}")
    lab.wait()
    assert answer(lab, "kavlan -g -m griffon-1") == "griffon-1.nancy.grid5000.fr: DEFAULT\n"


def test_only_what_is_ones_own_is_changed(lab, job):
    assert "appropriate rights on VLAN" in refusal(lab, "kavlan -s -i 5 -m griffon-1")
    assert "appropriate rights on VLAN" in refusal(lab, "kavlan -s -i 4 -m griffon-1", user="bob")
    # a node of a job that is no deployment, and one of no job
    for node in ("graphene-1", "graphene-4"):
        assert f"rights on {node}." in refusal(lab, f"kavlan -s -i 4 -m {node}")
    assert "not present" in refusal(lab, "kavlan -s -i 4 -m nosuch-1")
    assert refusal(lab, "kavlan -s -i 99 -m griffon-1") == "abort: bad VLAN id (99)\n"
    assert refusal(lab, "kavlan -s -i 4") == "No nodes specified: use -m, -f or -j\n"
    assert "can't open nosuch" in refusal(lab, "kavlan -s -i 4 -f nosuch")
    assert "when jobid is given" in refusal(lab, f"kavlan -s -j {job} -m griffon-1")


def test_networks_of_vlans(lab, job):
    assert answer(lab, f"kavlan -r -j {job}") == "10.16.0.0/18\n"
    assert answer(lab, "kavlan -g -i 14") == "10.19.255.254\n"
    assert "Unknown network range" in refusal(lab, "kavlan -r -i DEFAULT")


def test_dhcp_is_stopped_and_started(lab, job):
    stopped = lab.sites["nancy"].networks.without_dhcp
    assert answer(lab, f"kavlan -d -i 4 -j {job}") == ""
    assert stopped == {"4"}
    assert answer(lab, f"kavlan -e -i 4 -j {job}") == ""
    assert stopped == set()
    assert "rights on VLAN" in refusal(lab, "kavlan -d -i 5")


def test_kavlan_without_anything_to_do(lab):
    assert lab.call("kavlan").exit_code == 1
    assert lab.call("kavlan --nosuch").exit_code == 1
    assert lab.call("kavlan -h").exit_code == 0
    assert refusal(lab, "kavlan -v") == "no action specified, abort\n"


# --- g5k-subnets


def test_the_subnet_of_a_job(lab, job):
    assert answer(lab, f"g5k-subnets -j {job}") == "10.144.0.0\n"
    assert answer(lab, f"g5k-subnets -p -j {job}") == "10.144.0.0/22\n"
    assert answer(lab, f"g5k-subnets -sp -j {job}") == "10.144.0.0/22\n"
    assert answer(lab, "g5k-subnets -p", environment={"OAR_JOB_ID": str(job)}) == "10.144.0.0/22\n"
    assert answer(lab, f"g5k-subnets -a -j {job}") == "\t".join(
        ["10.144.0.0/22", "10.147.255.255", "255.252.0.0", "10.147.255.254", "10.144.0.0",
         "dns.nancy.grid5000.fr", "172.16.79.101"]
    ) + "\n"  # fmt: skip


def test_the_addresses_of_a_subnet(lab, job):
    pairs = [line.split("\t") for line in answer(lab, f"g5k-subnets -j {job} -im").splitlines()]
    assert pairs[0] == ["10.144.0.1", "00:16:3E:90:00:01"]
    assert pairs[-1] == ["10.144.3.254", "00:16:3E:90:03:FE"]
    assert len(pairs) == 1022
    assert [ip for ip, _ in pairs] == answer(lab, f"g5k-subnets -i -j {job}").split()
    assert [mac for _, mac in pairs] == answer(lab, f"g5k-subnets -m -j {job}").split()


def test_columns_have_one_order_however_options_are_written(lab, job):
    first = answer(lab, f"g5k-subnets -j {job} -ingbm").splitlines()[0]
    assert first.split("\t") == [
        "10.144.0.1", "10.147.255.255", "255.252.0.0", "10.147.255.254", "00:16:3E:90:00:01"
    ]  # fmt: skip
    assert answer(lab, f"g5k-subnets -j {job} -mbgni").splitlines()[0] == first
    assert answer(lab, f"g5k-subnets -GN -j {job}") == "10.144.0.0\n"
    assert answer(lab, f"g5k-subnets -gN -j {job}") == "10.147.255.254\n"
    assert answer(lab, f"g5k-subnets -d -j {job}").split()[-1] == "172.16.79.101"


def test_several_subnets_are_told_each_or_as_one():
    lab = GridLab(subnets=True)
    lab.call("oarsub -l slash_21=1,walltime=1 sleep")
    lab.wait()
    [job] = lab.sites["nancy"].jobs
    assert answer(lab, f"g5k-subnets -p -j {job}").split() == ["10.144.0.0/22", "10.144.4.0/22"]
    assert answer(lab, f"g5k-subnets -sp -j {job}") == "10.144.0.0/21\n"
    assert len(answer(lab, f"g5k-subnets -a -j {job}").splitlines()) == 2
    assert len(answer(lab, f"g5k-subnets -i -j {job}").splitlines()) == 2 * 1022
    assert len(answer(lab, f"g5k-subnets -is -j {job}").splitlines()) == 2046


def test_a_job_without_a_subnet(lab, job):
    for words in (f"g5k-subnets -im -j {job + 1}", "g5k-subnets -im -j 99", "g5k-subnets -a -j x"):
        assert re.fullmatch(r"no subnet found for job \w+\n", refusal(lab, words))
    assert refusal(lab, "g5k-subnets -im") == "no job specified, use -j\n"


def test_a_list_is_written_to_a_file(lab, job):
    assert answer(lab, f"g5k-subnets -im -o list -j {job}") == ""
    assert lab.files.texts["list"] == answer(lab, f"g5k-subnets -im -j {job}")
