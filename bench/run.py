"""Runs: each in a process of its own, the sides of a workload in turn, round by round."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.install import MissingError, interpreter
from bench.sides import SIDES, Side
from bench.stage import Scene, Stage
from bench.workloads import Workload

ROOT = Path(__file__).parent.parent
_SLOW = 20.0
"""Seconds: a side that takes longer runs once."""

_STOPPING = 10.0


@dataclass(frozen=True)
class Run:
    """What was measured in one run, and why it does not count, if so."""

    measures: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None
    stopped: float | None = None
    """Seconds after which it was stopped."""


Runs = dict[str, list[Run]]
"""Side -> its runs."""


def rounds(
    workload: Workload, sides: Sequence[str], count: int, limit: float, stage: Stage
) -> Iterator[tuple[str, Run]]:
    """Run a workload on each side in turn, so many times; give each run as it ends."""
    left = list(sides)
    for _ in range(count):
        for name in list(left):
            with stage.set(workload) as scene:
                run = one(workload, SIDES[name], limit, scene)
            yield name, run
            if run.stopped is not None or run.measures.get("wall", 0) >= _SLOW:
                left.remove(name)


def one(workload: Workload, side: Side, limit: float, scene: Scene) -> Run:
    """Run a workload once, in a process of its own."""
    try:
        python = interpreter(side)
    except MissingError as error:
        return Run(failure=str(error))
    job = {**workload.job, **side.options, **scene.job, "kind": workload.kind}
    script = f"bench.peers.{workload.script or side.script}"
    argv = [python, "-m", script, json.dumps(job)]
    spec = {"argv": argv, "limit": limit, "files": workload.files}
    return _read(_cage(spec, _environment(side, scene)), limit)


def _environment(side: Side, scene: Scene) -> dict[str, str]:
    environment = {**os.environ, **scene.environment}
    # users have the bytecode of what they import
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    if side.package is not None:
        # a peer must not find this project
        environment.pop("PYTHONPATH", None)
    return environment


def _cage(spec: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "bench.cage", json.dumps(spec)]
    with subprocess.Popen(
        words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, start_new_session=True
    ) as cage:
        try:
            output, _ = cage.communicate()
        except BaseException:
            cage.terminate()
            cage.wait(_STOPPING)
            raise
    end: dict[str, Any] = json.loads(output)
    return end


def _read(end: Mapping[str, Any], limit: float) -> Run:
    if end["code"] is None:
        return Run(failure=f"> {limit:.0f} s", stopped=limit)
    if end["code"] != 0:
        last = (end["errors"].strip().splitlines() or [f"exit code {end['code']}"])[-1]
        return Run(failure=last[:100])
    measures = json.loads(end["output"])
    wrong, of = measures.pop("wrong"), measures.pop("of")
    if wrong:
        print(end["errors"].splitlines()[-1:], file=sys.stderr)
        return Run(measures, failure=f"failed {wrong} of {of}")
    return Run({**measures, "tree": measures["tree"] + end["left_cpu"]})
