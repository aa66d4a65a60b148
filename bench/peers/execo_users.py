"""The same user's script for execo 2.8.2 and for this project: the interpreter chooses.

Only documented names are used, and what `job["ours"]` guards is what execo lacks.
"""

import importlib
import shlex
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.peers import common, measures
from bench.peers.common import Job, Timed


def _processes(commands: Sequence[Sequence[str]], **options: Any) -> list[Any]:
    from execo import Process

    # words quoted for a shell: execo wants text
    return [Process(shlex.join(command), **options) for command in commands]


def _run(job: Job, processes: Sequence[Any]) -> None:
    if job.get("action"):
        # execo's Action does not end when it is given its processes this way
        from execo import Action

        action = Action()
        action.processes = list(processes)
        action.run()
        return
    for process in processes:
        process.start()
    for process in processes:
        process.wait()


def start(job: Job, timed: Timed) -> list[str]:
    processes = _processes(common.echoes(job))
    with timed:
        _run(job, processes)
    return _outputs(processes)


def _outputs(processes: Sequence[Any]) -> list[str]:
    return [process.stdout if process.exit_code == 0 else "failed" for process in processes]


def window(job: Job, timed: Timed) -> list[str]:
    processes = _processes(common.echoes(job))
    if job.get("ours"):
        from execo import configuration

        configuration["fanout"] = job["window"]
        with timed:
            _run(job, processes)
    else:
        with timed, ThreadPoolExecutor(job["window"]) as pool:
            list(pool.map(lambda process: process.run(), processes))
    return _outputs(processes)


def memory(job: Job, timed: Timed) -> list[int]:
    processes = _processes([job["command"]] * job["n"])
    with timed:
        _run(job, processes)
    return [len(text) for text in _outputs(processes)]


def lines(job: Job, timed: Timed) -> list[int]:
    from execo import ProcessOutputHandler

    class Count(ProcessOutputHandler):
        def __init__(self) -> None:
            super().__init__()
            self.lines = 0

        def read_line(self, process: Any, stream: int, string: str) -> None:
            self.lines += 1

    handlers = [Count() for _ in range(job["n"])]
    processes = [
        _processes([job["command"]], stdout_handlers=[handler], default_stdout_handler=False)[0]
        for handler in handlers
    ]
    with timed:
        _run(job, processes)
    return [handler.lines for handler in handlers]


def _params(job: Job) -> dict[str, Any]:
    from execo import default_connection_params as default

    params: dict[str, Any] = {"user": job["user"], "keyfile": job["key"], "port": job["port"]}
    # the user's own configuration of ssh has no say
    for name in ("ssh_options", "scp_options", "taktuk_connector_options"):
        params[name] = (*default[name], "-F", "none")
    if "transport" in job:
        # imports are no part of the measure
        importlib.import_module(job["transport"])
        params["transport"] = job["transport"]
    return params


def hosts(job: Job, timed: Timed) -> list[str]:
    from execo import Remote

    _reuse(job)
    action = Remote(common.COMMAND_ON_HOSTS, job["hosts"], _params(job))
    with timed:
        action.run()
    return [common.server_address(text) for text in _outputs(action.processes)]


def _reuse(job: Job) -> None:
    if job.get("reuse"):
        from execo import configuration

        configuration["connexion_reuse"] = True


def again(job: Job, timed: Timed) -> list[str]:
    hosts(job, Timed())
    return hosts(job, timed)


def copy(job: Job, timed: Timed) -> list[str]:
    import execo

    put = getattr(execo, job.get("tool", "Put"))
    location = f"{job['folder']}/{{{{{{host}}}}}}/"
    action = put(job["hosts"], [job["file"]], location, _params(job))
    with timed:
        action.run()
    return common.copies(job)


def latency(job: Job, timed: Timed) -> list[object]:
    def one() -> str:
        [process] = _processes([measures.STAMP])
        return str(process.run().stdout)

    return measures.latencies(one, timed, job)


def sleepers(job: Job, timed: Timed) -> list[object]:
    processes: list[Any] = []

    def more(count: int) -> None:
        new = _processes([measures.SLEEPER] * count)
        processes.extend(new)
        for process in new:
            process.start()
        _until(lambda: all(process.pid for process in new))

    measures.sleepers(more, timed, job)
    for process in processes:
        process.kill()
    for process in processes:
        process.wait()
    return []


def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


def big(job: Job, timed: Timed) -> list[str]:
    ballast = measures.ballast(job)
    found = start(job, timed)
    measures.cost_of_each(timed, job)
    del ballast
    return found


def polling(job: Job, timed: Timed) -> list[bool]:
    """Wait for jobs that have not started yet, and count what asks the frontend about them."""
    from execo_g5k import g5k_configuration, wait_oar_job_start

    g5k_configuration.update(polling_interval=1, tiny_polling_interval=0.5)
    seen: dict[int, tuple[bool, float]] = {}

    def wait(job_id: int) -> None:
        started = bool(wait_oar_job_start(job_id, job["site"]))
        seen[job_id] = started, time.time()

    threads = [threading.Thread(target=wait, args=(job_id,)) for job_id in job["jobs"]]
    calls = Path(job["calls"])
    with timed:
        for thread in threads:
            thread.start()
        time.sleep(job["seconds"])
        asked = calls.read_text().count("oarstat")
        for thread in threads:
            thread.join()
    stamps = [Path(job["home"], f"started.{job_id}") for job_id in job["jobs"]]
    # a job runs, for OAR, an instant before its command does
    _until(lambda: all(stamp.exists() and stamp.read_text() for stamp in stamps))
    late = [
        seen[job_id][1] - float(stamp.read_text())
        for job_id, stamp in zip(job["jobs"], stamps, strict=True)
    ]
    timed.also(calls=asked / job["seconds"], late=statistics.median(late))
    return [seen[job_id][0] for job_id in job["jobs"]]


if __name__ == "__main__":
    common.main(
        {
            "start": start, "window": window, "memory": memory, "lines": lines, "hosts": hosts,
            "again": again, "copy": copy, "latency": latency, "sleepers": sleepers, "big": big,
            "polling": polling,
        }
    )  # fmt: skip
