import pytest

from execo_g5k.dates import oar_date_to_unixts
from execo_g5k.errors import UnparsableOutput
from execo_g5k.parse.oargrid import (
    GridPart,
    GridRefused,
    GridSubmitted,
    parse_aliases,
    parse_nodes,
    parse_oargriddel,
    parse_oargridstat,
    parse_oargridsub,
    parse_restored_key,
)
from tests.unit.execo_g5k.oargrid_transcripts import (
    GridTranscript,
    commands,
    grid_transcript,
    grid_transcripts,
)


def sub(transcript: GridTranscript) -> GridSubmitted | GridRefused:
    return parse_oargridsub(transcript.exit_code, transcript.stdout, transcript.stderr)


def test_all_transcripts_are_of_the_three_programs() -> None:
    programs = ("oargridsub", "oargridstat", "oargriddel")
    assert sum(len(commands(program)) for program in programs) == len(grid_transcripts()) == 53


@pytest.mark.parametrize("transcript", commands("oargridsub"), ids=lambda t: t.name)
def test_every_oargridsub_is_taken_with_an_id_or_refused_with_a_reason(
    transcript: GridTranscript,
) -> None:
    answer = sub(transcript)
    if transcript.exit_code == 0:
        assert isinstance(answer, GridSubmitted)
        assert f"Grid reservation id = {answer.grid_job_id}\n" in transcript.stdout
        assert answer.key_file == f"/tmp/oargrid/oargrid_ssh_key_games_{answer.grid_job_id}"
        assert len(answer.parts) == transcript.stdout.count("batchId = ")
    else:
        assert isinstance(answer, GridRefused)
        assert answer.reason
        assert "uninitialized" not in answer.reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("03", "[OAR_GRIDSUB] ERROR, the alias nowhere is not registered"),
        ("04", "[ERROR] Bad walltime syntax (use something like 13:00:00)."),
        ("05", "BAD start date value"),
        ("06", "no reason was given"),
        ("07", "ERROR: foo=1: unknown keyword"),
        ("14", "[OAR_GRIDSUB] ERROR, the alias walltime=2 is not registered"),
        ("60-prop with a colon", "ERROR: b': unknown keyword"),
    ],
)
def test_a_refusal_has_the_words_of_oargrid(name: str, reason: str) -> None:
    answer = sub(grid_transcript(name))
    assert isinstance(answer, GridRefused)
    assert answer.reason == reason


def test_parts_are_those_that_the_sites_answered() -> None:
    answer = sub(grid_transcript("02"))
    assert isinstance(answer, GridSubmitted)
    assert answer.parts == (("lyon", 1091123), ("nancy", 1091124))


def test_the_private_key_that_v_prints_goes_nowhere() -> None:
    transcript = grid_transcript("12")
    answer = sub(transcript)
    refused = parse_oargridsub(3, transcript.stdout, "")
    assert "PRIVATE KEY" in transcript.stdout
    assert "PRIVATE KEY" not in repr(answer) + repr(refused)
    with pytest.raises(UnparsableOutput) as caught:
        parse_oargridsub(0, transcript.stdout.replace("reservation id", ""), "")
    assert "PRIVATE KEY" not in str(caught.value) + caught.value.text


# --- the pitfalls, by their numbers


def test_32_a_walltime_of_one_digit_minutes_and_seconds() -> None:
    text = grid_transcript("21").stdout.replace("1:00:00", "0:10:0", 1)
    assert parse_oargridstat(text)[0].walltime == 600


def test_33_a_key_path_ends_before_the_carriage_return() -> None:
    transcript = grid_transcript("01")
    answer = parse_oargridsub(0, transcript.stdout.replace("\n", "\r\n"), "")
    assert isinstance(answer, GridSubmitted)
    assert (answer.grid_job_id, answer.key_file) == (1, "/tmp/oargrid/oargrid_ssh_key_games_1")
    assert answer.parts == (("lyon", 1091121), ("nancy", 1091122))


def test_34_dates_are_wall_time_of_paris() -> None:
    [job] = parse_oargridstat(grid_transcript("21").stdout)
    assert job.start_date == oar_date_to_unixts("2026-11-22 23:46:08") == 1795387568
    assert job.submission_date == 1795387570


def test_35_an_alias_may_be_a_cluster_of_a_site() -> None:
    aliases = parse_aliases(grid_transcript("43").stdout)
    assert aliases == {"graphene": "nancy", "griffon": "nancy", "lyon": "lyon", "nancy": "nancy"}


@pytest.mark.parametrize("name", ["40", "41", "39"])
def test_36_a_wait_for_a_finished_job_prints_what_is_left(name: str) -> None:
    transcript = grid_transcript(name)
    assert transcript.exit_code in (3, 4)
    left = ["graphene-1.nancy.grid5000.fr", "graphene-2.nancy.grid5000.fr"]
    assert parse_nodes(transcript.stdout) == (left if name == "41" else [])


