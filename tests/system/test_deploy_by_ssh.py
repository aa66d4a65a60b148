"""Deployments by a real ssh, on real terminals: what reaches kadeploy3 when it is to end."""

import signal
import threading

import pytest

from execo_g5k import Deployment, Kadeployer, deploy, g5k_configuration, kadeploy
from execo_g5k.kadeploy import FailureKind
from tests.system.helpers import end_of, script, until
from tests.unit.execo_g5k.played import Player, listing

G1, G2 = (f"graphene-{n}.nancy.grid5000.fr" for n in (1, 2))


@pytest.fixture
def player(tmp_path):
    player = Player(tmp_path)
    g5k_configuration["kadeploy3"] = command(player)
    return player


def command(player):
    return f"env FRONTEND=nancy PLAYS={player.folder} {player.folder}/kadeploy3"


@pytest.fixture
def frontend(params):
    """Params by which a frontend is an ssh server of ours."""
    return {**params, "host_rewrite_func": lambda site: "127.0.0.2"}


@pytest.mark.parametrize(
    "params_of",
    [
        lambda frontend: frontend,
        lambda frontend: {**frontend, "pty": False},
        lambda frontend: {**frontend, "ssh_options": ("-o", "StrictHostKeyChecking=no")},
    ],
    ids=["terminal-here", "pipes-here", "options-without-tt"],
)
def test_killing_reaches_kadeploy3_as_control_c(player, frontend, params_of):
    player.play("nancy", listing([G1]), hold="  dummy")
    params = {**params_of(frontend)}
    if "-o" in params.get("ssh_options", ()):
        params["ssh_options"] += ("-o", "UserKnownHostsFile=/dev/null")
    seen = threading.Event()
    deployment = Deployment(G1, env_name="base")
    action = Kadeployer(deployment, params, progress=lambda event: seen.set()).start()
    # printed before the end: kadeploy3 has a terminal
    assert seen.wait(30)
    player.held("nancy")
    action.kill().wait(30)
    assert player.notes("nancy")[-1] == "SIGINT"
    assert "cancelled" in action.errors[G1]
    assert action.processes[0].exit_code == 1


def test_lists_and_errors_come_through_the_terminal_of_the_frontend(player, frontend):
    player.play("nancy", listing([G1], {G2: "first\nsecond\n"}), stderr="[Kadeploy Error #6]\n")
    deployed, undeployed = kadeploy(Deployment([G1, G2], env_name="it's a base"), False, frontend)
    assert (deployed, undeployed) == ({G1}, {G2})
    words = player.notes("nancy")[0]
    assert words[words.index("-e") + 1] == "it's a base"


def test_the_timeout_of_a_deployment_reaches_kadeploy3_as_control_c(player, frontend):
    player.play("nancy", listing([G1]), hold="  dummy")
    result = deploy(
        Deployment(G1, env_name="base"),
        check_deployed_command=False,
        frontend_connexion_params=frontend,
        deploy_timeout=5,
    )
    assert result == (set(), {G1})
    assert player.notes("nancy")[-1] == "SIGINT"
    assert "timeout of 5 s, the deployment was cancelled" in result.errors[G1]


def test_a_refused_connexion_is_an_error_of_its_hosts(player, frontend):
    unreachable = {**frontend, "host_rewrite_func": lambda site: "127.0.0.99"}
    action = Kadeployer(Deployment(G1, env_name="base"), unreachable).run(60)
    assert "connexion lost" in action.errors[G1]
    assert "127.0.0.99" in action.errors[G1]
    assert action.failures[G1].kind is FailureKind.ERROR


def test_a_connexion_cut_in_the_middle_tells_what_may_go_on(player, frontend):
    player.play("nancy", listing([G1]), hold="  dummy")
    action = Kadeployer(Deployment(G1, env_name="base"), frontend).start()
    player.held("nancy")
    until(lambda: action.workflow_ids["nancy"])
    # as when a network goes away: nothing is typed any more
    action.kill(signal.SIGKILL).wait(30)
    assert "D-6a02f66a-702f" in action.errors[G1]
    assert "may go on" in action.errors[G1]


SCRIPT = """
import sys
from execo_g5k import *
g5k_configuration["kadeploy3"] = {command!r}
params = {{**{params!r}, "host_rewrite_func": lambda site: "127.0.0.2"}}
deployment = Deployment({host!r}, env_name="base")
{call}
"""

CALLS = {
    "kadeploy": "kadeploy(deployment, False, params)",
    "deploy": "deploy(deployment, False, frontend_connexion_params=params, num_tries=3)",
    "run of a Kadeployer": "Kadeployer(deployment, params).run()",
    "aio": """
import asyncio, execo_g5k.aio
asyncio.run(execo_g5k.aio.deploy(deployment, False, frontend_connexion_params=params))
""",
}


@pytest.mark.parametrize("call", CALLS, ids=lambda name: name.replace(" ", "-"))
def test_control_c_of_the_script_reaches_kadeploy3(player, params, call):
    player.play("nancy", listing([G1]), hold="  dummy")
    source = SCRIPT.format(command=command(player), params=params, host=G1, call=CALLS[call])
    with script(source) as process:
        player.held("nancy")
        process.send_signal(signal.SIGINT)
        code, stderr = end_of(process, 30)
    assert code == -signal.SIGINT
    assert "KeyboardInterrupt" in stderr
    assert player.notes("nancy")[1:] == ["held", "SIGINT"]
    told = f"deploy interrupted; deployed: none; not: {G1}" in stderr
    assert told == (call in ("deploy", "aio"))


def test_the_end_of_the_script_reaches_kadeploy3(player, params):
    player.play("nancy", listing([G1]), hold="  dummy")
    call = "action = Kadeployer(deployment, params).start()\nsys.stdin.read()\n"
    call += "action.processes[0].expect('Performing', 30)"
    source = SCRIPT.format(command=command(player), params=params, host=G1, call=call)
    with script(source) as process:
        assert process.wait(30) == 0
    assert player.notes("nancy")[-1] == "SIGINT"
