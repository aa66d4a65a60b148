import datetime
import re

import pytest

from execo_g5k.gridjobs.desc import oargridsub_argv
from execo_g5k.gridjobs.native import native_request
from execo_g5k.gridjobs.request import grid_request
from execo_g5k.submission import OarSubmission
from tests.unit.execo_g5k.oargrid_transcripts import grid_transcript

NANCY = (OarSubmission("/nodes=2"), "nancy")
LYON = (OarSubmission("/nodes=1", job_type="deploy"), "lyon")
MARK = "482100000000"
KAVLAN = "{type='kavlan'}/vlan=1+/nodes=2"


def argv(*specs, **arguments):
    request = grid_request(specs, **arguments)
    return oargridsub_argv(request, MARK, lambda site: site or "default")


def desc(*specs, **arguments):
    return argv(*specs, **arguments)[-1].replace(f":name={MARK}", "")


def oarsub(*specs, **arguments):
    """Return what oarsub is given on each site without OARGrid."""
    return [spec.submission for spec in native_request(grid_request(specs, **arguments)).specs]


# --- words of oargridsub


def test_31_the_resources_of_the_first_submission_are_there() -> None:
    words = argv(NANCY, LYON, walltime="0:30:0", job_type="deploy")
    assert words == [
        "oargridsub",
        "-t",
        "deploy",
        "-w",
        "0:30:00",
        f"nancy:rdef=/nodes=2:name={MARK},lyon:rdef=/nodes=1:type=deploy",
    ]


def test_all_that_is_common_is_an_option() -> None:
    words = argv(
        (OarSubmission("/nodes=1", queue="testing", sql_properties="cluster='graphene'"), None),
        reservation_date="2026-07-01 10:00:00+02:00",
        walltime=datetime.timedelta(hours=30),
        queue="default",
        directory="~/exp",
        additional_options="-T 30 -F",
        key_file="/home/alice/key",
    )
    assert words[1:-1] == [
        *("-s", "2026-07-01 10:00:00", "-q", "default", "-w", "30:00:00", "-d", "~/exp"),
        *("-i", "/home/alice/key", "-T", "30", "-F"),
    ]
    assert words[-1] == (f"default:rdef=/nodes=1:prop=cluster='graphene':name={MARK}:queue=testing")


def test_39_quotes_in_braces_are_escaped_as_the_two_shells_need_it() -> None:
    transcript = grid_transcript("60-execo")
    # as the recorded command was typed between double quotes
    typed = re.search(r'rdef="(.*)"$', transcript.cmd)
    assert typed is not None
    sent = typed[1].replace("\\\\", "\\").replace('\\"', '"')
    assert desc((OarSubmission(KAVLAN), "nancy")) == f"nancy:rdef={sent}"
    assert transcript.stdout.splitlines()[0] == f"nancy:rdef={sent}"
    [(_, words)] = transcript.received
    assert f"{KAVLAN},walltime=0:10:0" in words


def test_quotes_that_scripts_escaped_themselves_mean_the_same() -> None:
    escaped = OarSubmission("{cluster=\\'graphene\\'}/nodes=2")
    plain = OarSubmission("{cluster='graphene'}/nodes=2")
    assert desc((escaped, "nancy")) == desc((plain, "nancy"))
    assert oarsub((escaped, "nancy")) == oarsub((plain, "nancy"))


def test_a_list_of_resources_is_joined_and_types_are_repeated() -> None:
    submission = OarSubmission(["/slash_22=1", "/nodes=2+"], job_type=["a=b", "c"])
    assert desc((submission, "nancy")) == "nancy:rdef=/slash_22=1+/nodes=2:type=a=b:type=c"


