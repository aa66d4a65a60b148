import copy
import pickle
import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execo_g5k.submission import (
    SLEEP_FOR_A_YEAR,
    OarSubmission,
    get_oarsub_commandline,
    oarsub_argv,
)

ORDER = (
    "resources walltime job_type sql_properties queue reservation_date directory project name"
    " additional_options command"
)


def options(submission: OarSubmission) -> list[str]:
    """Return what is between oarsub and the command."""
    return oarsub_argv(submission)[1:-1]


def test_fields_come_in_the_documented_order() -> None:
    fields = ORDER.split()
    values: list[Any] = ["nodes=1", 60, "deploy", "gpu_count>0", "production", 1795392158, "/d"]
    values += ["proj", "job", ["--notify", "mail:a@b"], "true"]
    submission = OarSubmission(*values)
    assert [getattr(submission, field) for field in fields] == values
    assert oarsub_argv(submission) == [
        "oarsub", "-l", "nodes=1,walltime=0:01:00", "-t", "deploy", "-p", "gpu_count>0",
        "-q", "production", "-r", "2026-11-23 01:02:38", "-d", "/d", "--project", "proj",
        "-n", "job", "--notify", "mail:a@b", "true",
    ]  # fmt: skip


def test_nothing_asked_for_sleeps_for_a_year_on_the_default_of_oar() -> None:
    assert oarsub_argv(OarSubmission()) == ["oarsub", "sleep 31536000"]
    assert SLEEP_FOR_A_YEAR == "sleep 31536000"


@pytest.mark.parametrize(
    ("resources", "walltime", "request_"),
    [
        ("nodes=2", None, "nodes=2"),
        ("nodes=2", "1:30:00", "nodes=2,walltime=1:30:00"),
        (None, timedelta(minutes=1), "walltime=0:01:00"),
        ("nodes=2,walltime=1:0:0", None, "nodes=2,walltime=1:0:0"),
        ("nodes=2, walltime = 2", None, "nodes=2, walltime = 2"),
        ("walltime=1:0:0", None, "walltime=1:0:0"),
        (
            "{cluster='grisou'}/nodes=1+/host=1/core=2", 60,
            "{cluster='grisou'}/nodes=1+/host=1/core=2,walltime=0:01:00",
        ),
        (["nodes=1", "{gpu_count=0}/nodes=2"], 60,
         "nodes=1+{gpu_count=0}/nodes=2,walltime=0:01:00"),
        (["slash_22=1+", "+nodes=1"], None, "slash_22=1+nodes=1"),
        ("{comment='walltime=3'}/nodes=1", 60, "{comment='walltime=3'}/nodes=1,walltime=0:01:00"),
        ("nodes=2", 2**31 - 1, "nodes=2,walltime=596523:14:07"),
    ],
)  # fmt: skip
def test_resources_and_walltime_make_one_request(
    resources: Any, walltime: Any, request_: str
) -> None:
    assert options(OarSubmission(resources, walltime)) == ["-l", request_]


def test_other_alternatives_of_a_moldable_job_keep_their_own_walltime() -> None:
    job = OarSubmission("nodes=1", 7200, additional_options=["-l", "nodes=4,walltime=0:30:0"])
    assert options(job) == ["-l", "nodes=1,walltime=2:00:00", "-l", "nodes=4,walltime=0:30:0"]


@pytest.mark.parametrize("job_type", ["deploy", ["deploy"], ("deploy",), {"deploy": 1}.keys()])
def test_a_job_type_may_be_alone_or_several(job_type: Any) -> None:
    assert options(OarSubmission(job_type=job_type)) == ["-t", "deploy"]
    several = OarSubmission(job_type=[*job_type, "exotic"] if job_type != "deploy" else ["a", "b"])
    assert options(several).count("-t") == 2


def test_a_list_may_grow_until_it_is_submitted() -> None:
    types = ["deploy"]
    job = OarSubmission("nodes=1", job_type=types)
    types.append("destructive")
    job.queue = "testing"
    assert options(job) == ["-l", "nodes=1", "-t", "deploy", "-t", "destructive", "-q", "testing"]


def test_additional_options_are_text_for_a_shell_or_words() -> None:
    text = OarSubmission(additional_options="--notify 'mail:a b' --array 3")
    words = OarSubmission(additional_options=["--notify", "mail:a b", "--array", "3"])
    assert options(text) == options(words) == ["--notify", "mail:a b", "--array", "3"]


