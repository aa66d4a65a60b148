"""Kadeployer, with processes on real terminals. Numbers are those of the pitfalls known."""

import copy
import logging
import threading

import pytest

from execo import Host, ProcessOutputHandler, Remote
from execo_g5k import Deployment, DeploymentFailed, Kadeployer, g5k_configuration
from execo_g5k.kadeploy import FailureKind, NodeState
from execo_g5k.kadeploy_process import LocalKadeploy, on_terminal
from execo_g5k.nodes import AskedNodes
from tests.unit.execo_g5k.kadeploy_transcripts import recorded
from tests.unit.execo_g5k.played import Player, listing

OLD = "3.1.7.2"
G1, G2, G3, G5 = (f"graphene-{n}.nancy.grid5000.fr" for n in (1, 2, 3, 5))
L1, L2 = (f"nova-{n}.lyon.grid5000.fr" for n in (1, 2))
RIGHTS = recorded("20-no-rights")


@pytest.fixture
def player(tmp_path):
    return Player(tmp_path)


def kadeployer(player, *hosts, **options):
    return Kadeployer(Deployment(hosts, env_name="base"), player.params, **options)


def done(player, *hosts, **options):
    return kadeployer(player, *hosts, **options).run(60)


def test_a_kadeployer_is_an_action_that_deploys_all_of_its_hosts(player):
    player.play("nancy", recorded("01-success-2-nodes").stdout)
    action = done(player, G1, G2)
    assert isinstance(action, Remote)
    assert action.deployed_hosts == {G1, G2}
    assert action.undeployed_hosts == set()
    assert action.errors == {}
    assert action.ok
    assert action.finished_ok
    assert action.check() is action
    assert player.asked("nancy") == [[G1, G2]]
    assert action.workflow_ids == {"nancy": ["D-6a02f66a-702f-4096-9dfb-6b09b7c33932"]}
    assert "Deploy[BootNewEnvDummy]" in action.processes[0].stdout


def test_asked_hosts_come_back_as_the_same_objects(player):
    # 14, 18
    asked = [Host("graphene-1.nancy"), Host(G2, user="root")]
    player.play("nancy", listing([G1], {G2: "no"}))
    action = done(player, *asked)
    assert [host for host in action.deployed_hosts if host is asked[0]]
    assert action.undeployed_hosts == {asked[1]}
    assert action.deployed_hosts == {"graphene-1.nancy"}


def test_failed_hosts_have_their_reason(player, caplog):
    player.play("nancy", recorded("45-failure-multiline-error").stdout)
    action = done(player, G1, G2, G3)
    assert action.deployed_hosts == {G1}
    assert action.undeployed_hosts == {G2, G3}
    assert action.errors[Host(G2)].endswith("second line\nlast (with parens)")
    assert not action.ok
    assert action.processes[0].ok
    with pytest.raises(DeploymentFailed, match="2 hosts not deployed"):
        action.check()
    # logged once, whatever the exit status
    assert [r.levelname for r in caplog.records if "deployed 1 of" in r.getMessage()] == ["WARNING"]


def test_old_versions_are_read_too(player):
    player.play("nancy", recorded("06-partial-failure", OLD).stdout)
    action = done(player, G1, G2, G3)
    assert (action.deployed_hosts, action.undeployed_hosts) == ({G1, G3}, {G2})


def test_discarded_hosts_are_undeployed_although_kadeploy_ends_right(player):
    # 9
    player.play("nancy", recorded("31-concurrent-partly-discarded").stdout)
    action = done(player, G2, G3)
    assert (action.deployed_hosts, action.undeployed_hosts) == ({G3}, {G2})
    assert action.failures[Host(G2)].kind is FailureKind.LOCKED
    assert "another deployment" in action.errors[Host(G2)]


@pytest.mark.parametrize(
    "one",
    [recorded("07-total-failure"), recorded("07-total-failure", OLD), recorded("36-no-wait")]
    + [recorded(name, OLD) for name in ("10-unknown-env", "30-concurrent-all-discarded")],
    ids=lambda one: f"{one.version}-{one.name}",
)
def test_an_exit_status_of_0_deploys_nothing(player, one):
    # 10
    player.play("nancy", one.stdout, exit=0)
    action = done(player, G1, G2)
    assert action.deployed_hosts == set()
    assert action.errors.keys() == {G1, G2}
    assert all(action.errors.values())


def test_a_node_in_both_lists_is_undeployed_and_what_was_not_asked_for_is_in_no_set(player):
    # 15
    player.play("nancy", listing([G1, G2, G5], {G1: "no"}))
    action = done(player, G1, G2)
    assert (action.deployed_hosts, action.undeployed_hosts) == ({G2}, {G1})


