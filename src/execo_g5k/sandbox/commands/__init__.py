"""The commands of frontends: what was called -> what is printed. Nothing is run here."""

from collections.abc import Callable, Mapping

from execo_g5k.sandbox.commands.call import Call, Files, Reply
from execo_g5k.sandbox.commands.g5ksubnets import g5k_subnets
from execo_g5k.sandbox.commands.kavlan import kavlan
from execo_g5k.sandbox.commands.oardel import oardel, oarhold, oarresume
from execo_g5k.sandbox.commands.oargriddel import oargriddel
from execo_g5k.sandbox.commands.oargridstat import oargridstat
from execo_g5k.sandbox.commands.oargridsub import oargridsub
from execo_g5k.sandbox.commands.oarnodes import oarnodes, oarprint
from execo_g5k.sandbox.commands.oarstat import oarstat
from execo_g5k.sandbox.commands.oarsub import oarsub
from execo_g5k.sandbox.commands.oarwalltime import oarwalltime

__all__ = ["COMMANDS", "GRID_COMMANDS", "Call", "Command", "Files", "Reply"]

Command = Callable[[Call], Reply]

COMMANDS: Mapping[str, Command] = {
    "oarsub": oarsub,
    "oarstat": oarstat,
    "oardel": oardel,
    "oarhold": oarhold,
    "oarresume": oarresume,
    "oarwalltime": oarwalltime,
    "oarnodes": oarnodes,
    "oarprint": oarprint,
    "kavlan": kavlan,
    "g5k-subnets": g5k_subnets,
}
"""Name -> command."""

GRID_COMMANDS: Mapping[str, Command] = {
    "oargridsub": oargridsub,
    "oargridstat": oargridstat,
    "oargriddel": oargriddel,
}
"""The same for those of OARGrid, which only some sandboxes have."""
