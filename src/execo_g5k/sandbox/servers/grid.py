"""The sites of a sandbox together: their servers, their clocks, and who may enter which host."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from execo_g5k.sandbox.commands import COMMANDS, GRID_COMMANDS, Call, Reply
from execo_g5k.sandbox.commands.outages import READING, no_database, without_server
from execo_g5k.sandbox.commands.wholegrid import Contact, WholeGrid
from execo_g5k.sandbox.model.gridjobs import GridDatabase
from execo_g5k.sandbox.model.jobs import Job, State
from execo_g5k.sandbox.model.kadeploy.machines import STANDARD, Boot, System
from execo_g5k.sandbox.model.kadeploy.server import KadeployServer, Setting
from execo_g5k.sandbox.model.networks import network_rows, site_networks
from execo_g5k.sandbox.model.platform import DOMAIN, Cluster, Features, resource_rows
from execo_g5k.sandbox.model.site import Pace, SiteServer
from execo_g5k.sandbox.model.table import ResourceTable
from execo_g5k.sandbox.servers.executor import JobExecutor
from execo_g5k.sandbox.servers.files import UserFiles
from execo_g5k.sandbox.servers.machines import NodeMachines
from execo_g5k.sandbox.servers.places import OAR_PORT, Directory, Kind, Place
from execo_g5k.sandbox.servers.processes import ROOT, Processes

logger = logging.getLogger("execo.sandbox")

OAR = "oar"
"""Account by which oarsh enters nodes."""


@dataclass(frozen=True)
class Denied:
    """Why a session on a node is refused, in the words of oarsh."""

    exit_code: int
    reason: str


class Clock:
    """Time of the sandbox: the time of the machine, or faster, or shifted."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed
        self._start = time.time()
        self._shift = 0.0

    def now(self) -> float:
        """Return the date, as a unix timestamp."""
        return self._start + (time.time() - self._start) * self._speed + self._shift

    def shift(self, seconds: float) -> None:
        """Put the clock forward."""
        self._shift += seconds

    def told(self) -> str | None:
        """Return what the program `date` of the hosts has to know; None if it is right as it is."""
        if self._speed == 1 and not self._shift:
            return None
        return f"{self._start} {self._speed} {self._shift}\n"

    def real(self, seconds: float) -> float:
        """Return how long the machine takes for seconds of the sandbox."""
        return seconds / self._speed