def test_result_files_that_a_script_asks_for_are_not_looked_at(player):
    # 30: they are on the frontend, absent or of an earlier run when something fails
    player.play("nancy", listing([G1], {G2: "no"}))
    deployment = Deployment([G1, G2], env_name="base", other_options="-o ok.txt -n ko.txt")
    action = Kadeployer(deployment, player.params).run(60)
    assert (action.deployed_hosts, action.undeployed_hosts) == ({G1}, {G2})
    assert " -o " not in kadeployer(player, G1).processes[0].cmd


def test_no_host_ends_at_once(player):
    # 15
    action = done(player)
    assert action.ended
    assert action.ok
    assert (action.deployed_hosts, action.undeployed_hosts) == (set(), set())


@pytest.mark.parametrize("where", ["stdout", "stderr"])
def test_words_of_an_error_are_the_reason_of_all(player, where):
    # on the terminal of a frontend standard error comes with the rest
    player.play("nancy", **{"stdout": "", where: RIGHTS.stderr}, exit=6)
    action = done(player, G1, G5)
    assert set(action.errors) == {G1, G5}
    for reason in action.errors.values():
        assert "exit 6" in reason
        assert "You do not have sufficient rights" in reason
    assert action.failures[Host(G1)].kind is FailureKind.REFUSED_TOGETHER


def test_each_frontend_has_its_own_lists_and_all_run_at_once(player):
    # 8, 25
    player.play("nancy", listing([G1], {G2: "no"}), hold="The deployment is")
    player.play("lyon", listing([L1], {L2: "no"}), hold=L1)
    action = kadeployer(player, G1, L1, L2, G2).start()
    # each holds until it is told to go on: both run now
    player.go("nancy", "lyon")
    action.wait(60)
    assert action.deployed_hosts == {G1, L1}
    assert action.undeployed_hosts == {G2, L2}
    assert [process.host for process in action.processes] == ["nancy", "lyon"]


def test_an_unreachable_frontend_leaves_the_others_their_result(player):
    # 25
    player.play("nancy", listing([G1, G2])).cut("lyon")
    action = done(player, G1, G2, L1)
    assert action.deployed_hosts == {G1, G2}
    assert action.undeployed_hosts == {L1}
    assert "No route to host" in action.errors[Host(L1)]
    assert action.failures[Host(L1)].kind is FailureKind.ERROR


def test_progress_is_told_while_it_runs(player, caplog):
    events = []
    seen = threading.Event()

    def progress(event):
        events.append(event)
        if event.micro == "switch_pxe":
            seen.set()

    caplog.set_level(logging.DEBUG, "execo")
    text = recorded("09-partial-unreachable-node").stdout
    hosts = [f"graoully-{n}.nancy.grid5000.fr" for n in (1, 2, 3)]
    player.play("nancy", text, hold="  reboot")
    action = kadeployer(player, *hosts, progress=progress).start()
    assert seen.wait(30)
    assert {host: (e.macro, e.micro) for host, e in action.steps.items()} == dict.fromkeys(
        hosts, ("SetDeploymentEnvUntrusted", "switch_pxe")
    )
    assert action.undeployed_hosts == set(hosts)
    player.go("nancy")
    action.wait(60)
    assert action.deployed_hosts == set(hosts[:2])
    assert all(set(event.hosts) <= set(hosts) for event in events)
    failed = [event for event in events if event.state is NodeState.STEP_FAILED]
    assert {(e.micro, e.hosts) for e in failed} == {
        ("wait_reboot", (hosts[2],)),
        (None, (hosts[2],)),
    }
    assert "graoully-3.nancy.grid5000.fr: failed in step" in caplog.text
    assert "graoully-[1-3].nancy.grid5000.fr: in step SetDeploymentEnvUntrusted" in caplog.text


def test_a_progress_callback_that_fails_stops_nothing_and_is_told_once(player, caplog):
    player.play("nancy", listing([G1, G2]))
    action = done(player, G1, G2, progress=lambda event: 1 / 0)
    assert action.deployed_hosts == {G1, G2}
    [told] = [record for record in caplog.records if record.exc_info]
    assert "progress: error in <function" in told.getMessage()
    assert told.exc_info[0] is ZeroDivisionError


# --- the end before the end


def test_killing_types_control_c_which_cancels_the_deployment(player):
    # 20
    player.play("nancy", listing([G1]), hold="  dummy")
    action = kadeployer(player, G1).start()
    player.held("nancy")
    action.kill().wait(30)
    assert player.notes("nancy")[-1] == "SIGINT"
    assert action.deployed_hosts == set()
    assert "interrupted, the deployment was cancelled" in action.errors[Host(G1)]
    assert action.processes[0].exit_code == 1


def test_the_timeout_types_control_c_too(player):
    # 19, 20
    player.play("nancy", listing([G1]), hold="  dummy")
    action = kadeployer(player, G1, timeout=5).run(60)
    assert player.notes("nancy")[-1] == "SIGINT"
    assert action.processes[0].timeouted
    assert "timeout of 5 s, the deployment was cancelled" in action.errors[Host(G1)]


