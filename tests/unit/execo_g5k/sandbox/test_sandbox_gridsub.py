"""oargridsub and oargriddel, beside what OARGrid 2.2.4 was seen to answer."""

import re

import pytest

from execo_g5k.sandbox.commands.gridspec import through_shells
from execo_g5k.sandbox.commands.wholegrid import Contact
from execo_g5k.sandbox.model.dates import told_date
from execo_g5k.sandbox.model.jobs import State
from tests.unit.execo_g5k.oargrid_transcripts import grid_transcripts
from tests.unit.execo_g5k.sandbox.gridlab import FIRST_JOB_ID, GridLab
from tests.unit.execo_g5k.sandbox.modelled import NOW

TWO = "oargridsub -t deploy nancy:rdef=/nodes=2,lyon:rdef=/nodes=1"


def plain(text: str) -> str:
    """Return what is printed, without ids and dates, and without the order of clusters."""
    # the OARGrid that was recorded knew no cluster of lyon, and one that should not be used
    text = text.replace(" *DEPRECATED*", "")
    text = text.replace("\t   sagittaire (cluster='sagittaire')\n", "")
    text = re.sub(r"-----BEGIN.*?\n' ", "<key>\n' ", text, flags=re.DOTALL)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>", text)
    text = re.sub(r"\b\d{10}\+0000", "<seconds>", text)
    text = re.sub(r"\b10911\d\d\b", "<job>", text)
    text = re.sub(r"(reservation id = |games_)\d+", r"\1<n>", text)
    lines = text.splitlines(keepends=True)
    clusters = sorted(line for line in lines if line.startswith("\t   "))
    return "".join(clusters.pop(0) if line.startswith("\t   ") else line for line in lines)


SUBMISSIONS = [
    "02-sub-now", "03-sub-unknown-alias", "04-sub-bad-walltime", "05-sub-bad-date",
    "06-sub-noargs", "07-sub-bad-keyword", "08-sub-rejected", "14-sub-comma-in-rdef",
    "60-prop with single quotes", "60-prop with a comma (IN list)", "60-prop with a colon",
    "60-space after the comma between specs", "60-spec without rdef", "60-deprecated nodes=",
    "60-walltime h:m",
]  # fmt: skip


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_it_prints_what_oargrid_prints(name):
    seen = grid_transcripts()[name]
    reply = GridLab().call(seen.words)
    assert plain(reply.stdout) == plain(seen.stdout)
    assert (reply.exit_code, reply.stderr) == (seen.exit_code, seen.stderr)


def test_a_date_in_the_future_is_taken_as_it_is_written():
    seen = grid_transcripts()["01-sub-ok"]
    words = [word.replace("2011-03-01 10:00:00", "2027-03-01 10:00:00") for word in seen.words]
    lab = GridLab()
    reply = lab.call(words)
    assert plain(reply.stdout) == plain(seen.stdout)
    dates = {job.start_date for site in lab.sites.values() for job in site.jobs.values()}
    assert [told_date(date) for date in dates] == ["2027-03-01 10:00:00"]


def test_a_site_whose_server_is_down_gives_an_answer_that_is_not_understood():
    seen = grid_transcripts()["10-sub-unparsable"]
    lab = GridLab()
    lab.sites["nancy"].up = False
    reply = lab.call("oargridsub nancy:rdef=/nodes=2,lyon:rdef=/nodes=1")
    assert plain(reply.stdout) == plain(seen.stdout).replace("=200", "=2")
    assert (reply.exit_code, reply.stderr) == (seen.exit_code, seen.stderr)
    lab.wait()
    assert lab.jobs() == [
        ("nancy", FIRST_JOB_ID, "Waiting"), ("lyon", FIRST_JOB_ID, "Error")
    ]  # fmt: skip


def test_a_site_whose_database_is_down_does_not_answer_in_time():
    seen = grid_transcripts()["11-sub-timeout"]
    lab = GridLab()
    lab.sites["nancy"].database_up = False
    reply = lab.call(seen.words)
    assert plain(reply.stdout) == plain(seen.stdout)
    assert (reply.exit_code, reply.stderr) == (seen.exit_code, seen.stderr)
    assert "nancy" not in {site for site, _, _ in lab.jobs()}


