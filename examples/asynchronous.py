"""Run independent experiments at once with asyncio: each site as soon as its job runs.

python3 asynchronous.py [SITE...]
"""

import asyncio
import sys

from execo import Error, Process, Remote
from execo_g5k import OarSubmission, node_connexion_params, reservation


async def experiment(site: str) -> str:
    """Reserve a node of a site, work on it in two steps, and return what came out."""
    job = OarSubmission("nodes=1", walltime="0:10:00")
    async with reservation((job, site)) as nodes:
        params = node_connexion_params()
        await Remote("seq 1 1000 > /tmp/numbers", nodes, params).start()
        add = "awk '{ sum += $1 } END { print sum }' /tmp/numbers"
        added = await Remote(add, nodes, params).start()
        return f"{site}: {added.check().processes[0].stdout.strip()}"


async def main(sites: list[str]) -> None:
    """Start all experiments, tell each result when it comes, and go on when one fails."""
    clock = Process("while sleep 1; do echo tick; done", shell=True).start()
    for result in asyncio.as_completed([experiment(site) for site in sites]):
        try:
            print(await result, flush=True)
        except Error as error:
            print(f"failed: {error}", flush=True)
    await clock.kill()
    print("this process did other things meanwhile")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:] or ["nancy", "lyon"]))
