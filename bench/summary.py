"""From runs to medians and verdicts; pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bench.run import Run
from bench.workloads import Target

Medians = Mapping[str, float]
"""Measure -> its median."""


@dataclass(frozen=True)
class Summary:
    """What the runs of a side come to."""

    medians: Medians | None
    """None when a run failed."""
    failure: str | None = None
    rounds: int = 0
    at_least: float | None = None
    """Seconds that it takes at least, when it was stopped."""


def summary(runs: Sequence[Run]) -> Summary:
    """Return the medians of runs; one that failed fails them all."""
    failures = [run.failure for run in runs if run.failure is not None]
    if failures:
        often = f" (in {len(failures)} of {len(runs)} runs)" if len(failures) < len(runs) else ""
        stopped = [run.stopped for run in runs if run.stopped is not None]
        return Summary(None, failures[0] + often, len(runs), max(stopped, default=None))
    measures = {name for run in runs for name in run.measures}
    medians = {
        name: statistics.median(run.measures[name] for run in runs if name in run.measures)
        for name in measures
    }
    return Summary(medians, rounds=len(runs)) if runs else Summary(None, "not measured")


class Verdict(Enum):
    """Whether a target is met."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "not known"


@dataclass(frozen=True)
class Judged:
    """A target beside what was reached."""

    target: Target
    reached: float | None
    """A value, or a multiple of what the other side measured."""
    bound: bool
    """It is this at most: the other side was stopped."""
    verdict: Verdict


def judge(target: Target, side: str, sides: Mapping[str, Summary]) -> Judged:
    """Compare what a side reached with a target."""
    ours = sides.get(side, Summary(None))
    if ours.medians is None:
        failed = Verdict.UNKNOWN if ours.failure is None else Verdict.MISSED
        return Judged(target, None, False, failed)
    value = ours.medians[target.measure]
    if target.of is None:
        return _judged(target, value)
    other = sides.get(target.of, Summary(None))
    if other.medians is not None:
        unit = other.medians[target.measure]
        return _judged(target, value / unit) if unit else Judged(target, None, False, _UNKNOWN)
    if other.at_least is not None and target.measure == "wall":
        return _judged(target, value / other.at_least, bound=True)
    return Judged(target, None, False, Verdict.UNKNOWN)


_UNKNOWN = Verdict.UNKNOWN


def _judged(target: Target, reached: float, *, bound: bool = False) -> Judged:
    if reached <= target.most:
        verdict = Verdict.MET
    else:
        # the other side would have taken longer, nobody knows how much
        verdict = Verdict.UNKNOWN if bound else Verdict.MISSED
    return Judged(target, reached, bound, verdict)
