"""The network of a laptop: one name has an address there, that of the access machine.

Started by ssh for each connexion, so it imports nothing of the rest.
"""

import os
import selectors
import socket
import sys

_SSH_PORT = 22
_SIZE = 1 << 16


def main(names: tuple[str, ...], address: str, port: int) -> int:
    """Connect standard input and output to a host, as `ssh` does by itself; return an exit code."""
    name, wanted = sys.argv[1], int(sys.argv[2])
    if name not in names:
        print(f"ssh: Could not resolve hostname {name}: Name or service not known", file=sys.stderr)
        return 255
    try:
        connexion = socket.create_connection((address, port if wanted == _SSH_PORT else wanted))
    except OSError as error:
        text = error.strerror or str(error)
        print(f"ssh: connect to host {name} port {wanted}: {text}", file=sys.stderr)
        return 255
    connexion.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connexion:
        try:
            _carry(connexion)
        except OSError:
            return 255
    return 0


def _carry(connexion: socket.socket) -> None:
    ways = selectors.DefaultSelector()
    ways.register(sys.stdin.fileno(), selectors.EVENT_READ)
    ways.register(connexion, selectors.EVENT_READ)
    while True:
        for key, _ in ways.select():
            data = os.read(key.fd, _SIZE)
            if key.fileobj is connexion:
                if not data:
                    return
                _write_all(sys.stdout.fileno(), data)
            elif data:
                connexion.sendall(data)
            else:
                ways.unregister(key.fileobj)
                connexion.shutdown(socket.SHUT_WR)


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
