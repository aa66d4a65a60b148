"""The commands of OAR as programs on the hosts: they ask the sandbox, and print its answer.

Started for each call, so it imports what each call needs and nothing more.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

HOST_MARK = "EXECO_SANDBOX_HOST"
_POLL = 0.1
_PASSED = ("TZ", "HOME")
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


def ask(control: str, request: dict[str, Any], timeout: float | None = None) -> dict[str, Any]:
    """Return the answer of a sandbox; raises OSError when it does not answer in time."""
    with socket.socket(socket.AF_UNIX) as connexion:
        connexion.settimeout(timeout)
        connexion.connect(control)
        connexion.sendall(json.dumps(request).encode() + b"\n")
        with connexion.makefile("rb") as answer:
            line = answer.readline()
    if not line:
        raise ConnectionError("the sandbox did not answer")
    found: dict[str, Any] = json.loads(line)
    return found


def request_of(name: str, *, reads_input: bool) -> dict[str, Any]:
    """Return what the sandbox is told of this call of a command."""
    return {
        "name": name,
        "host": os.environ.get(HOST_MARK, ""),
        "arguments": sys.argv[1:],
        "directory": os.getcwd(),
        "environment": {
            key: value
            for key, value in os.environ.items()
            if key.startswith("OAR_") or key in _PASSED
        },
        "stdin": sys.stdin.read() if reads_input else "",
    }


def main(name: str, control: str) -> int:
    """Run a command of OAR, as a program of a host; return its exit code."""
    reads = name == "oarprint" and "-" in sys.argv[1:]
    request = {"do": "command", **request_of(name, reads_input=reads)}
    while True:
        try:
            answer = ask(control, request)
        except OSError as error:
            print(f"{name}: the sandbox does not answer: {error}", file=sys.stderr)
            return 255
        if "error" in answer:
            print(f"{name}: {answer['error']}", file=sys.stderr)
            return 255
        if answer["connect"] is not None:
            return _interactive(control, request["host"], answer)
        _print(answer)
        if answer["again"] is None:
            return int(answer["exit_code"])
        time.sleep(answer["again"])
        request["waited"] = answer["waited"]


def _print(answer: dict[str, Any]) -> None:
    sys.stdout.write(answer["stdout"])
    sys.stderr.write(answer["stderr"])
    sys.stdout.flush()


def _interrupt(_number: int, _frame: object) -> None:
    # the end of a terminal sends several
    _ignore_ends()
    raise KeyboardInterrupt


def _ignore_ends() -> None:
    for number in _ENDS:
        signal.signal(number, signal.SIG_IGN)


def _interactive(control: str, host: str, answer: dict[str, Any]) -> int:
    """Open a shell on the first node of a job, once it runs; the job ends with it."""
    job_id = answer["connect"]
    of_job = {"host": host, "job_id": job_id}
    for number in _ENDS:
        signal.signal(number, _interrupt)
    node, code, farewell = None, 1, ""
    try:
        _print(answer)
        node = _first_node(control, of_job)
        if node is None:
            print(f"[ERROR] The job {job_id} did not start", file=sys.stderr)
        else:
            print(f"Connect to OAR job {job_id} via the node {node}", flush=True)
            _enter(node, job_id)
            code, farewell = 0, f"Disconnected from OAR job {job_id}.\n"
    except KeyboardInterrupt:
        if node is None:
            deleting = f"Caught Interrupt (^C), Deleting the job {job_id}..."
            farewell = f"\n\n{deleting}\nJob(s) deleted.\n\n"
    finally:
        _ignore_ends()
        ask(control, {"do": "leave", **of_job})
    print(farewell, end="", flush=True)
    return code


def _first_node(control: str, of_job: dict[str, Any]) -> str | None:
    """Wait until a job runs and return its first node, or None when it never will."""
    while not (job := ask(control, {"do": "job", **of_job}))["running"]:
        if job["state"] in ("Error", "Terminated"):
            return None
        time.sleep(_POLL)
    node: str = job["hosts"][0]
    return node


def _enter(node: str, job_id: int) -> None:
    terminal = ["-t"] if sys.stdin.isatty() else []
    environment = {**os.environ, "OAR_JOB_ID": str(job_id)}
    environment.pop("OAR_JOB_KEY_FILE", None)
    subprocess.run(["oarsh", *terminal, node], env=environment, check=False)
