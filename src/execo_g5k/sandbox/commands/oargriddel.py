"""oargriddel: delete a reservation on several sites.

The words, streams and exit codes are those of OARGrid 2.2.4. A site that can't be reached gives
the exit code of ssh; the real one waits for a database that is down.
"""

from execo_g5k.sandbox.commands.call import Call, Reply, refusal
from execo_g5k.sandbox.commands.gridnodes import in_chance_order
from execo_g5k.sandbox.commands.oardel import oardel
from execo_g5k.sandbox.commands.oargridsub import VERSION
from execo_g5k.sandbox.commands.options import FLAG, BadOption, Options
from execo_g5k.sandbox.commands.usages import usage
from execo_g5k.sandbox.commands.wholegrid import SSH_FAILED, Contact, WholeGrid
from execo_g5k.sandbox.model.gridjobs import GridPart

_SPEC = {"h|help": FLAG, "v": FLAG, "V": FLAG}

# exit code of oardel for a job that was deleted before
_TWICE = 6

_NO_NUMBER = 2
_FAILED = 3


def oargriddel(call: Call) -> Reply:
    """Delete a reservation; further ids are ignored, as OARGrid does."""
    grid = call.grid
    if grid is None:
        return refusal(127, "oargriddel: there is no OARGrid\n")
    try:
        options = Options(_SPEC, call.arguments)
    except BadOption as error:
        return refusal(1, f"{error}\n", usage("oargriddel"))
    if options.has("V"):
        return Reply(0, f"OARGrid version : {VERSION}\n")
    if options.has("help") or not options.arguments:
        return Reply(1, usage("oargriddel"))
    word = options.arguments[0]
    if not word.isdecimal():
        return Reply(_NO_NUMBER, usage("oargriddel"))
    reservation = grid.database.reservations.get(int(word))
    if reservation is None:
        return Reply()
    if reservation.user not in (call.user, "root") and call.user != "root":
        # its authors wrote a degree sign in Latin-1
        return Reply(0, f"[OAR_GRIDDEL] You are not the owner of the reservation n\udcb0 {word}\n")
    out, code = "", 0
    for part in in_chance_order(call, reservation.parts):
        told = _deleted(call, grid, part)
        code = _FAILED if told.startswith("ERROR") else code
        where = f"the job {part.job_id} on the cluster {part.alias}"
        out += f"[OAR_GRIDDEL] I am deleting {where} ... {told}\n"
    return Reply(code, out)


def _deleted(call: Call, grid: WholeGrid, part: GridPart) -> str:
    if grid.reaches(part.site) is not Contact.ANSWERS:
        return f"ERROR {SSH_FAILED << 8}"
    exit_code = grid.run(call, part.site, oardel, "oardel", [str(part.job_id)]).exit_code
    if exit_code not in (0, _TWICE):
        return f"ERROR {exit_code << 8}"
    part.deleted = True
    return "ALREADY TERMINATED" if exit_code else "DONE"
