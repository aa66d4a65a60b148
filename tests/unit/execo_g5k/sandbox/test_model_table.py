import pytest

from execo_g5k.sandbox.model.platform import Cluster
from execo_g5k.sandbox.model.request import parse_request
from execo_g5k.sandbox.model.table import BadSql, ResourceTable, as_postgresql, ids_of, mask_of
from tests.unit.execo_g5k.sandbox.modelled import table_of


def host(name):
    return f"{name}.lyon.grid5000.fr"


def chosen(table, text, where="", taken=0):
    """Return the ids that a request gets beside those that are taken, None for none."""
    mask = table.choose(parse_request(text), where, table.alive & ~taken)
    return None if mask is None else list(ids_of(mask))


def names(table, text, where="", taken=0):
    mask = table.choose(parse_request(text), where, table.alive & ~taken)
    return None if mask is None else [name.partition(".")[0] for name in table.hosts(mask)]


def of(table, *nodes):
    mask = 0
    for node in nodes:
        mask |= table.of_host(host(node))
    return mask


# --- hierarchies


def test_a_node_is_all_of_its_cores():
    assert chosen(table_of(a=2), "nodes=1") == [1, 2, 3, 4]


def test_cores_are_taken_wherever_they_are():
    assert chosen(table_of(a=2), "core=2") == [1, 2]
    assert chosen(table_of(a=2), "core=6") == [1, 2, 3, 4, 5, 6]


def test_cores_of_nodes_are_taken_on_each_of_them():
    assert chosen(table_of(a=3), "/nodes=2/core=1") == [1, 5]
    assert chosen(table_of(a=3), "/nodes=2/core=1", taken=mask_of([1, 5, 6, 7, 8])) == [2, 9]


def test_cores_of_one_node_are_not_taken_on_two():
    assert chosen(table_of(a=2), "/nodes=1/core=3", taken=mask_of([1, 2])) == [5, 6, 7]
    assert chosen(table_of(a=2), "/nodes=1/core=3", taken=mask_of([1, 2, 5, 6])) is None


def test_cpus_are_taken_whole():
    assert chosen(table_of(a=1), "cpu=1", taken=mask_of([1])) == [3, 4]


def test_nodes_of_one_cluster_are_not_taken_in_two():
    table = table_of(a=2, b=3)
    assert names(table, "/cluster=1/nodes=2") == ["a-1", "a-2"]
    assert names(table, "/cluster=1/nodes=3") == ["b-1", "b-2", "b-3"]
    assert names(table, "/cluster=1/nodes=2", taken=of(table, "a-1")) == ["b-1", "b-2"]
    assert names(table, "/cluster=1/nodes=4") is None
    assert names(table, "nodes=4") == ["a-1", "a-2", "b-1", "b-2"]
    assert names(table, "/cluster=2/nodes=1") == ["a-1", "b-1"]


def test_a_node_with_a_taken_core_is_no_free_node():
    assert chosen(table_of(a=2), "nodes=1", taken=mask_of([2])) == [5, 6, 7, 8]
    assert chosen(table_of(a=2), "nodes=1", taken=mask_of([2, 8])) is None


def test_all_is_everything_or_nothing():
    table = table_of(a=3)
    assert names(table, "nodes=ALL") == ["a-1", "a-2", "a-3"]
    assert names(table, "nodes=ALL", taken=mask_of([12])) is None


def test_best_is_as_many_as_there_are():
    table = table_of(a=3)
    assert names(table, "nodes=BEST") == ["a-1", "a-2", "a-3"]
    assert names(table, "nodes=BEST", taken=mask_of([5])) == ["a-1", "a-3"]
    assert names(table, "nodes=BEST", taken=table.all) is None
    assert chosen(table, "/nodes=2/core=BEST", taken=mask_of([1, 5, 6])) == [2, 3, 4, 7, 8]


def test_groups_are_satisfied_at_once_with_different_resources():
    table = table_of(a=2, b=2)
    request = "{cluster='b'}/nodes=1+{cluster='a'}/nodes=2"
    assert names(table, request) == ["a-1", "a-2", "b-1"]
    assert names(table, request, taken=of(table, "a-2")) is None
    assert names(table, "nodes=1+nodes=2") == ["a-1", "a-2", "b-1"]
    assert names(table, "nodes=3+nodes=2") is None


def test_a_node_that_another_group_has_a_core_of_is_not_whole():
    assert chosen(table_of(a=2), "core=1+nodes=1") == [1, 5, 6, 7, 8]


def test_more_than_there_is_is_never_had():
    assert chosen(table_of(a=2), "nodes=3") is None
    assert chosen(table_of(a=2), "nodes=0") is None
    assert chosen(table_of(a=2), "/nodes=1/core=5") is None


def test_a_level_that_is_no_property_is_told():
    table = table_of(a=1)
    (group,) = parse_request("/switch=1/nodes=1").groups
    with pytest.raises(BadSql, match='column "switch" does not exist'):
        table.check_levels(group)
    with pytest.raises(BadSql, match='column "switch" does not exist'):
        chosen(table, "switch=1")


# --- conditions


