"""The set-up of a user, written: aliases of ssh, ~/.execo.conf.py, the key inside.

choices.py    what the user chooses, and where it is kept between two runs
aliases.py    the configuration of ssh: pure text
conf.py       ~/.execo.conf.py, merged with what the user has in it: pure text
changes.py    a change of a file, and how it looks
files.py      files of this machine, read and replaced, with backups
sites.py      the same on the frontends
writing.py    all of it in order, asking before each change
"""

from execo_g5k.configuring.changes import Change
from execo_g5k.configuring.choices import BadChoice, Choices, checked_sites, remembered
from execo_g5k.configuring.writing import Outcome, configure

__all__ = ["BadChoice", "Change", "Choices", "Outcome", "checked_sites", "configure", "remembered"]
