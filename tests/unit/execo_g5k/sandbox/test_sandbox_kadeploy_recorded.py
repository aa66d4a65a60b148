"""The commands of Kadeploy in the sandbox answer as the recorded real ones, word for word."""

import re

import pytest

from execo_g5k.sandbox.commands.call import Event
from execo_g5k.sandbox.model.kadeploy.machines import STANDARD
from execo_g5k.sandbox.model.kadeploy.steps import STEPS
from tests.unit.execo_g5k.kadeploy_transcripts import KadeployTranscript, kadeploy_transcripts
from tests.unit.execo_g5k.sandbox.kadeploylab import DUMMY_STEPS, IMAGE, KadeployLab

# what its real environment said, and which files it had
DESCRIPTION = f"""\
---
name: myenv
version: 1
description: my env
author: alice
visibility: shared
os: linux
image:
  file: {IMAGE}
  kind: tar
  compression: gzip
boot:
  kernel: /vmlinuz
  initrd: /initrd.img
filesystem: ext4
partition_type: 131
"""
LOCAL = "/srv/kadeploy/envs/debian.tgz"
FILES = {
    "run/nodes.txt": "# a comment\ngraphene-1.nancy.grid5000.fr\n\ngraphene-3.nancy.grid5000.fr\n",
    "run/script.sh": "#!/bin/sh\n",
    "run/env-ok.yaml": DESCRIPTION,
    "run/env-unused.yaml": DESCRIPTION + "unknown_field: 1\n",
    "run/env-noos.yaml": DESCRIPTION.replace("os: linux\n", ""),
    "run/env-badyaml.yaml": "foo: [b\nc: d\n",
    "run/env-local.yaml": DESCRIPTION.replace(IMAGE, LOCAL),
    LOCAL: "",
    "run/env-noimage.yaml": DESCRIPTION.replace("debian.tgz", "nosuch.tgz"),
    "run/env-noimage-local.yaml": DESCRIPTION.replace(IMAGE, "/tmp/nosuch.tgz"),
}

BASE = "kadeploy3 -e debian11-x64-base -m"


LINES = "first line\ngraphene-1.nancy.grid5000.fr second line\nlast (with parens)"


def node(name):
    return f"{name}.nancy.grid5000.fr"


def failing(step="dummy", **reasons):
    """Let the deployment of some nodes fail."""

    def setup(lab):
        for name, reason in reasons.items():
            lab.server.troubles.fail(node(name.replace("_", "-")), step, reason, 1)

    return setup


def busy(lab):
    lab.other = lab.begin(f"{BASE} graphene-1 -m graphene-2").wait(1)


def orphaned(lab):
    busy(lab)
    lab.other.vanish()


def lost(name):
    """Let a node never come back."""
    return lambda lab: lab.machines.lost.add(node(name))


def down(lab):
    lab.server.set_running(up=False)


SETUPS = {
    "06-partial-failure": failing(graphene_2="some error text"),
    "07-total-failure": failing(graphene_1="boom", graphene_2="some error text"),
    "3.1.7.2 07-total-failure": failing(graphene_1="", graphene_2="first line\nsecond line\n"),
    "08-partial-two-clusters": failing(graphene_2="some error text", griffon_11="other error"),
    "30-concurrent-all-discarded": busy,
    "31-concurrent-partly-discarded": busy,
    "32-server-down": down,
    "45-failure-multiline-error": failing(graphene_2=LINES, graphene_3=""),
    "57-after-sigterm": orphaned,
    "94-force-while-deploying": busy,
    "09-partial-connector-error": failing(
        "create_partition_table", graoully_2="TAKTUK-ERROR-state: connection failed\n"
    ),
    "09-partial-unreachable-node": lost("graoully-3"),
    "70-kareboot-partial": lost("graoully-3"),
}
LEFT_OUT = {
    "33-no-client-conf": "a frontend of the sandbox has its configuration",
    "95-auth-refused": "as it has the rights to talk to its server",
    "35-vlan-unresolvable": "the sandbox has vlans",
    "62-envfile-noimage-http": "the sandbox fetches nothing from the web",
    "70-kareboot-no-op": "that node never came back, and the recording was ended",
    "87-kaconsole-no-tty": "Ruby's own words of where it stopped",
    "47-debug-mode": "the commands that Kadeploy runs on its nodes are not those of that machine",
    "49-step-timeout-slow": "its steps were slower than its limits",
    "76-kapower-off": "the nodes of the sandbox have all commands for their power",
    "77-kapower-partial": "the nodes of the sandbox have all commands for their power",
    "54-retry-right-after-ctrl-c": "what came before is in a test of its own",
    "59-kanodes-after-sighup": "what came before is in a test of its own",
    "60-kanodes-after-sigint": "what came before is in a test of its own",
    "84-kaenv-add-list-del": "its commands are in a test of their own",
    "91-server-killed-midway": "the end of its server is in a test of its own",
    "86-kanodes": "the second of two commands is in a test of its own",
}
ORDERED = [
    transcript
    for transcript in kadeploy_transcripts().values()
    if transcript.name not in LEFT_OUT
    and "kastat3" not in transcript.cmd
    and "ptyrun" not in transcript.cmd
]


