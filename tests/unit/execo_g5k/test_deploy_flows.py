"""deploy and kadeploy as scripts call them, on kadeploy3 and hosts that are played."""

import asyncio
import gc
import inspect
import logging
import threading

import pytest

import execo_g5k
import execo_g5k.aio
from execo import Host, Process, ProcessOutputHandler
from execo_g5k import Deployment, Kadeployer, deploy, g5k_configuration, kadeploy
from execo_g5k import deploying as flows
from execo_g5k.frontend import resolve_site
from tests.unit.execo_g5k.kadeploy_transcripts import recorded
from tests.unit.execo_g5k.played import Player, listing

G1, G2, G3 = (f"graphene-{n}.nancy.grid5000.fr" for n in (1, 2, 3))
L1 = "nova-1.lyon.grid5000.fr"
UP = 'test -e "$PLAYS/$FRONTEND.up"'


@pytest.fixture
def player(tmp_path):
    return Player(tmp_path)


@pytest.fixture
def call(player):
    """Call deploy with params that lead to what is played."""

    def deploy_there(hosts, **options):
        given = {
            "check_deployed_command": False,
            "node_connexion_params": player.params,
            "frontend_connexion_params": player.params,
            **options,
        }
        vlan = given.pop("vlan", None)
        return deploy(Deployment(hosts, env_name="base", vlan=vlan), **given)

    return deploy_there


def up(player, *names):
    for name in names:
        (player.folder / f"{name}.up").touch()


def test_kadeploy_gives_the_sets_of_deployed_and_undeployed_hosts(player):
    player.play("nancy", listing([G1], {G2: "no"})).play("lyon", listing([L1]))
    deployment = Deployment([G1, G2, L1], env_name="base")
    deployed, undeployed = kadeploy(deployment, False, player.params, 60)
    assert (deployed, undeployed) == ({G1, L1}, {G2})
    assert all(isinstance(host, Host) for host in deployed | undeployed)


def test_scripts_of_execo_run_unchanged(player):
    # positional arguments, and results compared with names
    player.play("nancy", listing([G1], {G2: "no"})).play("nancy", listing([G2]))
    deployed, undeployed = deploy(
        Deployment([Host(G1), Host(G2)], env_name="base"),
        None,
        {"user": "root"},
        2,
        lambda deployed, undeployed: len(undeployed) == 0,
        player.params,
    )
    assert deployed == {G1, G2}
    assert len(undeployed) == 0
    assert "graphene-1.nancy.grid5000.fr" in deployed
    assert [str(host) for host in deployed if host == G2] == [G2]
    assert player.asked("nancy") == [[G1, G2], [G2]]


@pytest.mark.parametrize(
    "old",
    [
        {"num_deploy_tries": 2},
        {"num_tries": 2},
    ],
)
def test_arguments_are_taken_by_their_old_names(player, old):
    player.play("nancy", listing([], {G1: "no"})).play("nancy", listing([G1]))
    result = deploy(
        Deployment(hosts=[G1], env_name="base"),
        check_deployed_command=False,
        node_connection_params=player.params,
        frontend_connection_params=player.params,
        **old,
    )
    assert result == ({G1}, set())


def test_a_name_given_twice_is_an_error(player):
    with pytest.raises(TypeError, match="num_tries"):
        deploy(Deployment([G1], env_name="x"), num_tries=1, num_deploy_tries=1)


def test_checks_run_on_the_hosts_before_and_after(player, call):
    # 24
    up(player, G1, G2)
    player.play("nancy", listing([G2, G3]))
    up(player, G1)
    (player.folder / f"{G2}.up").unlink()
    result = call([G1, G2, G3], check_deployed_command=UP, num_tries=1)
    assert player.asked("nancy") == [[G2, G3]]
    # kadeploy3 says that G2 and G3 are deployed, and they do not pass
    assert result == ({G1}, {G2, G3})
    assert "kadeploy3 deployed it, and the check failed (exit" in result.errors[Host(G2)]


