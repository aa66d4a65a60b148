"""The same command on many hosts, and what chooses the tool for it."""

# names in {{ }} are used, though not to the eye of a linter
# ruff: noqa: F841

import logging
import threading

import pytest

from execo import (
    CHAINPUT,
    SCP,
    SSH,
    TAKTUK,
    ChainPut,
    Get,
    Host,
    ParallelActions,
    ProcessesFailed,
    Put,
    Remote,
    Report,
    TaktukGet,
    TaktukPut,
    TaktukRemote,
    configuration,
    default_connexion_params,
    filter_bad_hosts,
    get_fileget,
    get_fileput,
    get_remote,
)
from tests.system.helpers import alive, until

THREE = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
QUIET = {"nolog_exit_code": True, "nolog_error": True, "nolog_timeout": True}

setting = "of the module"


@pytest.fixture(autouse=True, params=["ssh", "asyncssh"])
def transport(request, own_home):
    """What connects to hosts: the results are the same."""
    if request.param == "asyncssh":
        pytest.importorskip("asyncssh")
    default_connexion_params["transport"] = request.param
    return request.param


def outputs(action):
    return [process.stdout.strip() for process in action.processes]


@pytest.mark.slow
def test_sixty_four_hosts_each_get_their_own_command(sshd):
    values = [f"v{number}" for number in range(64)]
    cmd = "echo {{{host}}} {{values}} $SSH_CONNECTION"
    remote = Remote(cmd, sshd.hosts, sshd.params).run(100)
    assert remote.finished_ok
    assert [p.host for p in remote.processes] == sshd.hosts
    for process, value in zip(remote.processes, values, strict=True):
        host, own, *connexion = process.stdout.split()
        assert (host, own, connexion[2]) == (process.host, value, process.host)
    assert remote.stats()["num_finished_ok"] == 64
    assert "64" in Report([remote]).to_string()


def test_lists_shorter_than_the_hosts_start_again(params):
    names = ["a", "b"]
    assert outputs(Remote("echo {{names}}", THREE, params).run(30)) == ["a", "b", "a"]


def test_views_of_a_dict_give_an_element_to_each_host(params):
    ports = {"x": 1, "y": 2, "z": 3}
    remote = Remote("echo {{ports.keys()}}={{ports.values()}}", THREE, params).run(30)
    assert outputs(remote) == ["x=1", "y=2", "z=3"]


def test_comprehensions_see_the_names_of_the_caller(params):
    offset = 10
    steps = range(3)
    remote = Remote("echo {{[offset + step for step in steps]}} {{setting}}", THREE, params)
    assert outputs(remote.run(30)) == [f"{n} of the module" for n in (10, 11, 12)]


def test_template_of_docker_passes_through_untouched(params):
    remote = Remote("echo '{{.State.Running}} {{range .Mounts}}x{{end}}'", THREE[:1], params)
    assert outputs(remote.run(30)) == ["{{.State.Running}} {{range .Mounts}}x{{end}}"]


def helper_function(cmd, hosts, params):
    return Remote(cmd, hosts, params, process_args={"nolog_exit_code": True})


def test_helper_that_wraps_remote_takes_text_made_by_its_caller(params):
    names = ["a", "b", "c"]
    remote = helper_function(f"echo {names[1]} {{{{{{host}}}}}}", THREE, params).run(30)
    assert outputs(remote) == [f"b {host}" for host in THREE]


def test_expression_sees_the_names_where_the_action_is_created(params, caplog):
    names = ["a", "b", "c"]
    remote = helper_function("echo '{{names}}' {{hosts}}", THREE, params).run(30)
    assert outputs(remote) == [f"{{{{names}}}} {host}" for host in THREE]
    assert "{{names}} is left as it is" in caplog.text
    given = Remote("echo {{names}}", THREE, params, values={"names": names}).run(30)
    assert outputs(given) == names


def test_words_of_a_sequence_are_substituted_and_quoted(params):
    values = ["a b", "$HOME", "it's"]
    remote = Remote(("printf", "%s,", "{{values}}", "{{{host}}}"), THREE, params).run(30)
    assert outputs(remote) == [f"{v},{h}," for v, h in zip(values, THREE, strict=True)]


def test_command_may_be_a_function_of_the_host_and_its_index(params):
    remote = Remote(lambda host, index: ("echo", str(host), str(index)), THREE, params).run(30)
    assert outputs(remote) == ["127.0.0.1 0", "127.0.0.2 1", "127.0.0.3 2"]


def test_host_given_twice_gets_two_processes(params):
    remote = Remote("echo {{{host}}}", ["127.0.0.2", "127.0.0.1", "127.0.0.2"], params).run(30)
    assert outputs(remote) == ["127.0.0.2", "127.0.0.1", "127.0.0.2"]


@pytest.mark.parametrize("hosts", ["127.0.0.5", Host("127.0.0.5"), ("127.0.0.5",)])
def test_single_host_stands_for_a_list_of_one(params, hosts):
    assert outputs(Remote("echo {{{host}}}", hosts, params).run(30)) == ["127.0.0.5"]


def test_no_host_ends_at_once(params):
    remote = Remote("echo never", [], params).run(5)
    assert remote.finished_ok
    assert remote.processes == []