def test_a_condition_on_a_job_joins_those_of_its_groups():
    table = table_of(a=1, b=1)
    assert names(table, "{cluster != 'c'}/nodes=1", "cluster = 'b'") == ["b-1"]
    assert names(table, "{cluster='a'}/nodes=1", "cluster = 'b'") is None
    assert names(table, "{cluster='a' or 1=1}/nodes=1", "cluster = 'b' or 1=2") == ["b-1"]


def test_no_condition_is_all_resources():
    assert names(table_of(a=1), "nodes=1", "") == ["a-1"]


def test_numbers_and_texts_compare_as_in_postgresql():
    table = table_of(a=1, b=Cluster(nodes=1, cores=8))
    assert names(table, "nodes=1", "core_count = '8'") == ["b-1"]
    assert names(table, "nodes=1", "core_count > 4") == ["b-1"]
    assert names(table, "nodes=ALL", "memnode > '9000'") == ["a-1", "b-1"]
    assert table.select("cpuset = '7'") == mask_of([12])


def test_like_looks_at_case():
    table = table_of(a=2)
    assert table.select("network_address LIKE 'A-1%'") == 0
    assert table.select("network_address LIKE 'a-1%'") == of(table, "a-1")


def test_a_property_of_one_cluster_is_null_for_the_others():
    table = table_of(a=1, b=Cluster(nodes=1, properties={"opa": "YES"}), c=1)
    assert names(table, "nodes=ALL", "opa = 'YES'") == ["b-1"]
    assert names(table, "nodes=ALL", "opa IS NULL") == ["a-1", "c-1"]
    assert table.values(of(table, "a-1"), "opa") == [None]


def test_properties_of_two_clusters_are_not_mistaken_for_one_another():
    table = table_of(
        a=Cluster(nodes=1, properties={"opa": "YES"}), b=Cluster(nodes=1, properties={"ib": "QDR"})
    )
    assert names(table, "nodes=ALL", "opa = 'QDR'") is None
    assert names(table, "nodes=ALL", "ib = 'QDR'") == ["b-1"]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nosuch = 1", 'column "nosuch" does not exist'),
        ("cluster = ", 'syntax error at or near "\\)"'),
        ("cluster = 'a", "unterminated quoted string"),
        ("nosuch(1)", r"function nosuch\(\) does not exist"),
        ("1 = 1); DROP TABLE resources; --", "one statement"),
        ("1 = 1 --", "incomplete input"),
    ],
)
def test_what_the_database_does_not_understand_is_told_in_its_words(where, message):
    table = table_of(a=1)
    with pytest.raises(BadSql, match=message):
        chosen(table, "nodes=1", where)
    assert names(table, "nodes=1") == ["a-1"]


def test_other_problems_of_the_database_are_told_as_they_are():
    assert as_postgresql("disk I/O error") == "disk I/O error"


# --- states


def test_a_node_that_is_not_alive_is_not_had():
    table = table_of(a=2)
    for state in ("Absent", "Suspected", "Dead"):
        table.set_state(of(table, "a-1"), state)
        assert names(table, "nodes=1") == ["a-2"]
        assert table.select(f"state = '{state}'") == of(table, "a-1")
    table.set_state(of(table, "a-1"), "Alive")
    assert names(table, "nodes=1") == ["a-1"]
    assert table.alive == table.all


def test_all_waits_for_suspected_nodes_but_not_for_dead_ones():
    table = table_of(a=2, b=1)
    table.set_state(of(table, "a-1"), "Suspected")
    assert names(table, "nodes=ALL") is None
    assert names(table, "{cluster='a'}/cluster=1") is None
    table.set_state(of(table, "a-1"), "Dead")
    assert names(table, "nodes=ALL") == ["a-2", "b-1"]
    assert names(table, "{cluster='a'}/cluster=1") == ["a-2"]


def test_a_level_may_be_the_state():
    table = table_of(a=2)
    assert chosen(table, "/state=1/core=1") == [1]
    table.set_state(of(table, "a-1"), "Absent")
    assert chosen(table, "/state=1/core=1") == [5]


# --- masks and the rest


def test_masks_are_sets_of_ids():
    assert list(ids_of(mask_of([9, 1, 4]))) == [1, 4, 9]
    assert mask_of([]) == 0


def test_a_name_that_is_no_node_has_no_resources():
    assert table_of(a=1).of_host("a-2.lyon.grid5000.fr") == 0


def test_a_table_may_be_empty():
    table = ResourceTable([])
    assert (table.all, table.alive, table.select("1 = 1")) == (0, 0, 0)


@pytest.mark.parametrize(
    "where",
    [
        "randomblob(1000000000) = 1",
        "zeroblob(1000000000) is null",
        "load_extension('x') = 1",
        "(select count(*) from sqlite_master) > 0",
        "1 = 1; drop table resources",
        "(select count(*) from resources a, resources b, resources c) > 0",
        f"host like '%{'a%' * 500}'",
    ],
)
def test_conditions_that_reach_for_more_than_properties_are_refused(where):
    table = table_of(nova=100)
    with pytest.raises(BadSql):
        table.select(where)
    assert table.select("cluster = 'nova'") == table.all
