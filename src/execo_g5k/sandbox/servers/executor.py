"""The commands of jobs: run on their first node, with the variables and files that OAR gives."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from execo_g5k.sandbox.model.dates import told_date
from execo_g5k.sandbox.model.jobs import Job
from execo_g5k.sandbox.model.platform import Row
from execo_g5k.sandbox.model.request import told_duration
from execo_g5k.sandbox.model.site import SiteServer
from execo_g5k.sandbox.model.table import ids_of
from execo_g5k.sandbox.servers.files import open_regular
from execo_g5k.sandbox.servers.places import Directory, Place
from execo_g5k.sandbox.servers.processes import JOB_MARK, Command, Processes

logger = logging.getLogger("execo.sandbox")


class JobExecutor:
    """Runs the commands of the jobs of one site."""

    site: SiteServer

    def __init__(
        self,
        directory: Directory,
        processes: Processes,
        find: Callable[[str], Place],
        frontend: Place,
        now: Callable[[], float],
        changed: Callable[[], object],
    ) -> None:
        """`find` gives a host by its name; `changed` is called when the site has news."""
        self._directory = directory
        self._processes = processes
        self._find = find
        self._frontend = frontend
        self._now = now
        self._changed = changed
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._lost: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # --- what the site asks for

    def launch(self, job: Job) -> None:
        """Start the command of a job."""
        task = asyncio.get_running_loop().create_task(self._run(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def kill(self, job: Job) -> None:
        """End all processes of a job, and say so in its file for errors."""
        self._note(job, f"Job {job.job_id} KILLED")
        self._kill_processes(job)
        if job.job_id in self._lost or self._on_dead_node(job):
            self._tell_end(job, signal.SIGKILL)

    def signal(self, job: Job, number: int) -> None:
        """Send a signal to the command of a job."""
        process = self._running.get(job.job_id)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
        self._note(job, f"Job {job.job_id} SIGNALED with signal {number}")

    # --- running

    def place_of(self, job: Job) -> Place:
        """Return where the command of a job runs."""
        if job.has_type("deploy") or job.has_type("cosystem"):
            return self._frontend
        return self._find(self.site.head(job))

    async def _run(self, job: Job) -> None:
        place = self.place_of(job)
        if not self._path(job, job.directory).is_dir():
            text = (
                f"[bipbip {job.job_id}] Cannot go into the working directory {job.directory} of"
                f" the job on node {place.full_name}"
            )
            self.site.failed(job, "WORKING_DIRECTORY", text, self._now())
            self._changed()
            return
        status = await self._status(job, place)
        self._running.pop(job.job_id, None)
        if self._on_dead_node(job) and not job.killed:
            # nobody hears of its end, and its other nodes go on
            self._lost.add(job.job_id)
        else:
            self._processes.kill_job(self.site.name, job.job_id)
            self._tell_end(job, status)

    def _on_dead_node(self, job: Job) -> bool:
        return self.place_of(job).full_name in self.site.silent_nodes

    def _tell_end(self, job: Job, status: int) -> None:
        self.site.ended(job, status, self._now())
        self._changed()

    async def _status(self, job: Job, place: Place) -> int:
        command = Command(
            place, job.user, job.command, self.variables(job), job.directory, "/bin/bash"
        )
        try:
            with self._file(job, job.stdout_file) as out, self._file(job, job.stderr_file) as err:
                process = await self._processes.start(
                    command, stdin=asyncio.subprocess.DEVNULL, stdout=out.fileno(),
                    stderr=err.fileno(),
                )  # fmt: skip
        except OSError as error:
            logger.warning("job %s of %s can't be run: %s", job.job_id, self.site.name, error)
            return 255 << 8
        self._running[job.job_id] = process
        if job.killed:
            self._kill_processes(job)
        code = await process.wait()
        return code << 8 if code >= 0 else -code

    def _kill_processes(self, job: Job) -> None:
        self._processes.kill_job(self.site.name, job.job_id)
        # a process shows no variables while it becomes another program, or when it dropped them
        process = self._running.get(job.job_id)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def _file(self, job: Job, name: str) -> BinaryIO:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return open(open_regular(self._path(job, name), flags), "ab")

    def _path(self, job: Job, name: str) -> Path:
        """Return where a file of a job is on this machine."""
        path = str(Path(job.directory, name))
        return Path(self._processes.path_here(self.place_of(job), path))

    def _note(self, job: Job, text: str) -> None:
        # a job may have deleted it, or made something else of it
        with contextlib.suppress(OSError):
            fd = open_regular(self._path(job, job.stderr_file), os.O_WRONLY | os.O_APPEND)
            with open(fd, "a", encoding="utf-8") as file:
                file.write(f"## OAR [{told_date(self._now())}] {text} ##\n")

    # --- what jobs are given

    def prepare(self, job: Job) -> None:
        """Write the files that tell a job its nodes and resources."""
        folder = self._directory.of_jobs(self.site.name)
        folder.mkdir(parents=True, exist_ok=True)
        rows = [self.site.table.rows[n - 1] for n in ids_of(job.resources)]
        hosts = "".join(f"{row['network_address']}\n" for row in rows if row["network_address"])
        (folder / str(job.job_id)).write_text(hosts)
        (folder / f"{job.job_id}_resources").write_text("".join(map(_line, rows)))

    def variables(self, job: Job) -> dict[str, str]:
        """Return the variables of the processes of a job."""
        nodes = str(self._directory.of_jobs(self.site.name) / str(job.job_id))
        job_id, array_id = str(job.job_id), str(job.array_id)
        return {
            "OAR_JOB_ID": job_id,
            "OAR_JOBID": job_id,
            "OAR_JOB_NAME": job.name or "",
            "OAR_ARRAY_ID": array_id,
            "OAR_ARRAYID": array_id,
            "OAR_ARRAY_INDEX": str(job.array_index),
            "OAR_ARRAYINDEX": str(job.array_index),
            "OAR_KEY": "1",
            "OAR_CPUSET": f"/oar/{job.user}_{job_id}",
            "OAR_USER": job.user,
            "OAR_JOB_USER": job.user,
            "OAR_JOB_WALLTIME": told_duration(job.walltime),
            "OAR_JOB_WALLTIME_SECONDS": str(job.walltime),
            "OAR_PROJECT_NAME": job.project,
            "OAR_STDOUT": job.stdout_file,
            "OAR_STDERR": job.stderr_file,
            "OAR_WORKDIR": job.directory,
            "OAR_WORKING_DIRECTORY": job.directory,
            "OAR_O_WORKDIR": job.directory,
            "OAR_NODEFILE": nodes,
            "OAR_NODE_FILE": nodes,
            "OAR_FILE_NODES": nodes,
            "OAR_RESOURCE_FILE": nodes,
            "OAR_RESOURCE_PROPERTIES_FILE": f"{nodes}_resources",
            JOB_MARK: f"{self.site.name}/{job_id}",
        }


def _line(row: Row) -> str:
    pairs = (f"{key} = '{'' if value is None else value}'" for key, value in row.items())
    return f" {' , '.join(pairs)} \n"
