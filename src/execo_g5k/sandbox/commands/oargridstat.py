"""oargridstat: what is known of reservations on several sites.

The words, streams and exit codes are those of OARGrid 2.2.4. It writes what Perl's hashes give it,
so sites come in another order each time. Not here: --monitor, --gantt, --backward_compatible.
"""

from collections.abc import Mapping
from typing import Any

from execo_g5k.sandbox.commands.call import Call, Reply, refusal
from execo_g5k.sandbox.commands.formats import as_dumper, as_yaml
from execo_g5k.sandbox.commands.gridnodes import in_chance_order, nodes_of
from execo_g5k.sandbox.commands.oargridsub import VERSION, write_key
from execo_g5k.sandbox.commands.options import FLAG, VALUE, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.commands.wholegrid import WholeGrid
from execo_g5k.sandbox.model.dates import told_date
from execo_g5k.sandbox.model.gridjobs import GridPart, GridReservation

_SPEC = {
    "l": VALUE, "D": FLAG, "X": FLAG, "Y": FLAG, "c": VALUE, "j": VALUE, "w": FLAG, "p": VALUE,
    "m": VALUE, "k": VALUE, "h|help": FLAG, "V": FLAG, "list_clusters": FLAG,
    "list_aliases": FLAG, "monitor": FLAG, "gantt": VALUE, "backward_compatible": FLAG,
}  # fmt: skip
_NUMBERS = ("l", "k", "p", "m")
_MISSING = ("monitor", "gantt", "backward_compatible")


def oargridstat(call: Call) -> Reply:
    """Show reservations of OARGrid."""
    grid = call.grid
    if grid is None:
        return refusal(127, "oargridstat: there is no OARGrid\n")
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n", usage("oargridstat"))
    if options.has("help"):
        return Reply(1, usage("oargridstat"))
    if options.has("V"):
        return Reply(0, f"OARGrid version : {VERSION}\n")
    for name in _MISSING:
        if options.has(name):
            return refusal(1, f"oargridstat: this sandbox has no --{name}\n")
    warnings = _without_words(options)
    reply = _answer(call, grid, options)
    return Reply(reply.exit_code, reply.stdout, warnings + reply.stderr, again=reply.again)


def _without_words(options: Options) -> str:
    """Forget options whose value should be a number and is none; return what is said of it."""
    told = ""
    for name in _NUMBERS:
        value = options.last(name)
        if value is not None and not value.isdecimal():
            told += f'Value "{value}" invalid for option {name} (number expected)\n'
            del options.values[name]
    return told


def _answer(call: Call, grid: WholeGrid, options: Options) -> Reply:
    if options.has("list_clusters"):
        return Reply(0, _written(options, {}))
    if options.has("list_aliases"):
        return Reply(0, _written(options, _aliases(grid)))
    if (number := options.last("k")) is not None:
        return _restored(call, grid.database.reservations.get(int(number)))
    if (number := options.last("l")) is not None:
        return nodes_of(call, grid, options, grid.database.reservations.get(int(number)))
    if options.arguments:
        return Reply(0, _one(call, grid, options, options.arguments[0]))
    return Reply(0, _list(call, grid, options))


def _aliases(grid: WholeGrid) -> dict[str, Any]:
    return {
        alias: {
            "gateway": site,
            "parent": site if condition else None,
            "properties": condition or None,
        }
        for alias, (site, condition) in grid.aliases().items()
    }


def _written(options: Options, data: Mapping[str, Any]) -> str:
    return as_yaml(data) if options.has("Y") else as_dumper(data)


def _restored(call: Call, reservation: GridReservation | None) -> Reply:
    if reservation is None or reservation.user != call.user:
        return Reply()
    path = f"/tmp/oargrid/oargrid_ssh_key_retrieved_{call.user}_{reservation.grid_id}"
    problem = write_key(call, path, reservation.private_key)
    return Reply(0, "" if problem else f"Key restored into {path}\n", problem)


# --- reservations


