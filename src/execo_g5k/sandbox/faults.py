"""What can be broken in a sandbox, each by one call."""

from collections.abc import Callable
from typing import Any

Ask = Callable[..., dict[str, Any]]


class Faults:
    """Breaks hosts and servers of a sandbox, and mends them: `sandbox.faults`.

    A host is given by any of its names; a site stands for its frontend. What a call does to a host
    replaces what was wrong with it before. All calls raise SandboxError for a host or a site that
    is not in the sandbox, and when it does not run.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def refuse(self, host: str) -> None:
        """Let a host refuse connexions, as without an ssh server."""
        self._break(host, refuses=True)

    def hang(self, host: str) -> None:
        """Let a host accept connexions and never answer."""
        self._break(host, hangs=True)

    def slow(self, host: str, seconds: float) -> None:
        """Let a host wait this many seconds before it answers each command."""
        self._break(host, delay=seconds)

    def cut_output(self, host: str, after: int = 0) -> None:
        """Let a host cut each connexion after this many bytes of output."""
        self._break(host, cut_after=after)

    def banner(self, host: str, text: str) -> None:
        """Let a host show a text on standard error before each command."""
        self._break(host, banner=text)

    def garbage(self, host: str, text: str) -> None:
        """Let a host print a text before the output of each command."""
        self._break(host, garbage=text)

    def fill_disk(self, host: str) -> None:
        """Let no file be copied to a host."""
        self._break(host, disk_full=True)

    def mend(self, host: str) -> None:
        """Let a host work again."""
        self._break(host)

    def cut(self, host: str) -> None:
        """Cut the connexions that a host has now."""
        self._ask(do="cut", host=host)

    def kill_node(self, node: str) -> None:
        """Let a node die: its processes end, nothing answers, and OAR does not know it yet."""
        self._ask(do="kill", host=node)

    def set_node_state(self, node: str, state: str) -> None:
        """Change what OAR thinks of a node: Alive (which revives it), Suspected, Absent, Dead."""
        self._ask(do="node", host=node, state=state)

    def mute_scheduler(self, site: str) -> None:
        """Let the scheduler of a site start nothing more."""
        self._ask(do="scheduler", site=site, answers=False)

    def mend_scheduler(self, site: str) -> None:
        """Let the scheduler of a site work again."""
        self._ask(do="scheduler", site=site, answers=True)

    def stop_server(self, site: str) -> None:
        """Stop the OAR server of a site: jobs are recorded, and nothing happens to them."""
        self._ask(do="outage", site=site, what="server", up=False)

    def start_server(self, site: str) -> None:
        """Start the OAR server of a site again."""
        self._ask(do="outage", site=site, what="server", up=True)

    def stop_database(self, site: str) -> None:
        """Stop the database of a site: oarstat fails at once, oarsub and oardel wait for it."""
        self._ask(do="outage", site=site, what="database", up=False)

    def start_database(self, site: str) -> None:
        """Start the database of a site again."""
        self._ask(do="outage", site=site, what="database", up=True)

    def fail_deployment(
        self,
        node: str,
        step: str = "format_deploy_part",
        reason: str = "mkfs.ext4: No such file or directory while trying to open /dev/sda3\n",
        times: int | None = 1,
    ) -> None:
        """Let the next deployments of a node fail.

        `step`: where: a macro-step, a micro-step of it, or both as MACRO-micro. `reason`: what
        Kadeploy says then. `times`: how many of them; None for all, until it is mended.
        """
        how = {"step": step, "reason": reason, "times": times}
        self._ask(do="trouble", host=node, what="fail", how=how)

    def spoil_deployment(self, node: str, what: str = "ssh", times: int | None = 1) -> None:
        """Make a node faulty although Kadeploy reports it as deployed.

        `what`: "ssh": its ssh server does not run; "system": it boots its standard system. `times`:
        how many deployments; None for all, until it is mended.
        """
        self._ask(do="trouble", host=node, what="spoil", how={"what": what, "times": times})

    def slow_down_reboots(self, node: str, seconds: float) -> None:
        """Let each reboot of a node take this many seconds longer."""
        self._ask(do="trouble", host=node, what="slow down", how={"seconds": seconds})

    def lock_node(self, node: str) -> None:
        """Let Kadeploy think that somebody else is deploying a node."""
        self._ask(do="trouble", host=node, what="lock", how={})

    def stop_kadeploy(self, site: str) -> None:
        """Stop the Kadeploy server of a site: deployments that run are lost."""
        self._ask(do="outage", site=site, what="kadeploy", up=False)

    def start_kadeploy(self, site: str) -> None:
        """Start the Kadeploy server of a site again."""
        self._ask(do="outage", site=site, what="kadeploy", up=True)

    def mend_all(self) -> None:
        """Let all hosts, nodes, servers and schedulers work again; the clock stays as it is."""
        self._ask(do="mend")

    def shift_clock(self, seconds: float) -> None:
        """Put the clock of the sandbox forward by this many seconds."""
        self._ask(do="shift", seconds=seconds)

    def _break(self, host: str, **faults: Any) -> None:
        self._ask(do="break", host=host, faults=faults)