def test_rewritten_address_is_the_one_connected_to(sshd):
    params = sshd.params | {"host_rewrite_func": lambda name: f"127.0.0.{name[4:]}"}
    remote = Remote("echo {{{host}}} $SSH_CONNECTION", ["node3", "node4"], params).run(30)
    assert [p.host for p in remote.processes] == ["node3", "node4"]
    words = [output.split() for output in outputs(remote)]
    assert [(w[0], w[3]) for w in words] == [("127.0.0.3",) * 2, ("127.0.0.4",) * 2]


def test_some_hosts_fail_and_the_others_go_on(params):
    hosts = ["127.0.0.1", Host("127.0.0.2", port=1), "127.0.0.3"]
    remote = Remote("echo fine", hosts, params, process_args=QUIET).run(60)
    assert remote.ended
    assert [p.exit_code for p in remote.processes] == [0, 255, 0]
    assert not remote.ok
    assert filter_bad_hosts(remote, hosts) == ["127.0.0.1", "127.0.0.3"]
    with pytest.raises(ProcessesFailed, match=r"127\.0\.0\.2"):
        remote.check()


def test_each_failed_host_is_logged_once(params, caplog):
    with caplog.at_level(logging.WARNING, "execo"):
        Remote("exit 3", THREE, params).run(30)
    assert len(caplog.records) == 3
    for host in THREE:
        assert sum(host in record.getMessage() for record in caplog.records) == 1


def test_output_of_each_host_goes_to_its_own_file(params, tmp_path):
    pattern = str(tmp_path / "{{{host}}}.out")
    process_args = {"stdout_handlers": [pattern]}
    Remote("echo from {{{host}}}", THREE, params, process_args).run(30)
    found = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert found == {f"{host}.out": f"from {host}\n" for host in THREE}


def test_kill_ends_the_command_on_all_hosts(params):
    remote = Remote("echo pid $$; exec sleep 300", THREE, params).start()
    found = remote.expect(r"pid (\d+)\s", timeout=30)
    pids = [int(match.group(1)) for _, _, match in found]
    assert all(alive(pid) for pid in pids)
    remote.kill().wait(20)
    assert remote.ended
    until(lambda: not any(alive(pid) for pid in pids))


def test_reset_action_runs_again(params):
    remote = Remote("echo {{{host}}}", THREE, params).run(30)
    assert outputs(remote.reset().run(30)) == THREE


def test_fanout_limits_the_connexions_that_live_at_once(params, tmp_path):
    counter = tmp_path / "live"
    counter.mkdir()
    cmd = f"cd {counter} && touch $$ && ls | wc -l && sleep 0.2 && rm $$"
    configuration["fanout"] = 2
    try:
        remote = Remote(cmd, [*THREE, *THREE], params).run(60)
    finally:
        del configuration["fanout"]
    assert remote.finished_ok
    assert max(int(output) for output in outputs(remote)) <= 2


def test_actions_of_many_threads_do_not_mix(params):
    printed = {}

    def one(number):
        printed[number] = outputs(Remote(f"echo {number}-{{{{{{host}}}}}}", THREE, params).run(90))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert printed == {n: [f"{n}-{host}" for host in THREE] for n in range(8)}


def test_parallel_actions_over_ssh_run_together(params):
    actions = [Remote(f"echo {n}", THREE[:2], params) for n in range(3)]
    both = ParallelActions(actions).run(60)
    assert both.finished_ok
    assert outputs(both) == ["0", "0", "1", "1", "2", "2"]


def test_functions_that_choose_the_tool_take_ssh_and_scp_by_default(params, tmp_path):
    values = ["x", "y", "z"]
    remote = get_remote("echo {{values}}", THREE, params).run(30)
    assert isinstance(remote, Remote)
    assert outputs(remote) == values
    (tmp_path / "sent").write_text("content")
    put = get_fileput(THREE[0], tmp_path / "sent", str(tmp_path / "arrived"), params).run(30)
    assert isinstance(put, Put)
    assert (tmp_path / "arrived").read_text() == "content"
    got = tmp_path / "got"
    get = get_fileget(THREE[0], str(tmp_path / "arrived"), str(got), params).run(30)
    assert isinstance(get, Get)
    assert got.read_text() == "content"


def test_paths_given_to_the_functions_that_choose_see_names_of_the_caller(params, tmp_path):
    (tmp_path / "sent").write_text("content")
    names = ["p", "q"]
    get_fileput(THREE[:2], str(tmp_path / "sent"), f"{tmp_path}/{{{{names}}}}", params).run(30)
    get_fileget(
        THREE[:2], f"{tmp_path}/{{{{names}}}}", f"{tmp_path}/got-{{{{names}}}}", params
    ).run(30)
    assert [(tmp_path / f"got-{name}").read_text() for name in names] == ["content"] * 2


@pytest.mark.parametrize(
    ("key", "tool", "choose", "chosen"),
    [
        ("remote_tool", TAKTUK, lambda: get_remote("true", THREE), TaktukRemote),
        ("fileput_tool", TAKTUK, lambda: get_fileput(THREE, "/etc/hostname"), TaktukPut),
        ("fileput_tool", CHAINPUT, lambda: get_fileput(THREE, "/etc/hostname"), ChainPut),
        ("fileget_tool", TAKTUK, lambda: get_fileget(THREE, "/etc/hostname"), TaktukGet),
    ],
)
def test_tool_is_the_one_of_the_configuration(key, tool, choose, chosen):
    configuration[key] = tool
    assert type(choose()) is chosen
    del configuration[key]
    assert type(choose()) in (Remote, Put, Get)
    assert {SSH, SCP, TAKTUK, CHAINPUT} == {1, 2, 3, 4}
