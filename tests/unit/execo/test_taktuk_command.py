"""Words for taktuk: hosts, commands, targets."""

import os
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execo._taktuk.command import (
    Job,
    TreeSettings,
    close_command,
    input_command,
    kill_command,
    options_text,
    positions,
    problem_of,
    taktuk_argv,
)
from execo._taktuk.folder import Folder
from execo._taktuk.orders import Orders

SSH = ("ssh", "-o", "Proxy Command")
HERE = TreeSettings(("taktuk", "-s"), SSH)
BEHIND = TreeSettings(("taktuk", "-s"), SSH, ("ssh", "-p", "22", "gw"))
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def jobs(*hosts):
    return [Job(host, "id") for host in hosts]


@given(texts)
def test_any_command_is_one_line_that_its_shell_gets_as_it_is(command):
    lines = options_text(HERE, [Job("node-1", command)]).decode().split("\n")
    start = lines[lines.index("[") + 1]
    assert lines[lines.index("[") + 2] == "]"
    *_, pump, text = shlex.split(start)
    assert (pump, bytes.fromhex(text).decode()) == ("0", command)


def test_a_connector_is_quoted_for_the_shell_of_taktuk():
    words = options_text(HERE, jobs("a", "b")).decode().split("\n")
    assert words[:4] == ["-c", "ssh -o 'Proxy Command'", "-m", "a"]
    assert positions(HERE, 2) == ["1", "2"]


def test_behind_a_gateway_hosts_are_its_own():
    text = options_text(BEHIND, jobs("a", "b")).decode()
    assert text.startswith("-c\nssh -p 22\n-G\ngw\n-[\n-c\n")
    assert text.endswith("]\n-]\n-]\n")
    assert positions(BEHIND, 2) == ["1.1", "1.2"]


def test_command_line_is_short_and_says_nothing_of_hosts_however_many():
    few, many = (options_text(HERE, jobs(*map("n-{}".format, range(n)))) for n in (10, 5000))
    assert len(many) < 520 * len(few)
    assert sum(map(len, taktuk_argv(HERE, "/tmp/hosts"))) < 3000
    assert taktuk_argv(HERE, "/tmp/hosts")[:2] == ["taktuk", "-s"]


@pytest.mark.parametrize("address", ["node[1-3]", "a,b", "a/b", "$(id)", "a;b"])
def test_a_host_that_taktuk_would_take_for_several_is_a_problem(address):
    assert address in problem_of(Job(address, "id"))


def test_what_taktuk_cannot_run_is_a_problem_and_the_rest_is_none():
    assert problem_of(Job("node-1.site", "x" * 60_000)) is None
    assert problem_of(Job("::1", "id")) is None
    assert "70000" in problem_of(Job("a", "x" * 70_000))
    assert "NUL" in problem_of(Job("a", "x\0"))


def test_commands_name_targets_or_all():
    assert input_command("/tmp/a b", {3, 1}) == b"broadcast input target 1/3 file [ /tmp/a b ]\n"
    assert close_command(None) == b"broadcast input close\n"
    assert kill_command(15, {2}) == b"broadcast kill target 2 15\n"


def nothing_fails(number, reason):
    pytest.fail(f"{number}: {reason}")


def test_the_same_for_many_is_told_once_and_order_is_kept_for_each():
    orders = Orders(Folder())
    for number in (1, 2, 3):
        orders.add(number, 15)
    orders.add(1, None)
    orders.add(1, 9)
    orders.add(2, 9)
    assert list(orders.take(None, nothing_fails)) == [
        kill_command(15, {1, 2, 3}),
        close_command({1}),
        kill_command(9, {1, 2}),
    ]
    assert not orders


def test_what_is_for_all_that_run_names_nobody():
    orders = Orders(Folder())
    orders.add(1, 15)
    orders.add(2, 15)
    assert list(orders.take({1}, nothing_fails)) == [kill_command(15, None)]


def test_input_is_a_file_that_only_the_user_reads():
    folder = Folder()
    orders = Orders(folder)
    orders.add(1, b"\0\n")
    [command] = orders.take(None, nothing_fails)
    path = command.decode().split()[-2]
    with open(path, "rb") as file:
        assert file.read() == b"\0\n"
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700
    folder.delete()
    assert not os.path.exists(path)
