"""Checks of what is installed on this machine."""

from collections.abc import Iterator

from execo_g5k.doctor.facts import Facts, Programs
from execo_g5k.doctor.findings import CONFIGURE, Finding, ok, skipped, warning, wrong
from execo_g5k.doctor.openssh import parse_version

_PYTHON = (3, 11)
_INSTALL = "sudo apt-get install -y openssh-client"

# ProxyJump and Include came with 7.3, accept-new with 7.6
_LEAST = (7, 6)
_OAR_PORT = 6667


def check_python(programs: Programs) -> Iterator[Finding]:
    """Check the version of Python."""
    version = ".".join(map(str, programs.python))
    if programs.python[:2] >= _PYTHON:
        yield ok("python", f"Python {version}")
    else:
        yield wrong("python", f"Python {version}: 3.11 or newer is needed")


def check_ssh(programs: Programs) -> Iterator[Finding]:
    """Check that OpenSSH is there, and new enough."""
    missing = [tool for tool in ("scp", "ssh-keygen") if tool not in programs.found]
    if programs.ssh_version is None:
        yield wrong("ssh", "there is no ssh in PATH", _INSTALL)
        return
    version = parse_version(programs.ssh_version)
    if version is None:
        yield warning("ssh", f"{programs.ssh_version!r} is not OpenSSH: options may differ")
    elif version < _LEAST:
        least = ".".join(map(str, _LEAST))
        yield wrong("ssh", f"{programs.ssh_version}: {least} or newer is needed", _INSTALL)
    elif missing:
        yield wrong("ssh", f"there is no {' nor '.join(missing)} in PATH", _INSTALL)
    else:
        yield ok("ssh", programs.ssh_version)


def check_nodes(facts: Facts) -> Iterator[Finding]:
    """Check how nodes of jobs are entered: by oarsh, or without it."""
    check, nodes = "nodes", facts.nodes
    wanted = [name for name in nodes.programs if name.split()[:1] in (["oarsh"], ["oarcp"])]
    missing = [name for name in ("oarsh", "oarcp") if name not in facts.programs.found]
    if not missing:
        yield ok(check, "oarsh and oarcp are here")
    elif wanted:
        yield wrong(
            check,
            f"default_oarsh_oarcp_params names {' and '.join(dict.fromkeys(wanted))}, and this"
            f" machine has no {' nor '.join(missing)}: from here, nodes are entered by ssh as user"
            f" oar, port {_OAR_PORT}, with the key of the job",
            CONFIGURE,
        )
    elif (nodes.user, nodes.port) != ("oar", _OAR_PORT):
        yield warning(
            check,
            f"default_oarsh_oarcp_params has user {nodes.user!r} and port {nodes.port!r}: without"
            f" oarsh, OAR lets in user 'oar' on port {_OAR_PORT}",
        )
    elif nodes.keyfile is None:
        yield wrong(check, "default_oarsh_oarcp_params names no key: without oarsh, it takes the"
                    " key of the job", CONFIGURE)  # fmt: skip
    else:
        yield ok(check, f"entered by ssh as oar, port {_OAR_PORT}, with {nodes.keyfile}")


def check_sharing(facts: Facts, control_path: str | None) -> Iterator[Finding]:
    """Check that sockets of shared connexions have names that are short enough.

    `control_path`: that of the user's own ssh configuration, written out; None if it has none.
    """
    check = "connexion sharing"
    # 107 characters fit, and ssh adds 17 of its own while it makes one
    longest = 107 - 17
    if control_path is not None and len(control_path) > longest:
        yield wrong(
            check,
            f"ControlPath {control_path} has {len(control_path)} characters: ssh takes {longest}",
            r"sed -i 's|^\([[:space:]]*\)ControlPath[[:space:]=].*|\1ControlPath /tmp/ssh-%C|I'"
            " ~/.ssh/config",
        )
    elif facts.socket_directory is None:
        yield warning(check, "no directory for sockets has a short name: each command connects")
    elif control_path is not None:
        yield ok(check, f"by your ControlPath, {control_path}")
    else:
        yield ok(check, f"sockets lie in {facts.socket_directory}")


def check_api(facts: Facts) -> Iterator[Finding]:
    """Check what is here of the credentials of the API."""
    if facts.conf.api_password:
        yield warning(
            "API",
            f"{facts.conf.file.path} has a password in clear text: `execo-g5k password` keeps it in"
            " the key store of your desktop",
        )
    else:
        yield skipped(
            "API",
            "its password is asked for when it is needed; `execo-g5k password` keeps it in the key"
            " store of your desktop",
        )