def test_what_is_not_deployed_again_is_told(player, call, caplog):
    up(player, G1)
    assert call([G1], check_deployed_command=UP) == ({G1}, set())
    assert f"{G1}: not deployed, since the check passes already" in caplog.text


def test_the_configured_check_is_the_default_one(player, call):
    g5k_configuration["check_deployed_command"] = UP
    up(player, G1)
    assert call([G1], check_deployed_command=True) == ({G1}, set())
    assert player.asked("nancy") == []


def test_in_a_vlan_hosts_are_checked_by_their_names_there(player, call):
    # 23
    up(player, "graphene-1-kavlan-4.nancy.grid5000.fr")
    player.play("nancy", listing([G2]))
    up(player, "graphene-2-kavlan-4.nancy.grid5000.fr", G3)
    (player.folder / "graphene-2-kavlan-4.nancy.grid5000.fr.up").unlink()
    result = call([G1, G2], check_deployed_command=UP, vlan=4)
    assert result == ({G1}, {G2})
    assert "--vlan" in player.notes("nancy")[0]
    assert player.asked("nancy") == [[G2]]


def test_the_timeout_of_the_check_is_passed_on(player, call):
    # 19
    result = call([G1], check_deployed_command="exec sleep 300", check_timeout=0.3, num_tries=0)
    assert result == (set(), {G1})


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("ls --said", "the check failed (exit 2): Try 'ls --help' for more information."),
        ("sh -c 'echo said; exit 3'", "the check failed (exit 3): said"),
        ("sleep 300", "the check did not end within 0.3 s"),
    ],
)
def test_why_a_check_does_not_pass_is_told(player, call, command, why):
    player.play("nancy", listing([G1]))
    result = call([G1], check_deployed_command=command, check_timeout=0.3)
    assert result.errors[Host(G1)] == f"kadeploy3 deployed it, and {why}"


def test_the_timeout_of_the_deployment_is_passed_on_and_cancels_it(player, call):
    # 19, 20
    player.play("nancy", listing([G1]), hold="  dummy")
    result = call([G1], deploy_timeout=5)
    assert result == (set(), {G1})
    assert player.notes("nancy")[-1] == "SIGINT"
    assert "timeout of 5 s, the deployment was cancelled" in result.errors[Host(G1)]


def test_check_commands_are_no_place_for_substitutions(player, call):
    up(player, G1)
    command = f"{UP} && echo '{{{{[][0]}}}}' '{{{{{{host}}}}}}'"
    assert call([G1], check_deployed_command=command).deployed == {G1}


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"num_tries": -1}, ValueError),
        ({"num_tries": "2"}, TypeError),
        ({"check_deployed_command": 3}, TypeError),
        ({"deploy_timeout": "soon"}, ValueError),
        ({"check_timeout": -1}, ValueError),
    ],
)
def test_impossible_arguments_are_errors_before_anything_is_done(player, call, options, error):
    with pytest.raises(error):
        call([G1], **options)
    assert player.notes("nancy") == []


def test_no_host_is_no_work(call):
    # 15
    assert call([]) == (set(), set())


def test_what_is_no_deployment_at_all_is_named(call):
    for function in (deploy, kadeploy, Kadeployer):
        with pytest.raises(TypeError, match="deployment: 'x': expected a Deployment"):
            function("x")
    with pytest.raises(TypeError, match="check_enough_func: 5: expected a function"):
        call([G1], check_enough_func=5)


def test_what_is_no_deployment_is_an_error_before_the_check(player):
    # 22, 27
    with pytest.raises(ValueError, match="env_name"):
        deploy(Deployment([G1]), UP, player.params)
    with pytest.raises(ValueError, match="is an address"):
        deploy(Deployment(["1.2.3.4"], env_name="x"), UP, player.params)


def test_the_script_may_do_anything_to_tell_whether_it_is_enough(player, call):
    player.play("nancy", listing([G1], {G2: "no"}))
    seen = []

    def enough(deployed, undeployed):
        # blocks, on a thread where it may
        Process("true").run(30)
        seen.append((deployed, undeployed))
        return bool(deployed)

    assert call([G1, G2], check_enough_func=enough, num_tries=5) == ({G1}, {G2})
    assert seen == [(set(), {G1, G2}), ({G1}, {G2})]


