"""oardel, oarhold, oarresume: what users do to jobs that are there."""

import signal
from collections.abc import Callable

from execo_g5k.sandbox.commands.call import VERSION, Call, Reply, refusal
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.select import jobs_of_sql
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.site import Deletion
from execo_g5k.sandbox.model.table import BadSql

Act = Callable[[Call, str, Job | None], tuple[str, str]]

_SPEC = {
    "h|help": FLAG, "c|checkpoint": FLAG, "s|signal": VALUE, "b|besteffort": FLAG,
    "array": FLAG, "sql": VALUE, "force-terminate-finishing-job": FLAG, "V|version": FLAG,
}  # fmt: skip

# exit code of oardel for each job that it could not delete
_NOT_YOURS = 1
_TWICE = 6
_SERVER_DOWN = 2
_NO_NUMBER = 4


def oardel(call: Call) -> Reply:
    """Delete jobs, or send a signal to them."""
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n", usage("oardel"))
    if options.has("version"):
        return Reply(0, f"OAR version : {VERSION}\n")
    if options.has("help") or not (options.arguments or options.has("sql")):
        return Reply(0 if options.has("help") else 1, usage("oardel"))
    for word in options.arguments:
        if not word.isdecimal():
            return refusal(_NO_NUMBER, f'[ERROR] "{word}" is not a valid job identifier\n')
    try:
        ids = _ids(call, options)
    except BadSql as error:
        return refusal(1, f"DBD::Pg::st execute failed: ERROR:  {error}\n")
    if options.has("checkpoint") or options.has("signal"):
        return _signal(call, ids, options.last("signal"))
    return _delete(call, ids)


def _ids(call: Call, options: Options) -> list[int]:
    given = [int(word) for word in options.arguments]
    if options.has("array"):
        given = [job.job_id for job in call.site.jobs.values() if job.array_id in given]
    if (where := options.last("sql")) is not None:
        given += [job.job_id for job in jobs_of_sql(call.site, where)]
    return given


def _delete(call: Call, ids: list[int]) -> Reply:
    out, err, code, done = "", "", 0, []
    for job_id in ids:
        deletion = call.site.delete(job_id, call.user, call.now)
        out += f"Deleting the job = {job_id} ..."
        if deletion is Deletion.REGISTERED:
            out += "REGISTERED.\n"
            done.append(str(job_id))
        elif deletion is Deletion.NOT_YOURS:
            out += "ERROR.\n"
            err += f"Cannot frag {job_id} ; You are not the right user.\n"
            code = _NOT_YOURS
        else:
            out += "ERROR.\n"
            err += f"Cannot frag {job_id} ; This job was already killed.\n"
            code = _TWICE
    if done:
        out += f"The job(s) [ {' '.join(done)} ] will be deleted in the near future.\n"
    return Reply(code, out, err)


def _signal(call: Call, ids: list[int], name: str | None) -> Reply:
    out, code = "", 0
    for job_id in ids:
        job = call.site.jobs.get(job_id)
        if name is None:
            out += f"Checkpointing the job {job_id} ..."
        else:
            out += f"Signaling the job {job_id} with {name} signal.\n"
        if job is None or job.user != call.user or job.state is not State.RUNNING:
            out += "ERROR.\n"
            code = _NOT_YOURS
            continue
        call.site.signal(job, job.signal if name is None else signal_number(name))
        what = "checkpoint itself" if name is None else f"signal itself with {name}"
        node = call.site.head(job)
        out += f"DONE.\nThe job {job_id} was notified to {what} on {node}.\n"
    return Reply(code, out)


def signal_number(name: str) -> int:
    """Return the number of a signal given by its number or name."""
    if name.isdecimal():
        return int(name)
    known = signal.Signals.__members__
    return int(known.get(name if name.startswith("SIG") else f"SIG{name}", signal.SIGTERM))


def oarhold(call: Call) -> Reply:
    """Keep waiting jobs from being scheduled."""
    return _each(call, _hold)


def oarresume(call: Call) -> Reply:
    """Let held jobs be scheduled."""
    return _each(call, _resume)


def _each(call: Call, act: Act) -> Reply:
    out, err, code = "", "", 0
    for word in call.arguments:
        if word.startswith("-"):
            continue
        job = call.site.jobs.get(int(word)) if word.isdecimal() else None
        said, problem = act(call, word, job)
        out += said
        err += problem
        code = 1 if problem else code
    return Reply(code, out, err)


def _hold(call: Call, word: str, job: Job | None) -> tuple[str, str]:
    if job is None or job.user != call.user:
        return "", f"/!\\ Cannot hold {word} : you are not the right user.\n"
    if not call.site.hold(job):
        why = "the job is not in the right state (try '-r' option)"
        return "", f"/!\\ Cannot hold {word} : {why}.\n"
    return f"[{word}] Hold request was sent to the OAR server.\n", ""


def _resume(call: Call, word: str, job: Job | None) -> tuple[str, str]:
    if job is None or job.user != call.user:
        return "", f"/!\\ Cannot resume {word} : you are not the right user.\n"
    if not call.site.resume(job):
        return "", f"/!\\ Cannot resume {word} : the job is not in the right state.\n"
    return f"[{word}] Resume request was sent to the OAR server.\n", ""
