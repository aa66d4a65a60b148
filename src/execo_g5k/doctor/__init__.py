"""What is wrong with the set-up of a user, and the command that mends each of it.

findings.py   what a check says
facts.py      what checks are told: pure records
openssh.py    what OpenSSH prints, read: pure
local.py      the facts of this machine: files, keys, programs
remote.py     the facts of the access machine and of sites, by ssh
files.py programs.py keys.py settings.py reach.py sites.py   the checks: facts -> findings, pure
examining.py  all of it, sites in parallel
"""

from execo_g5k.doctor.examining import examine
from execo_g5k.doctor.findings import Finding, State

__all__ = ["Finding", "State", "examine"]
