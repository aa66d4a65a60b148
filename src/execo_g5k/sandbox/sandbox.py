"""A whole Grid'5000 in one process of this machine: for trying scripts, and for testing them."""

import contextlib
import json
import math
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from execo._config.execo_conf import CONF_VARIABLE
from execo._config.layers import SettingsDict
from execo.config import default_connexion_params
from execo_g5k.config import (
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
    g5k_configuration,
)
from execo_g5k.sandbox import laptop, launch
from execo_g5k.sandbox.faults import Faults
from execo_g5k.sandbox.model.kadeploy.workflow import FAMILIES
from execo_g5k.sandbox.model.platform import Cluster, Features, Sites, checked_sites
from execo_g5k.sandbox.model.site import Pace
from execo_g5k.sandbox.servers.places import Directory
from execo_g5k.sandbox.servers.processes import MARK, kill_commands, own_user

DEFAULT_SITES: Sites = {"nancy": {"grisou": 4}, "lyon": {"nova": 2, "taurus": 2}}
"""Sites of a sandbox that is not told any."""

_SETTINGS: tuple[SettingsDict[Any], ...] = (
    default_connexion_params,
    default_frontend_connexion_params,
    default_oarsh_oarcp_params,
)
# a job starts within a second here
_POLLING = {"polling_interval": 1, "tiny_polling_interval": 0.5, "no_ssh_for_local_frontend": False}


_USER = re.compile(r"[a-z_][a-z0-9_-]*")
_MOST = 1e9
_ANSWER = 5.0


