"""The commands recorded on real OAR, by number."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parents[2] / "data" / "oar-transcripts.json"


class Transcript(NamedTuple):
    """A command and what it answered; exit code None: it was given up."""

    n: int
    name: str
    cmd: str
    exit_code: int | None
    stdout: str
    stderr: str


@functools.cache
def transcripts() -> dict[int, Transcript]:
    """Return all of them, by number."""
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    return {
        row["n"]: Transcript(
            row["n"],
            row["name"],
            row["cmd"],
            row["exit"] if isinstance(row["exit"], int) else None,
            row["stdout"],
            row["stderr"],
        )
        for row in rows
    }


def transcript(n: int) -> Transcript:
    """Return one of them."""
    return transcripts()[n]