def by_prefix(text):
    """Return the lines of each set of nodes: how those of several mix is chance."""
    text = re.sub(r"[DRPC]-[0-9a-f]{8}-[0-9a-f-]{27}", "WID", text)
    text = re.sub(r"\b\d+s\b", "Ns", text)
    lines = {}
    for line in text.split("\n"):
        match = re.match(r"\[[a-z0-9.]+\]", line)
        lines.setdefault(match[0] if match else "", []).append(line)
    if "Clusters involved in the operation:" in lines[""]:
        # which is named first is chance too
        lines[""].sort()
    return lines


def the_same(transcript):
    """Return a laboratory as the one where it was recorded."""
    recent = transcript.version.startswith("3.3")
    steps = (*STEPS[:1], *DUMMY_STEPS[1:]) if "graoully" in transcript.cmd else DUMMY_STEPS
    lab = KadeployLab("3.3" if recent else "3.1", steps)
    lab.files.texts.update(FILES)
    if "Grab the tarball" not in transcript.stdout:
        lab.call("kadeploy3 -e debian11-x64-base -m griffon-12")
    named = f"{transcript.version} {transcript.name}"
    SETUPS.get(named, SETUPS.get(transcript.name, lambda lab: None))(lab)
    return lab


@pytest.mark.parametrize("transcript", ORDERED, ids=lambda t: f"{t.version}-{t.name}")
def test_it_answers_as_the_real_one(transcript: KadeployTranscript):
    command = transcript.cmd.partition(";")[0]
    user = transcript.who.partition(";")[0]
    stdin = FILES["run/nodes.txt"] if command.endswith("-f -") else ""
    lab = the_same(transcript)
    ended = lab.call(command, user, stdin)
    expected = re.split(r"^== \w+ file\n|^\nRunning ", transcript.stdout, flags=re.M)[0]
    if command != transcript.cmd and transcript.cmd.endswith("; cat run/ko.txt"):
        expected = expected.removesuffix(lab.files.texts["run/ko.txt"])
    assert by_prefix(ended.stdout) == by_prefix(expected)
    if ";" not in transcript.cmd:
        assert (ended.stderr, ended.exit_code) == (transcript.stderr, transcript.exit)


@pytest.fixture
def lab():
    made = KadeployLab()
    made.files.texts.update(FILES)
    return made


def recorded(name):
    return kadeploy_transcripts()["3.3.11", name]


def test_the_files_of_nodes_have_those_that_are_well_and_those_that_are_not(lab):
    failing(graphene_2="some error text")(lab)
    lab.call(f"{BASE} 'graphene-[1-3].nancy.grid5000.fr' -o ok -n ko")
    ok, _, ko = (
        recorded("06-partial-failure").stdout.partition("== ok file\n")[2].partition("== ko file\n")
    )
    assert (lab.files.texts["ok"], lab.files.texts["ko"]) == (ok, ko)


def test_the_files_of_nodes_are_emptied_at_once(lab):
    lab.files.texts |= {"ok": "stale", "ko": "stale"}
    busy(lab)
    assert lab.call(f"{BASE} graphene-1 -o ok -n ko").exit_code == 14
    assert (lab.files.texts["ok"], lab.files.texts["ko"]) == ("", "")


