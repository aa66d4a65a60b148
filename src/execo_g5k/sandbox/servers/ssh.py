"""What ssh, scp and sftp connect to: a server on the address of each host."""

import asyncio
import contextlib
import os
import shlex
import socket
from asyncio.subprocess import DEVNULL
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import asyncssh

from execo_g5k.sandbox.commands import COMMANDS
from execo_g5k.sandbox.commands.wholegrid import Contact
from execo_g5k.sandbox.model.kadeploy.machines import STANDARD
from execo_g5k.sandbox.servers.faults import NO_FAULT, HostFaults
from execo_g5k.sandbox.servers.forwards import connect_from
from execo_g5k.sandbox.servers.grid import Denied, Grid
from execo_g5k.sandbox.servers.isolation import Isolation
from execo_g5k.sandbox.servers.places import OAR_PORT, SSH_PORT, VLAN_PORT, Kind, Place
from execo_g5k.sandbox.servers.processes import Command
from execo_g5k.sandbox.servers.streams import on_pipes, on_terminal

_READ = 65536

# clients of OpenSSH tell others less: not that nobody reads any more
_VERSION = "OpenSSH_9.2p1 sandbox"
_CLOSE = 2.0
_A_MOMENT = 0.2
_INTERACTIVE = ("-I", "-C")


