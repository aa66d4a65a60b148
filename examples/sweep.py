"""Sweep over parameters: one run a combination, as many at once as there are nodes.

Results are lines of JSON in a file, written as they come. Run it again after an interruption, or a
kill: it goes on with what is missing.

    python3 sweep.py [FILE [SITE]]         results.jsonl when it is omitted
"""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

from execo import Remote
from execo_g5k import OarSubmission, node_connexion_params, reservation

PARAMETERS = {"size": [1000, 2000, 4000], "seed": [1, 2]}
# the experiment: any command that prints its result
COMMAND = "seq 1 {{sizes}} | awk -v seed={{seeds}} '{{ sum += $1 * seed }} END {{ print sum }}'"


def combinations() -> list[dict[str, Any]]:
    """Return all combinations of the parameters."""
    return [
        dict(zip(PARAMETERS, values, strict=True))
        for values in itertools.product(*PARAMETERS.values())
    ]


def main(results: str = "results.jsonl", site: str = "nancy") -> None:
    """Run what has no result yet, a batch on all nodes at a time."""
    file = Path(results)
    lines = file.read_text().splitlines() if file.exists() else []
    known = [json.loads(line)["parameters"] for line in lines]
    todo = [combination for combination in combinations() if combination not in known]
    print(f"{len(known)} done, {len(todo)} to do")
    if not todo:
        return
    with reservation((OarSubmission("nodes=3", walltime="1:00:00"), site)) as nodes:
        for begin in range(0, len(todo), len(nodes)):
            batch = todo[begin : begin + len(nodes)]
            sizes = [combination["size"] for combination in batch]
            seeds = [combination["seed"] for combination in batch]
            runs = Remote(COMMAND, nodes[: len(batch)], node_connexion_params()).run()
            with file.open("a") as out:
                for combination, process in zip(batch, runs.processes, strict=True):
                    # what failed has no line, and is run again the next time
                    if process.ok:
                        result = {"parameters": combination, "result": float(process.stdout)}
                        print(json.dumps(result), file=out, flush=True)
                        print(combination, process.stdout.strip(), process.host)


if __name__ == "__main__":
    main(*sys.argv[1:])
