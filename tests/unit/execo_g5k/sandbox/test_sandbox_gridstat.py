"""oargridstat, beside what OARGrid 2.2.4 was seen to answer."""

import ast
import re
from xml.etree import ElementTree

import pytest

from execo_g5k.sandbox.model.dates import read_date
from execo_g5k.sandbox.model.gridjobs import GridPart, GridReservation
from tests.unit.execo_g5k.oargrid_transcripts import grid_transcripts
from tests.unit.execo_g5k.sandbox.gridlab import USER, GridLab

NODES = [
    "graphene-1.nancy.grid5000.fr", "graphene-1.nancy.grid5000.fr",
    "graphene-2.nancy.grid5000.fr", "graphene-2.nancy.grid5000.fr",
    "sagittaire-7.lyon.grid5000.fr", "sagittaire-7.lyon.grid5000.fr",
]  # fmt: skip


def part(site: str, job_id: int, rdef: str) -> GridPart:
    return GridPart(site, site, job_id, rdef)


NANCY, LYON = part("nancy", 1091124, "/nodes=2"), part("lyon", 1091123, "/nodes=1")
NETWORKS = "/slash_22=1+{type='kavlan'}/vlan=1+/nodes=2"
OF_RECORD = [
    (2, "10", "08", "1:00:00", "-w 1:00:00 nancy:rdef=/nodes=2,lyon:rdef=/nodes=1:type=deploy",
     [LYON, NANCY]),
    (3, "12", "11", "1:00:00", "-F nancy:rdef=/nodes=200,lyon:rdef=/nodes=1",
     [part("lyon", 1091127, "/nodes=1")]),
    (4, "17", "16", "1:00:00", "-v nancy:rdef=/nodes=1", [part("nancy", 1091133, "/nodes=1")]),
    (5, "17", "17", "0:10:00", f"-w 0:10:00 nancy:rdef={NETWORKS}:type=container=foo",
     [part("nancy", 1091134, NETWORKS)]),
]  # fmt: skip


def date(seconds: str) -> int:
    found = read_date(f"2026-11-22 23:46:{seconds}")
    assert found is not None
    return found


@pytest.fixture
def lab() -> GridLab:
    """The reservations that OARGrid had when its answers were recorded."""
    lab = GridLab()
    lab.now = float(date("59"))
    for number, submitted, start, walltime, line, parts in OF_RECORD:
        hours, minutes, _ = walltime.split(":")
        lab.database.add(
            GridReservation(
                number,
                USER,
                date(submitted),
                date(start),
                walltime,
                int(hours) * 3600 + int(minutes) * 60,
                "",
                f"~{USER}",
                line,
                list(parts),
                "key",
            )  # fmt: skip
        )
    return lab


def lines(text: str) -> list[str]:
    """Return the lines of a list, those of clusters in one order, those of a block together."""
    blocks = text.split("\n\n")
    return [line for block in blocks for line in _in_order(block.splitlines())]


def _in_order(block: list[str]) -> list[str]:
    head = [line for line in block if " --> " not in line]
    return head + sorted(line for line in block if " --> " in line)


@pytest.mark.parametrize("name", ["20-stat-all", "21-stat-one", "22-stat-unknown", "44-bad"])
def test_lists_are_those_of_oargrid(lab, name):
    seen = grid_transcripts()[name]
    reply = lab.call(seen.cmd)
    assert lines(reply.stdout) == lines(seen.stdout)
    assert reply.stdout.endswith("\n\n") == seen.stdout.endswith("\n\n")
    assert (reply.exit_code, reply.stderr) == (seen.exit_code, seen.stderr)


@pytest.mark.parametrize(
    "name",
    [
        "23-stat-one-yaml",
        "26-stat-all-yaml",
        "35-nodes-unknown",
        "36-nodes-unknown-yaml",
        "45-help",
    ],
)
def test_what_has_no_order_of_chance_is_the_same_to_the_letter(lab, name):
    seen = grid_transcripts()[name]
    reply = lab.call(seen.cmd)
    assert (reply.exit_code, reply.stdout, reply.stderr) == (
        seen.exit_code, seen.stdout, seen.stderr
    )  # fmt: skip


def of_dumper(text: str) -> object:
    """Return what a text of Data::Dumper says."""
    return ast.literal_eval(text.replace(" => ", ": "))


def test_the_dumper_says_the_same(lab):
    seen, mine = (
        grid_transcripts()["24-stat-one-dumper"].stdout,
        lab.call("oargridstat -D 2").stdout,
    )
    assert of_dumper(mine) == of_dumper(seen)
    assert mine.count("\n") == 0
    assert sorted(mine) == sorted(seen)


def test_xml_says_the_same(lab):
    seen, mine = grid_transcripts()["25-stat-one-xml"].stdout, lab.call("oargridstat -X 2").stdout
    # names of elements that begin with a digit are no XML, but OARGrid writes them
    [theirs, ours] = [
        ElementTree.fromstring(re.sub(r"<(\d+)", r"<job\1", text)) for text in (seen, mine)
    ]
    assert ours.attrib == theirs.attrib
    found = [
        {jobs.get("name"): {job.tag: job.attrib for job in jobs} for jobs in tree}
        for tree in (ours, theirs)
    ]
    assert found[0] == found[1]
    assert sorted(mine.splitlines()) == sorted(seen.splitlines())


def test_aliases_are_told():
    reply = GridLab().call("oargridstat --list_aliases -Y")
    seen = grid_transcripts()["43-list-clusters"].stdout.removeprefix("--- {}\n")
    mine = re.sub(r"sagittaire:\n(  .*\n){3}", "", reply.stdout)
    assert mine == seen
    assert GridLab().call("oargridstat --list_clusters -Y").stdout == "--- {}\n"