def test_the_timeout_can_be_set_until_the_start(player):
    player.play("nancy", listing([G1]), hold="  dummy")
    action = kadeployer(player, G1)
    assert action.timeout is None
    action.timeout = "0:0:5"
    assert action.run(60).processes[0].timeouted


def test_what_is_deaf_to_control_c_is_killed_and_what_may_go_on_is_told(player, caplog):
    # 20
    g5k_configuration["kadeploy_cancel_timeout"] = 0.5
    player.play("nancy", listing([G1]), hold="  dummy", deaf=True)
    action = kadeployer(player, G1).start()
    player.held("nancy")
    action.kill().wait(30)
    assert player.notes("nancy")[-1] == "SIGINT"
    assert "still lives 0.5 s after Ctrl-C" in caplog.text
    reason = action.errors[Host(G1)]
    assert "D-6a02f66a-702f" in reason
    assert "may go on on the server" in reason


def test_leaving_the_block_cancels(player):
    player.play("nancy", listing([G1]), hold="  dummy")
    with kadeployer(player, G1) as action:
        action.start()
        player.held("nancy")
    assert action.ended
    assert player.notes("nancy")[-1] == "SIGINT"


def test_lists_that_were_printed_before_a_kill_count(player):
    player.play("nancy", listing([G1], {G2: "no"}) + "\nRunning s\nmore", hold="more")
    action = kadeployer(player, G1, G2).start()
    action.processes[0].expect("Running s", 30)
    action.kill().wait(30)
    assert action.deployed_hosts == {G1}


def test_a_kadeployer_that_was_not_started_is_not_killed(player):
    action = kadeployer(player, G1)
    action.kill()
    assert not action.started


# --- as any action


def test_it_can_be_reset_and_run_again_and_copied(player):
    # 28
    player.play("nancy", listing([G1], {G2: "no"})).play("nancy", listing([G1, G2]))
    action = done(player, G1, G2)
    twin = copy.copy(action)
    assert action.undeployed_hosts == {G2}
    assert not twin.started
    action.reset()
    assert action.steps == {}
    assert action.run(60).undeployed_hosts == set()
    assert twin.run(60).deployed_hosts == {G1, G2}
    assert len(player.asked("nancy")) == 3


def test_handlers_of_the_script_get_the_output_and_can_be_replaced(player, tmp_path):
    # 28
    class Lines(ProcessOutputHandler):
        def __init__(self):
            super().__init__()
            self.lines = []

        def read_line(self, process, stream, string):
            self.lines.append((process.frontend, stream, string))

    first, second = Lines(), Lines()
    player.play("nancy", listing([G1]), stderr="oops\n")
    action = kadeployer(player, G1, stdout_handlers=[first], stderr_handlers=first)
    action.processes[0].stdout_handlers = [second, str(tmp_path / "out")]
    action.run(60)
    assert ("nancy", 1, G1) in second.lines
    assert [(stream, line) for _, stream, line in first.lines] == [(2, "oops")]
    assert G1 in (tmp_path / "out").read_text()
    assert action.deployed_hosts == {G1}


def test_the_old_spelling_of_the_params_is_taken(player):
    player.play("nancy", listing([G1]))
    deployment = Deployment([G1], env_name="x")
    action = Kadeployer(deployment, frontend_connection_params=player.params).run(60)
    assert action.deployed_hosts == {G1}


@pytest.mark.parametrize(
    ("deployment", "error", "words"),
    [
        (Deployment([G1]), ValueError, "env_name"),
        (Deployment(["1.2.3.4"], env_name="x"), ValueError, "is an address"),
        (Deployment(["node.example.org"], env_name="x"), ValueError, "node.example.org"),
    ],
)
def test_what_can_not_be_deployed_is_an_error_at_once(player, deployment, error, words):
    # 22, 27
    with pytest.raises(error, match=words):
        Kadeployer(deployment, player.params)


def test_short_names_belong_to_the_default_frontend(player):
    # 22
    g5k_configuration["default_frontend"] = "lyon"
    player.play("lyon", listing([L1]))
    action = done(player, "nova-1")
    assert action.deployed_hosts == {"nova-1"}


def test_there_is_a_terminal_on_the_frontend_whatever_the_params_say():
    options = on_terminal({"ssh_options": "-o BatchMode=yes"})["ssh_options"]
    assert options == ("-tt", "-o", "BatchMode=yes")
    assert on_terminal({"ssh_options": ("-t",)})["ssh_options"] == ("-tt",)
    assert on_terminal(None)["ssh_options"].count("-tt") == 1


def test_on_its_own_frontend_kadeploy3_has_a_terminal_and_errors_apart(player, monkeypatch):
    monkeypatch.setenv("PLAYS", str(player.folder))
    player.play("here", listing([G1]), stderr="a warning\n")
    process = LocalKadeploy([str(player.folder / "kadeploy3"), "-m", G1], pty=True)
    process.frontend, process.asked = "here", AskedNodes([Host(G1), Host(G2)])
    process.run(60)
    assert process.outcome.deployed == {G1}
    assert process.stderr == "a warning\n"
