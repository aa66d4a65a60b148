"""The commands recorded on real Kadeploy, by version and name."""

import functools
import json
from pathlib import Path
from typing import NamedTuple

from execo_g5k.parse.kadeploy import KadeployOutput

_FILE = Path(__file__).parents[2] / "data" / "kadeploy-transcripts.json"
_WRAPPER = "[pty child: "


class KadeployTranscript(NamedTuple):
    """A command and what it answered."""

    version: str
    name: str
    cmd: str
    who: str
    exit: int | None
    stdout: str
    stderr: str

    @property
    def text(self) -> str:
        """What comes on a terminal: standard output, then the errors."""
        return self.stdout + "".join(
            line for line in self.stderr.splitlines(True) if not line.startswith(_WRAPPER)
        )


@functools.cache
def kadeploy_transcripts() -> dict[tuple[str, str], KadeployTranscript]:
    """Return all of them, by version and name."""
    rows = json.loads(_FILE.read_text(encoding="utf-8"))
    return {(row["version"], row["name"]): KadeployTranscript(**row) for row in rows}


def of_kadeploy() -> list[KadeployTranscript]:
    """Return those of kadeploy3."""
    return [t for t in kadeploy_transcripts().values() if "kadeploy3 " in t.cmd]


def recorded(name: str, version: str = "3.3.11") -> KadeployTranscript:
    """Return one of them."""
    return kadeploy_transcripts()[version, name]


def heard(*pieces: str) -> KadeployOutput:
    """Return what is read of text that comes in pieces."""
    output = KadeployOutput()
    for piece in pieces:
        output.feed(piece)
    output.feed("", end=True)
    return output
