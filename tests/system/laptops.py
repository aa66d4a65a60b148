"""A laptop outside of a sandbox, with a home that tests break and look at."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from execo_g5k.sandbox import Sandbox

SITES = ("nancy", "lyon")

_PROGRAM = f"""\
#!/bin/sh
command=$1; shift
exec {sys.executable} -m execo_g5k.cli.$command "$@"
"""


class Account:
    """A laptop, and the homes of its owner on the sites."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.home = folder / "home"
        self.home.mkdir()
        program = folder / "bin" / "execo-g5k"
        program.parent.mkdir()
        program.write_text(_PROGRAM)
        program.chmod(0o755)
        before = {name: os.environ[name] for name in ("PYTHONPATH", "LANG") if name in os.environ}
        variables = sandbox.laptop(self.home)
        path = f"{program.parent}:{variables['PATH']}"
        self.environment = {**before, **variables, "PATH": path, "USER": "alice", "TERM": "dumb"}
        self._kept = folder / "kept"

    def site_home(self, site: str) -> Path:
        """Return the home on a site, which its frontend and nodes share."""
        return self.sandbox.directory.home_of(site, "alice")

    def _places(self) -> Iterator[tuple[Path, Path]]:
        yield self.home, self._kept / "laptop"
        for site in SITES:
            yield self.site_home(site) / ".ssh", self._kept / site

    def keep(self) -> None:
        """Remember how all homes are, for `restore`."""
        for place, kept in self._places():
            shutil.copytree(place, kept, symlinks=True)

    def restore(self) -> None:
        """Make the homes as they were."""
        for place, kept in self._places():
            shutil.rmtree(place)
            shutil.copytree(kept, place, symlinks=True)

    def run(
        self, text: str, given: str = "", **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command line by a shell of the laptop."""
        return subprocess.run(
            ["bash", "-c", text], env={**self.environment, **variables}, input=given,
            capture_output=True, text=True, timeout=110, check=False, start_new_session=True,
        )  # fmt: skip

    def doctor(self, before: str = "true", **variables: str) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code and the findings of doctor, in a shell that runs `before`."""
        sites = " ".join(f"--site {site}" for site in SITES)
        out = self.home.parent / "findings"
        text = f"{before}\nexeco-g5k doctor --json --timeout 60 {sites} >{out}"
        done = self.run(text, **variables)
        assert out.read_text(), done.stderr
        return done.returncode, json.loads(out.read_text())["findings"]

    def configure(self, options: str = "--yes") -> "subprocess.CompletedProcess[str]":
        """Run configure for the sites of the sandbox."""
        sites = " ".join(f"--site {site}" for site in SITES)
        return self.run(f"execo-g5k configure --user alice {sites} {options}")

    def tree(self) -> dict[str, tuple[int, bytes, int]]:
        """Return mode, content and date of change of each file of all homes."""
        found = {}
        for place, _ in self._places():
            for path in [place, *place.rglob("*")]:
                status = path.lstat()
                content = path.read_bytes() if path.is_file() else b""
                found[str(path)] = (status.st_mode, content, status.st_mtime_ns)
        return found


def states(findings: list[dict[str, Any]], *wanted: str) -> list[str]:
    """Return what findings of some states say, in lines."""
    return [f"{f['check']}: {f['what']}" for f in findings if f["state"] in wanted]