@pytest.mark.parametrize(
    ("submission", "words"),
    [
        (OarSubmission("{cluster in ('a','b')}/nodes=1"), "resources.*comma"),
        (OarSubmission("{x='a:b'}/nodes=1"), "resources.*colon"),
        (OarSubmission('{x="a"}/nodes=1'), "resources.*quote with '"),
        (OarSubmission("{x='$a'}/nodes=1"), r"resources.*\$"),
        (OarSubmission("/nodes=1; reboot"), "resources.*';'.*shell"),
        (OarSubmission("/nodes=$(reboot)"), "resources.*shell"),
        (OarSubmission(sql_properties="cluster in ('a','b')"), "sql_properties.*x = 'a' or"),
        (OarSubmission(sql_properties="x='a:b'"), "sql_properties.*colon"),
        (OarSubmission(sql_properties="x=`reboot`"), "sql_properties"),
        (OarSubmission(job_type="deploy;reboot"), "job_type"),
        (OarSubmission(job_type="container:x"), "job_type.*colon"),
        (OarSubmission(name="a,b"), "name.*comma"),
        (OarSubmission(queue="a b"), "queue"),
        (OarSubmission(project="p"), "project"),
        (OarSubmission(additional_options="--stdout=x"), "additional_options"),
        (OarSubmission(command="echo 'x'"), "command.*script"),
        (OarSubmission(directory="/a b"), "directory"),
    ],
)
def test_39_what_oargridsub_cannot_be_told_is_refused(
    submission: OarSubmission, words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        argv((submission, "nancy"))


def test_the_wrong_item_is_named() -> None:
    with pytest.raises(ValueError, match=r"job_specs\[1\]: resources"):
        argv(NANCY, (OarSubmission("/nodes=1;x"), "lyon"))
    with pytest.raises(TypeError, match=r"job_specs\[1\]"):
        argv(NANCY, "lyon")


# --- what is common


def test_a_walltime_in_the_resources_is_that_of_the_grid_job() -> None:
    specs = [(OarSubmission("/nodes=2,walltime=2:0:0"), site) for site in ("nancy", "lyon")]
    assert "2:00:00" in argv(*specs)
    assert "walltime=" not in desc(*specs)
    assert [s.walltime for s in oarsub(*specs)] == [7200, 7200]


def test_submissions_that_differ_in_what_is_common_are_refused() -> None:
    specs = [(OarSubmission(walltime=60), "nancy"), (OarSubmission(walltime=90), "lyon")]
    with pytest.raises(ValueError, match="60 for nancy, 90 for lyon.*oargridsub"):
        argv(*specs)
    assert "0:02:00" in argv(*specs, walltime=120)


def test_the_submissions_of_the_caller_stay_as_they_are() -> None:
    spec = OarSubmission("/nodes=1,walltime=1:0:0", name="x")
    argv((spec, "nancy"))
    assert spec == OarSubmission("/nodes=1,walltime=1:0:0", name="x")


# --- without oargridsub


def test_options_of_oargridsub_are_understood() -> None:
    request = grid_request(
        [NANCY, LYON],
        job_type="allow_classic_ssh",
        additional_options=(
            "-t cosystem -q testing -w 2:0:0 -s '2037-01-01 10:00:00' -p 'sleep 9' -d /tmp -T 9 -F"
            " -i /key"
        ),
    )
    native = native_request(request)
    nancy, lyon = (spec.submission for spec in native.specs)
    assert nancy.job_type == ["allow_classic_ssh", "cosystem"]
    assert lyon.job_type == ["allow_classic_ssh", "cosystem", "deploy"]
    assert (nancy.queue, nancy.walltime, nancy.directory) == ("testing", 7200, "/tmp")
    assert nancy.command == "sleep 9"
    assert native.reservation_date is not None
    assert (native.key_file, native.keep_partial) == ("/key", True)


@pytest.mark.parametrize("options", ["--project x", "-V", "nancy:rdef=/nodes=1", "-q"])
def test_other_options_are_refused(options: str) -> None:
    with pytest.raises(ValueError, match="additional_options"):
        native_request(grid_request([NANCY], additional_options=options))


def test_the_walltime_is_that_of_oargridsub_when_none_is_asked_for() -> None:
    assert oarsub(NANCY)[0].walltime == 3600


@pytest.mark.parametrize(
    ("specs", "together"),
    [
        ([NANCY], False),
        ([NANCY, LYON], True),
        ([NANCY, (OarSubmission(job_type=["besteffort", "x"]), "lyon")], False),
        ([NANCY, (OarSubmission(queue="besteffort"), "lyon")], False),
    ],
)
def test_parts_need_a_common_date_when_there_are_several(specs, together: bool) -> None:
    assert native_request(grid_request(specs)).together is together


def test_commas_and_colons_are_nothing_special() -> None:
    submission = OarSubmission("/nodes=1", sql_properties="cluster in ('a','b:c')")
    assert oarsub((submission, "nancy"))[0].sql_properties == "cluster in ('a','b:c')"
