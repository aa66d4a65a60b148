"""Jobs chosen by SQL, as `--sql` does it."""

import sqlite3

from execo_g5k.sandbox.model.jobs import Job
from execo_g5k.sandbox.model.site import SiteServer
from execo_g5k.sandbox.model.table import BadSql, as_postgresql


def jobs_of_sql(site: SiteServer, where: str) -> list[Job]:
    """Return the jobs that satisfy a condition on the columns of OAR's table of jobs.

    Raises:
        BadSql: the condition is none.
    """
    with sqlite3.connect(":memory:") as database:
        rows = [_row(job) for job in site.jobs.values()]
        columns = ", ".join(f'"{column}"' for column in _COLUMNS)
        database.execute(f"CREATE TABLE jobs ({columns})")
        marks = ", ".join("?" * len(_COLUMNS))
        database.executemany(f"INSERT INTO jobs VALUES ({marks})", rows)
        database.execute("PRAGMA case_sensitive_like = ON")
        try:
            found = database.execute(f"SELECT job_id FROM jobs WHERE {where} ORDER BY job_id")
            return [site.jobs[row[0]] for row in found]
        except sqlite3.Error as error:
            raise BadSql(as_postgresql(str(error))) from None


_COLUMNS = (
    "job_id", "job_name", "job_user", "state", "queue_name", "project", "command",
    "initial_request", "submission_time", "start_time", "stop_time", "array_id", "array_index",
    "job_type", "launching_directory", "properties", "message", "reservation", "checkpoint",
    "stdout_file", "stderr_file", "exit_code", "resubmit_job_id",
)  # fmt: skip


def _row(job: Job) -> tuple[object, ...]:
    return (
        job.job_id, job.name or "", job.user, job.state.value, job.queue, job.project,
        job.command, job.initial_request, job.submission_date, job.start_date, job.stop_date,
        job.array_id, job.array_index, "INTERACTIVE" if job.interactive else "PASSIVE",
        job.directory, job.properties, job.message,
        "Scheduled" if job.is_reservation else "None", job.checkpoint,
        job.stdout_file, job.stderr_file, job.exit_status, job.resubmitted,
    )  # fmt: skip
