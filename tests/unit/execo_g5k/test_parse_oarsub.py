import pytest

from execo_g5k.errors import UnparsableOutput
from execo_g5k.parse.oarsub import Refused, Submitted, parse_oarsub
from tests.unit.execo_g5k.test_oar_transcripts import kinds
from tests.unit.execo_g5k.transcripts import transcript, transcripts

DEFAULT_WALLTIME = "[ADMISSION RULE] Set default walltime to 7200."
CONSTRAINTS = "[ADMISSION RULE] Modify resource description with type constraints"


def answer(n: int) -> Submitted | Refused:
    recorded = transcript(n)
    return parse_oarsub(recorded.exit_code, recorded.stdout, recorded.stderr)


@pytest.mark.parametrize(
    ("n", "job_ids"),
    [(5, (1,)), (112, (8,)), (113, (9,)), (171, (33,)), (183, (36,)), (221, (46, 47, 48)),
     (232, (53,)), (233, (54,))],
)  # fmt: skip
def test_a_submission_that_was_taken_gives_the_ids_of_its_jobs(
    n: int, job_ids: tuple[int, ...]
) -> None:
    taken = answer(n)
    assert isinstance(taken, Submitted)
    assert taken.job_ids == job_ids
    assert taken.warnings == ()


def test_what_the_admission_rules_said_is_kept_apart() -> None:
    assert answer(143) == Submitted((21,), (), (DEFAULT_WALLTIME, CONSTRAINTS))
    assert answer(112) == Submitted((8,), (), (DEFAULT_WALLTIME, CONSTRAINTS))
    refused = answer(128)
    assert isinstance(refused, Refused)
    assert refused.messages == (DEFAULT_WALLTIME, CONSTRAINTS)


def test_complaints_about_a_job_that_was_taken_are_warnings() -> None:
    taken = answer(142)
    assert isinstance(taken, Submitted)
    assert taken.job_ids == (20,)
    assert "out of range for type integer" in taken.warnings[0]


