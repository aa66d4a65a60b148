"""What kadeploy3 prints, read. The numbers in comments are those of the pitfalls known."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.parse.kadeploy import KadeployOutput, NodeState
from execo_g5k.parse.nodeset import expand_nodes
from tests.unit.execo_g5k.kadeploy_transcripts import heard, of_kadeploy, recorded

DOMAIN = ".nancy.grid5000.fr"
OLD, NEW = "3.1.7.2", "3.3.11"
OK, KO = "The deployment is successful on nodes", "The deployment failed on nodes"


def full(*names):
    return {f"{name}{DOMAIN}" for name in names}


def graphene(*numbers):
    return full(*(f"graphene-{number}" for number in numbers))


# version, name -> deployed, failed, discarded; what is not here lists nothing
LISTED = {
    (NEW, "01-success-2-nodes"): (graphene(1, 2), set()),
    (NEW, "02-success-range"): (graphene(1, 2, 3), set()),
    (NEW, "03-success-file"): (graphene(1, 3), set()),
    (NEW, "04-success-stdin"): (graphene(1, 3), set()),
    (NEW, "05-success-two-clusters"): (graphene(1, 2) | full("griffon-11", "griffon-12"), set()),
    (NEW, "06-partial-failure"): (graphene(1, 3), graphene(2)),
    (NEW, "07-total-failure"): (set(), graphene(1, 2)),
    (NEW, "08-partial-two-clusters"): (
        graphene(1) | full("griffon-12"),
        graphene(2) | full("griffon-11"),
    ),
    (NEW, "09-partial-connector-error"): (full("graoully-1"), full("graoully-2")),
    (NEW, "09-partial-unreachable-node"): (full("graoully-1", "graoully-2"), full("graoully-3")),
    (NEW, "19-short-name"): (graphene(1), set()),
    (NEW, "31-concurrent-partly-discarded"): (graphene(3), set()),
    (NEW, "39-verbose-1"): (graphene(1), set()),
    (NEW, "39-verbose-2"): (graphene(1), set()),
    (NEW, "39-verbose-4"): (graphene(1), set()),
    (NEW, "39-verbose-5"): (graphene(1), set()),
    (NEW, "44-script-and-wid"): (graphene(1), set()),
    (NEW, "45-failure-multiline-error"): (graphene(1), graphene(2, 3)),
    (NEW, "47-debug-mode"): (full("graoully-1", "graoully-2"), set()),
    (NEW, "48-breakpoint"): (graphene(1, 2), set()),
    (NEW, "49-step-timeout-slow"): (set(), graphene(1, 2)),
    (NEW, "50-pty-success"): (graphene(1), set()),
    (NEW, "51-pty-status"): (graphene(1), set()),
    (NEW, "61-after-sigint-retry-ok"): (graphene(1), set()),
    (NEW, "62-envfile-local"): (graphene(1), set()),
    (NEW, "62-envfile-ok"): (graphene(1), set()),
    (NEW, "62-envfile-unused"): (graphene(1), set()),
    (NEW, "94-force-while-deploying"): (graphene(2), set()),
    (OLD, "01-success-2-nodes"): (graphene(1, 2), set()),
    (OLD, "02-success-two-clusters"): (graphene(1, 2) | full("griffon-11", "griffon-12"), set()),
    (OLD, "06-partial-failure"): (graphene(1, 3), graphene(2)),
    (OLD, "07-total-failure"): (set(), graphene(1, 2)),
    (OLD, "46-multi-server"): (graphene(1, 2), set()),
    (OLD, "54-after-sigint"): (graphene(1), set()),
    (OLD, "57-after-sigterm"): (graphene(1), set()),
    (OLD, "58-debug"): (graphene(1), set()),
}
DISCARDED = {
    (NEW, "31-concurrent-partly-discarded"): graphene(2),
    (OLD, "30-concurrent-all-discarded"): graphene(1),
}


def test_the_expected_results_are_those_of_recorded_commands():
    names = {(t.version, t.name) for t in of_kadeploy()}
    assert LISTED.keys() | DISCARDED.keys() <= names
    assert len(names) > 80


@pytest.mark.parametrize("one", of_kadeploy(), ids=lambda t: f"{t.version} {t.name}")
def test_every_recorded_command_is_read(one):
    # 1, 2, 4, 5, 6, 10, 13, 16: both families, on a terminal or not
    output = heard(one.text)
    deployed, failed = LISTED.get((one.version, one.name), (set(), set()))
    assert set(output.deployed) == deployed
    assert set(output.failed) == failed
    assert set(output.discarded) == DISCARDED.get((one.version, one.name), set())
    assert output.interrupted == ("53-" in one.name)
    asks_for_help = "--help" in one.cmd or "-h" in one.cmd.split() or "dry-run" in one.cmd
    nothing_happened = not deployed | failed | set(output.discarded) and not output.launched
    assert not nothing_happened or output.words or asks_for_help


@settings(max_examples=300)
@given(st.sampled_from(of_kadeploy()), st.data())
def test_the_result_is_the_same_wherever_the_text_is_cut(one, data):
    # 16: lines, and even their ends, cut between two reads
    text = one.text.replace("\n", "\r\n")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole, cut = KadeployOutput(), KadeployOutput()
    events = whole.feed(text, end=True)
    told = [event for piece in pieces for event in cut.feed(piece)] + cut.feed("", end=True)
    assert told == events
    for name in ("deployed", "failed", "discarded", "launched", "steps", "workflow_ids", "words"):
        assert getattr(cut, name) == getattr(whole, name)


@given(st.lists(st.text(), max_size=30))
def test_any_text_is_read_without_an_error(pieces):
    heard(*pieces, *(f"{piece}\n" for piece in pieces), f"{KO}\n", *pieces)


def test_nodes_are_read_with_a_reason_behind_them_and_without():
    # 1: versions differ in it
    output = heard(f"{KO}\na-1{DOMAIN}\na-2{DOMAIN} (why)\na-3{DOMAIN} (stderr: why)\n")
    assert output.failed == {
        f"a-1{DOMAIN}": "",
        f"a-2{DOMAIN}": "why",
        f"a-3{DOMAIN}": "why",
    }


def test_lines_of_a_terminal_end_with_cr_lf():
    # 4
    text = recorded("45-failure-multiline-error").stdout
    assert heard(text.replace("\n", "\r\n")).failed == heard(text).failed


def test_the_status_that_a_key_asks_for_lists_no_node():
    # 13
    status = f"---\nDeployment status (4s):\n  [OK]\n    a-1{DOMAIN}\na-2{DOMAIN}\n---\n"
    output = heard(f"Launching a deployment on a-1{DOMAIN}\n\n{status}{OK}\na-3{DOMAIN}\n")
    assert set(output.deployed) == full("a-3")
    assert not output.steps.keys() - full("a-3")


def test_reasons_are_given_whole_and_without_their_parentheses():
    assert heard(recorded("09-partial-connector-error").text).failed == {
        f"graoully-2{DOMAIN}": "SetDeploymentEnvUntrusted-create_partition_table:"
        " TAKTUK-ERROR-state: connection failed"
    }
    assert heard(recorded("07-total-failure", OLD).text).failed == {
        f"graphene-1{DOMAIN}": "SetDeploymentEnvDummy-dummy:",
        f"graphene-2{DOMAIN}": "SetDeploymentEnvDummy-dummy: first line\nsecond line",
    }


def test_a_node_named_in_the_reason_of_another_is_in_no_list():
    # 2, 3
    output = heard(
        f"{OK}\na-1{DOMAIN}\n{KO}\na-2{DOMAIN} (Set-x: lost\na-1{DOMAIN}\na-9{DOMAIN}\n"
        f"a-1{DOMAIN} (Set-x: again)\n)\na-3{DOMAIN} (Set-x: )\n"
    )
    assert set(output.deployed) == full("a-1")
    assert set(output.failed) == full("a-2", "a-3")
    failed = heard(recorded("45-failure-multiline-error").text).failed
    assert f"graphene-1{DOMAIN} second line" in failed[f"graphene-2{DOMAIN}"]


def test_a_parenthesis_that_is_never_closed_hides_no_other_node():
    launched = f"Launching a deployment on a-[1-3]{DOMAIN}\n"
    output = heard(
        f"{launched}\n{KO}\na-1{DOMAIN} (Set-x: :( sad\n)\na-2{DOMAIN} (Set-x: b)\n"
        f"a-3{DOMAIN} (Set-x: c)\n"
    )
    assert set(output.failed) == full("a-1", "a-2", "a-3")
    assert output.failed[f"a-3{DOMAIN}"] == "Set-x: c"


def test_in_old_versions_the_list_of_the_next_cluster_comes_behind_any_reason():
    # 5: one block a cluster
    output = heard(
        f"\nNodes not correctly deployed on cluster my-a\na-1{DOMAIN} (stderr: x: ( bad)\n"
        f"\nNodes correctly deployed on cluster my-b\nb-1{DOMAIN}\n"
    )
    assert set(output.deployed) == full("b-1")
    assert set(output.failed) == full("a-1")


def test_a_header_in_a_reason_opens_no_list():
    output = heard(f"{KO}\na-1{DOMAIN} (Set-x: it said\n{OK}\na-2{DOMAIN}\n)\n")
    assert not output.deployed


def test_what_a_script_prints_behind_the_lists_is_in_none():
    # 6
    output = heard(f"\n{OK}\na-1{DOMAIN}\n\nRunning s.sh\na-2{DOMAIN}\n\nSuccess !\na-3{DOMAIN}\n")
    assert set(output.deployed) == full("a-1")


@pytest.mark.parametrize(
    "name",
    [
        "graphene-1",
        "my-big-cluster-12.nancy.grid5000.fr",
        "graphene-1-kavlan-4.nancy.grid5000.fr",
        "node1.mycluster.example.org",
    ],
)
def test_nodes_are_read_by_any_form_of_their_names(name):
    # 7
    output = heard(f"{OK}\n{name}\n{KO}\nx{name} (stderr: y)\n")
    assert (list(output.deployed), list(output.failed)) == ([name], [f"x{name}"])


@pytest.mark.parametrize("pad", ["[nancy]   ", "[luxembourg]"])
def test_prefixes_of_servers_are_left_out(pad):
    # 11: since 3.2 the prefix is padded to ten columns
    lines = recorded("06-partial-failure").stdout.partition("== ok")[0].splitlines()
    output = heard(*(f"{pad}{line}\r\n" for line in lines))
    assert set(output.deployed) == graphene(1, 3)
    assert set(output.failed) == graphene(2)
    assert output.steps[f"graphene-1{DOMAIN}"].state is NodeState.DEPLOYED
    assert len(output.workflow_ids) == 1


def test_a_flood_of_debugging_is_ignored_and_takes_no_memory():
    # 12
    output = KadeployOutput()
    line = f"[dbg] NODE: a-1{DOMAIN} {'x' * 1000}\n{'y' * 500}\n"
    for _ in range(2000):
        output.feed(line)
    output.feed("z" * 10_000_000)
    output.feed(f"\n{OK}\na-1{DOMAIN}\n", end=True)
    assert set(output.deployed) == full("a-1")
    kept = [*output.words, *output.failed.values(), *output._partial.values()]
    assert sum(map(sys.getsizeof, kept)) < 100_000
    assert list(output.steps) == [f"a-1{DOMAIN}"]


def test_a_reason_without_end_takes_no_memory():
    output = heard(f"{KO}\na-1{DOMAIN} (Set-x: \n", *["(more and more\n"] * 10000)
    assert len(output.failed[f"a-1{DOMAIN}"]) < 5000


def test_a_node_in_both_lists_is_in_both():
    # 15: who asks decides; see test_outcome
    output = heard(f"{OK}\na-1{DOMAIN}\n{KO}\na-1{DOMAIN} (x-y: z)\n")
    assert set(output.deployed) & set(output.failed) == full("a-1")


def test_a_last_line_without_an_end_counts_and_invalid_text_does_no_harm():
    # 16
    assert set(heard(f"{OK}\na-1{DOMAIN}").deployed) == full("a-1")
    assert heard(f"\udcff\udcfe\n{KO}\na-1{DOMAIN} (x-y: \udcb0)").failed == {
        f"a-1{DOMAIN}": "x-y: \udcb0"
    }


def test_words_of_a_header_in_other_lines_open_no_list():
    # 16
    output = heard(f"End of deployment for a-1 after 3s\n{OK} a-1\n  {OK}\na-1{DOMAIN}\n")
    assert not output.deployed


def test_standard_error_apart_holds_words_only():
    output = KadeployOutput()
    output.feed(f"{OK}\na-")
    output.feed(f"{OK}\na-2{DOMAIN}\nsome erro", error=True)
    output.feed(f"1{DOMAIN}\n", end=True)
    output.feed("r", error=True, end=True)
    assert set(output.deployed) == full("a-1")
    assert list(output.words)[-1] == "some error"


# --- progress


def steps_of(name, version=NEW):
    return KadeployOutput().feed(recorded(name, version).stdout, end=True)


def test_steps_of_each_part_of_the_nodes_are_told():
    told = [
        (event.state.name, len(event.nodes), event.macro, event.micro)
        for event in steps_of("09-partial-unreachable-node")
    ]
    setup, broadcast = "SetDeploymentEnvUntrusted", "BroadcastEnvDummy"
    assert told[:8] == [
        ("STEP", 3, setup, None),
        ("STEP", 3, setup, "switch_pxe"),
        ("STEP", 3, setup, "reboot"),
        ("STEP", 3, setup, "wait_reboot"),
        ("STEP_FAILED", 1, setup, "wait_reboot"),
        ("STEP_FAILED", 1, setup, None),
        # two parts from here on, of which the first goes on in the same macro-step
        ("STEP", 2, setup, "create_partition_table"),
        ("STEP", 1, setup, None),
    ]
    assert ("STEP", 2, broadcast, "dummy") in told
    assert told[-4:] == [
        ("FINISHED", 2, None, None),
        ("DEPLOYED", 1, None, None),
        ("DEPLOYED", 1, None, None),
        ("FAILED", 1, None, None),
    ]


def test_parts_of_two_clusters_are_told_apart():
    output = KadeployOutput()
    text = recorded("08-partial-two-clusters").stdout
    output.feed(text[: text.index("[c1.1] End of step")])
    micro = {node: (event.state.name, event.micro) for node, event in output.steps.items()}
    assert micro == {
        f"graphene-1{DOMAIN}": ("STEP", "dummy"),
        f"graphene-2{DOMAIN}": ("STEP", "dummy"),
        f"griffon-11{DOMAIN}": ("STEP", "dummy"),
        f"griffon-12{DOMAIN}": ("STEP", "dummy"),
    }
    assert set(output.launched) == set(micro)


@pytest.mark.parametrize("name", ["06-partial-failure", "02-success-two-clusters"])
def test_steps_of_old_versions_are_told_too(name):
    events = steps_of(name, OLD)
    assert {event.macro for event in events} >= {"SetDeploymentEnvDummy", "BootNewEnvDummy"}
    assert all(event.nodes for event in events)


def test_a_step_that_takes_too_long_is_told_of_its_nodes():
    late = [event for event in steps_of("49-step-timeout-slow") if event.detail]
    assert [(e.state, set(e.nodes), e.macro) for e in late] == [
        (NodeState.STEP_FAILED, graphene(1, 2), "SetDeploymentEnvDummy")
    ]


def test_discarded_nodes_are_told_and_are_in_no_list():
    # 9
    output = heard(recorded("31-concurrent-partly-discarded").text)
    assert set(output.discarded) == graphene(2)
    assert output.steps[f"graphene-2{DOMAIN}"].state is NodeState.DISCARDED


def test_the_identifier_of_the_deployment_is_known_as_soon_as_it_is_printed():
    output = KadeployOutput()
    output.feed("Deployment #D-6a02f66a started\n")
    assert output.workflow_ids == ["D-6a02f66a"]
    assert not heard(recorded("01-success-2-nodes", OLD).text).workflow_ids


@pytest.mark.parametrize("text", ["^C\r\nSIGINT trapped\r\n", "^CSIGINT trapped, let's clean"])
def test_an_interruption_is_seen_through_the_echo_of_the_terminal(text):
    assert heard(text).interrupted


# --- sets of nodes


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("graphene-1.nancy.grid5000.fr", ["graphene-1.nancy.grid5000.fr"]),
        ("a-[1-3,7].b", ["a-1.b", "a-2.b", "a-3.b", "a-7.b"]),
        ("a-[1,3].b, c-2.d,a-1.b", ["a-1.b", "a-3.b", "c-2.d"]),
        ("a-[08-11]", ["a-08", "a-09", "a-10", "a-11"]),
        ("r[1-2]-n[1-2]", ["r1-n1", "r1-n2", "r2-n1", "r2-n2"]),
        ("", []),
        ("a-[1-x]", ["a-[1-x]"]),
        ("a-[]", ["a-[]"]),
        ("a-[1-999999999]", ["a-[1-999999999]"]),
    ],
)
def test_sets_of_nodes_are_unfolded(text, names):
    assert list(expand_nodes(text)) == names
