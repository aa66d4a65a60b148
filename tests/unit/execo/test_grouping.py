"""Equal outputs shown once; names of hosts folded, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo import Host, Local, Process, fold_hosts, group_outputs, unfold_hosts

NAMES = st.from_regex(r"[a-z]{1,3}(-?[0-9]{1,2})?(\.[a-z]{1,3}){0,2}", fullmatch=True)


@given(st.sets(NAMES, min_size=1))
def test_unfolding_undoes_folding(names):
    assert {str(host) for host in unfold_hosts(fold_hosts(names))} == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("a, b c,d", ["a", "b", "c", "d"]),
        ("n-[1-2,7].nancy", ["n-1.nancy", "n-2.nancy", "n-7.nancy"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("c[1-2]n[3, 4]", ["c1n3", "c1n4", "c2n3", "c2n4"]),
    ],
)  # fmt: skip
def test_text_names_hosts_in_its_order(text, names):
    assert unfold_hosts(text) == [Host(name) for name in names]


@pytest.mark.parametrize(
    "text", ["", "a,,b", "a[1", "a]", "a[]", "a[x]", "a[2-1]", "a[1-]", "a[[1]]", "a[1-999999]"]
)
def test_text_that_names_no_hosts_is_told(text):
    with pytest.raises(ValueError, match=r"expected|is no"):
        unfold_hosts(text)


def test_equal_outputs_are_one_group():
    texts = ["echo same", "echo other", "echo same", "echo same; exit 3", "sleep 100"]
    quiet = {"shell": True, "nolog_exit_code": True, "nolog_timeout": True}
    processes = [Process(text, timeout=2 if "sleep" in text else None, **quiet) for text in texts]
    action = Local("", process_args={})
    action.processes = processes
    action.run()
    groups = group_outputs(action)
    assert [[processes.index(p) for p in group.processes] for group in groups] == [
        [0, 2], [1], [3], [4],
    ]  # fmt: skip
    assert [group.failure for group in groups] == ["", "", "exit 3", "timeout"]
    assert str(groups[2]) == "== this machine (1) exit 3 ==\nsame"
    assert group_outputs([]) == []
