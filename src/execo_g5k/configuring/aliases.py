"""The configuration of ssh: how the testbed is reached through its access machine. Pure."""

import re

from execo_g5k.configuring.changes import line_end
from execo_g5k.configuring.choices import Choices

DOMAIN = "grid5000.fr"

# accept-new: nobody is there to answer when ssh goes through the access machine
_COMMON = """\
    User {user}
    IdentityFile {key}
    StrictHostKeyChecking accept-new
    ServerAliveInterval 30
"""

# the pattern and the command for *.g5k are those of Grid'5000's own pages
_OWN = """\
# How ssh reaches Grid'5000, written by `execo-g5k configure`, which replaces this file.
# To undo it: delete this file, and the line of ~/.ssh/config that includes it.
{choices}

Host {access} g5k
    HostName {access}
{common}
Host *.{domain} !{access}
    ProxyJump {access}
{common}
Host *.g5k
    ProxyCommand ssh {access} -W "$(basename %h .g5k):%p"
{common}"""

_BLOCK = re.compile(r"^\s*(Host|Match)\b", re.IGNORECASE)
_INCLUDE = re.compile(r"^\s*Include[\s=]+(.*\S)\s*$", re.IGNORECASE)

_LINE = """\
# Grid'5000: `execo-g5k configure` wrote this line
Include {path}

"""


def own_config(choices: Choices, outside_key: str) -> str:
    """Return the text of the file of ours; `outside_key` is how ssh is told the key."""
    # in names of keys, ssh puts something else for % and a letter
    key = _word(outside_key.replace("%", "%%"))
    common = _COMMON.format(user=choices.user, key=key)
    return _OWN.format(choices=choices.line(), access=choices.access, domain=DOMAIN, common=common)


def with_include(text: str, path: str) -> str:
    """Return a configuration of ssh that includes the file `path` for all hosts.

    Ssh takes the first value that it finds, and what stands below `Host` counts for these alone: so
    the line is the first one.
    """
    for line in text.split("\n"):
        if _BLOCK.match(line):
            break
        found = _INCLUDE.match(line)
        if found and found[1].strip('"') == path:
            return text
    return _LINE.format(path=_word(path)).replace("\n", line_end(text)) + text


def _word(path: str) -> str:
    return f'"{path}"' if re.search(r"\s", path) else path
