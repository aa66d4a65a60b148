import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.sandbox.model.dates import read_date, told_date
from execo_g5k.sandbox.model.jobs import State
from execo_g5k.sandbox.model.platform import Cluster, checked_sites, resource_rows


def rows(**clusters):
    return list(resource_rows("lyon", checked_sites({"lyon": clusters})["lyon"], "172.16"))


def test_a_number_is_a_cluster_of_so_many_nodes():
    assert checked_sites({"Lyon": {"Taurus": 3}}) == {"lyon": {"taurus": Cluster(nodes=3)}}


@pytest.mark.parametrize("sites", [None, {}, [], {"lyon": 3}, {"lyon": {}}, {"lyon": {"a": "2"}}])
def test_what_is_no_site_is_refused(sites):
    with pytest.raises(TypeError, match="expected"):
        checked_sites(sites)


def test_a_truth_value_is_no_number_of_nodes():
    with pytest.raises(TypeError, match="number of nodes"):
        checked_sites({"lyon": {"taurus": True}})


@pytest.mark.parametrize("name", ["", "a-b", "a b", "é", 1, "a.b"])
def test_a_name_is_letters_and_digits(name):
    with pytest.raises(ValueError, match="letters and digits"):
        checked_sites({name: {"taurus": 1}})
    with pytest.raises(ValueError, match="letters and digits"):
        checked_sites({"lyon": {name: 1}})


def test_two_names_that_differ_in_case_only_are_refused():
    with pytest.raises(ValueError, match="twice"):
        checked_sites({"lyon": {"a": 1}, "Lyon": {"b": 1}})
    with pytest.raises(ValueError, match="twice"):
        checked_sites({"lyon": {"a": 1, "A": 2}})


@pytest.mark.parametrize("wrong", [{"nodes": 0}, {"nodes": 1, "cores": 0}, {"nodes": True}])
def test_a_cluster_has_one_or_more_of_everything(wrong):
    with pytest.raises(ValueError, match="expected 1 or more"):
        Cluster(**wrong)


def test_cpus_have_equally_many_cores():
    with pytest.raises(ValueError, match="can't be shared"):
        Cluster(nodes=1, cores=4, cpus=3)


def test_each_core_is_a_resource_of_its_node_and_cpu():
    cores = rows(a=2, b=Cluster(nodes=1, cores=2, cpus=1))
    assert [row["resource_id"] for row in cores] == list(range(1, 11))
    assert [row["core"] for row in cores] == list(range(1, 11))
    assert [row["cpu"] for row in cores] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert [row["cpuset"] for row in cores] == [*"0123", *"0123", *"01"]
    hosts = [f"{name}.lyon.grid5000.fr" for name in ("a-1", "a-2", "b-1")]
    assert list(dict.fromkeys(row["network_address"] for row in cores)) == hosts
    assert {row["cluster"] for row in cores[8:]} == {"b"}


def test_a_cluster_adds_properties_and_changes_the_usual_ones():
    (core,) = rows(a=Cluster(nodes=1, cores=1, cpus=1, properties={"gpu_count": 2, "opa": "YES"}))
    assert (core["gpu_count"], core["opa"]) == (2, "YES")


def test_each_node_has_an_address_of_its_own():
    cores = rows(a=Cluster(nodes=600, cores=1, cpus=1))
    addresses = {str(row["ip"]) for row in cores}
    assert len(addresses) == 600
    assert all(int(part) < 256 for ip in addresses for part in ip.split("."))


# --- dates of the tools


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(st.integers(0, 4_000_000_000))
def test_a_date_in_utc_is_read_back_as_it_was_told(date):
    assert read_date(told_date(date, "UTC"), "UTC") == date


def test_days_that_a_month_lacks_count_into_the_next_one():
    assert read_date("2030-02-30 10:00:00") == read_date("2030-03-02 10:00:00")


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2030-01-01", "2030-13-01 0:0:0", "0000-01-01 0:0:0", "9999-12-99 0:0:0"],
)
def test_what_is_no_date_is_none(text):
    assert read_date(text) is None


def test_a_zone_that_the_machine_lacks_is_utc():
    assert told_date(0, "No/Where") == "1970-01-01 00:00:00"


def test_states_tell_whether_a_job_is_over_and_whether_it_has_nodes():
    assert {state for state in State if state.final} == {State.TERMINATED, State.ERROR}
    assert not any(state.has_nodes for state in State if state.final)
    assert State.FINISHING.has_nodes
    assert not State.WAITING.has_nodes
    assert [s.letter for s in (State.WAITING, State.HOLD, State.TO_LAUNCH)] == ["W", "H", "t"]
