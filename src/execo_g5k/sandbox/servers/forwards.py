"""Connexions that a host makes for its client: `ssh -W`, `ssh -L`, ProxyJump."""

import asyncio
import re
from collections.abc import Mapping

from asyncssh import ChannelOpenError
from asyncssh.constants import OPEN_CONNECT_FAILED
from asyncssh.forward import SSHForwarder

from execo_g5k.sandbox.servers.places import SSH_PORT, VLAN_PORT, Place

_PORT = 22
"""What the port of ssh is called; hosts of a sandbox listen on another."""

_IN_VLAN = re.compile(r"-kavlan-(\d+)(?=\.|$)")
_ITSELF = ("localhost", "127.0.0.1")


async def connect_from(
    place: Place, places: Mapping[str, Place], name: str, port: int
) -> SSHForwarder:
    """Connect to a port of another host, from the address of `place`, for a client of its server.

    Raises:
        ChannelOpenError: nothing has that name, or listens there.
    """
    address, real_port = _found(places, name, port)
    source = None if name in _ITSELF else (place.address, 0)
    loop = asyncio.get_running_loop()
    try:
        _, peer = await loop.create_connection(SSHForwarder, address, real_port, local_addr=source)
    except OSError as error:
        raise ChannelOpenError(OPEN_CONNECT_FAILED, error.strerror or str(error)) from None
    return SSHForwarder(peer)


def _found(places: Mapping[str, Place], name: str, port: int) -> tuple[str, int]:
    """Return where a name of the sandbox leads: an address, and a port there."""
    if name in _ITSELF:
        return "127.0.0.1", port
    vlan = _IN_VLAN.search(name)
    place = places.get(_IN_VLAN.sub("", name))
    by_address = {place.address: place for place in places.values()}
    place = place or by_address.get(name)
    # names of users' own ssh configurations
    if place is None or name.endswith(".g5k"):
        raise ChannelOpenError(OPEN_CONNECT_FAILED, "Name or service not known")
    if port != _PORT:
        return place.address, port
    return place.address, VLAN_PORT + int(vlan[1]) if vlan else SSH_PORT