class SshServers:
    """The servers of all hosts."""

    def __init__(
        self, grid: Grid, isolation: Isolation, host_key: str, *, outside: bool = False
    ) -> None:
        """`outside`: who is no host of the sandbox reaches the access machine alone."""
        self.grid = grid
        self._outside = outside
        self.isolation = isolation
        self.faults: dict[str, HostFaults] = {}
        self._by_address = {place.address: place for place in grid.places.values()}
        self._listening: dict[tuple[str, int], asyncssh.SSHAcceptor | asyncio.Server] = {}
        self._changing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._changes: set[asyncio.Task[None]] = set()
        self._sessions: dict[asyncssh.SSHServerConnection, int] = {}
        """Connexion -> how much runs on it."""
        self._hosts: dict[asyncssh.SSHServerConnection, Place] = {}
        self._options = asyncssh.SSHServerConnectionOptions(
            server_factory=lambda: _Entrance(self),
            server_host_keys=[host_key],
            process_factory=self._session,
            sftp_factory=lambda channel: _Files(self, channel),
            allow_scp=True,
            encoding=None,
            line_editor=False,
            kex_algs=["curve25519-sha256", "curve25519-sha256@libssh.org"],
            encryption_algs=["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr"],
            gss_host=None,
            server_version=_VERSION,
            login_timeout=300,
        )

    def place_of(self, connexion: Any) -> tuple[Place, int]:
        """Return the host, and its port, to which somebody connected.

        The port of a vlan is that of ssh.
        """
        address, port = connexion.get_extra_info("sockname")[:2]
        return self._by_address[address], port if port == OAR_PORT else SSH_PORT

    def lets_in(self, place: Place, peer: str) -> bool:
        """Tell whether a host answers connexions from an address."""
        return not self._outside or place.kind is Kind.ACCESS or peer in self._by_address

    def faults_of(self, place: Place) -> HostFaults:
        """Return what is wrong with a host."""
        return self.faults.get(place.full_name, NO_FAULT)

    def contact(self, site: str) -> Contact:
        """Tell how the frontend of a site answers."""
        faults = self.faults_of(self.grid.frontend(site))
        if faults.refuses:
            return Contact.REFUSES
        return Contact.SILENT if faults.hangs else Contact.ANSWERS

    # --- listening

    async def listen(self, claimed: socket.socket) -> None:
        """Listen on all addresses, on one of them with a socket that listens already."""
        self._listening[claimed.getsockname()] = await asyncssh.listen(
            sock=claimed, options=self._options
        )
        for place in self._by_address.values():
            await self._listen_on(place)

    async def _listen_on(self, place: Place) -> None:
        system = self.grid.machines.system(place)
        ssh_port = SSH_PORT if system.vlan is None else VLAN_PORT + system.vlan
        # OAR's sshd is one of the standard system
        for port in (ssh_port, OAR_PORT) if system == STANDARD else (ssh_port,):
            if (place.address, port) not in self._listening:
                self._listening[place.address, port] = await asyncssh.listen(
                    place.address, port, options=self._options
                )

    async def close(self) -> None:
        """End all connexions, and listen no more."""
        for listening in self._listening.values():
            listening.close()
        sessions = [*self._sessions]
        for connexion in sessions:
            connexion.abort()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE):
                await asyncio.gather(*(connexion.wait_closed() for connexion in sessions))

    async def break_host(self, place: Place, faults: HostFaults) -> None:
        """Let a host have faults, and no others."""
        before, self.faults[place.full_name] = self.faults_of(place), faults
        if (before.refuses, before.hangs) != (faults.refuses, faults.hangs):
            await self._listen_as_it_is(place)

    def alive(self, place: Place) -> bool:
        """Tell whether a host that is up answers."""
        faults = self.faults_of(place)
        return not faults.refuses and not faults.hangs

    def changed(self, place: Place) -> None:
        """Take note that a node goes down, or comes up with another system."""
        self._listen_no_more(place)
        self.cut(place)
        change = asyncio.get_running_loop().create_task(self._listen_as_it_is(place))
        self._changes.add(change)
        change.add_done_callback(self._changes.discard)

    def _listen_no_more(self, place: Place) -> None:
        for address, port in [*self._listening]:
            if address == place.address:
                self._listening.pop((address, port)).close()

    async def _listen_as_it_is(self, place: Place) -> None:
        async with self._changing[place.address]:
            self._listen_no_more(place)
            faults, machines = self.faults_of(place), self.grid.machines
            if faults.refuses or faults.hangs:
                # a connexion that waits for its next session would hide the fault
                self.cut(place, idle=True)
            if faults.refuses or machines.is_down(place) or machines.system(place).silent:
                return
            if not faults.hangs:
                await self._listen_on(place)
                return
            for port in (SSH_PORT, OAR_PORT):
                mute = await asyncio.start_server(_never_answer, place.address, port)
                self._listening[place.address, port] = mute

    async def mend_all(self) -> None:
        """Let all hosts work again."""
        for place in self._by_address.values():
            if self.faults_of(place) != NO_FAULT:
                await self.break_host(place, NO_FAULT)

    def cut(self, place: Place, *, idle: bool = False) -> None:
        """Cut all connexions of a host, or those alone that nothing runs on."""
        for connexion, sessions in [*self._sessions.items()]:
            if self._hosts[connexion] is place and not (idle and sessions):
                connexion.abort()

    def entered(self, connexion: asyncssh.SSHServerConnection, place: Place) -> None:
        """Note a connexion to a host."""
        self._sessions[connexion], self._hosts[connexion] = 0, place

    def left(self, connexion: asyncssh.SSHServerConnection) -> None:
        """Forget a connexion."""
        self._sessions.pop(connexion, None)
        self._hosts.pop(connexion, None)

    # --- sessions

    def began(self, channel: Any) -> None:
        """Note that something runs on the connexion of a channel."""
        connexion = channel.get_connection()
        if connexion in self._sessions:
            self._sessions[connexion] += 1

    def over(self, channel: Any) -> None:
        """Note that it runs no more."""
        connexion = channel.get_connection()
        if connexion in self._sessions:
            self._sessions[connexion] -= 1
            faults = self.faults_of(self._hosts[connexion])
            if not self._sessions[connexion] and (faults.refuses or faults.hangs):
                connexion.close()

    async def _session(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        self.began(process.channel)
        try:
            await self._serve(process)
        finally:
            self.over(process.channel)

    async def _serve(self, process: "asyncssh.SSHServerProcess[bytes]") -> None:
        place, port = self.place_of(process)
        faults = self.faults_of(place)
        if faults.delay:
            await asyncio.sleep(faults.delay)
        environment = {**_sent(process), "SSH_CONNECTION": _ends(process)}
        if port == OAR_PORT:
            key = process.get_extra_info("execo_key")
            found = self.grid.session(place, key, environment)
            if isinstance(found, Denied):
                process.stderr.write(f"{found.reason}\n".encode())
                process.exit(found.exit_code)
                return
            environment |= found[1]
        if faults.banner:
            process.stderr.write(faults.banner.encode())
        if faults.garbage:
            process.stdout.write(faults.garbage.encode())
        command = Command(place, self.grid.account(place), process.command, environment)
        if faults.cut_after is not None:
            await self._cut_short(process, command, faults.cut_after)
        else:
            await self._answer(process, command)

    async def _cut_short(
        self, process: "asyncssh.SSHServerProcess[bytes]", command: Command, after: int
    ) -> None:
        """Run a command, and lose the connexion after the beginning of its output."""
        child = await self.grid.processes.start(command, stdin=DEVNULL, stderr=DEVNULL)
        if child.stdout is not None:
            try:
                said = await child.stdout.readexactly(after)
            except asyncio.IncompleteReadError as end:
                said = end.partial
            process.stdout.write(said)
            # a client that hears of the end at the same time shows nothing
            await asyncio.sleep(_A_MOMENT)
            process.channel.get_connection().close()
            # as without a terminal, it goes on
            while await child.stdout.read(_READ):
                pass
        await child.wait()

    async def _answer(self, process: "asyncssh.SSHServerProcess[bytes]", command: Command) -> None:
        words, place = _plain_words(command.text), command.place
        if process.term_type is not None:
            await on_terminal(self.grid.processes, process, command)
        elif words is not None and place.kind is Kind.FRONTEND and _is_of_oar(words):
            await self._of_oar(process, command, words)
        else:
            await on_pipes(self.grid.processes, process, command)

    async def _of_oar(
        self, process: "asyncssh.SSHServerProcess[bytes]", command: Command, words: list[str]
    ) -> None:
        variables, (name, *arguments) = _split_environment(words)
        environment = self.grid.processes.environment(command) | variables
        home = environment["HOME"]
        reply = await self.grid.command(name, command.place, arguments, home, environment)
        process.stdout.write(reply.stdout.encode("utf-8", "surrogateescape"))
        process.stderr.write(reply.stderr.encode("utf-8", "surrogateescape"))
        process.exit(reply.exit_code)


async def _never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(_READ):
            pass
    writer.close()


def _sent(process: "asyncssh.SSHServerProcess[bytes]") -> dict[str, str]:
    sent: Mapping[Any, Any] = process.channel.get_environment()
    return {_text(name): _text(value) for name, value in sent.items()}


def _ends(process: "asyncssh.SSHServerProcess[bytes]") -> str:
    """Return the addresses and ports of a connexion, the client's first, as sshd tells them."""
    ends = (*process.get_extra_info("peername")[:2], *process.get_extra_info("sockname")[:2])
    return " ".join(map(str, ends))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


# --- commands of OAR that need no shell


def _plain_words(text: str | None) -> list[str] | None:
    """Return the words of a command line in which a shell would expand nothing; else None."""
    if text is None:
        return None
    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return words if shlex.join(words) == text else None


def _split_environment(words: list[str]) -> tuple[dict[str, str], list[str]]:
    rest = words[1:] if words[:1] == ["env"] else words
    variables = {}
    while rest and "=" in rest[0] and words[0] == "env":
        name, _, value = rest[0].partition("=")
        variables[name] = value
        rest = rest[1:]
    return variables, rest


def _is_of_oar(words: list[str]) -> bool:
    _, rest = _split_environment(words)
    reads_input = rest[:1] == ["oarprint"]
    return (
        bool(rest)
        and rest[0] in COMMANDS
        and not reads_input
        and not any(word in rest[1:] for word in _INTERACTIVE)
    )


# --- entering


class _Entrance(asyncssh.SSHServer):
    def __init__(self, servers: SshServers) -> None:
        self._servers = servers
        self._user = ""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connexion = conn
        self._place, self._port = self._servers.place_of(conn)
        if not self._servers.lets_in(self._place, conn.get_extra_info("peername")[0]):
            conn.abort()
        self._servers.entered(conn, self._place)

    def connection_lost(self, exc: Exception | None) -> None:
        self._servers.left(self._connexion)

    def begin_auth(self, username: str) -> bool:
        self._user = username
        return True

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Any:
        return connect_from(self._place, self._servers.grid.places, dest_host, dest_port)

    def password_auth_supported(self) -> bool:
        return False

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        entered = self._servers.grid.may_enter(self._place, self._port, username, key)
        if entered:
            self._connexion.set_extra_info(execo_key=key)
        return entered


class _Files(asyncssh.SFTPServer):
    """The files of a host: names are relative to the home, and /tmp is its own."""

    def __init__(self, servers: SshServers, channel: Any) -> None:
        super().__init__(channel)
        self._servers = servers
        self._channel = channel
        servers.began(channel)
        self._place, _ = servers.place_of(channel)
        user = servers.grid.account(self._place)
        self._home = str(servers.grid.processes.home(self._place, user))

    def exit(self) -> None:
        self._servers.over(self._channel)
        # scp takes the end of a session without an exit status for a failure
        self._channel.exit(0)

    def map_path(self, path: bytes) -> bytes:
        name = os.path.join(self._home, os.fsdecode(path))
        return os.fsencode(self._servers.grid.processes.path_here(self._place, name))

    def reverse_map_path(self, path: bytes) -> bytes:
        return os.fsencode(self._servers.isolation.path_there(self._place, os.fsdecode(path)))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        if pflags & asyncssh.FXF_WRITE and self._servers.faults_of(self._place).disk_full:
            raise asyncssh.SFTPFailure("No space left on device")
        return super().open(path, pflags, attrs)
