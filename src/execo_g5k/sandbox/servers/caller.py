"""The commands that take time as programs on frontends: they print what the sandbox tells them.

Started for each call, so it imports what each call needs and nothing more.
"""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any

from execo_g5k.sandbox.servers.shim import request_of

_BUFFER = 8192
"""Characters that Ruby keeps before it writes to what is no terminal."""

_TOLD: dict[int, str] = {signal.SIGINT: "int", signal.SIGTERM: "term"}
"""Signals of which the sandbox hears."""

_LONGEST = 1 << 16
_KILL_SEQUENCE = b"\x1b\x1b\x1b\x1b"


class _Output:
    """Standard output, as a Ruby program has it."""

    def __init__(self) -> None:
        self._kept = ""
        self._terminal = sys.stdout.isatty()

    def print(self, text: str) -> None:
        self._kept += text
        if self._terminal or len(self._kept) >= _BUFFER:
            self.flush()

    def flush(self) -> None:
        text, self._kept = self._kept, ""
        sys.stdout.write(text)
        sys.stdout.flush()

    def lose(self) -> None:
        """Forget what was not written, as a Ruby program that leaves through `exit!`."""
        self._kept = ""


def main(name: str, control: str) -> int:
    """Run a command; return its exit code."""
    request = request_of(name, reads_input="-" in sys.argv[1:])
    request |= {"do": "program", "terminal": sys.stdout.isatty()}
    try:
        with socket.socket(socket.AF_UNIX) as connexion:
            connexion.connect(control)
            connexion.sendall(json.dumps(request).encode() + b"\n")
            return _converse(name, connexion)
    except OSError as error:
        print(f"{name}: the sandbox does not answer: {error}", file=sys.stderr)
        return 255


def _converse(name: str, connexion: socket.socket) -> int:
    def tell(event: str) -> None:
        connexion.sendall(json.dumps({"event": event}).encode() + b"\n")

    for number in _TOLD:
        signal.signal(number, lambda number, _: tell(_TOLD[number]))
    output = _Output()
    lines = _Lines(connexion)
    # who types Enter on a terminal asks how it goes
    watched: list[Any] = [connexion, *([sys.stdin] if sys.stdin.isatty() else [])]
    while True:
        ready, _, _ = select.select(watched, [], [])
        if sys.stdin in ready:
            if not os.read(sys.stdin.fileno(), _LONGEST):
                watched.remove(sys.stdin)
            else:
                tell("enter")
        if connexion not in ready:
            continue
        for message in lines.read():
            if "error" in message:
                print(f"{name}: {message['error']}", file=sys.stderr)
                return 255
            output.print(message.get("print", ""))
            if "end" in message:
                return _end(message["end"], output)


class _Lines:
    """The messages that come, one a line."""

    def __init__(self, connexion: socket.socket) -> None:
        self._connexion = connexion
        self._begun = b""

    def read(self) -> list[dict[str, Any]]:
        """Return those that are there; raises OSError when no more will come."""
        data = self._connexion.recv(_LONGEST)
        if not data:
            raise ConnectionError("it has ended")
        *lines, self._begun = (self._begun + data).split(b"\n")
        return [json.loads(line) for line in lines]


def _end(reply: dict[str, Any], output: _Output) -> int:
    if reply["unflushed"]:
        output.lose()
    output.print(reply["stdout"])
    output.flush()
    sys.stderr.write(reply["stderr"])
    sys.stderr.flush()
    if reply["dies_of"] is not None:
        signal.signal(reply["dies_of"], signal.SIG_DFL)
        os.kill(os.getpid(), reply["dies_of"])
    if reply["script"] is not None:
        _run_script(reply["script"])
    if reply["console"] is not None:
        _open_console(reply["console"])
    return int(reply["exit_code"])


def _run_script(script: str) -> None:
    print(f"\nRunning {script}", flush=True)
    try:
        code = subprocess.run([os.path.abspath(script)], check=False).returncode
    except OSError:
        code = 1
    print(f"\n{'Success !' if code == 0 else 'Fail !'}", flush=True)


def _open_console(node: str) -> None:
    """Show the console of a node, which asks who wants to log in, until the kill sequence."""
    import termios
    import tty

    prompt = f"\r\n{node.partition('.')[0]} login: "
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        typed = b""
        os.write(1, prompt.encode())
        while data := os.read(0, _LONGEST):
            typed = (typed + data)[-len(_KILL_SEQUENCE) :]
            if typed == _KILL_SEQUENCE:
                break
            os.write(1, data.replace(b"\r", prompt.encode()))
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
