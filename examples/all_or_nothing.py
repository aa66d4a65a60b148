"""Reserve nodes on several sites that are worth nothing alone: all jobs, or none.

python3 all_or_nothing.py [NODES-A-SITE]
"""

import sys

from execo import Remote
from execo_g5k import (
    OarSubmission,
    get_oar_job_nodes,
    node_connexion_params,
    oardel,
    oarsubgrid,
)

SITES = ("nancy", "lyon")


def main(nodes_a_site: int) -> None:
    """Submit on all sites; when one refuses, nothing is left on the others."""
    submission = OarSubmission(f"nodes={nodes_a_site}", walltime="0:20:00")
    jobs = oarsubgrid([(submission, site) for site in SITES])
    if not jobs:
        sys.exit("a site refused (see above): nothing was kept")
    try:
        by_site = {site: get_oar_job_nodes(job_id, site) for job_id, site in jobs}
        for site, nodes in by_site.items():
            print(f"{site}: {', '.join(map(str, nodes))}")
        everywhere = [node for nodes in by_site.values() for node in nodes]
        ready = Remote("true", everywhere, node_connexion_params()).run()
        print(f"{sum(process.ok for process in ready.processes)} nodes are ready, together")
    finally:
        oardel(jobs)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