def test_a_key_is_given_after_the_user_s_own_options() -> None:
    argv = oarsub_argv(OarSubmission(additional_options="--array 2"), job_key_file="~/.ssh/k")
    assert argv == ["oarsub", "--array", "2", "-k", "-i", "~/.ssh/k", SLEEP_FOR_A_YEAR]


def test_what_begins_with_a_dash_is_a_value_and_no_option() -> None:
    argv = oarsub_argv(OarSubmission("nodes=1", name="-x", command="-c foo"))
    assert argv == ["oarsub", "-l", "nodes=1", "-n", "-x", "--", "-c foo"]


def test_a_command_may_be_words_that_reach_the_shell_as_they_are() -> None:
    words = ["./run", "a b", "$HOME", "it's"]
    assert shlex.split(oarsub_argv(OarSubmission(command=words))[-1]) == words


def test_the_commandline_is_shell_text_of_the_same_words() -> None:
    job = OarSubmission("{cluster='grisou'}/nodes=1", 60, name="a b", command="echo $HOME; true")
    assert shlex.split(get_oarsub_commandline(job)) == oarsub_argv(job)
    assert get_oarsub_commandline(OarSubmission("nodes=2", 600)) == (
        "oarsub -l nodes=2,walltime=0:10:00 'sleep 31536000'"
    )


texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=100
).filter(str.strip)
names = texts.filter(lambda text: "'" not in text)


@settings(derandomize=True, database=None, deadline=None)
@given(texts, texts, texts, names, names)
def test_any_text_survives_the_shell(
    command: str, properties: str, directory: str, project: str, name: str
) -> None:
    job = OarSubmission(
        "nodes=1",
        sql_properties=properties,
        directory=directory,
        project=project,
        name=name,
        command=command,
    )
    argv = oarsub_argv(job)
    assert shlex.split(get_oarsub_commandline(job)) == argv
    values = ["-p", properties, "-d", directory, "--project", project, "-n", name]
    assert argv[3:11] == values
    assert argv[-1] == command


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(texts, min_size=1))
def test_any_words_survive_both_shells(words: list[str]) -> None:
    job = OarSubmission("nodes=1", additional_options=words, command=words)
    argv = shlex.split(get_oarsub_commandline(job))
    assert argv[3 : 3 + len(words)] == words
    assert shlex.split(argv[-1]) == words


@settings(derandomize=True, database=None, deadline=None)
@given(st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(seconds=2**31 - 1)))
def test_a_duration_and_its_text_are_the_same_walltime(duration: timedelta) -> None:
    request = options(OarSubmission("nodes=1", duration))
    assert options(OarSubmission("nodes=1", str(duration))) == request
    assert options(OarSubmission("nodes=1", duration.total_seconds())) == request


def test_a_copy_is_checked_and_leaves_the_first_as_it_was() -> None:
    first = OarSubmission("nodes=2", 600, job_type=["deploy"], name="a")
    assert replace(first) == copy.deepcopy(first) == pickle.loads(pickle.dumps(first)) == first
    second = replace(first, walltime="1:0:0", name="b")
    assert options(second)[1] == "nodes=2,walltime=1:00:00"
    assert (first.walltime, first.name) == (600, "a")
    with pytest.raises(ValueError, match="walltime: .*0"):
        replace(first, walltime=0)
    deep = copy.deepcopy(first)
    assert isinstance(first.job_type, list)
    first.job_type.append("besteffort")
    assert deep.job_type == ["deploy"]


def test_the_repr_shows_what_was_given_and_makes_the_same_again() -> None:
    job = OarSubmission("nodes=2", walltime=600, job_type=["deploy"])
    assert repr(job) == "OarSubmission(resources='nodes=2', walltime=600, job_type=['deploy'])"
    assert eval(repr(job)) == job
    assert repr(OarSubmission()) == "OarSubmission()"