@pytest.mark.parametrize(
    ("contact", "words"),
    [(Contact.SILENT, "Command timed out"), (Contact.REFUSES, "I am not able to parse")],
)
def test_a_frontend_that_is_not_reached_ends_it_all(contact, words):
    lab = GridLab()
    lab.contacts["nancy"] = contact
    reply = lab.call(TWO)
    assert reply.exit_code == 3
    assert f"[OAR_GRIDSUB] [nancy] {words}" in reply.stdout
    assert reply.stdout.endswith(f"Delete job {FIRST_JOB_ID} on the cluster lyon\n")
    lab.wait()
    assert lab.jobs() == [("lyon", FIRST_JOB_ID, "Error")]


def test_verbose_tells_all_even_the_key():
    seen = grid_transcripts()["12-sub-verbose"]
    reply = GridLab().call(seen.words)
    # the stand-in of oarsub printed less than OAR 2.5.9 does
    said = "Import job key inline.\n"
    assert said in reply.stdout
    assert plain(reply.stdout.replace(said, "")) == plain(
        seen.stdout.replace("(key removed)\n", "")
    )
    assert "key1" in reply.stdout


@pytest.mark.parametrize(
    "name", [name for name, seen in grid_transcripts().items() if seen.received]
)
def test_the_same_words_reach_the_sites(name):
    seen = grid_transcripts()[name]
    lab = GridLab()
    reply = lab.call([seen.words[0], "-v", "-F", *seen.words[1:]])
    commands = re.findall(r"Launch command : (.*?\n' .*?\"\")\n", reply.stdout, re.DOTALL)
    arrived = [through_shells(command) for command in commands]
    for (_, expected), words in zip(seen.received, arrived, strict=True):
        assert words is not None
        mine = [re.sub(r"=-----BEGIN.*", "=<private key>", w, flags=re.DOTALL) for w in words]
        mine = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>", word) for word in mine]
        wanted = [re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>", word) for word in expected]
        assert mine[mine.index("oarsub") + 1 :] == [
            w.replace("/usr/games", "~games") for w in wanted
        ]


def test_a_quote_that_nothing_ends_is_an_answer_that_is_not_understood():
    reply = GridLab().call(["oargridsub", "nancy:rdef={type='kavlan}/vlan=1"])
    assert reply.exit_code == 3
    assert "I am not able to parse correctly the output" in reply.stdout


def test_all_jobs_are_real_reservations_that_a_key_opens():
    lab = GridLab()
    reply = lab.call(f"{TWO} -w 0:10:00 -p 'sleep 60'")
    assert reply.exit_code == 0
    lab.wait()
    for name, nodes in (("nancy", 2), ("lyon", 1)):
        job = lab.sites[name].jobs[FIRST_JOB_ID]
        assert (job.state, job.walltime, job.command) == (State.RUNNING, 600, "sleep 60")
        assert job.is_reservation
        assert job.key == "ssh-rsa key1"
        assert job.directory == f"/home/{name}/games"
        assert len(lab.sites[name].table.hosts(job.resources)) == nodes
        assert "key1" not in job.initial_request
    assert "/tmp/oargrid//oargrid_ssh_key_games_1" in reply.stdout
    assert lab.files.texts["/tmp/oargrid//oargrid_ssh_key_games_1"].startswith("-----BEGIN")
    assert lab.files.texts["/tmp/oargrid//oargrid_ssh_key_games_1.pub"] == "ssh-rsa key1\n"


def test_a_cluster_is_an_alias_of_its_site():
    lab = GridLab()
    assert lab.call("oargridsub -t deploy griffon:prop=core>1:name=a").exit_code == 0
    [job] = lab.sites["nancy"].jobs.values()
    assert "(cluster='griffon' AND (core>1))" in job.initial_request
    assert '\tgriffon --> 1091121 (name = "a"' in lab.call("oargridstat").stdout


def test_what_is_rejected_takes_no_id_and_with_F_the_others_stay():
    lab = GridLab()
    assert lab.call("oargridsub nancy:rdef=/nodes=200,lyon").exit_code == 3
    reply = lab.call("oargridsub -F nancy:rdef=/nodes=200,lyon")
    assert reply.exit_code == 0
    assert (
        "[OAR_GRIDSUB] [nancy]Your reservation was rejected when contacting nancy" in reply.stdout
    )
    assert "I delete" not in reply.stdout
    assert "Grid reservation id = 1\n" in reply.stdout
    assert [part.alias for part in lab.database.reservations[1].parts] == ["lyon"]


def test_a_reservation_that_a_site_finds_no_place_for_is_rejected():
    lab = GridLab()
    lab.call("oarsub -l nodes=6,walltime=2 sleep")
    lab.wait()
    reply = lab.call(TWO)
    assert reply.exit_code == 3
    assert "[nancy]Your reservation was rejected" in reply.stdout


def test_descriptions_and_keys_come_from_files():
    lab = GridLab()
    lab.files.texts["desc"] = "nancy,lyon\n"
    lab.files.texts["key"] = "-----BEGIN KEY-----\nmine\n"
    reply = lab.call("oargridsub -t deploy -f desc -i key")
    assert reply.stdout.startswith("nancy,lyon\n")
    assert {j.key for s in lab.sites.values() for j in s.jobs.values()} == {"ssh-rsa mine"}
    missing = lab.call("oargridsub -f none")
    assert (missing.exit_code, missing.stdout) == (
        4, "/!\\ File none not readable by user oargrid.\n"
    )  # fmt: skip


# --- oargriddel


DELETIONS = ["52-del-unknown", "53-del-bad", "54-del-noargs"]


@pytest.mark.parametrize("name", DELETIONS)
def test_what_deletes_nothing_is_answered_as_by_oargrid(name):
    seen = grid_transcripts()[name]
    reply = GridLab().call(seen.cmd)
    assert (reply.exit_code, reply.stdout, reply.stderr) == (
        seen.exit_code, seen.stdout, seen.stderr
    )  # fmt: skip


def deletions(text: str) -> list[str]:
    return sorted(re.sub(r"job \d+", "job <job>", text).splitlines())


def test_a_deletion_ends_all_jobs_of_one_reservation():
    lab = GridLab()
    lab.call(TWO)
    lab.call(TWO.replace("nancy:rdef=/nodes=2,", ""))
    lab.wait()
    reply = lab.call("oargriddel 1 2")
    assert reply.exit_code == 0
    assert deletions(reply.stdout) == deletions(grid_transcripts()["50-del"].stdout)
    lab.wait()
    assert [state for *_, state in lab.jobs()] == ["Error", "Error", "Running"]
    assert "Reservation # 1:" not in lab.call("oargridstat").stdout
    again = lab.call("oargriddel 1")
    assert (again.exit_code, again.stdout.count("ALREADY TERMINATED\n")) == (0, 2)


def test_a_site_that_cannot_delete_is_told():
    lab = GridLab()
    lab.call(TWO)
    lab.wait()
    lab.sites["lyon"].up = False
    reply = lab.call("oargriddel 1")
    assert reply.exit_code == 3
    assert "on the cluster lyon ... ERROR 512\n" in reply.stdout
    assert "on the cluster nancy ... DONE\n" in reply.stdout


def test_the_reservation_of_another_is_not_deleted():
    lab = GridLab()
    lab.call(TWO)
    reply = lab.call("oargriddel 1", user="bob")
    assert reply.exit_code == 0
    assert b"n\xb0 1\n" in reply.stdout.encode("utf-8", "surrogateescape")
    lab.wait()
    assert {state for *_, state in lab.jobs()} == {"Running"}


def test_what_lasts_longer_than_it_was_reserved_for_is_not_listed():
    lab = GridLab()
    lab.call(f"{TWO} -w 0:0:30")
    assert "Reservation # 1:" in lab.call("oargridstat").stdout
    lab.now = NOW + 31
    assert lab.call("oargridstat").stdout == ""
    assert lab.call("oargridstat 1").stdout != ""
