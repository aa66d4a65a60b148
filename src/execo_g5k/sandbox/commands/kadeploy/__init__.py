"""The commands of Kadeploy: what was called -> what is printed, while time passes.

optparse   options as Ruby reads them
options    what the commands that work on nodes are asked
envfile    descriptions of environments, read and printed
results    the last lines: the nodes that are well and those that are not
follow     an operation as its client sees it
deploy     kadeploy3 since 3.2
deploy31   kadeploy3 before
reboot     kareboot3, kapower3
env        kaenv3
nodes      kanodes3
console    kaconsole3
"""

from collections.abc import Mapping

from execo_g5k.sandbox.commands.call import Program
from execo_g5k.sandbox.commands.kadeploy.console import kaconsole3
from execo_g5k.sandbox.commands.kadeploy.deploy import kadeploy3
from execo_g5k.sandbox.commands.kadeploy.env import kaenv3
from execo_g5k.sandbox.commands.kadeploy.nodes import kanodes3
from execo_g5k.sandbox.commands.kadeploy.reboot import kapower3, kareboot3

__all__ = ["PROGRAMS"]

PROGRAMS: Mapping[str, Program] = {
    "kadeploy3": kadeploy3,
    "kareboot3": kareboot3,
    "kapower3": kapower3,
    "kaenv3": kaenv3,
    "kanodes3": kanodes3,
    "kaconsole3": kaconsole3,
}
"""Name -> command."""
