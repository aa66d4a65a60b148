"""React to what commands say while they run: count lines, keep them in files, stop all at a word.

python3 watch_outputs.py [DIRECTORY [SITE]]         the directory is this one when it is omitted
"""

import sys
import threading
from pathlib import Path

from execo import ProcessOutputHandler, Remote
from execo.process import ProcessBase
from execo_g5k import OarSubmission, node_connexion_params, reservation

# each node searches; the one that needs the fewest trials finds it first
TRIALS = [100_000, 10]
SEARCH = "for i in $(seq 1 {{TRIALS}}); do echo trial $i; sleep 0.05; done; echo FOUND"


class FirstFound(ProcessOutputHandler):
    """Counts lines, and notes which host was the first to find something."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.winner = ""
        self.found = threading.Event()

    def read_line(self, process: ProcessBase, stream: int, string: str) -> None:
        """Take a line, on a thread of the library: nothing slow belongs here."""
        self.lines += 1
        if "FOUND" in string:
            self.winner = self.winner or str(process.host)
            self.found.set()


def main(directory: str = ".", site: str = "nancy") -> None:
    """Search on two nodes at once, until one finds it; leaving the block ends the other."""
    handler = FirstFound()
    with reservation((OarSubmission("nodes=2", walltime="0:20:00"), site)) as nodes:
        search = Remote(SEARCH, nodes, node_connexion_params())
        for process in search.processes:
            log = Path(directory) / f"{process.host}.log"
            process.stdout_handlers += [handler, str(log)]
        with search.start():
            handler.found.wait(timeout=60)
    print(f"{handler.winner or 'nobody'} found it; {handler.lines} lines are in {directory}")


if __name__ == "__main__":
    main(*sys.argv[1:])
