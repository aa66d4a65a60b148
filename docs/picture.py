"""Make docs/picture.svg: a session of the command line in the sandbox, as a terminal shows it.

execo-g5k sandbox run -- python3 docs/picture.py
"""

import re
import subprocess
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 84
COMMANDS = (
    "execo-g5k submit nancy lyon -l nodes=2 -w 0:30:0",
    "execo-g5k wait nancy:1 lyon:1",
    "execo-g5k run -j nancy:1 -j lyon:1 '[ $(hostname) = nova-2 ] && exit 3; uname -s'",
    "execo-g5k delete nancy:1 lyon:1",
)


def main() -> None:
    """Run the commands, and draw what they print."""
    console = Console(record=True, width=WIDTH, force_terminal=True)
    for command in COMMANDS:
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        done = subprocess.run(
            ["script", "-qec", command, "/dev/null"], capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        console.print(Text.from_ansi("\n".join(_lines(done.stdout))))
    text = console.export_svg(title="execo-g5k", unique_id="picture")
    # a font of the reader's machine does
    text = re.sub(r"@font-face \{.*?\}\s*", "", text, flags=re.DOTALL)
    Path(__file__).with_suffix(".svg").write_text(text)


def _lines(printed: str) -> list[str]:
    """Return what stays on a terminal: not what moves the cursor, nor the bar of progress."""
    shown = re.sub(r"\x1b\[[0-9;?]*[A-LN-Za-ln-z]", "", printed).replace("\r", "")
    return [line for line in shown.splitlines() if line and not line.startswith("running ")]


if __name__ == "__main__":
    main()
