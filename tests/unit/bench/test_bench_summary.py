"""Medians and verdicts of the bench."""

from bench.run import Run
from bench.summary import Summary, Verdict, judge, summary
from bench.workloads import Target


def took(*walls):
    return summary([Run({"wall": wall}) for wall in walls])


def test_the_median_is_told_with_the_number_of_runs():
    assert took(3, 1, 2) == Summary({"wall": 2}, None, 3)


def test_a_failure_fails_the_side_and_tells_how_often():
    runs = [Run({"wall": 1.0}), Run(failure="failed 2 of 9"), Run({"wall": 1.0})]
    assert summary(runs).medians is None
    assert summary(runs).failure == "failed 2 of 9 (in 1 of 3 runs)"
    assert summary(runs[1:2]).failure == "failed 2 of 9"


def test_without_runs_there_is_no_median():
    assert summary([]) == Summary(None, "not measured")


def test_a_target_is_met_up_to_its_limit():
    sides = {"ours": took(3), "loop": took(2)}
    judged = judge(Target(1.5, "loop"), "ours", sides)
    assert (judged.reached, judged.verdict) == (1.5, Verdict.MET)
    assert judge(Target(1.4, "loop"), "ours", sides).verdict is Verdict.MISSED


def test_a_target_may_be_a_value():
    assert judge(Target(0.7), "ours", {"ours": took(0.8)}).verdict is Verdict.MISSED
    assert judge(Target(0.8), "ours", {"ours": took(0.8)}).verdict is Verdict.MET


def test_a_side_that_was_stopped_is_a_bound():
    sides = {"ours": took(2), "peer": summary([Run(failure="> 60 s", stopped=60)])}
    judged = judge(Target(1 / 8, "peer"), "ours", sides)
    assert judged.bound
    assert judged.reached == 2 / 60
    assert judged.verdict is Verdict.MET
    # it might have taken a year
    assert judge(Target(1 / 60, "peer"), "ours", sides).verdict is Verdict.UNKNOWN


def test_a_side_that_failed_is_no_unit():
    sides = {"ours": took(2), "peer": summary([Run(failure="failed 1 of 2")])}
    assert judge(Target(1, "peer"), "ours", sides).verdict is Verdict.UNKNOWN
    assert judge(Target(1, "absent"), "ours", sides).verdict is Verdict.UNKNOWN


def test_our_failure_misses_the_target():
    sides = {"ours": summary([Run(failure="failed 1 of 2")]), "peer": took(1)}
    assert judge(Target(9, "peer"), "ours", sides).verdict is Verdict.MISSED


def test_what_was_not_measured_is_not_known():
    assert judge(Target(9), "ours", {}).verdict is Verdict.UNKNOWN