@pytest.mark.parametrize("error", [RuntimeError, SystemExit])
def test_an_error_of_the_script_comes_out(player, call, error):
    def enough(deployed, undeployed):
        raise error("mine")

    with pytest.raises(RuntimeError, match="mine"):
        call([G1], check_enough_func=enough)


def test_output_is_printed_when_asked_for_and_given_to_handlers(player, call, capsys):
    # 28
    class Lines(ProcessOutputHandler):
        def __init__(self):
            super().__init__()
            self.lines = []

        def read_line(self, process, stream, string):
            self.lines.append(string)

    lines = Lines()
    player.play("nancy", listing([G1]), stderr="oops\n")
    call([G1], out=True, stdout_handlers=lines, stderr_handlers=[lines])
    printed = capsys.readouterr()
    assert f"[nancy] {G1}\n" in printed.out
    assert printed.err == "[nancy] oops\n"
    assert {G1, "oops"} <= set(lines.lines)
    call([G1])
    assert capsys.readouterr().out == ""


def test_progress_is_told(player, call):
    events = []
    player.play("nancy", listing([G1]))
    call([G1], progress=events.append)
    assert [event.state.name for event in events] == ["STEP", "STEP", "DEPLOYED"]


def test_a_host_refused_by_kadeploy_is_left_out(player, call, caplog):
    # 26
    player.play(
        "nancy", stderr=recorded("16-unknown-node-prefix").stderr.replace("-99", "-3"), exit=1
    )
    player.play("nancy", listing([G1]))
    result = call([G1, G3])
    assert result == ({G1}, {G3})
    assert player.asked("nancy") == [[G1, G3], [G1]]
    assert "going on without graphene-3" in caplog.text


def test_a_cancelled_flow_cancels_the_deployments_and_tells(player, caplog):
    player.play("nancy", listing([G1]), hold="  dummy").play("lyon", listing([L1]), hold="  dummy")

    async def scenario():
        deployment = Deployment([G1, L1], env_name="base")
        task = asyncio.create_task(
            execo_g5k.aio.deploy(deployment, False, frontend_connexion_params=player.params)
        )
        await asyncio.to_thread(player.held, "nancy", "lyon")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert player.notes("nancy")[-1] == "SIGINT"
    assert player.notes("lyon")[-1] == "SIGINT"
    assert "deploy interrupted; deployed: none; not: graphene-1" in caplog.text
    gc.collect()
    assert "never retrieved" not in caplog.text


def test_the_functions_can_be_awaited(player):
    player.play("nancy", listing([G1]))

    async def scenario():
        deployment = Deployment([G1], env_name="base")
        return await execo_g5k.aio.kadeploy(deployment, frontend_connexion_params=player.params)

    assert asyncio.run(scenario()) == ({G1}, set())


def test_several_threads_deploy_at_once(player):
    player.play("nancy", listing([G1, G2, G3]))
    results = []

    def one(name):
        deployment = Deployment([name], env_name="base")
        results.append(deploy(deployment, False, None, frontend_connexion_params=player.params))

    threads = [threading.Thread(target=one, args=(name,)) for name in (G1, G2, G3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(str(*result.deployed) for result in results) == [G1, G2, G3]


def test_the_table_of_the_tries_is_logged(player, call, caplog):
    caplog.set_level(logging.INFO, "execo")
    player.play("nancy", listing([G1]))
    assert len(call([G1]).tries) == 1
    assert "deployment of 1 hosts\n" in caplog.text


def test_the_module_is_found_behind_the_function_of_the_same_name():
    # execo_g5k.kadeploy is both
    assert inspect.isfunction(execo_g5k.kadeploy)
    assert execo_g5k.kadeploy.Kadeployer is execo_g5k.Kadeployer
    assert execo_g5k.kadeploy.deploy is deploy
    assert inspect.signature(deploy) == inspect.signature(flows.deploy)
    assert resolve_site("nancy") == "nancy"