# --- nodes


@pytest.fixture
def running() -> GridLab:
    """A reservation of two nodes of nancy and the last one of lyon, which runs."""
    lab = GridLab()
    lab.call("oarsub -l nodes=6,walltime=1 sleep", site="lyon")
    lab.wait()
    assert lab.call(["oargridsub", *TWO_WORDS]).exit_code == 0
    lab.wait()
    return lab


TWO_WORDS = [
    "-t", "deploy", "-w", "1:00:00", 'nancy:rdef={\\\\\\"cluster=\'graphene\'\\\\\\"}/nodes=2,lyon',
]  # fmt: skip


def with_ids(text: str) -> str:
    return text.replace("1091123", "1091122").replace("1091124", "1091121")


def in_blocks(text: str) -> list[str]:
    return sorted(text.splitlines())


def test_nodes_are_told_once_for_each_core(running):
    reply = running.call("oargridstat -l 1")
    assert in_blocks(reply.stdout) == in_blocks(grid_transcripts()["30-nodes"].stdout)
    assert reply.stdout.endswith("\n\n")
    assert sorted(reply.stdout.split()) == NODES


def test_nodes_as_data(running):
    seen = grid_transcripts()
    yaml = running.call("oargridstat -l 1 -Y").stdout
    assert yaml == with_ids(seen["32-nodes-yaml"].stdout)
    dumped = running.call("oargridstat -l 1 -D").stdout
    assert of_dumper(dumped) == of_dumper(with_ids(seen["31-nodes-dumper"].stdout))
    crashed = running.call("oargridstat -l 1 -X")
    expected = seen["33-nodes-xml"]
    assert (crashed.exit_code, crashed.stderr) == (expected.exit_code, expected.stderr)
    assert re.sub(r"nancy|lyon|\d+", "", crashed.stdout) == re.sub(
        r"nancy|lyon|\d+", "", expected.stdout
    )


def test_one_cluster_or_one_job_can_be_asked_for(running):
    assert set(running.call("oargridstat -l 1 -c lyon").stdout.split()) == {NODES[-1]}
    assert set(running.call("oargridstat -l 1 -c nancy -j 1091121").stdout.split()) == set(
        NODES[:4]
    )
    assert running.call("oargridstat -l 1 -c nancy -j 7").stdout == "\n"


def waited(lab: GridLab, words: str) -> tuple[str, str, int, float]:
    """Call a command again and again, as it wants it; return what it printed, and how long."""
    out, err, spent = "", "", 0.0
    while True:
        reply = lab.call(words, waited=spent)
        out, err = out + reply.stdout, err + reply.stderr
        if reply.again is None:
            return out, err, reply.exit_code, spent
        spent += reply.again
        lab.wait(reply.again)


@pytest.fixture
def late() -> GridLab:
    """A reservation of both sites, of which that of lyon starts eight seconds late."""
    lab = GridLab()
    lab.sites["lyon"].mute = True
    lab.call(["oargridsub", *TWO_WORDS])
    lab.wait()
    return lab


def test_w_waits_until_all_jobs_run(late):
    seen = grid_transcripts()["37-nodes-wait"]
    first = late.call("oargridstat -w -l 1")
    assert (first.again, first.stdout) == (5, "")
    late.wait(8)
    late.sites["lyon"].mute = False
    second = late.call("oargridstat -w -l 1", waited=5.0)
    late.wait(5)
    out, err, code, _ = waited(late, "oargridstat -w -l 1")
    assert first.stderr + second.stderr + err == seen.stderr
    assert (code, sorted(set(out.split()))) == (
        0,
        sorted({*NODES[:4], NODES[-1].replace("7", "1")}),
    )


def test_w_waits_no_longer_than_it_is_told(late):
    seen = grid_transcripts()["39-nodes-wait-max"]
    assert waited(late, "oargridstat -w -p 5 -m 10 -l 1") == (
        seen.stdout, seen.stderr, seen.exit_code, 10
    )  # fmt: skip
    assert waited(late, "oargridstat -w -p 1 -m 10 -l 1")[3] == 10, "5 seconds are the least"


@pytest.mark.parametrize("name", ["40-nodes-wait-ended", "41-nodes-wait-error"])
def test_w_tells_what_has_ended_and_the_nodes_of_the_others(running, name):
    seen = grid_transcripts()[name]
    running.call("oardel 1091122", site="lyon")
    running.wait()
    reply = running.call(seen.cmd.replace("-l 2", "-l 1"))
    assert reply.again is None
    assert reply.stdout == with_ids(seen.stdout)
    assert (reply.exit_code, reply.stderr) == (seen.exit_code, with_ids(seen.stderr))
    # and without -w the nodes that it had are there
    assert NODES[-1] in running.call("oargridstat -l 1").stdout


def test_a_site_without_its_database_tells_no_nodes(running):
    running.sites["lyon"].database_up = False
    assert running.call("oargridstat -l 1").exit_code == 2
    assert "Reservation # 1:" in running.call("oargridstat").stdout


def test_a_key_is_restored(running):
    reply = running.call("oargridstat -k 1")
    path = "/tmp/oargrid/oargrid_ssh_key_retrieved_games_1"
    assert (reply.exit_code, reply.stdout) == (0, f"Key restored into {path}\n")
    original = running.files.texts["/tmp/oargrid//oargrid_ssh_key_games_1"]
    assert running.files.texts[path] == original
    assert running.call("oargridstat -k 1", user="bob").stdout == ""


def test_reservations_of_others_are_shown_when_they_are_asked_for(running):
    assert running.call("oargridstat", user="bob").stdout == ""
    assert "user : games\n" in running.call("oargridstat 1", user="bob").stdout
