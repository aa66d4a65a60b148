"""What was measured, kept in a file while it goes on: a bench that is stopped loses nothing."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from bench.run import Run, Runs


class Results:
    """Workload -> side -> runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs: dict[str, Runs] = {}

    @classmethod
    def load(cls, path: Path) -> "Results":
        """Return what a file holds."""
        results = cls(path)
        for workload, sides in json.loads(path.read_text()).items():
            results.runs[workload] = {
                side: [Run(**run) for run in runs] for side, runs in sides.items()
            }
        return results

    def add(self, workload: str, side: str, run: Run) -> None:
        """Keep a run."""
        self.runs.setdefault(workload, {}).setdefault(side, []).append(run)
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text(json.dumps(self._plain(), indent=1))

    def _plain(self) -> Mapping[str, Mapping[str, list[dict[str, object]]]]:
        return {
            workload: {side: [asdict(run) for run in runs] for side, runs in sides.items()}
            for workload, sides in self.runs.items()
        }