WRONG: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (TypeError, "resources: 2", {"resources": 2}),
    (TypeError, "resources: 2", {"resources": ["nodes=1", 2]}),
    (TypeError, "resources", {"resources": b"nodes=1"}),
    (TypeError, "resources", {"resources": {"nodes": 1}}),
    (TypeError, "walltime: .*True", {"walltime": True}),
    (TypeError, "walltime", {"walltime": [3600]}),
    (TypeError, "job_type: .*generator", {"job_type": (kind for kind in ["deploy"])}),
    (TypeError, "additional_options", {"additional_options": iter(["-I"])}),
    (TypeError, "additional_options: 3", {"additional_options": 3}),
    (TypeError, "queue: 3", {"queue": 3}),
    (TypeError, "name: 3", {"name": 3}),
    (TypeError, "command", {"command": 3}),
    (TypeError, "reservation_date: .*None", {"reservation_date": [None]}),
    (ValueError, "resources: '' is empty", {"resources": ""}),
    (ValueError, "resources: .* is empty", {"resources": []}),
    (ValueError, "resources: .* is empty", {"resources": ["nodes=1", "+"]}),
    (ValueError, "resources: .*walltime '0:0:0'", {"resources": "nodes=1,walltime=0:0:0"}),
    (ValueError, "resources: .*2147483647", {"resources": "nodes=1,walltime=99999999:00:00"}),
    (ValueError, "resources: .*H:M:S", {"resources": "nodes=1,walltime=1:2:3:4"}),
    (ValueError, "hold one already", {"resources": "nodes=1,walltime=1:0:0", "walltime": 60}),
    (ValueError, "walltime: .*-1", {"walltime": -1}),
    (ValueError, "walltime: .*0", {"walltime": 0}),
    (ValueError, "walltime: .*2147483647", {"walltime": 2**31}),
    (ValueError, "walltime: .*'abc'", {"walltime": "abc"}),
    (ValueError, "reservation_date: .*2030-02-31", {"reservation_date": "2030-02-31 10:00:00"}),
    (ValueError, "reservation_date: .*2030-02-31", {"reservation_date": "2030-02-31"}),
    (ValueError, "reservation_date: .*tomorrow", {"reservation_date": "tomorrow"}),
    (ValueError, "name: .*can't take a quote", {"name": "it's"}),
    (ValueError, "project: .*can't take a quote", {"project": "it's"}),
    (TypeError, "directory: PosixPath", {"directory": Path("/home")}),
    (TypeError, "resources: PosixPath", {"resources": Path("nodes=1")}),
    (TypeError, "sql_properties: \\['a'\\]", {"sql_properties": ["a"]}),
    (TypeError, "reservation_date: .*True", {"reservation_date": True}),
    (TypeError, "walltime: .*2030", {"walltime": datetime(2030, 1, 1)}),
    (TypeError, "reservation_date: .*seconds=60", {"reservation_date": timedelta(seconds=60)}),
    (ValueError, "walltime: .*inf", {"walltime": float("inf")}),
    (ValueError, "walltime: .*nan", {"walltime": float("nan")}),
    (ValueError, "walltime: .*days=-1", {"walltime": timedelta(days=-1)}),
    (ValueError, "job_type: '' is empty", {"job_type": ["deploy", ""]}),
    (TypeError, "job_type: None", {"job_type": ["deploy", None]}),
    (ValueError, "reservation_date", {"reservation_date": 1e20}),
    (ValueError, "name: ' ' is empty", {"name": " "}),
    (ValueError, "name: .*100 characters", {"name": "n" * 101}),
    (ValueError, "project: .*255 characters", {"project": "n" * 256}),
    (ValueError, "directory: .*NUL", {"directory": "/a\0b"}),
    (ValueError, "command: .*empty", {"command": []}),
    (ValueError, "additional_options: .*quot", {"additional_options": "-n 'a"}),
]


@pytest.mark.parametrize(("kind", "words", "fields"), WRONG)
def test_what_can_not_be_submitted_is_refused_by_name_when_it_is_given(
    kind: type[Exception], words: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(kind, match=words):
        OarSubmission(**fields)


@pytest.mark.parametrize("use", [oarsub_argv, get_oarsub_commandline])
@pytest.mark.parametrize(("kind", "words", "fields"), WRONG)
def test_what_was_changed_since_is_checked_again(
    kind: type[Exception],
    words: str,
    fields: dict[str, Any],
    use: Callable[[OarSubmission], object],
) -> None:
    job = OarSubmission()
    for field, value in fields.items():
        setattr(job, field, value)
    with pytest.raises(kind, match=words):
        use(job)


def test_names_as_long_as_oar_takes_are_taken() -> None:
    assert options(OarSubmission(name="n" * 100, project="p" * 255))


def test_a_walltime_that_oarsub_reads_otherwise_is_told(caplog):
    OarSubmission("nodes=1", walltime="0:30")
    assert "'0:30' is 30s here, and hours and minutes for oarsub: write H:M:S" in caplog.text
    caplog.clear()
    OarSubmission("nodes=1", walltime="0:30:0")
    assert not caplog.records
