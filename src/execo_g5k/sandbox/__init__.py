"""The sandbox: a Grid'5000 on this machine, without root, network or account.

sandbox    `Sandbox`: starting one, being in it, looking at it
faults     what can be broken in it
launch     its process
model      what sites are and do: pure, on the clock that they are given
commands   oarsub, oarstat...: words -> what is printed; pure
servers    the process: ssh servers, commands and jobs as real processes

It shares no parser and no formatter with the rest of the package: it is written from what the real
tools print, and stays a witness of its own.
"""

from execo_g5k.sandbox.launch import SandboxError
from execo_g5k.sandbox.model.platform import Cluster
from execo_g5k.sandbox.sandbox import DEFAULT_SITES, Sandbox

__all__ = ["DEFAULT_SITES", "Cluster", "Sandbox", "SandboxError"]
