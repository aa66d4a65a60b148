"""A kadeploy3 that plays what a test wrote, on a real terminal of this machine.

Its `ssh` runs the command here, and tells it the frontend. It traps SIGINT as the real one does
since 3.2, and is gone without a word when another signal ends it.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from execo_g5k import g5k_configuration

_SSH = """#!/bin/sh
for word; do frontend=$last; last=$word; done
export FRONTEND="$frontend" PLAYS={folder}
if [ -e "{folder}/$FRONTEND.down" ]; then
    echo "ssh: connect to host $FRONTEND port 22: No route to host" >&2
    exit 255
fi
exec /bin/sh -c "exec $last"
"""

_KADEPLOY = """#!{python}
import json, os, signal, sys
from pathlib import Path
plays, frontend = Path(os.environ["PLAYS"]), os.environ.get("FRONTEND", "here").split(".")[0]
def note(what):
    with open(plays / "notes", "a") as file:
        file.write(json.dumps([frontend, what]) + "\\n")
def trapped(*_):
    note("SIGINT")
    if not play.get("deaf"):
        print("\\nSIGINT trapped", flush=True)
        sys.stdout.flush()
        os._exit(1)
waiting = sorted(plays.glob(frontend + ".*.json"), key=lambda path: int(path.name.split(".")[1]))
mine = waiting[0]
play = json.loads(mine.read_text())
if len(waiting) > 1:
    mine.unlink()
signal.signal(signal.SIGINT, trapped)
note(sys.argv[1:])
assert os.isatty(0) and os.isatty(1)
before, hold, after = play["stdout"].partition(play.get("hold") or "\\0")
os.write(1, before.encode("utf-8", "surrogateescape"))
if hold:
    note("held")
    while True:
        try:
            open(plays / (frontend + ".go")).read()
            break
        except InterruptedError:
            continue
    os.write(1, (hold + after).encode("utf-8", "surrogateescape"))
os.write(2, play.get("stderr", "").encode("utf-8", "surrogateescape"))
os._exit(play.get("exit", 0))
"""


class Player:
    """Frontends on which kadeploy3 plays."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = 0
        for name, source in (("ssh", _SSH), ("kadeploy3", _KADEPLOY)):
            text = source.replace("{folder}", str(folder)).replace("{python}", sys.executable)
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        (folder / "notes").touch()
        g5k_configuration["kadeploy3"] = str(folder / "kadeploy3")

    @property
    def params(self) -> dict[str, Any]:
        """Connexion params that lead to the frontends."""
        return {"ssh": str(self.folder / "ssh")}

    def play(self, frontend: str, stdout: str = "", **play: Any) -> "Player":
        """Have kadeploy3 of a frontend print this the next time; the last play stays.

        `stderr`, `exit`; `hold`: where it stops until `go`; `deaf`: it ignores Ctrl-C.
        """
        self._numbers += 1
        path = self.folder / f"{frontend}.{self._numbers}.json"
        path.write_text(json.dumps({"stdout": stdout, **play}))
        fifo = self.folder / f"{frontend}.go"
        if not fifo.exists():
            os.mkfifo(fifo)
        return self

    def go(self, *frontends: str) -> None:
        """Let kadeploy3 go on that holds; waits for it to hold."""
        for frontend in frontends:
            with open(self.folder / f"{frontend}.go", "w"):
                pass

    def held(self, *frontends: str) -> None:
        """Wait until kadeploy3 holds."""
        end = time.monotonic() + 30
        while not all("held" in self.notes(frontend) for frontend in frontends):
            assert time.monotonic() < end, "kadeploy3 never came to where it holds"
            time.sleep(0.01)

    def cut(self, frontend: str) -> "Player":
        """Make a frontend unreachable."""
        (self.folder / f"{frontend}.grid5000.fr.down").touch()
        return self

    def notes(self, frontend: str) -> list[Any]:
        """Return what kadeploy3 noted: its words, "held", "SIGINT"."""
        lines = (self.folder / "notes").read_text().splitlines()
        return [what for where, what in map(json.loads, lines) if where == frontend]

    def asked(self, frontend: str) -> list[list[str]]:
        """Return the nodes that each kadeploy3 was asked to deploy."""
        calls = [words for words in self.notes(frontend) if isinstance(words, list)]
        return [
            [node for option, node in zip(words, words[1:], strict=False) if option == "-m"]
            for words in calls
        ]


def listing(deployed: list[str] = [], failed: dict[str, str] = {}) -> str:  # noqa: B006
    """Return the output of a deployment, as versions since 3.2 print it."""
    nodes = [*deployed, *failed]
    lines = [
        "Deployment #D-6a02f66a-702f started",
        f"Launching a deployment on {','.join(nodes)}",
        "Performing a Deploy[SetDeploymentEnvDummy] step",
        "  dummy",
        "End of step Deploy[SetDeploymentEnvDummy] after 1s",
        "Deployment #D-6a02f66a-702f done",
        "",
    ]
    if deployed:
        lines += ["The deployment is successful on nodes", *deployed]
    if failed:
        lines += ["The deployment failed on nodes"]
        lines += [f"{node} (SetDeploymentEnvDummy-dummy: {why})" for node, why in failed.items()]
    return "".join(f"{line}\n" for line in lines)
