"""oarwalltime: how long a running job may last, and more of it."""

import re

from execo_g5k.sandbox.commands.call import VERSION, Call, Reply
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.request import told_duration
from execo_g5k.sandbox.model.site import told_change

_MOST = 7200
_CHANGE = re.compile(r"([+-]?)(\d+)(?::(\d+))?(?::(\d+))?")


def oarwalltime(call: Call) -> Reply:
    """Show or change the walltime of a running job."""
    words = [word for word in call.arguments if word not in ("-f", "-w", "-d")]
    if "-V" in words or "--version" in words:
        return Reply(0, f"OAR version: {VERSION}\n")
    if not words or not words[0].isdecimal():
        return Reply(1, "Usage: oarwalltime <job_id> [+-]<new walltime>\n")
    job = call.site.jobs.get(int(words[0]))
    if job is None:
        return Reply(2, "UNKNOWN JOB\n")
    if len(words) == 1:
        return Reply(0, _told(job))
    if job.user != call.user:
        return Reply(3, f"Forbidden: job {job.job_id} does not belong to you.\n")
    if job.state is not State.RUNNING:
        return Reply(3, f"Forbidden: job {job.job_id} is not running.\n")
    seconds = _seconds(words[1], job)
    if seconds is None:
        return Reply(1, f"Bad walltime: {words[1]}\n")
    if seconds > _MOST:
        return Reply(3, "Forbidden: the walltime cannot be increased that much.\n")
    call.site.lengthen(job, seconds, call.now)
    text = f"walltime change request accepted for job {job.job_id}, it will be handled shortly."
    return Reply(0, f"Accepted: {text}\n")


def _told(job: Job) -> str:
    running = "" if job.state is State.RUNNING else "not "
    granted = told_change(job.walltime_granted)
    return (
        f"Walltime change status for job {job.job_id} (job is {running}running):\n"
        f"  Current walltime:   {told_duration(job.walltime):>9}\n"
        f"  Possible increase:  {told_change(_MOST):>9}\n"
        f"  Already granted:    {granted:>9}\n"
        f"  Pending/unsatisfied:{'0:0:0':>9}\n"
    )


def _seconds(text: str, job: Job) -> int | None:
    match = _CHANGE.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(number or 0) for number in match.groups()[1:])
    total = hours * 3600 + minutes * 60 + seconds
    if match[1] == "-":
        return -total
    return total if match[1] == "+" else total - job.walltime