def _list(call: Call, grid: WholeGrid, options: Options) -> str:
    active = grid.database.active_of(call.user, call.now)
    if _as_data(options):
        data = {str(r.grid_id): _data(call, r, listed=True) for r in active}
        return _as_xml(data) if options.has("X") else _written(options, data)
    text = ""
    for reservation in active:
        lines = "".join(f"\t{line}\n" for line in _lines(call, reservation))
        text += f"Reservation # {reservation.grid_id}:\n{lines}\n"
    return text


def _one(call: Call, grid: WholeGrid, options: Options, word: str) -> str:
    number = int(word) if word.isdecimal() else 0
    reservation = grid.database.reservations.get(number)
    if reservation is None:
        return ""
    if _as_data(options):
        data = _data(call, reservation, listed=False)
        return _as_xml(data) if options.has("X") else _written(options, data)
    return "".join(f"{line}\n" for line in _lines(call, reservation))


def _as_data(options: Options) -> bool:
    return any(options.has(name) for name in "DXY")


def _lines(call: Call, reservation: GridReservation) -> list[str]:
    return [
        f"submission date : {told_date(reservation.submission_date)}",
        f"start date : {told_date(reservation.start_date)}",
        f"walltime : {reservation.walltime}",
        f"program : {reservation.program}",
        f"directory : {reservation.directory}",
        f"user : {reservation.user}",
        f"cmd : {reservation.command_line}",
        "clusters with job id:",
        *(f"\t{_line(part)}" for part in in_chance_order(call, reservation.parts)),
    ]


def _line(part: GridPart) -> str:
    return (
        f'{part.alias} --> {part.job_id} (name = "{part.name}", resources = "{part.rdef}",'
        f' properties = "{part.properties}", queue = {part.queue},'
        f' environment = "{part.environment}", partition = "{part.partition}")'
    )


def _data(call: Call, reservation: GridReservation, *, listed: bool) -> dict[str, Any]:
    jobs: dict[str, Any] = {}
    for part in in_chance_order(call, reservation.parts):
        job: dict[str, Any] = {
            "batchId": part.job_id,
            "env": part.environment,
            "name": part.name,
            "nodes": part.nodes,
            "part": part.partition,
            "properties": part.properties,
            "queue": part.queue,
            "rdef": part.rdef,
            "weight": 0,
        }
        jobs.setdefault(part.alias, {})[str(part.job_id)] = job | ({"status": ""} if listed else {})
    return {
        "reservationSubmissionDate": told_date(reservation.submission_date),
        "reservationWallTime": reservation.walltime,
        "reservationUser": reservation.user,
        "reservationDirectory": reservation.directory,
        "reservationStartDate": told_date(reservation.start_date),
        "clusterJobs": jobs,
        "reservationCommandLine": reservation.command_line,
        "reservationProgram": reservation.program,
    }


def _as_xml(data: Mapping[str, Any]) -> str:
    """Return data as the module XML::Simple of Perl prints it."""
    return _element("opt", None, data, "")


def _element(tag: str, name: str | None, data: Mapping[str, Any], indent: str) -> str:
    scalars = {key: value for key, value in data.items() if not isinstance(value, Mapping)}
    inner = {key: value for key, value in data.items() if isinstance(value, Mapping)}
    first = {} if name is None else {"name": name}
    if "name" in scalars:
        first["name"] = scalars.pop("name")
    ordered = [*first.items(), *sorted(scalars.items())]
    attributes = "".join(f' {key}="{_escaped(value)}"' for key, value in ordered)
    if not inner:
        return f"{indent}<{tag}{attributes} />\n"
    text = f"{indent}<{tag}{attributes}>\n"
    for key, value in inner.items():
        if key == "clusterJobs":
            for alias, jobs in value.items():
                text += _element(key, alias, jobs, f"{indent}  ")
        else:
            text += _element(key, None, value, f"{indent}  ")
    return f"{text}{indent}</{tag}>\n"


def _escaped(value: object) -> str:
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;")
