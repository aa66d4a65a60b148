"""Work through steps on nodes that outlive this script: killed and started again, it goes on.

The jobs belong to a name. The next script of this name takes over those that still run, instead of
submitting others; the steps that are done are remembered in a file.

    python3 killed_and_restarted.py [FILE]         progress.txt when it is omitted
"""

import sys
from pathlib import Path

from execo import Remote
from execo_g5k import OarSubmission, node_connexion_params, reservation

STEPS = ("echo prepared", "sleep 1; echo measured", "echo collected")


def main(progress: str = "progress.txt") -> None:
    """Do the steps that are not done, and give the nodes back behind the last one."""
    file = Path(progress)
    done = file.read_text().splitlines() if file.exists() else []
    submission = OarSubmission("nodes=2", walltime="1:00:00")
    with reservation((submission, "nancy"), name="steps", keep=True) as nodes:
        print(f"job {nodes.jobs[0][0]}, {len(done)} steps were done before", flush=True)
        for step in STEPS[len(done) :]:
            Remote(step, nodes, node_connexion_params()).run().check()
            with file.open("a") as out:
                print(step, file=out)
            print(f"done: {step}", flush=True)
        nodes.keep = False


if __name__ == "__main__":
    main(*sys.argv[1:])