class Grid:
    """All sites of a sandbox."""

    def __init__(
        self,
        directory: Directory,
        sites: Mapping[str, Mapping[str, Cluster]],
        all_places: list[Place],
        user: str,
        processes: Processes,
        clock: Clock,
        pace: Pace,
        first_job_id: int,
        features: Features | None = None,
    ) -> None:
        features = features or Features()
        self.directory = directory
        self.user = user
        self.processes = processes
        self.clock = clock
        self.tell_date()
        self.places = {name: place for place in reversed(all_places) for name in place.names}
        self.sites: dict[str, SiteServer] = {}
        self.executors: dict[str, JobExecutor] = {}
        self._news = asyncio.Event()
        self._databases: dict[str, asyncio.Event] = {}
        self.machines = NodeMachines(directory, self.places, processes)
        self.kadeploy: dict[str, KadeployServer] = {}
        self._outside = features.outside
        self._deploying = Setting(family=features.kadeploy, seconds=features.deploy_time)
        self.commands = {**COMMANDS, **(GRID_COMMANDS if features.oargrid else {})}
        """Those of frontends, by name."""
        self.contact: Callable[[str], Contact] = lambda site: Contact.ANSWERS
        """How the frontend of a site answers."""
        homes = {site: str(directory.home(self.frontend(site), user)) for site in sites}
        self.reservations = GridDatabase()
        self._whole = WholeGrid(
            self.sites, self.reservations, homes, lambda site: self.contact(site)
        )
        self._oar_key = _public(directory.oar_key)
        networks = site_networks(sites)
        for number, (name, clusters) in enumerate(sites.items()):
            rows = [*resource_rows(name, clusters, f"172.{16 + number}")]
            vlans, subnets = features.vlans, features.subnets
            rows += network_rows(networks[name], len(rows) + 1, vlans=vlans, subnets=subnets)
            self._add(name, ResourceTable(rows), pace, first_job_id)
            self.sites[name].networks = networks[name]

    def _add(self, name: str, table: ResourceTable, pace: Pace, first_job_id: int) -> None:
        executor = JobExecutor(
            self.directory, self.processes, self.places.__getitem__, self.frontend(name),
            self.clock.now, self.wake,
        )  # fmt: skip
        executor.site = SiteServer(name, table, executor, pace, first_job_id)
        self.sites[name], self.executors[name] = executor.site, executor
        self.kadeploy[name] = KadeployServer(executor.site, self.machines, self._deploying)
        self.set_database(name, up=True)

    def frontend(self, site: str) -> Place:
        """Return the frontend of a site."""
        return self.places[f"f{site}"]

    # --- time

    def tell_date(self) -> None:
        """Let the hosts know what the date is."""
        told = self.clock.told()
        if told is None:
            self.directory.clock.unlink(missing_ok=True)
        else:
            fresh = self.directory.clock.with_suffix(".new")
            fresh.write_text(told)
            fresh.rename(self.directory.clock)

    def wake(self) -> None:
        """Have the sites look at what there is to do."""
        self._news.set()

    async def run(self) -> None:
        """Let time pass on all sites, for ever."""
        while True:
            self._news.clear()
            dates = [self._advance(site) for site in self.sites.values()]
            next_date = min((date for date in dates if date is not None), default=None)
            delay = None
            if next_date is not None:
                delay = self.clock.real(max(0.0, next_date - self.clock.now())) + 0.001
            try:
                async with asyncio.timeout(delay):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _advance(self, site: SiteServer) -> float | None:
        now = self.clock.now()
        try:
            dates = [site.advance(now), self.kadeploy[site.name].advance(now)]
        except Exception:
            logger.exception("%s: the servers of the site fail", site.name)
            return now + 1
        return min((date for date in dates if date is not None), default=None)

    # --- commands

    async def command(
        self,
        name: str,
        place: Place,
        arguments: list[str],
        directory: str,
        environment: Mapping[str, str],
        stdin: str = "",
        user: str | None = None,
        waited: float = 0.0,
    ) -> Reply:
        """Answer a command that was called on a host of a site.

        Without its database a site answers questions with an error, and what changes something
        waits for it: as OAR 2.5.9 does.
        """
        site = self.sites[place.site]
        if not site.database_up and name in READING:
            return no_database()
        if name != "oarprint" and name not in GRID_COMMANDS:
            await self._databases[site.name].wait()
        call = self.call(place, arguments, directory, environment, stdin, user)
        call.waited = waited
        reply = self.commands[name](call)
        self.wake()
        if name in GRID_COMMANDS:
            return reply
        return reply if site.up else without_server(name, reply, f"frontend.{site.name}.{DOMAIN}")

    def call(
        self,
        place: Place,
        arguments: list[str],
        directory: str,
        environment: Mapping[str, str],
        stdin: str = "",
        user: str | None = None,
        *,
        terminal: bool = False,
    ) -> Call:
        """Return what a command that is called on a host is given."""
        return Call(
            self.sites[place.site], user or self.user, arguments, self.clock.now(),
            UserFiles(
                directory, lambda path: self.processes.path_here(place, path),
                environment.get("HOME"),
            ),
            directory, environment, stdin, place.hostname, self._whole,
            terminal=terminal, kadeploy=self.kadeploy[place.site],
        )  # fmt: skip

    def set_database(self, site: str, *, up: bool) -> None:
        """Start or stop the database of a site."""
        self.sites[site].database_up = up
        running = self._databases.setdefault(site, asyncio.Event())
        if up:
            running.set()
        else:
            running.clear()
        self.wake()

    # --- who may enter

    def may_enter(self, place: Place, port: int, user: str, key: asyncssh.SSHKey) -> bool:
        """Tell whether a key opens a host for a user."""
        public = _bare(key.export_public_key().decode())
        if port == OAR_PORT:
            return user == OAR and (public == self._oar_key or bool(self._by_key(place, public)))
        if self.machines.system(place) != STANDARD:
            return self._enters_deployed(self.machines.system(place), user, public)
        if not self._is_account(user) or not self._is_authorized(place, public):
            return False
        return place.kind is not Kind.NODE or any(
            job.has_type("allow_classic_ssh") and job.user == self.user
            for job in self.sites[place.site].running_on(place.full_name)
        )

    def _is_account(self, user: str) -> bool:
        # inside, whatever the user is called in the settings of a script: the key tells who it is
        return user == self.user or not self._outside and user not in (ROOT, OAR)

    def _is_authorized(self, place: Place, public: str) -> bool:
        keys = self.directory.home(place, self.user) / ".ssh" / "authorized_keys"
        try:
            lines = keys.read_text(errors="replace").splitlines()
        except OSError:
            return False
        # options may stand before a key, and a comment behind it
        return any(public in line for line in lines if not line.startswith("#"))

    def _enters_deployed(self, system: System, user: str, public: str) -> bool:
        if system.boot is not Boot.DEPLOYED or user != ROOT:
            return False
        return any(_bare(key) == public for key in system.keys)

    def account(self, place: Place) -> str:
        """Return the account of whoever has entered a host."""
        return self.user if self.machines.system(place) == STANDARD else ROOT

    def _by_key(self, place: Place, public: str) -> Job | None:
        if place.kind is not Kind.NODE:
            return None
        # OAR leaves the nodes of deploy and cosystem jobs alone: they get no key of theirs
        jobs = (
            job
            for job in self.sites[place.site].running_on(place.full_name)
            if not job.has_type("deploy") and not job.has_type("cosystem")
        )
        return next((job for job in jobs if job.key and _bare(job.key) == public), None)

    def session(
        self, place: Place, key: asyncssh.SSHKey, environment: Mapping[str, str]
    ) -> tuple[Job, dict[str, str]] | Denied:
        """Return the job, and its variables, of a session that oarsh opens on a node."""
        public = _bare(key.export_public_key().decode())
        if public != self._oar_key:
            job = self._by_key(place, public)
            if job is None:
                return Denied(61, "oarsh: Cannot find the job of this key")
            return job, self._variables(job, place)
        word = environment.get("OAR_JOB_ID", "")
        site = self.sites[place.site]
        job = site.jobs.get(int(word)) if word.isdecimal() else None
        if job is None:
            return Denied(5, f"oarsh: Cannot retrieve the job cpuset name for job id: {word}")
        if job.user != environment.get("OAR_USER", job.user):
            return Denied(5, f"oarsh: Permission denied, seems like job {word} is not yours.")
        here = job.state is State.RUNNING and place.full_name in site.table.hosts(job.resources)
        if not here or job.has_type("deploy") or job.has_type("cosystem"):
            cpuset = f"/dev/cpuset//oar/{job.user}_{job.job_id}/tasks"
            return Denied(61, f"oarsh: Cannot find cpuset file : {cpuset}")
        return job, self._variables(job, place)

    def _variables(self, job: Job, place: Place) -> dict[str, str]:
        return self.executors[place.site].variables(job)


def _public(private: Path) -> str:
    return _bare(private.with_suffix(".pub").read_text())


def _bare(public: str) -> str:
    """Return a public key without its comment."""
    return " ".join(public.split()[:2])
