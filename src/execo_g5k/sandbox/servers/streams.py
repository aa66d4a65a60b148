"""What commands read and print, carried between their processes and ssh as sshd does it."""

import asyncio
import contextlib
import os
import signal
from typing import Any

import asyncssh

from execo_g5k.sandbox.servers.processes import Command, Processes, set_size

_READ = 65536
_LAST_LOOKS, _LAST_LOOK = 20, 0.05
_EOW = "_process_eow_at_openssh_dot_com_request"
_GONE = (OSError, asyncssh.Error)


# --- without a terminal


async def on_pipes(processes: Processes, process: Any, command: Command) -> None:
    """Run a command whose streams are those of a channel, and tell its end.

    As with sshd the session lasts until all that holds its output has closed it.
    """
    (out, out_there), (err, err_there) = os.pipe(), os.pipe()
    try:
        child = await processes.start(command, stdout=out_there, stderr=err_there)
    except BaseException:
        os.close(out)
        os.close(err)
        raise
    finally:
        os.close(out_there)
        os.close(err_there)
    output, errors = await _Pipe.of(out), await _Pipe.of(err)
    loop = asyncio.get_running_loop()
    printing = loop.create_task(output.carry_to(process.stdout))
    # OpenSSH tells that nobody reads any more, of which asyncssh knows nothing
    setattr(process.channel, _EOW, lambda _packet: printing.cancel())
    feeding = loop.create_task(_feed(process, child))
    await asyncio.wait([printing, loop.create_task(errors.carry_to(process.stderr))])
    code = await child.wait()
    feeding.cancel()
    exit_of(process, code)
    if printing.cancelled():
        # what nobody reads would be waited for
        process.channel._close_send()


class _Pipe:
    """The end of a pipe from which what a command prints is read."""

    def __init__(self, reader: asyncio.StreamReader, transport: asyncio.BaseTransport) -> None:
        self._reader = reader
        self._transport = transport

    @classmethod
    async def of(cls, fd: int) -> "_Pipe":
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(fd, "rb", 0))
        return cls(reader, transport)

    async def carry_to(self, stream: Any) -> None:
        """Pass all on, until the end or until nobody takes it: who prints gets a SIGPIPE."""
        try:
            while data := await self._reader.read(_READ):
                stream.write(data)
                await stream.drain()
        except _GONE:
            pass
        finally:
            self._transport.close()


async def _feed(process: Any, child: asyncio.subprocess.Process) -> None:
    """Give a command what comes, and lose what it does not read."""
    stdin = child.stdin
    if stdin is None:
        return
    with contextlib.suppress(*_GONE):
        while data := await _input(process, child):
            try:
                stdin.write(data)
                await stdin.drain()
            except OSError:
                continue
    stdin.close()


async def _input(process: Any, child: asyncio.subprocess.Process) -> bytes:
    """Return what comes next for a command; b"" at the end. Signals reach its processes."""
    while True:
        try:
            data: bytes = await process.stdin.read(_READ)
        except asyncssh.SignalReceived as received:
            number = getattr(signal, f"SIG{received.signal}", None)
            with contextlib.suppress(ProcessLookupError):
                if number is not None:
                    os.killpg(child.pid, number)
        except (asyncssh.BreakReceived, asyncssh.TerminalSizeChanged):
            continue
        else:
            return data


# --- on a terminal


async def on_terminal(processes: Processes, process: Any, command: Command) -> None:
    """Run a command on a terminal of its own, and tell its end."""
    kind = process.term_type or "dumb"
    child, fd = await processes.start_on_terminal(command, process.term_size[:2], kind)
    loop = asyncio.get_running_loop()
    terminal = _Terminal(fd)
    showing = loop.create_task(terminal.show(process))
    others = [
        loop.create_task(terminal.type(process)),
        loop.create_task(_hang_up(process, terminal)),
    ]
    code = await child.wait()
    # what was printed last may still be under way, unless something else keeps the terminal;
    # several looks: a single long one may be over before this loop, when it is busy, has looked
    for _ in range(_LAST_LOOKS):
        if not showing.done():
            await asyncio.wait([showing], timeout=_LAST_LOOK)
    for task in (showing, *others):
        task.cancel()
    terminal.close()
    exit_of(process, code)


async def _hang_up(process: Any, terminal: "_Terminal") -> None:
    """Take the terminal away when the connexion is lost: the kernel tells its processes."""
    await process.wait_closed()
    terminal.close()


class _Terminal:
    """Our end of a pseudo-terminal."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Hang up; a second time it does nothing."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)
            os.close(fd)

    async def show(self, process: Any) -> None:
        """Pass on what is printed, no faster than it is taken."""
        # an OSError: nobody holds the other end any more
        with contextlib.suppress(*_GONE):
            while data := await self._read():
                process.stdout.write(data)
                await process.stdout.drain()

    async def _read(self) -> bytes:
        while self._fd >= 0:
            try:
                return os.read(self._fd, _READ)
            except BlockingIOError:
                ready = self._loop.create_future()
                self._loop.add_reader(self._fd, _set, ready)
                try:
                    await ready
                finally:
                    self._loop.remove_reader(self._fd)
        return b""

    async def type(self, process: Any) -> None:
        """Type what comes, and take over the size of the other terminal.

        On a terminal the end of input is a character, which sshd does not send.
        """
        with contextlib.suppress(*_GONE):
            while True:
                try:
                    data = await process.stdin.read(_READ)
                except asyncssh.TerminalSizeChanged as change:
                    set_size(self._fd, (change.width, change.height))
                    continue
                except (asyncssh.BreakReceived, asyncssh.SignalReceived):
                    continue
                if not data:
                    return
                await self._write(data)

    async def _write(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.01)


def _set(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


# --- the end


def exit_of(process: Any, code: int) -> None:
    """Tell how a command ended; -n: by signal n."""
    try:
        name = None if code >= 0 else signal.Signals(-code).name.removeprefix("SIG")
    except ValueError:
        # one without a name: ssh exits with 255 all the same
        process.exit(255)
        return
    if name is None:
        process.exit(code)
    else:
        process.exit_with_signal(name)
