"""The commands that take time: what they print goes to their caller, what he does comes to them."""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from execo_g5k.sandbox.commands.call import Call, Event, Program
from execo_g5k.sandbox.servers.grid import Grid


async def converse(
    grid: Grid,
    program: Program,
    call: Call,
    pause: float,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    """Run a command until it ends, or its caller is gone; `pause`: seconds between two looks.

    Lines of JSON go out: {"print": text}, and at the end {"end": what became of it}. Lines come
    in: {"event": name}.
    """
    running = program(call)
    try:
        text = next(running)
        while True:
            grid.wake()
            if text:
                await _send(writer, {"print": text})
            event = await _event(reader, pause)
            if event is None:
                return
            text = running.send(event)
    except StopIteration as end:
        await _send(writer, {"end": asdict(end.value)})
    finally:
        running.close()
        grid.wake()


async def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()


async def _event(reader: asyncio.StreamReader, pause: float) -> Event | None:
    """Return what happens next; None when the caller is gone."""
    try:
        async with asyncio.timeout(pause):
            line = await reader.readline()
    except TimeoutError:
        return Event.TIME
    return Event(json.loads(line)["event"]) if line else None