class Sandbox:
    """Sites with frontends, nodes and OAR servers, reached by ssh, oarsh and all that uses them::

        from execo_g5k.sandbox import Sandbox

        with Sandbox(sites={"nancy": {"grisou": 4}}) as grid:
            [(job_id, site)] = oarsub([(OarSubmission("nodes=2"), "nancy")])
            print(get_oar_job_nodes(job_id, site))

    In the block, the settings of connexions are those of a new installation, programs find the
    sandbox's ssh, scp, sftp, oarsh and oarcp first in PATH, and OAR_JOB_KEY_FILE names a key that
    all sites know; what was there before comes back at its end. Programs started in the block are
    in the sandbox too.

    The hosts are addresses 127.x.y.z of this machine; commands on them are processes of this user,
    each host with a home, a name and, where the kernel allows it, a /tmp of its own. Everything
    lies in one directory that goes away at the end.
    """

    _directory: Directory | None = None
    _process: subprocess.Popen[bytes] | None = None

    def __init__(
        self,
        sites: Sites | None = None,
        *,
        user: str | None = None,
        speed: float = 1.0,
        launch_delay: float = 0.3,
        first_job_id: int = 1,
        directory: str | os.PathLike[str] | None = None,
        oargrid: bool = False,
        vlans: bool = False,
        subnets: bool = False,
        kadeploy: str = "3.3",
        deploy_time: float = 2.0,
        outside: bool = False,
    ) -> None:
        """A block `with Sandbox() as grid:` starts it; without a block, `start` does.

        Args:
            sites: {site: {cluster: number of nodes, or a Cluster}}; None: DEFAULT_SITES.
            user: name of its account; None: that of the caller, or alice for root.
            speed: seconds of its clock in a second.
            launch_delay: seconds from the decision to start a job to its start.
            first_job_id: of each site.
            directory: where its files are, which must not exist; None: a temporary one.
            oargrid: whether frontends have the commands of OARGrid, which Grid'5000 had until 2024.
            vlans: whether jobs can reserve vlans, which adds resources to each site and columns to
                what OAR tells of its resources.
            subnets: the same for subnets.
            kadeploy: which Kadeploy the sites have: "3.3", or "3.1" as until 2014.
            deploy_time: seconds that a deployment takes.
            outside: as from a laptop, the access machine alone answers, and leads to the others;
                the caller has ssh, whose configuration says so, and no oarsh. See also `laptop`.

        Raises:
            TypeError: an argument is of another type.
            ValueError: an argument is impossible.
        """
        self.sites: Mapping[str, Mapping[str, Cluster]] = checked_sites(
            DEFAULT_SITES if sites is None else sites
        )
        self.user = own_user() if user is None else _checked_user(user)
        self._speed = _checked_number("speed", speed, above=0)
        self._pace = Pace(launch=_checked_number("launch_delay", launch_delay, least=0))
        self._first = int(_checked_number("first_job_id", first_job_id, least=1))
        self._features = Features(
            oargrid=oargrid,
            vlans=vlans,
            subnets=subnets,
            kadeploy=_checked_family(kadeploy),
            deploy_time=_checked_number("deploy_time", deploy_time, above=0),
            outside=bool(outside),
        )
        self._path = None if directory is None else Path(directory)
        # it may be entered again in a block
        self._before: list[tuple[dict[str, str | None], list[dict[str, Any]]]] = []
        self.faults = Faults(self._ask)
        """What can be broken in it, a Faults."""

    # --- life

    def start(self) -> Self:
        """Start it, without any effect on this process, and return it; `stop` ends it.

        Raises:
            SandboxError: it can't be started, or runs.
        """
        if self._directory is not None:
            raise launch.SandboxError(f"the sandbox in {self._directory.path} runs already")
        self._directory = launch.prepare(
            self._path, self.sites, self.user, self._speed, self._pace, self._first,
            self._features, parent=True,
        )  # fmt: skip
        try:
            self._process = launch.launch(self._directory, parent=True)
        except BaseException:
            launch.remove(self._directory)
            self._directory = None
            raise
        return self

    def start_to_stay(self) -> Directory:
        """Start it so that it outlives this process; return a record whose `path` has its files.

        Raises:
            SandboxError: it can't be started.
        """
        directory = launch.prepare(
            self._path, self.sites, self.user, self._speed, self._pace, self._first,
            self._features, parent=False,
        )  # fmt: skip
        launch.launch(directory, parent=False)
        return directory

    def stop(self) -> None:
        """End all of its processes, and delete its files."""
        if self._process is not None and self._directory is not None:
            # the end of its input tells it to stop, unless a forked process holds the other end
            if self._process.stdin is not None:
                self._process.stdin.close()
            with contextlib.suppress(launch.SandboxError):
                launch.ask(self._directory, timeout=_ANSWER, do="stop")
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            # it may have been killed, and could not do it
            kill_commands(self._directory)
            launch.remove(self._directory)
        self._process = self._directory = None

    def __enter__(self) -> Self:
        self.start()
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
        self.stop()

    @property
    def directory(self) -> Directory:
        """Where its files are; a record, whose `path` is the directory.

        Raises:
            SandboxError: it does not run.
        """
        if self._directory is None:
            raise launch.SandboxError("the sandbox does not run: call start()")
        return self._directory

    # --- being in it

    def environment(self) -> dict[str, str]:
        """Return the environment variables of programs that are to be in the sandbox: a dict.

        Raises:
            SandboxError: it does not run.
        """
        return environment(self.directory)

    def laptop(self, home: str | os.PathLike[str]) -> dict[str, str]:
        """Return the variables of programs on a laptop outside, where nothing is set up: a dict.

        `home`: its home. ssh reads the ~/.ssh/config there, and access.grid5000.fr is the only
        name that has an address. A key that the account knows is put into ~/.ssh/id_ed25519, unless
        there is one.

        Raises:
            SandboxError: it does not run, or not with `outside`.
        """
        if not self._features.outside:
            raise launch.SandboxError("a laptop is outside: Sandbox(outside=True)")
        return laptop.environment(self.directory, Path(home))

    @contextmanager
    def entered(self) -> Iterator[Self]:
        """Have this process in the sandbox during a `with` block.

        Raises:
            SandboxError: it does not run.
        """
        self.enter()
        try:
            yield self
        finally:
            self.leave()

    def enter(self) -> Self:
        """Have this process in the sandbox until `leave`: cells of a notebook are no block.

        Raises:
            SandboxError: it does not run.
        """
        wanted = self.environment()
        variables = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        settings_before = [settings.copy() for settings in (*_SETTINGS, g5k_configuration)]
        self._before.append((variables, settings_before))
        for settings in _SETTINGS:
            settings.update(settings.defaults())
        g5k_configuration.update(
            {**g5k_configuration.defaults(), **_settings_in(self.directory, self.sites)}
        )
        return self

    def leave(self) -> None:
        """Put back the variables and the settings that this process had before `enter`."""
        variables, settings_before = self._before.pop()
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        before = zip((*_SETTINGS, g5k_configuration), settings_before, strict=True)
        for settings, values in before:
            settings.clear()
            settings.update(values)

    # --- the others

    def run_as(
        self, user: str, site: str, argv: Sequence[str]
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of OAR on a frontend as another user, who gets an account for it::

            from execo_g5k.sandbox import Sandbox

            with Sandbox() as grid:
                words = ["oarsub", "-l", "nodes=3,walltime=2:0:0", "sleep 7200"]
                print(grid.run_as("bob", "nancy", words).stdout)

        Return its end, a `subprocess.CompletedProcess` whose output is text.

        Raises:
            SandboxError: the command, or the site, is not known.
        """
        name, *arguments = argv
        if site not in self.sites:
            raise launch.SandboxError(
                f"{site!r} is no site of this sandbox: {', '.join(self.sites)}"
            )
        home = self.directory.home_of(site, user)
        home.mkdir(exist_ok=True)
        answer = self._ask(
            do="command", name=name, host=site, arguments=arguments, directory=str(home),
            environment={}, stdin="", user=user,
        )  # fmt: skip
        return subprocess.CompletedProcess(
            argv, answer["exit_code"], answer["stdout"], answer["stderr"]
        )

    # --- looking at it

    def jobs(self, site: str) -> list[dict[str, Any]]:
        """Return all jobs that a site has had: a list of dicts with job_id, state and user.

        Raises:
            SandboxError: the site is not known, or it does not run.
        """
        found: list[dict[str, Any]] = self._ask(do="jobs", site=site)["jobs"]
        return found

    def clear(self, site: str) -> None:
        """Delete all jobs of a site, and wait until they are over.

        Raises:
            SandboxError: the site is not known, or it does not run.
        """
        self._ask(do="clear", site=site)

    def hosts(self, site: str | None = None) -> list[str]:
        """Return the list of the full names of the nodes of a site; None: of all sites."""
        return [
            host["name"]
            for host in self._ask(do="status")["hosts"]
            if host["kind"] == "node" and site in (None, host["site"])
        ]

    @property
    def pid(self) -> int:
        """Process id of what serves it."""
        return int(self._ask(do="status")["pid"])

    def now(self) -> float:
        """Return the date on its clock, as a unix timestamp."""
        return float(self._ask(do="status")["now"])

    def _ask(self, **request: Any) -> dict[str, Any]:
        return launch.ask(self.directory, **request)


def _checked_user(user: object) -> str:
    if not isinstance(user, str) or not _USER.fullmatch(user):
        raise ValueError(f"user: {user!r}: expected a name of small letters and digits")
    return user


def _checked_family(kadeploy: object) -> str:
    if kadeploy not in FAMILIES:
        raise ValueError(f"kadeploy: {kadeploy!r}: expected one of {', '.join(FAMILIES)}")
    return str(kadeploy)


def _checked_number(
    name: str, number: object, *, above: float = -math.inf, least: float = -math.inf
) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise TypeError(f"{name}: {number!r}: expected a number")
    if not (above < number < _MOST and number >= least):
        expected = f"more than {above:g}" if above > -math.inf else f"{least:g} or more"
        raise ValueError(f"{name}: {number!r}: expected {expected}")
    return number


def environment(directory: Directory) -> dict[str, str]:
    """Return the variables of programs that are to be in a sandbox."""
    before = os.environ.get("PATH", os.defpath)
    sites = json.loads(directory.settings.read_text())["sites"]
    settings = _settings_in(directory, sites)
    return {
        "PATH": f"{directory.outside}{os.pathsep}{before}",
        "OAR_JOB_KEY_FILE": str(directory.job_key),
        MARK: str(directory.path),
        # what the user has set for the real sites is wrong here
        CONF_VARIABLE: os.environ.get(CONF_VARIABLE) or str(directory.conf),
        **{f"EXECO_G5K_{name.upper()}": str(value) for name, value in settings.items()},
    }


def _settings_in(directory: Directory, sites: Iterable[str]) -> dict[str, Any]:
    return {
        **_POLLING,
        "default_frontend": next(iter(sites)),
        # its jobs end with it, and so do the records of them
        "state_directory": str(directory.state),
    }
