"""Send a big file to all nodes of two sites, from node to node, and check that it arrived.

python3 broadcast.py [MEGABYTES]
"""

import hashlib
import os
import sys
import tempfile
import time

from execo import ChainPut, Remote, filter_bad_hosts, group_outputs
from execo_g5k import OarSubmission, node_connexion_params, reservation

SITES = ("nancy", "lyon")


def main(megabytes: int) -> None:
    """Make a file, send it through a chain of the nodes, and compare checksums there."""
    content = os.urandom(megabytes << 20)
    wanted = hashlib.sha256(content).hexdigest()
    two = OarSubmission("nodes=2", walltime="0:20:00")
    with (
        tempfile.NamedTemporaryFile(prefix="image-") as file,
        reservation([(two, site) for site in SITES]) as nodes,
    ):
        file.write(content)
        file.flush()
        begin = time.monotonic()
        sent = ChainPut(nodes, file.name, "/tmp/", node_connexion_params()).run()
        print(f"{megabytes} MB to {len(nodes)} nodes in {time.monotonic() - begin:.1f} s")

        # a node that failed costs nothing but itself
        reached = filter_bad_hosts(sent, nodes)
        sums = Remote(f"sha256sum < {file.name}", reached, node_connexion_params()).run()
        for group in group_outputs(sums):
            print(group)
        right = [process for process in sums.processes if process.stdout.split()[:1] == [wanted]]
        print(f"{len(right)} of {len(nodes)} nodes have the file")
        Remote(f"rm -f {file.name}", reached, node_connexion_params()).run()
        if len(right) < len(nodes):
            sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
