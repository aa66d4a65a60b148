import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.sandbox.model.request import (
    ALL,
    BEST,
    DEFAULT,
    BadRequest,
    Group,
    Level,
    Request,
    parse_request,
    told_duration,
)

NODES = "network_address"


def test_levels_are_read_from_the_outermost_to_the_innermost():
    request = parse_request("/cluster=1/nodes=2/core=3")
    levels = (Level("cluster", 1), Level(NODES, 2), Level("core", 3))
    assert request == Request((Group(levels),))


@pytest.mark.parametrize("text", ["nodes=2", "/nodes=2", " / nodes = 2 ", "/node=2"])
def test_a_slash_before_the_first_level_and_spaces_mean_nothing(text):
    assert parse_request(text).groups == (Group((Level(NODES, 2),)),)


def test_groups_are_joined_by_plus_each_with_its_condition():
    request = parse_request("{cluster='a'}/nodes=1+{ cluster='b' }/nodes=2,walltime=1")
    first = Group((Level(NODES, 1),), "cluster='a'")
    assert request.groups == (first, Group((Level(NODES, 2),), "cluster='b'"))
    assert request.walltime == 3600


def test_a_condition_may_hold_braces_commas_and_slashes():
    (group,) = parse_request("{host in ('a,b', 'c/d') and x = '{+}'}/nodes=1").groups
    assert group.where == "host in ('a,b', 'c/d') and x = '{+}'"


@pytest.mark.parametrize("word", [ALL, BEST])
def test_all_and_best_are_counts(word):
    assert parse_request(f"nodes={word}").groups[0].levels == (Level(NODES, word),)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1", 3600), ("0:10", 600), ("0:0:5", 5), ("00:01:30", 90), ("100:0:0", 360000), ("0", 0)],
)
def test_a_walltime_is_hours_then_minutes_then_seconds(text, seconds):
    assert parse_request(f"nodes=1,walltime={text}").walltime == seconds
    assert parse_request(f"core=1 , walltime = {text}").walltime == seconds


def test_a_walltime_alone_asks_for_one_resource():
    assert parse_request("walltime=0:0:7") == Request(DEFAULT.groups, 7)


@pytest.mark.parametrize("text", ["", "nodes", "nodes=", "nodes=x", "/", "nodes=1+", "{a=1", "{a}"])
def test_what_is_no_hierarchy_is_refused_in_the_words_of_oarsub(text):
    with pytest.raises(BadRequest, match="Cannot recognize the resource description"):
        parse_request(text)


@pytest.mark.parametrize("text", ["nodes=1,wall=2", "nodes=1,walltime=x", "nodes=2x", "nodes=1,"])
def test_what_follows_a_hierarchy_is_a_walltime_or_refused(text):
    with pytest.raises(BadRequest, match="Cannot recognize -- .* -- resource"):
        parse_request(text)


def test_the_type_of_resources_joins_the_conditions_of_all_groups():
    request = parse_request("{a=1 or b=2}/nodes=1+/core=1,walltime=1").with_type()
    wheres = [group.where for group in request.groups]
    assert wheres == ["(a=1 or b=2) AND type = 'default'", "type = 'default'"]
    assert request.walltime == 3600


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:0:0"), (3661, "1:1:1"), (-90, "-0:1:30"), (360000, "100:0:0")]
)
def test_durations_are_told_without_zeros_before_them(seconds, text):
    assert told_duration(seconds) == text


NAMES = st.sampled_from(["cluster", "nodes", "cpu", "core", "memnode"])
LEVELS = st.builds(
    Level,
    NAMES.map(lambda name: NODES if name == "nodes" else name),
    st.one_of(st.integers(0, 999), st.sampled_from([ALL, BEST])),
)
GROUPS = st.builds(
    Group,
    st.lists(LEVELS, min_size=1, max_size=4).map(tuple),
    st.sampled_from(["", "cluster='a'", "x in (1, 2) or y = '+'"]),
)
REQUESTS = st.builds(
    Request,
    st.lists(GROUPS, min_size=1, max_size=3).map(tuple),
    st.one_of(st.none(), st.integers(0, 10**6)),
)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(REQUESTS)
def test_a_request_that_is_told_is_read_back(request):
    assert parse_request(str(request)) == request