def test_environments_are_recorded_listed_and_deleted(lab):
    calls = ["-a run/env-ok.yaml", "-l", "-l -u alice", "-p myenv", "-a run/env-ok.yaml"]
    ended = [lab.call(f"kaenv3 {words}") for words in (*calls, "-d myenv", "-l")]
    codes = iter([ended[0].exit_code, ended[4].exit_code, ended[5].exit_code])
    told = "".join(
        end.stdout + (f"rc={next(codes)}\n" if number in (0, 4, 5) else "")
        for number, end in enumerate(ended)
    )
    transcript = recorded("84-kaenv-add-list-del")
    assert told == transcript.stdout
    assert ended[4].stderr == transcript.stderr


def test_ctrl_c_frees_the_nodes_at_once(lab):
    running = lab.begin(f"{BASE} graphene-1", terminal=True).wait(1)
    running.tell(Event.INT)
    assert running.ended.exit_code == 1
    assert running.printed + running.ended.stdout.removeprefix(running.printed)
    assert running.ended.stdout.endswith("SIGINT trapped\n")
    states = lab.call("kanodes3 -s -m graphene-1").stdout
    transcript = recorded("54-retry-right-after-ctrl-c")
    assert states == transcript.stdout.partition("graphene-2")[0]
    assert lab.call(f"{BASE} graphene-1").exit_code == 0


def test_a_client_that_is_killed_leaves_its_deployment(lab):
    running = lab.begin(f"{BASE} graphene-1").wait(1)
    running.tell(Event.TERM)
    assert running.ended.reply.dies_of == 15
    again = lab.call(f"{BASE} graphene-1")
    assert (again.exit_code, again.stderr) == (14, recorded("57-after-sigterm").stderr)
    lab.settle(5)
    assert lab.server.nodes[node("graphene-1")].state == "deployed"


def test_before_3_2_a_client_that_is_killed_takes_its_deployment_with_it():
    lab = KadeployLab("3.1")
    lab.begin("kadeploy3 -e debian11-x64-base -m graphene-1").wait(1).vanish()
    lab.settle(5)
    assert lab.server.nodes[node("graphene-1")].state == "aborted"


def test_a_server_that_dies_midway_is_told(lab):
    running = lab.begin(f"{BASE} graphene-3").wait(1)
    down(lab)
    ended = running.end()
    transcript = recorded("91-server-killed-midway")
    assert (ended.exit_code, ended.stdout, ended.stderr) == (1, "", transcript.stderr)


@pytest.fixture
def real_lab():
    """Nodes that really boot."""
    return KadeployLab(steps=STEPS)


def test_the_end_of_the_job_gives_nodes_their_standard_system_back(real_lab):
    lab = real_lab
    lab.call(f"{BASE} graphene-1 -k")
    name = node("graphene-1")
    assert lab.machines.systems[name].keys == ("ssh-ed25519 AAAA alice",)
    assert lab.machines.systems[name].partition == "/dev/sda3"
    lab.site.delete(1, "alice", lab.now)
    lab.settle(5)
    assert lab.machines.systems[name] == STANDARD
    assert lab.call(f"{BASE} graphene-1").exit_code == 6


def test_a_spoilt_deployment_is_told_to_be_successful(real_lab):
    lab = real_lab
    lab.server.troubles.spoil(node("graphene-1"), "system", 1)
    assert "successful" in lab.call(f"{BASE} graphene-1").stdout
    assert lab.machines.systems[node("graphene-1")].partition == STANDARD.partition
    lab.server.troubles.spoil(node("graphene-2"), "ssh", 1)
    assert "successful" in lab.call(f"{BASE} graphene-2").stdout
    assert lab.machines.systems[node("graphene-2")].silent


@pytest.mark.parametrize(
    ("trouble", "how", "words"),
    [
        ("fail", {"step": "nosuch", "reason": "", "times": 1}, "step: 'nosuch': expected one of"),
        ("spoil", {"what": "roof", "times": 1}, "what: 'roof': expected one of ssh, system"),
    ],
)
def test_troubles_that_are_none_are_refused(lab, trouble, how, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        getattr(lab.server.troubles, trouble)(node("graphene-1"), **how)
