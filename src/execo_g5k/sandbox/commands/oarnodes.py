"""oarnodes and oarprint: what is known of nodes and of the resources of a job."""

import re

from execo_g5k.sandbox.commands.call import VERSION, Call, Reply, refusal
from execo_g5k.sandbox.commands.formats import as_json, as_yaml
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.model.platform import Row
from execo_g5k.sandbox.model.table import BadSql, ids_of

_SPEC = {
    "a|all": FLAG, "r|resource": VALUE, "s|state": FLAG, "l|list": FLAG, "e|events": FLAG,
    "sql": VALUE, "J|json": FLAG, "Y|yaml": FLAG, "D|dumper": FLAG, "X|xml": FLAG,
    "V|version": FLAG, "h|help": FLAG,
}  # fmt: skip

_STATES = {"Alive": 1, "Dead": 2, "Suspected": 3, "Absent": 4}
_NOT_PROPERTIES = ("resource_id", "state")


def oarnodes(call: Call) -> Reply:
    """Show nodes and their resources."""
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n")
    if options.has("version"):
        return Reply(0, f"OAR version : {VERSION}\n")
    try:
        mask = _chosen(call, options)
    except BadSql as error:
        return refusal(1, f"DBD::Pg::st execute failed: ERROR:  {error}\n")
    if options.has("state") and options.has("sql"):
        rows = [call.site.table.rows[n - 1] for n in ids_of(mask)]
        return Reply(0, "".join(f"{row['resource_id']} : {row['state']}\n" for row in rows))
    nodes = _by_node(call, mask)
    if options.has("list"):
        return Reply(0, "".join(f"{node}\n" for node in nodes))
    if options.has("state"):
        return Reply(0, "".join(_state(node, rows) for node, rows in nodes.items()))
    rows = [row for rows in nodes.values() for row in rows]
    if options.has("json") or options.has("yaml"):
        write = as_json if options.has("json") else as_yaml
        return Reply(0, write({str(row["resource_id"]): _data(call, row) for row in rows}))
    return Reply(0, "".join(_told(call, row) for row in rows))


def _chosen(call: Call, options: Options) -> int:
    table = call.site.table
    if (where := options.last("sql")) is not None:
        return table.select(where)
    if not options.arguments:
        return table.all
    mask = 0
    for node in options.arguments:
        mask |= table.of_host(node)
    return mask


def _by_node(call: Call, mask: int) -> dict[str, list[Row]]:
    nodes: dict[str, list[Row]] = {}
    for resource_id in ids_of(mask):
        row = call.site.table.rows[resource_id - 1]
        nodes.setdefault(str(row["network_address"]), []).append(row)
    return {
        node: sorted(rows, key=lambda row: str(row["resource_id"]))
        for node, rows in sorted(nodes.items())
    }


def _state(node: str, rows: list[Row]) -> str:
    return f"{node}\n" + "".join(f"    {row['resource_id']} : {row['state']}\n" for row in rows)


def _jobs(call: Call, row: Row) -> str:
    bit = 1 << (int(row["resource_id"] or 1) - 1)
    jobs = (job for job in call.site.live() if job.state.has_nodes and job.resources & bit)
    return ", ".join(str(job.job_id) for job in jobs)


def _data(call: Call, row: Row) -> dict[str, object]:
    jobs = _jobs(call, row)
    return resource_data(row) | ({"jobs": jobs} if jobs else {})


def resource_data(row: Row) -> dict[str, object]:
    """Return all that the database knows of a resource."""
    return {
        **row,
        "state_num": _STATES.get(str(row["state"]), 1),
        "next_state": "UnChanged",
        "finaud_decision": "NO",
        "next_finaud_decision": "NO",
        "scheduler_priority": 0,
        "suspended_jobs": "NO",
        "last_job_date": 0,
        "expiry_date": 0,
    }


def _told(call: Call, row: Row) -> str:
    jobs = _jobs(call, row)
    known = {k: v for k, v in row.items() if k not in _NOT_PROPERTIES}
    if jobs:
        known["jobs"] = jobs
    properties = ", ".join(f"{k}={'' if v is None else v}" for k, v in known.items())
    return (
        f"network_address : {row['network_address']}\n"
        f"resource_id : {row['resource_id']}\n"
        f"state : {row['state']}\n"
        + (f"jobs: {jobs}\n" if jobs else "")
        + f"properties : {properties}\n\n"
    )


# --- oarprint

_PRINT_SPEC = {
    "P|Property": VALUE, "S|Separator": VALUE, "J|Join": VALUE, "F|Format": VALUE,
    "C|Collect": VALUE, "f|File": VALUE, "l|List": FLAG, "V|version": FLAG, "h|help": FLAG,
}  # fmt: skip
_PAIR = re.compile(r"(\w+) = '(.*?)'(?: ,|\s*$)")


def oarprint(call: Call) -> Reply:
    """Show the resources of a job, from the lines that `oarstat -p` prints."""
    try:
        options = Options(_PRINT_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n")
    if options.has("version"):
        return Reply(0, f"OAR version : {VERSION}\n")
    text = _resources(call, options)
    if text is None:
        return refusal(255, "/usr/bin/oarprint: no input data available\n")
    rows = [dict(_PAIR.findall(line)) for line in text.splitlines() if line.strip()]
    if options.has("List"):
        names = ", ".join(rows[0]) if rows else ""
        return Reply(0, f"List of properties:\n{names}\n")
    if not rows or not options.arguments:
        return Reply()
    wanted = options.arguments[0]
    shown = (options.last("Property") or wanted).split(",")
    for name in (wanted, *shown):
        if name not in rows[0]:
            return refusal(255, f"/usr/bin/oarprint: Unknown property '{name}'\n")
    return Reply(0, _printed(rows, wanted, shown, options))


def _resources(call: Call, options: Options) -> str | None:
    name = options.last("File")
    if name == "-":
        return call.stdin
    name = name or call.environment.get("OAR_RESOURCE_PROPERTIES_FILE")
    if not name:
        return None
    try:
        return call.files.read(name)
    except OSError:
        return None


def _printed(rows: list[dict[str, str]], wanted: str, shown: list[str], options: Options) -> str:
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        groups.setdefault(row[wanted], []).append(row)
    join = options.last("Collect") or options.last("Join") or "+"
    form = options.last("Format") or (options.last("Separator") or " ").join("%" * len(shown))
    text = ""
    for group in groups.values():
        line = form
        for name in shown:
            values = dict.fromkeys(row[name] for row in group)
            line = line.replace("%", join.join(values), 1)
        text += f"{line}\n"
    return text
