"""Deploy an image on nodes of two sites, and work on them as root.

A node on which the deployment fails costs a second try, not the experiment. On a frontend:

    python3 deploy_on_two_sites.py
"""

import sys

from execo import Remote, Report
from execo_g5k import (
    Deployment,
    OarSubmission,
    deploy,
    get_oar_job_nodes,
    oardel,
    oarsub,
)
from execo_g5k.kadeploy import KadeployProgress

SITES = ("nancy", "lyon")
IMAGE = "debian12-min"
AS_ROOT = {"user": "root"}


def say(text: str) -> None:
    """Show a step."""
    print(f"* {text}", flush=True)


def reserve() -> list[tuple[int, str | None]]:
    """Submit a deploy job of two nodes on each site, all at once."""
    submission = OarSubmission("nodes=2", walltime="1:00:00", job_type="deploy", name="deployed")
    jobs = oarsub([(submission, site) for site in SITES])
    obtained = [(job_id, site) for job_id, site in jobs if job_id is not None]
    if len(obtained) < len(jobs):
        oardel(obtained)
        sys.exit("not all sites gave nodes: see the warnings above")
    return obtained


def show(progress: KadeployProgress) -> None:
    """Show what happens on nodes while they are deployed, but for the small steps."""
    if progress.micro is None:
        print(f"    {progress}", flush=True)


def main() -> None:
    """Reserve, deploy, work as root, and give back whatever happens."""
    say(f"reserving two nodes on each of {', '.join(SITES)}")
    jobs = reserve()
    try:
        nodes = [node for job in jobs for node in get_oar_job_nodes(*job)]
        say(f"deploying {IMAGE} on {', '.join(node.address for node in nodes)}")
        result = deploy(Deployment(nodes, env_name=IMAGE), num_tries=2, progress=show)
        deployed, undeployed = result
        print(result.table())
        for node in undeployed:
            say(f"{node.address} is not deployed: {result.errors[node]}")

        command = "echo $(id -un) of $(hostname), $(. /etc/os-release; echo $PRETTY_NAME)"
        told = Remote(command, deployed, AS_ROOT, name="who").run()
        for process in told.processes:
            print(f"    {process.stdout.strip() if process.ok else f'{process.host} FAILED'}")
        print(Report([told], name="what happened"))
    finally:
        oardel(jobs)
        say("all jobs are deleted")


if __name__ == "__main__":
    main()
