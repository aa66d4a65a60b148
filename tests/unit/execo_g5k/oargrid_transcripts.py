"""The commands recorded on real OARGrid 2.2.4, by name."""

import functools
import json
import shlex
from pathlib import Path
from typing import NamedTuple

_FILE = Path(__file__).parents[2] / "data" / "oargrid-transcripts.json"


class GridTranscript(NamedTuple):
    """A command, what it answered, and the words that reached the oarsub of each site."""

    name: str
    cmd: str
    exit_code: int
    stdout: str
    stderr: str
    received: list[tuple[str, list[str]]]

    @property
    def words(self) -> list[str]:
        """The command as words."""
        return shlex.split(self.cmd)


@functools.cache
def grid_transcripts() -> dict[str, GridTranscript]:
    """Return all of them, by name."""
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    return {row["name"]: GridTranscript(*row.values()) for row in rows}


def grid_transcript(start: str) -> GridTranscript:
    """Return the one whose name starts so."""
    [found] = [t for name, t in grid_transcripts().items() if name.startswith(start)]
    return found


def commands(program: str) -> list[GridTranscript]:
    """Return those that run a program of OARGrid."""
    return [t for t in grid_transcripts().values() if t.cmd.split()[0] == program]
