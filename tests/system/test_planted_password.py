"""The password of the API, planted: no file, process, log or traceback of a run shows it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")
pytest.importorskip("keyring")

from execo import Process
from tests.system.helpers import until

PASSWORD = "pl4nted-s3cret-0f-the-test"

# a script that logs all it can, runs jobs and processes, and fails with the password in hand
SCRIPT = """
import logging, sys, time, traceback
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
from execo import *
from execo_g5k import *
from execo_g5k.credentials import api_credentials
from execo_g5k.sandbox import Sandbox

def ask_the_api(url):
    credentials = api_credentials("alice")
    assert len(credentials.password.reveal()) == LENGTH
    raise ConnectionError(f"{url} {credentials}")

with Sandbox({"nancy": {"grisou": 2}}) as grid:
    print(grid.directory.path, flush=True)
    with reservation((OarSubmission("nodes=2"), "nancy"), name="planted") as nodes:
        local = Process("sleep 1000").start()
        remote = Remote("sleep 1000", nodes).start()
        tree = TaktukRemote("sleep 1000", nodes, {"taktuk_connector": "oarsh"}).start()
        for process in [local, *remote.processes]:
            process.started_event.wait()
        try:
            ask_the_api("https://api.grid5000.fr")
        except ConnectionError as error:
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            print("".join(told.format()), file=sys.stderr, flush=True)
        print("ready", flush=True)
        sys.stdin.readline()
        remote.kill(); tree.kill(); local.kill()
print("end", flush=True)
""".replace("LENGTH", str(len(PASSWORD)))

_KEYRING = """
import keyring.backend
class Desktop(keyring.backend.KeyringBackend):
    priority = 1
    def get_password(self, service, username):
        return bytes.fromhex("{hex}").decode() if username == "alice" else None
    def set_password(self, service, username, password): ...
keyring.set_keyring(Desktop())
"""


def processes_below(pid: int) -> list[int]:
    """Return the processes that a process has started, and those that these have."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def in_processes(text: str, pids: list[int]) -> list[str]:
    """Return the command lines and environments that hold a text."""
    found = []
    for pid in pids:
        for what in ("cmdline", "environ"):
            try:
                if text.encode() in Path(f"/proc/{pid}/{what}").read_bytes():
                    found.append(f"{pid} {what}")
            except OSError:
                continue
    return found


def in_files(text: str, directory: Path) -> list[str]:
    """Return the files below a directory that hold a text."""
    found = []
    for path in directory.rglob("*"):
        try:
            if path.is_file() and text.encode() in path.read_bytes():
                found.append(str(path))
        except OSError:
            continue
    return found


def sources(how: str, home: Path) -> tuple[str, dict[str, str], set[str]]:
    """Return what plants the password: Python, variables, and the files where it may be."""
    if how == "key store":
        return _KEYRING.format(hex=PASSWORD.encode().hex()), {}, set()
    if how == "environment":
        return "", {"EXECO_G5K_API_PASSWORD": PASSWORD}, set()
    conf = home / ".execo.conf.py"
    conf.write_text(f"g5k_api_params = {{'username': 'alice', 'password': '{PASSWORD}'}}\n")
    # the sandbox reads a file that is named
    return "", {"EXECO_CONF": str(conf)}, {str(conf)}


@pytest.mark.parametrize("how", ["key store", "environment", "file"])
def test_a_planted_password_is_found_nowhere(tmp_path: Path, how: str) -> None:
    home = tmp_path / "home"
    home.mkdir()
    source, variables, allowed = sources(how, home)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EXECO_")}
    errors = tmp_path / "stderr"
    with open(errors, "w") as log:
        script = subprocess.Popen(
            [sys.executable, "-c", source + SCRIPT],
            env={**kept, "HOME": str(home), "EXECO_G5K_API_USERNAME": "alice", **variables},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with script:
        assert script.stdin is not None
        assert script.stdout is not None
        sandbox = Path(script.stdout.readline().strip())
        assert script.stdout.readline() == "ready\n", errors.read_text()
        below = processes_below(script.pid)
        # the server of the sandbox, the shell that outlives the script, ssh, sleep
        assert len(below) > 3
        assert in_processes(PASSWORD, [*below, *orphans(str(sandbox))]) == []
        assert in_processes(PASSWORD, [script.pid]) == (
            [f"{script.pid} environ"] if how == "environment" else []
        )
        assert in_files(PASSWORD, sandbox) == []
        script.stdin.close()
        assert script.stdout.read() == "end\n"
    assert script.returncode == 0, errors.read_text()
    text = errors.read_text()
    assert PASSWORD not in text
    assert "<secret>" in text
    assert "submitted job" in text
    assert set(in_files(PASSWORD, home)) == allowed
    assert in_files("planted", home) == [] or allowed


def orphans(sandbox: str) -> list[int]:
    """Return all processes that have to do with a sandbox, whoever their parent is."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [int(line.split()[0]) for line in in_processes(sandbox, pids)]


# --- on a terminal

ASKS = """
from execo_g5k.credentials import api_credentials, forget_typed
print(api_credentials().username, len(api_credentials().password.reveal()), flush=True)
forget_typed()
print(api_credentials("bob"), flush=True)
"""


def test_on_a_terminal_the_user_is_asked_once_and_nothing_is_echoed() -> None:
    words = [sys.executable, "-c", ASKS]
    with Process(words, pty=True, nolog_exit_code=True).start() as process:
        assert process.expect("user name: ", timeout=30)[0] == 0
        process.write("alice\n")
        assert process.expect("password of alice: ", timeout=30)[0] == 0
        without_echo(process.pid)
        process.write(f"{PASSWORD}\n")
        assert process.expect(f"alice {len(PASSWORD)}", timeout=30)[0] == 0
        assert process.expect("password of bob: ", timeout=30)[0] == 0
        without_echo(process.pid)
        process.write(f"{PASSWORD}\n")
        process.wait(30)
    assert process.exit_code == 0
    assert "username='bob', password=<secret>" in process.stdout
    assert PASSWORD not in process.stdout + process.stderr


def without_echo(pid: int | None) -> None:
    """Wait until the terminal of a process no longer shows what is typed."""
    import termios

    terminal = os.open(os.readlink(f"/proc/{pid}/fd/0"), os.O_RDWR | os.O_NOCTTY)
    try:
        until(lambda: not termios.tcgetattr(terminal)[3] & termios.ECHO, 20)
    finally:
        os.close(terminal)


def test_without_a_terminal_nobody_is_asked() -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", "from execo_g5k.credentials import *; api_credentials('alice')"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "CredentialsMissing: no password of alice" in done.stderr
    assert time.monotonic() - started < 60
