"""The nodes of a reservation on several sites, as `oargridstat -l` shows them."""

import random
from collections.abc import Mapping
from typing import Any

from execo_g5k.sandbox.commands.call import Call, Reply
from execo_g5k.sandbox.commands.formats import as_dumper, as_yaml
from execo_g5k.sandbox.commands.options import Options
from execo_g5k.sandbox.commands.wholegrid import WholeGrid
from execo_g5k.sandbox.model.gridjobs import GridPart, GridReservation
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.table import ids_of

_POLLING = 5
_MOST_POLLING = 3600
_NO_ARRAY = (
    'Can\'t use string ("") as an ARRAY ref while "strict refs" in use at'
    " /usr/lib/oargrid/oargridstat line 267.\n"
)

# exit codes of oargridstat
_NO_DATABASE = 2
_WAITED_TOO_LONG = 3
_ENDED = 4
_XML = 25


def nodes_of(
    call: Call, grid: WholeGrid, options: Options, reservation: GridReservation | None
) -> Reply:
    """Show the nodes of a reservation, one line for each of their cores."""
    parts = _asked(options, in_chance_order(call, reservation.parts) if reservation else [])
    for part in parts:
        if not grid.sites[part.site].database_up:
            return Reply(_NO_DATABASE, "", f"Cannot connect to the database of {part.alias}\n")
    code, err = 0, ""
    if options.has("w"):
        waiting = [part for part in parts if not _settled(grid, part)]
        if waiting:
            return _wait(call, options, waiting[0])
        ended = [part for part in parts if _job(grid, part).state is not State.RUNNING]
        err = "".join(f"ERROR: job {p.job_id} is ended on cluster {p.alias}\n" for p in ended)
        code = _ENDED if ended else 0
        parts = [part for part in parts if part not in ended]
    if options.has("X") and parts:
        return _crash(parts[0], err)
    return Reply(code, _written(grid, options, parts), err)


def in_chance_order(call: Call, parts: list[GridPart]) -> list[GridPart]:
    """Return the parts of a reservation in the order in which this call finds them."""
    return random.Random(str(call.now)).sample(parts, len(parts))


def _asked(options: Options, parts: list[GridPart]) -> list[GridPart]:
    alias, job_id = options.last("c"), options.last("j")
    return [
        part
        for part in parts
        if alias in (None, part.alias) and (alias is None or job_id in (None, str(part.job_id)))
    ]


def _job(grid: WholeGrid, part: GridPart) -> Job:
    return grid.sites[part.site].jobs[part.job_id]


def _settled(grid: WholeGrid, part: GridPart) -> bool:
    state = _job(grid, part).state
    return state is State.RUNNING or state is State.FINISHING or state.final


def _wait(call: Call, options: Options, part: GridPart) -> Reply:
    pause = max(_POLLING, int(options.last("p") or _POLLING))
    text = f"Not all jobs are running on {part.alias}, I wait {pause} seconds\n"
    if call.waited >= int(options.last("m") or _MOST_POLLING):
        return Reply(_WAITED_TOO_LONG, "", "Max polling time reached\n")
    return Reply(0, "", text, again=pause)


def _written(grid: WholeGrid, options: Options, parts: list[GridPart]) -> str:
    if options.has("D") or options.has("Y"):
        data = _data(grid, parts)
        return as_yaml(data) if options.has("Y") else as_dumper(data)
    return "".join(f"{node}\n" for part in parts for node in _nodes(grid, part)) + "\n"


def _data(grid: WholeGrid, parts: list[GridPart]) -> Mapping[str, Any]:
    data: dict[str, Any] = {}
    for part in parts:
        shown = {"name": part.name, "nodes": _nodes(grid, part)}
        data.setdefault(part.alias, {})[str(part.job_id)] = shown
    return data


def _nodes(grid: WholeGrid, part: GridPart) -> list[str]:
    table = grid.sites[part.site].table
    rows = (table.rows[number - 1] for number in ids_of(_job(grid, part).resources))
    return [str(row["network_address"]) for row in rows if row["network_address"]]


def _crash(part: GridPart, err: str) -> Reply:
    """Return what OARGrid 2.2.4 answers to -X: it dies after the first lines."""
    out = (
        f'<opt>\n\t<cluster name="{part.alias}">\n\t\t<job name="{part.job_id}">\n'
        '\t\t<job jobid="name">\n'
    )
    return Reply(_XML, out, f"{err}{_NO_ARRAY}")
