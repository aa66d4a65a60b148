"""The socket to which the programs of a sandbox connect: one line of JSON asks, one answers."""

import asyncio
import contextlib
import json
import logging
import math
import os
from collections.abc import Awaitable, Callable
from typing import Any

from execo_g5k.sandbox.commands.kadeploy import PROGRAMS
from execo_g5k.sandbox.model.jobs import State
from execo_g5k.sandbox.model.site import SiteServer
from execo_g5k.sandbox.servers.faults import HostFaults
from execo_g5k.sandbox.servers.grid import Grid
from execo_g5k.sandbox.servers.places import Kind, Place
from execo_g5k.sandbox.servers.programs import converse
from execo_g5k.sandbox.servers.ssh import SshServers

logger = logging.getLogger("execo.sandbox")

_LONGEST = 1 << 26
_POLL = 0.02
_LOOKS = 20
_NODE_STATES = ("Alive", "Suspected", "Absent", "Dead")

Request = dict[str, Any]
Answer = dict[str, Any]


class Control:
    """Answers what the sandbox's own programs ask."""

    def __init__(self, grid: Grid, servers: SshServers, stop: Callable[[], object]) -> None:
        self._grid = grid
        self._servers = servers
        self._stop = stop
        self._answers: dict[str, Callable[[Request], Awaitable[Answer]]] = {
            "command": self._command,
            "program": self._program,
            "job": self._job,
            "leave": self._leave,
            "jobs": self._jobs,
            "clear": self._clear,
            "break": self._break,
            "cut": self._cut,
            "kill": self._kill,
            "node": self._node,
            "scheduler": self._scheduler,
            "outage": self._outage,
            "trouble": self._trouble,
            "mend": self._mend,
            "shift": self._shift,
            "status": self._status,
            "stop": self._end,
        }

    async def listen(self) -> asyncio.Server:
        """Listen on the socket, which only the user of the sandbox can reach."""
        path = self._grid.directory.control
        server = await asyncio.start_unix_server(self._serve, path, limit=_LONGEST)
        os.chmod(path, 0o600)
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            line = await reader.readline()
            answer = await self._answered(line) if line else None
            if answer is not None and "program" in answer:
                await self._converse(answer["program"], reader, writer)
            elif answer is not None:
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _answered(self, line: bytes) -> Answer:
        try:
            request = json.loads(line)
            return await self._answers[request["do"]](request)
        except ValueError as error:
            return {"error": str(error)}
        except (KeyError, TypeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}
        except Exception as error:
            logger.exception("a request fails")
            return {"error": f"{type(error).__name__}: {error}"}

    def _place(self, request: Request) -> Place:
        name = request["host"]
        if name not in self._grid.places:
            raise ValueError(f"{name!r} is no host of this sandbox")
        return self._grid.places[name]

    def _site(self, request: Request) -> SiteServer:
        name = request["site"]
        if name not in self._grid.sites:
            known = ", ".join(self._grid.sites)
            raise ValueError(f"{name!r} is no site of this sandbox: {known}")
        return self._grid.sites[name]

    def _node_place(self, request: Request) -> Place:
        place = self._place(request)
        if place.kind is not Kind.NODE:
            raise ValueError(f"{request['host']!r} is no node")
        return place

    # --- commands of hosts

    async def _command(self, request: Request) -> Answer:
        place = self._place(request)
        if request["name"] not in self._grid.commands or not place.site:
            raise ValueError(f"{request['name']!r} is no command of {place.hostname}")
        reply = await self._grid.command(
            request["name"], place, request["arguments"], request["directory"],
            request["environment"], request["stdin"], request.get("user"),
            request.get("waited", 0.0),
        )  # fmt: skip
        return {
            "exit_code": reply.exit_code,
            "stdout": reply.stdout,
            "stderr": reply.stderr,
            "connect": reply.connect,
            "again": None if reply.again is None else self._grid.clock.real(reply.again),
            "waited": request.get("waited", 0.0) + (reply.again or 0.0),
        }

    async def _program(self, request: Request) -> Answer:
        """Find a command that takes time: the rest is a conversation."""
        place = self._place(request)
        if request["name"] not in PROGRAMS or not place.site:
            raise ValueError(f"{request['name']!r} is no command of {place.hostname}")
        return {"program": request}

    async def _converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        call = self._grid.call(
            self._place(request), request["arguments"], request["directory"],
            request["environment"], request["stdin"], request.get("user"),
            terminal=request["terminal"],
        )  # fmt: skip
        # kadeploy3 asks its server each second
        longest = self._grid.kadeploy[call.site.name].setting.seconds / _LOOKS
        pause = self._grid.clock.real(min(1.0, longest))
        try:
            await converse(self._grid, PROGRAMS[request["name"]], call, pause, reader, writer)
        except Exception as error:
            logger.exception("%s fails", request["name"])
            told = {"error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(told).encode() + b"\n")

    async def _job(self, request: Request) -> Answer:
        site = self._grid.sites[request.get("site") or self._place(request).site]
        job = site.jobs[request["job_id"]]
        hosts = site.table.hosts(job.resources)
        return {"state": job.state.value, "hosts": hosts, "running": job.state is State.RUNNING}

    async def _leave(self, request: Request) -> Answer:
        site = self._grid.sites[self._place(request).site]
        job = site.jobs[request["job_id"]]
        if job.interactive and job.state is State.RUNNING:
            site.ended(job, 0, self._grid.clock.now())
        elif job.interactive:
            site.delete(job.job_id, job.user, self._grid.clock.now())
        self._grid.wake()
        return {}

    async def _jobs(self, request: Request) -> Answer:
        site = self._site(request)
        return {
            "jobs": [
                {"job_id": job.job_id, "state": job.state.value, "user": job.user}
                for job in site.jobs.values()
            ]
        }

    async def _clear(self, request: Request) -> Answer:
        site = self._site(request)
        if not site.up:
            raise ValueError(f"the OAR server of {site.name} is stopped: start_server() first")
        while jobs := list(site.live()):
            for job in jobs:
                site.delete(job.job_id, "root", self._grid.clock.now())
            self._grid.wake()
            await asyncio.sleep(_POLL)
        self._grid.reservations.clear(site.name)
        return {}

    # --- what breaks

    async def _break(self, request: Request) -> Answer:
        await self._servers.break_host(self._place(request), HostFaults.of(**request["faults"]))
        return {}

    async def _cut(self, request: Request) -> Answer:
        self._servers.cut(self._place(request))
        return {}

    async def _kill(self, request: Request) -> Answer:
        """Let a node die, without OAR knowing it."""
        place = self._node_place(request)
        site = self._grid.sites[place.site]
        site.silent_nodes.add(place.full_name)
        await self._servers.break_host(place, HostFaults(refuses=True))
        self._servers.cut(place)
        self._grid.processes.kill_host(place)
        return {}

    async def _node(self, request: Request) -> Answer:
        place = self._node_place(request)
        if request["state"] not in _NODE_STATES:
            raise ValueError(f"state: {request['state']!r}: expected {', '.join(_NODE_STATES)}")
        site = self._grid.sites[place.site]
        if request["state"] == "Alive":
            site.silent_nodes.discard(place.full_name)
            await self._servers.break_host(place, HostFaults())
        site.set_node_state(place.full_name, request["state"], self._grid.clock.now())
        self._grid.wake()
        return {}

    async def _scheduler(self, request: Request) -> Answer:
        self._site(request).mute = not request["answers"]
        self._grid.wake()
        return {}

    async def _outage(self, request: Request) -> Answer:
        site = self._site(request)
        if request["what"] == "database":
            self._grid.set_database(site.name, up=bool(request["up"]))
        elif request["what"] == "kadeploy":
            self._grid.kadeploy[site.name].set_running(up=bool(request["up"]))
        else:
            site.up = bool(request["up"])
        self._grid.wake()
        return {}

    async def _trouble(self, request: Request) -> Answer:
        """Let deployments of a node go wrong."""
        place = self._node_place(request)
        troubles = self._grid.kadeploy[place.site].troubles
        kinds: dict[str, Callable[..., None]] = {
            "fail": troubles.fail, "spoil": troubles.spoil,
            "slow down": troubles.slow_down, "lock": troubles.lock,
        }  # fmt: skip
        kinds[request["what"]](place.full_name, **request["how"])
        return {}

    async def _mend(self, request: Request) -> Answer:
        await self._servers.mend_all()
        for site in self._grid.sites.values():
            site.up = True
            self._grid.set_database(site.name, up=True)
            self._grid.kadeploy[site.name].set_running(up=True)
            self._grid.kadeploy[site.name].troubles.forget()
            site.mute = False
            site.silent_nodes.clear()
            ill = site.table.all & ~site.table.alive
            for node in site.table.hosts(ill):
                site.set_node_state(node, "Alive", self._grid.clock.now())
        self._grid.wake()
        return {}

    async def _shift(self, request: Request) -> Answer:
        seconds = float(request["seconds"])
        if not math.isfinite(seconds):
            raise ValueError(f"seconds: {seconds}: expected a number")
        self._grid.clock.shift(seconds)
        self._grid.tell_date()
        self._grid.wake()
        return {}

    # --- the sandbox itself

    async def _status(self, request: Request) -> Answer:
        places = {place.full_name: place for place in self._grid.places.values()}
        return {
            "pid": os.getpid(),
            "now": self._grid.clock.now(),
            "hosts": [
                {"name": p.full_name, "kind": p.kind.value, "site": p.site, "address": p.address}
                for p in places.values()
            ],
        }

    async def _end(self, request: Request) -> Answer:
        self._stop()
        return {}