@pytest.mark.parametrize("name", ["30", "37"])
def test_37_nodes_come_once_without_the_empty_line(name: str) -> None:
    assert parse_nodes(grid_transcript(name).stdout) == [
        "graphene-1.nancy.grid5000.fr",
        "graphene-2.nancy.grid5000.fr",
        "sagittaire-7.lyon.grid5000.fr",
    ]


def test_39_a_partial_rejection_is_a_refusal_that_names_what_was_deleted() -> None:
    answer = sub(grid_transcript("08"))
    assert isinstance(answer, GridRefused)
    assert answer.exit_code == 3
    assert "Your reservation was rejected when contacting nancy" in answer.reason
    assert "Delete job 1091125 on the cluster lyon" in answer.reason
    assert answer.in_doubt == ()


@pytest.mark.parametrize("name", ["10", "11"])
def test_39_a_site_that_did_not_answer_well_may_keep_a_job(name: str) -> None:
    answer = sub(grid_transcript(name))
    assert isinstance(answer, GridRefused)
    assert answer.in_doubt == ("nancy",)


def test_39_a_missing_id_though_exit_0_is_no_answer() -> None:
    with pytest.raises(UnparsableOutput):
        parse_oargridsub(0, "nancy:rdef=/nodes=1\n", "")
    with pytest.raises(UnparsableOutput):
        parse_oargridsub(-9, grid_transcript("01").stdout, "")


def test_39_latin_1_is_read() -> None:
    raw = b"[OAR_GRIDDEL] you are not the owner of the reservation n\xb02\n"
    deletions, others = parse_oargriddel(raw.decode(errors="surrogateescape"))
    assert deletions == []
    assert others == ["[OAR_GRIDDEL] you are not the owner of the reservation n°2"]


@pytest.mark.parametrize("name", ["22", "35", "52"])
def test_39_an_unknown_id_is_exit_0_and_nothing(name: str) -> None:
    transcript = grid_transcript(name)
    assert transcript.exit_code == 0
    assert parse_oargridstat(transcript.stdout) == []
    assert parse_nodes(transcript.stdout) == []
    assert parse_oargriddel(transcript.stdout) == ([], [])


# --- oargridstat, oargriddel


@pytest.mark.parametrize(
    ("name", "ids"), [("20", [2, 3, 4, 5]), ("44", [2, 3, 4, 5]), ("57", [5]), ("21", [None])]
)
def test_grid_jobs_come_in_order_with_their_ids(name: str, ids: list[int | None]) -> None:
    assert [job.grid_job_id for job in parse_oargridstat(grid_transcript(name).stdout)] == ids


def test_a_grid_job_reads_the_same_alone_and_in_the_list() -> None:
    [alone] = parse_oargridstat(grid_transcript("21").stdout)
    listed = parse_oargridstat(grid_transcript("20").stdout)[0]
    assert alone.parts == listed.parts[::-1]
    assert alone.parts[0] == GridPart("nancy", 1091124, "", "/nodes=2")
    assert (alone.user, alone.program, alone.directory) == ("games", None, "~games")
    assert alone.command_line == "-w 1:00:00 nancy:rdef=/nodes=2,lyon:rdef=/nodes=1:type=deploy"
    assert alone.command_line == listed.command_line
    assert alone.walltime == listed.walltime == 3600


def test_a_command_line_that_looks_like_a_field_is_one_line() -> None:
    text = grid_transcript("21").stdout.replace("cmd : -w", "cmd : user : x -w")
    [job] = parse_oargridstat(text)
    assert job.user == "games"
    assert (job.command_line or "").startswith("user : x -w")


def test_a_walltime_that_is_none_is_told() -> None:
    text = grid_transcript("21").stdout.replace("walltime : 1:00:00", "walltime : long")
    with pytest.raises(UnparsableOutput, match="long"):
        parse_oargridstat(text)


@pytest.mark.parametrize("name", ["23", "24", "25", "26", "31", "32", "33", "36", "38", "45"])
def test_the_formats_that_are_never_asked_for_hold_no_grid_job(name: str) -> None:
    assert parse_oargridstat(grid_transcript(name).stdout) == []


def test_the_restored_key() -> None:
    text = grid_transcript("42").stdout
    assert parse_restored_key(text) == "/tmp/oargrid/oargrid_ssh_key_retrieved_games_2"
    assert parse_restored_key("") is None


def test_deletions_and_what_became_of_them() -> None:
    done, others = parse_oargriddel(grid_transcript("50").stdout)
    assert [(d.job_id, d.alias, d.done) for d in done] == [
        (1091123, "lyon", True),
        (1091124, "nancy", True),
    ]
    assert others == []
    mixed, _ = parse_oargriddel(grid_transcript("51").stdout)
    assert [(d.answer, d.done) for d in mixed] == [
        ("ALREADY TERMINATED", True),
        ("ERROR 256", False),
    ]
    one, _ = parse_oargriddel(grid_transcript("56").stdout)
    assert [d.job_id for d in one] == [1091133]


@pytest.mark.parametrize("name", ["53", "54"])
def test_a_usage_is_no_deletion(name: str) -> None:
    deletions, others = parse_oargriddel(grid_transcript(name).stdout)
    assert deletions == []
    assert others[0].startswith("Usage oargriddel")
