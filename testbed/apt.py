"""Debian packages: the machine's own sources, and the tools the grid needs."""

import os
import re
import shutil
from pathlib import Path

from testbed.commands import CLEAN_ENVIRONMENT, must
from testbed.errors import GridError

SUITE = "bookworm"
SUITES = {SUITE, f"{SUITE}-updates", f"{SUITE}-security"}
APT = Path("/etc/apt")
FALLBACK = f"deb http://deb.debian.org/debian {SUITE} main\n"


def require_tool(command: str, package: str) -> None:
    """Install a package on the machine when the command it brings is missing."""
    if shutil.which(command, path=CLEAN_ENVIRONMENT["PATH"]):
        return
    if not shutil.which("apt-get"):
        raise GridError(f"{command} is missing, and so is apt-get: install {package}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if not any(Path("/var/lib/apt/lists").glob("*Packages*")):
        must(["apt-get", "-q", "update"], env=env)
    must(["apt-get", "-q", "install", "-y", "--no-install-recommends", package], env=env)


def proxy_options() -> list[str]:
    """Return mmdebstrap's options that pass the machine's apt proxies on."""
    settings = must(["apt-config", "dump"]).splitlines()
    wanted = re.compile(r'Acquire::(?:https?|ftp)::Proxy(?:::[^ ]+)? ".+";')
    return [f"--aptopt={line.rstrip(';')}" for line in settings if wanted.fullmatch(line)]


def write_sources(directory: Path) -> list[Path]:
    """Write the machine's sources of the suite's main packages as files for mmdebstrap.

    Third parties' sources are left out.  A machine that runs another release has none:
    it gets Debian's public mirror.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lists = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*.list"))]
    stanzas = sorted((APT / "sources.list.d").glob("*.sources"))
    lines = [line for file in lists if file.is_file() for line in _list_entries(file.read_text())]
    entries = [text for file in stanzas for text in _deb822_entries(file.read_text())]
    written = []
    if entries:
        written.append(directory / "grid.sources")
        written[-1].write_text("\n\n".join(entries) + "\n")
    if lines or not entries:
        written.append(directory / "grid.list")
        written[-1].write_text("".join(f"{line}\n" for line in lines) or FALLBACK)
    return written


def _list_entries(text: str) -> list[str]:
    """Return the lines of a one-line-style file that serve the suite's main packages."""
    entry = re.compile(r"deb\s+(?:\[[^]]*\]\s+)?\S+\s+(\S+)\s+(.*)")
    kept = []
    for line in text.splitlines():
        match = entry.match(line.strip())
        if match and match[1] in SUITES and "main" in match[2].split():
            kept.append(line.strip())
    return kept


def _deb822_entries(text: str) -> list[str]:
    """Return the stanzas of a deb822 file that serve the suite's main packages."""
    kept = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if line and not line.startswith("#")]
        fields = {
            name.strip().lower(): value.split()
            for name, _, value in (line.partition(":") for line in lines if line[0] not in " \t")
        }
        if (
            "deb" in fields.get("types", [])
            and "main" in fields.get("components", [])
            and SUITES.intersection(fields.get("suites", []))
            and fields.get("enabled", ["yes"]) != ["no"]
        ):
            kept.append("\n".join(lines))
    return kept
