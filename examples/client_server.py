"""Measure between two groups of nodes: servers on some, clients on the others.

Servers are started, waited for until they listen, and ended with the block. Results come as CSV.

    python3 client_server.py [SITE]         on a frontend, or: execo-g5k sandbox run -- python3 ...
"""

import csv
import sys

from execo import Remote
from execo_g5k import OarSubmission, node_connexion_params, reservation

PORT = 5201
MEGABYTES = 64

# what every Debian has; iperf3 would be called in the same way
SERVER = f"""
import os, socket
listening = socket.create_server(("", {PORT} + {{{{[0, 1, 2, 3]}}}}))
print("listens", flush=True)
while True:
    client, _ = listening.accept()
    while client.recv(1 << 20):
        pass
    client.sendall(b"done")
    client.close()
"""
CLIENT = f"""
import socket, sys, time
begin = time.monotonic()
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
    for _ in range({MEGABYTES}):
        server.sendall(bytes(1 << 20))
    server.shutdown(socket.SHUT_WR)
    server.recv(4)
print({MEGABYTES} / (time.monotonic() - begin))
"""


def main(site: str) -> None:
    """Reserve four nodes, pair them, and print megabytes a second of each pair."""
    with reservation((OarSubmission("nodes=4", walltime="0:20:00"), site)) as nodes:
        servers, clients = nodes[:2], nodes[2:]
        ports = [PORT + index for index in range(len(servers))]
        params = node_connexion_params()
        serve = Remote(f"python3 -c '{SERVER}'", servers, params, name="servers")
        with serve.start():
            serve.expect("listens", timeout=30)
            command = f"python3 -c '{CLIENT}' {{{{servers}}}} {{{{ports}}}}"
            measured = Remote(command, clients, params, name="clients").run().check()
        table = csv.writer(sys.stdout)
        table.writerow(["client", "server", "MB/s"])
        for client, server in zip(measured.processes, servers, strict=True):
            table.writerow([client.host, server, f"{float(client.stdout):.0f}"])


if __name__ == "__main__":
    main(*sys.argv[1:] or ["nancy"])
