"""What pages of the docs show, as something that can be run.

Blocks are fenced. Comments in front of them tell what differs from the usual:

    ```python                       joined with the others of the page, and run as one script
    <!-- file: NAME -->             a block that becomes a file, for the commands below
    <!-- alone -->                  Python that is a script of its own
    <!-- not run: REASON -->        shown only
    ```console                      `$ command` lines, run by one shell; what stands below a command
                                    is what it prints; `...` stands for
                                    anything in a line, or for any lines
    <!-- exit: 1 -->                the commands of the block end so
    <!-- place: bare -->            anywhere in the page: it runs outside of the sandbox, in an
                                    empty home
    <!-- place: vlans -->           in a sandbox of its own, which has vlans
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"^(?:<!-- *(?P<mark>[a-z ]+?)(?:: *(?P<value>[^\n]*?))? *-->\n+)?"
    r"```(?P<kind>\w+)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
_PLACE = re.compile("<!-- place: ([a-z]+) -->")
_MARKS = {"file", "alone", "not run", "exit", None}
_LIMIT = 110


@dataclass(frozen=True)
class Block:
    """A block of a page."""

    kind: str
    text: str
    mark: str | None
    value: str
    line: int


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page that can be run."""
    for found in _BLOCK.finditer(page):
        mark = found["mark"] if found["mark"] != "place" else None
        assert mark in _MARKS, f"<!-- {mark} -->: expected one of {_MARKS}"
        line = page.count("\n", 0, found.start("text"))
        if mark == "file" or (found["kind"] in ("python", "console") and mark != "not run"):
            yield Block(found["kind"], found["text"], mark, found["value"] or "", line)


def place(page: str) -> str:
    """Return where a page runs: "sandbox", or what it says."""
    found = _PLACE.search(page)
    return found[1] if found else "sandbox"


def run_page(page: str, folder: Path, environment: Mapping[str, str]) -> None:
    """Run what a page shows, in an empty folder: files and commands in order, then its Python."""
    joined: list[str] = []
    commands: list[tuple[str, str, int]] = []
    for block in blocks(page):
        if block.mark == "file":
            file = folder / block.value
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)
        elif block.kind == "console":
            code = int(block.value) if block.mark == "exit" else 0
            commands += [(command, told, code) for command, told in _commands(block.text)]
        elif block.mark == "alone":
            _run_python(block.text, folder, environment)
        else:
            joined.append("\n" * (block.line - "\n".join(joined).count("\n")) + block.text)
    _run_commands(commands, folder, environment)
    if joined:
        _run_python("\n".join(joined), folder, environment)


def _run_python(text: str, folder: Path, environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-"], input=text, cwd=folder, env=environment,
        capture_output=True, text=True, timeout=_LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


def _commands(text: str) -> Iterator[tuple[str, str]]:
    """Yield commands, and what they print."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        count = 1
        while lines[count - 1].endswith("\\\n"):
            count += 1
        yield "".join(lines[:count]), "".join(lines[count:])


def _run_commands(
    commands: list[tuple[str, str, int]], folder: Path, environment: Mapping[str, str]
) -> None:
    """Run commands by one shell; each prints what the page says, and ends so."""
    if not commands:
        return
    end = "--- end of a command: "
    # commands have a terminal of no use to read from, and their errors among their output
    script = "exec 2>&1 </dev/null\n" + "".join(
        f"{command}\nprintf '\\n{end}%s\\n' $?\n" for command, _, _ in commands
    )
    (folder / ".commands").write_text(script)
    programs = f"{os.path.dirname(sys.executable)}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", ".commands"], cwd=folder, env={**environment, "PATH": programs},
        capture_output=True, text=True, timeout=_LIMIT, check=False,
    )  # fmt: skip
    answers = re.split(rf"\n{end}(\d+)\n", done.stdout)
    for index, (command, told, code) in enumerate(commands):
        assert 2 * index + 1 < len(answers), f"$ {command} never ended\n{done.stdout}{done.stderr}"
        said, ended = answers[2 * index], int(answers[2 * index + 1])
        assert ended == code, f"$ {command}{said}\n(exit {ended})"
        assert _alike(told, said), f"$ {command}--- the page:\n{told}--- it is:\n{said}"


def _alike(told: str, said: str) -> bool:
    """Tell whether a command said what the page tells; a page that tells nothing is right."""
    pattern = "".join(map(_line, told.strip().splitlines()))
    return not pattern or re.fullmatch(pattern, f"{said.strip()}\n") is not None


def _line(told: str) -> str:
    if told.strip() == "...":
        return r"(?:.*\n)*"
    return ".*".join(map(re.escape, told.split("..."))) + r"[ \t]*\n"
