"""`execo-g5k sandbox`: a Grid'5000 on this machine, from the shell."""

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from execo_g5k.sandbox import launch
from execo_g5k.sandbox.model.kadeploy.workflow import FAMILIES, RECENT
from execo_g5k.sandbox.model.platform import Sites
from execo_g5k.sandbox.sandbox import DEFAULT_SITES, Sandbox, environment
from execo_g5k.sandbox.servers.places import Directory
from execo_g5k.sandbox.servers.processes import kill_commands

_CLUSTER = re.compile(r"([a-z0-9]+):(\d+)", re.IGNORECASE)
_EXAMPLE = "nancy=grisou:4,gros:8"

_FEATURES = {
    "oargrid": "with OARGrid on the frontends",
    "vlans": "with vlans that jobs can reserve",
    "subnets": "with subnets that jobs can reserve",
    "outside": "reached through the access machine only, as from a laptop",
}


def add_to(commands: Any) -> None:
    """Add the command to a command line."""
    sandbox = commands.add_parser("sandbox", help="a Grid'5000 on this machine, to try things on")
    verbs = sandbox.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, run, text in (
        ("run", _run, "run a command in a sandbox of its own, and end it"),
        ("shell", _shell, "open a shell in the sandbox (in a new one if none was started)"),
        ("start", _start, "start a sandbox that stays"),
        ("status", _status, "show the sandbox that was started"),
        ("stop", _stop, "end the sandbox that was started"),
    ):
        one = verbs.add_parser(verb, help=text, description=f"{text[0].upper()}{text[1:]}.")
        one.set_defaults(run=run)
        if verb in ("run", "shell", "start"):
            _add_options(one)
        if verb == "run":
            one.add_argument("words", nargs=argparse.REMAINDER, metavar="COMMAND ...")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--site",
        action="append",
        default=[],
        metavar=_EXAMPLE,
        help="a site, its clusters and how many nodes they have; may be repeated"
        f" (default: {_told(DEFAULT_SITES)})",
    )
    parser.add_argument("--speed", type=float, default=1.0, help="how fast its clock runs")
    for name, text in _FEATURES.items():
        parser.add_argument(f"--{name}", action="store_true", help=text)
    parser.add_argument("--kadeploy", choices=FAMILIES, default=RECENT, help="its Kadeploy")
    parser.add_argument(
        "--deploy-time", type=float, default=2.0, metavar="SECONDS", help="of a deployment"
    )


def _told(sites: Sites) -> str:
    return " ".join(
        f"{site}={','.join(f'{name}:{nodes}' for name, nodes in clusters.items())}"
        for site, clusters in sites.items()
    )


def _sites(texts: list[str]) -> Sites | None:
    if not texts:
        return None
    sites: dict[str, dict[str, int]] = {}
    for text in texts:
        site, equals, clusters = text.partition("=")
        found = [_CLUSTER.fullmatch(cluster) for cluster in clusters.split(",")]
        if not (site and equals and all(found)):
            raise ValueError(f"--site {text}: expected such as {_EXAMPLE}")
        sites[site] = {match[1]: int(match[2]) for match in found if match}
    return sites


def _made(parsed: argparse.Namespace) -> Sandbox:
    return Sandbox(_sites(parsed.site), speed=parsed.speed, **_features(parsed))


def _features(parsed: argparse.Namespace) -> dict[str, Any]:
    flags = {name: getattr(parsed, name) for name in _FEATURES}
    return {**flags, "kadeploy": parsed.kadeploy, "deploy_time": parsed.deploy_time}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --- one for a command


def _run(parsed: argparse.Namespace) -> int:
    words = parsed.words[1:] if parsed.words[:1] == ["--"] else parsed.words
    if not words:
        raise ValueError("sandbox run: which command?")
    sandbox = _made(parsed)
    _say(f"sandbox: starting {_told(_numbers(sandbox))}")
    sandbox.start()
    try:
        return _in_sandbox(words, sandbox.environment())
    finally:
        sandbox.stop()
        _say("sandbox: ended")


def _numbers(sandbox: Sandbox) -> Sites:
    return {
        site: {name: cluster.nodes for name, cluster in clusters.items()}
        for site, clusters in sandbox.sites.items()
    }


def _in_sandbox(words: list[str], variables: dict[str, str]) -> int:
    process = subprocess.Popen(words, env={**os.environ, **variables})
    while True:
        try:
            code = process.wait()
        except KeyboardInterrupt:
            # the command got it too, and ends when it has cleaned up
            continue
        return code if code >= 0 else 128 - code


def _shell(parsed: argparse.Namespace) -> int:
    shell = os.environ.get("SHELL", "/bin/sh")
    directory = _started()
    if directory.control.exists():
        _welcome(directory)
        return _in_sandbox([shell], environment(directory))
    sandbox = _made(parsed).start()
    try:
        _welcome(sandbox.directory)
        return _in_sandbox([shell], sandbox.environment())
    finally:
        sandbox.stop()


def _welcome(directory: Directory) -> None:
    hosts = launch.ask(directory, do="status")["hosts"]
    frontends = [host["site"] for host in hosts if host["kind"] == "frontend"]
    _say(f"sandbox: try `ssh {frontends[0]}`; sites: {', '.join(frontends)}; `exit` leaves it")


# --- one that stays


def _started() -> Directory:
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return Directory(Path(state) / "execo-g5k" / "sandbox")


def _start(parsed: argparse.Namespace) -> int:
    directory = _started()
    if directory.control.exists():
        try:
            launch.ask(directory, do="status")
        except launch.SandboxError:
            launch.remove(directory)
        else:
            raise launch.SandboxError("a sandbox runs already: `execo-g5k sandbox stop` ends it")
    launch.remove(directory)
    features = _features(parsed)
    sites = _sites(parsed.site)
    Sandbox(sites, speed=parsed.speed, directory=directory.path, **features).start_to_stay()
    _say("sandbox: started; `execo-g5k sandbox shell` enters it, `stop` ends it")
    return 0


def _status(parsed: argparse.Namespace) -> int:
    directory = _started()
    if not directory.control.exists():
        print("no sandbox was started")
        return 1
    answer = launch.ask(directory, do="status")
    print(f"the sandbox runs (process {answer['pid']}), its files are in {directory.path}")
    for host in answer["hosts"]:
        print(f"  {host['kind']:9} {host['address']:15} {host['name']}")
    return 0


def _stop(parsed: argparse.Namespace) -> int:
    directory = _started()
    if not directory.control.exists():
        _say("no sandbox was started")
        return 0
    said = "ended"
    try:
        launch.stop(directory)
    except launch.SandboxError:
        said = "it had died; what it left is deleted"
    kill_commands(directory)
    launch.remove(directory)
    _say(f"sandbox: {said}")
    return 0
