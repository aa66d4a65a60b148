import logging

import pytest

from execo.errors import TimedOut
from execo_g5k import reserve
from execo_g5k.errors import FrontendUnreachable
from tests.unit.execo_g5k.scripted import Answer, run, world

DELETED = Answer("Deleting the job = 1 ...REGISTERED.\n")
CUT = Answer(raises=FrontendUnreachable("nancy", "ssh: connect to host nancy port 22: no"))
LATE = Answer(raises=TimedOut("no answer in time"))


def test_one_oardel_a_site_deletes_all_jobs_once() -> None:
    with world("nancy", "lyon") as grid:
        grid["nancy"].on("oardel", then=DELETED)
        grid["lyon"].on("oardel", then=DELETED)
        run(reserve.oardel([(1, "nancy"), (2, "lyon"), (3, None), (1, "nancy")]))
        assert grid["nancy"].calls == [("oardel", "1", "3")]
        assert grid["lyon"].calls == [("oardel", "2")]


def test_what_a_refused_submission_gave_is_skipped() -> None:
    with world() as grid:
        run(reserve.oardel([(None, "nancy")]))
        assert not grid["nancy"].calls


def test_unknown_finished_and_foreign_jobs_are_ignored(caplog: pytest.LogCaptureFixture) -> None:
    with world() as grid, caplog.at_level(logging.WARNING, "execo"):
        words = "Cannot frag 1 ; This job was already killed.\n"
        grid["nancy"].on("oardel", then=Answer("Deleting the job = 1 ...ERROR.\n", 6, words))
        grid["nancy"].on("oarstat", then=Answer("{}"))
        run(reserve.oardel([(1, "nancy")]))
    assert not caplog.records


@pytest.mark.parametrize("answer", [CUT, LATE])
def test_a_silent_frontend_is_a_warning_that_names_the_jobs_left(
    answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    with world("nancy", "lyon") as grid, caplog.at_level(logging.WARNING, "execo"):
        grid["nancy"].on("oardel", then=answer)
        grid["lyon"].on("oardel", then=DELETED)
        run(reserve.oardel([(12, "nancy"), (13, "nancy"), (2, "lyon")]))
        assert grid["lyon"].calls
    assert "nancy: jobs 12, 13 may be left" in caplog.text


def test_a_server_that_is_down_is_a_warning_that_it_will_be_done_later(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with world() as grid, caplog.at_level(logging.WARNING, "execo"):
        words = "Could not connect to the socket nancy:6666\n"
        grid["nancy"].on("oardel", then=Answer("Deleting the job = 62 ...REGISTERED.\n", 2, words))
        run(reserve.oardel([(62, "nancy")]))
    assert "when the OAR server is back" in caplog.text


@pytest.mark.parametrize(
    ("job_specs", "error", "words"),
    [
        ((12, "nancy"), TypeError, r"write \[\(12, 'nancy'\)\]"),
        ([12], TypeError, r"job_specs\[0\]"),
        ([(1, "nancy"), ("abc", "nancy")], ValueError, r"job_specs\[1\]"),
        ([(1, "nancy"), (-5, "nancy")], ValueError, r"job_specs\[1\]"),
    ],
)
def test_a_wrong_item_is_named_before_anything_is_deleted(
    job_specs: object, error: type[Exception], words: str
) -> None:
    with world() as grid:
        with pytest.raises(error, match=words):
            run(reserve.oardel(job_specs))  # type: ignore[arg-type]
        assert not grid["nancy"].calls
