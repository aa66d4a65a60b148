"""Break parts of the grid, and mend them."""

from collections.abc import Callable
from functools import partial

from testbed import oar
from testbed.errors import GridError
from testbed.plan import FRONTENDS, HOSTS, GridHost

# The patterns must not match the command line of the shell that runs them: hence [A].
STOP_SSHDS = "pkill -KILL -f '^sshd: .*[[]listener[]]'; rm -f /run/*sshd.pid"
# the process of a connexion has a child as long as a session runs; one that is busy when the fault
# begins waits for its next session a moment later
END_IDLE = (
    "for i in $(seq 10); do for pid in $(pgrep -f '^sshd: [a-z]+@'); do "
    '[ -n "$(cat /proc/$pid/task/$pid/children)" ] || kill -KILL $pid; done; '
    "sleep 0.1; done 2>/dev/null; true"
)
SERVER_RUNS = "pgrep -f [A]lmighty >/dev/null"
STOP_SERVER = (
    "kill $(cat /run/oar-server.pid); "
    f"for i in $(seq 100); do {SERVER_RUNS} || exit 0; sleep 0.1; done; "
    "pkill -KILL -f [A]lmighty"
)


class Faults:
    """Faults of a grid.  Each can be mended alone; `mend_all` mends those of this object.

    `run` runs a shell script as root on a host: (host, script) -> stdout.
    """

    def __init__(self, run: oar.RunScript) -> None:
        self._run = run
        self._faults: dict[tuple[str, str], Callable[[str], None]] = {}

    def freeze_frontend(self, site: str) -> None:
        """Let the frontend accept connexions and never answer; sessions that run go on."""
        # the kernel still accepts for a stopped listener
        stop = f"kill -STOP $(cat /run/sshd.pid); {END_IDLE}"
        self._break("freeze", site, _frontend(site), stop, self.thaw_frontend)

    def thaw_frontend(self, site: str) -> None:
        """Let a frozen frontend answer again."""
        self._mend("freeze", site, _frontend(site), "kill -CONT $(cat /run/sshd.pid)")

    def stop_sshd(self, host: str) -> None:
        """Stop both ssh daemons of a host: connexions are refused; sessions go on."""
        self._break("sshd", host, _host(host), f"{STOP_SSHDS}; {END_IDLE}", self.start_sshd)

    def start_sshd(self, host: str) -> None:
        """Start the ssh daemons of a host again."""
        start = f"{STOP_SSHDS}; {oar.START_SSHD}"
        if _host(host).site is not None:
            start += f" && {oar.START_OAR_SSHD}"
        self._mend("sshd", host, _host(host), start)

    def stop_oar_server(self, site: str) -> None:
        """Stop the OAR server of a site: commands can't reach it, the database answers."""
        self._break("server", site, _frontend(site), STOP_SERVER, self.start_oar_server)

    def start_oar_server(self, site: str) -> None:
        """Start the OAR server of a site again, and wait until it answers."""
        frontend = _frontend(site)
        start = f"{SERVER_RUNS} || ({oar.START_SERVER}); {oar.wait_for_server(frontend)}"
        self._mend("server", site, frontend, start)

    def stop_database(self, site: str) -> None:
        """Stop the database of a site, as by a crash.

        oarstat fails at once; oarsub and oardel try again for ever.
        """
        frontend = _frontend(site)
        self._break("database", site, frontend, oar.STOP_DATABASE, self.start_database)

    def start_database(self, site: str) -> None:
        """Start the database of a site again."""
        start = f"{oar.START_DATABASE} || pg_ctlcluster 15 main status"
        self._mend("database", site, _frontend(site), start)

    def kill_node(self, node: str) -> None:
        """Cut a node off the network: packets to it are lost."""
        self._break("node", node, _node(node), "ip link set eth0 down", self.revive_node)

    def revive_node(self, node: str) -> None:
        """Plug a node in again.  OAR may still suspect it: see `set_node_state`."""
        self._mend("node", node, _node(node), "ip link set eth0 up")

    def set_node_state(self, node: str, state: str) -> None:
        """Tell OAR the state of a node: Alive, Absent, Suspected or Dead."""
        host = _node(node)
        frontend = _frontend(host.site or "")
        tell = f"oarnodesetting -h {host.fqdn} -s {state} >/dev/null"
        if state == "Alive":
            self._mend("state", node, frontend, tell)
        else:
            self._break("state", node, frontend, tell, partial(self.set_node_state, state="Alive"))

    def _break(
        self, fault: str, name: str, host: GridHost, script: str, undo: Callable[[str], None]
    ) -> None:
        # recorded first: a script that fails half-way has to be mended too
        self._faults[fault, name] = undo
        self._run(host.name, script)

    def _mend(self, fault: str, name: str, host: GridHost, script: str) -> None:
        self._run(host.name, script)
        self._faults.pop((fault, name), None)

    def mend_all(self) -> None:
        """Mend every fault made through this object, the last made first."""
        for (_, name), undo in reversed(list(self._faults.items())):
            undo(name)


def _host(name: str) -> GridHost:
    if name not in HOSTS:
        raise GridError(f"no host {name!r}: the grid has {', '.join(HOSTS)}")
    return HOSTS[name]


def _node(name: str) -> GridHost:
    host = _host(name)
    if host.kind != "node":
        raise GridError(f"{name} is no node")
    return host


def _frontend(site: str) -> GridHost:
    if site not in FRONTENDS:
        raise GridError(f"no site {site!r}: the grid has {', '.join(FRONTENDS)}")
    return FRONTENDS[site]