@pytest.mark.parametrize(
    ("n", "exit_code", "words"),
    [
        (128, 8, "There are not enough resources for your request"),
        (130, 8, 'Bad resource request: syntax error at or near "NO"'),
        (131, 8, 'Bad resource request: column "nosuch" does not exist'),
        (137, 255, r"/!\ Cannot recognize -- ,walltime=abc -- resource"),
        (144, 1, "Unknown option: nosuch"),
        (153, 248, "ERROR : The queue nosuch does not exist"),
        (165, 254, "[ADMISSION RULE] Error: unknown job type: nosuch"),
        (197, 7, "[ERROR] A reservation cannot be interactive."),
        (208, 20, "[ERROR] the job 44 is not running. Its current state is Waiting."),
        (103, 5, "oarsub shows its usage: a command or an option is missing or unknown"),
        (180, 8, "cat: nosuch: No such file or directory / Error: Fail to extract the public key."
                 " Please verify that the job key to import is valid."),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_words_of_oar_alone(n: int, exit_code: int, words: str) -> None:
    refused = answer(n)
    assert isinstance(refused, Refused)
    assert refused.exit_code == exit_code
    assert refused.reason == words
    assert refused.job_ids == ()
    assert refused.could_start_at is None


# exit code -> number of a recorded submission -> words of its reason
REFUSED = {
    1: {144: "Unknown option"},
    5: {103: "a command or an option is missing", 104: "a command or an option is missing"},
    7: {192: "synstax", 193: "synstax", 197: "cannot be interactive"},
    8: {
        **dict.fromkeys((128, 129, 133, 195), "There are not enough resources"),
        130: "syntax error", 131: "does not exist", 132: "does not exist", 179: "key format",
        180: "No such file", 181: "--use-job-key", 182: "public key",
    },
    9: dict.fromkeys((256, 259), "Cannot connect to executor"),
    10: {186: "could run at", 190: "too old"},
    20: {208: "not running", 237: "not the right user"},
    248: {153: "queue nosuch does not exist"},
    254: {
        145: "'cpuset'", 152: "group admin", 160: "deploy job", 165: "unknown job type",
        170: "container id", 189: "2 waiting advance reservations", 196: "besteffort",
    },
    255: {
        134: "nodes=-1", 135: "nodes=abc", 136: "resource description : nodes",
        137: "walltime=abc", 138: "walltime=-1:0:0",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("exit_code", "n", "words"),
    [(code, n, words) for code, told in REFUSED.items() for n, words in told.items()],
)
def test_each_recorded_refusal_has_a_reason_of_one_line(exit_code: int, n: int, words: str) -> None:
    refused = answer(n)
    assert isinstance(refused, Refused)
    assert refused.exit_code == exit_code
    assert words in refused.reason
    assert "\n" not in refused.reason
    assert "DBD::" not in refused.reason


def test_no_recorded_refusal_and_no_exit_code_is_left_out() -> None:
    recorded = [t for t in transcripts().values() if "oarsub" in kinds(t)]
    assert {t.exit_code for t in recorded} == {0, None, *REFUSED}
    refused = {t.n: t.exit_code for t in recorded if t.exit_code}
    assert refused == {n: code for code, told in REFUSED.items() for n in told}


def test_a_submission_that_was_given_up_is_not_concluded_upon() -> None:
    assert transcript(263).exit_code is None
    with pytest.raises(UnparsableOutput, match="exit None: DBI connect"):
        answer(263)


def test_a_refused_reservation_tells_when_it_could_start() -> None:
    refused = answer(186)
    assert isinstance(refused, Refused)
    assert (refused.exit_code, refused.job_ids) == (10, (37,))
    assert refused.reason == "This reservation could run at 2026-11-23 03:09:21"
    # 03:09:21 in Paris
    assert refused.could_start_at == 1795399761


def test_a_reservation_that_is_too_old_has_no_other_date() -> None:
    refused = answer(190)
    assert isinstance(refused, Refused)
    assert (refused.reason, refused.could_start_at) == ("Reservation too old", None)
    assert refused.job_ids == (39,)


@pytest.mark.parametrize(("n", "job_id"), [(256, 63), (259, 64)])
def test_a_job_made_while_the_server_is_down_is_in_the_refusal(n: int, job_id: int) -> None:
    refused = answer(n)
    assert isinstance(refused, Refused)
    assert (refused.exit_code, refused.job_ids) == (9, (job_id,))
    assert "Job is killed" in refused.reason


def test_a_refusal_of_an_array_keeps_all_the_jobs_that_were_made() -> None:
    refused = parse_oarsub(9, "OAR_JOB_ID=7\nOAR_JOB_ID=8\nOAR_ARRAY_ID=7\n", "[ERROR] no\n")
    assert isinstance(refused, Refused)
    assert refused.job_ids == (7, 8)


def test_a_negative_or_missing_id_is_no_job() -> None:
    for stdout in ("OAR_JOB_ID=-5\n", "OAR_JOB_ID=\n", ""):
        refused = parse_oarsub(8, stdout, "no\n")
        assert isinstance(refused, Refused)
        assert refused.job_ids == ()
        with pytest.raises(UnparsableOutput):
            parse_oarsub(0, stdout, "")


@pytest.mark.parametrize("exit_code", [None, -9, 130, 137, 143])
def test_when_oarsub_was_ended_by_a_signal_nothing_is_concluded(exit_code: int | None) -> None:
    with pytest.raises(UnparsableOutput, match="oarsub"):
        parse_oarsub(exit_code, "", "")


def test_lines_may_end_with_cr_lf_and_follow_a_banner() -> None:
    stdout = "Welcome to Grid'5000!\r\n# Set walltime\r\n\r\nOAR_JOB_ID=12\r\n"
    taken = parse_oarsub(0, stdout, "Simple array job submission is used\r\n")
    assert taken == Submitted((12,), (), ("Welcome to Grid'5000!", "# Set walltime"))


def test_a_refusal_without_a_word_says_so() -> None:
    refused = parse_oarsub(1, "", "")
    assert isinstance(refused, Refused)
    assert refused.reason == "no reason was given"
