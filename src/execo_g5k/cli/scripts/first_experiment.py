"""A first experiment: reserve nodes on two sites, use them together, give them back.

Run it on a frontend, with the key that opens nodes of all sites (see the README):

    export OAR_JOB_KEY_FILE=~/.ssh/oar_job_key
    python3 first_experiment.py
"""

import platform
import sys
import tempfile
from functools import partial
from pathlib import Path

from execo import Get, Put, Remote, Report, format_date
from execo_g5k import (
    OarSubmission,
    get_oar_job_nodes,
    node_connexion_params,
    oardel,
    oarsub,
    wait_oar_job_start,
)

SITES = ("nancy", "lyon")


def say(text: str) -> None:
    """Show a step."""
    print(f"* {text}", flush=True)


def reserve() -> list[tuple[int, str | None]]:
    """Submit a job of two nodes on each site, all at once."""
    submission = OarSubmission("nodes=2", walltime="0:10:00", name="first-experiment")
    jobs = oarsub([(submission, site) for site in SITES])
    obtained = [(job_id, site) for job_id, site in jobs if job_id is not None]
    if len(obtained) < len(jobs):
        oardel(obtained)
        sys.exit("not all sites gave nodes: see the warnings above")
    return obtained


def show_prediction(site: str | None, date: float) -> None:
    """Show when OAR thinks that a job will start."""
    say(f"{site}: predicted start {format_date(date)}")


def wait_for_nodes(jobs: list[tuple[int, str | None]]) -> list[str]:
    """Wait for all jobs, and return the addresses of their nodes."""
    nodes = []
    for job_id, site in jobs:
        show = partial(show_prediction, site)
        start = wait_oar_job_start(job_id, site, prediction_callback=show)
        if not start:
            raise RuntimeError(f"job {job_id} of {site} does not run: {start}")
        nodes += [host.address for host in get_oar_job_nodes(job_id, site)]
        say(f"{site}: job {job_id} runs")
    return nodes


def experiment(nodes: list[str], results: Path) -> None:
    """Run a command on all nodes, send a file to each, and bring one back."""
    params = node_connexion_params()
    who = Remote("echo $(hostname) runs Linux $(uname -r)", nodes, params, name="who")
    for process in who.run().processes:
        print(f"    {process.stdout.strip() if process.ok else f'{process.host} FAILED'}")

    question = results / "question.txt"
    question.write_text("6 * 7\n")
    sent = Put(nodes, question, "/tmp/question.txt", params, name="send").run()
    answer = "{{{host}}} says $(( $(cat /tmp/question.txt) ))"
    worked = Remote(f"echo {answer} > /tmp/answer.txt", nodes, params, name="work").run()
    answers = f"{results}/{{{{{{host}}}}}}.txt"
    fetched = Get(nodes, "/tmp/answer.txt", answers, params, name="fetch").run()

    for file in sorted(results.glob("*.fr.txt")):
        print(f"    {file.read_text().strip()}")
    print(Report([who, sent, worked, fetched], name="what happened"))
    say(f"the results are in {results} of {platform.node()}")


def main() -> None:
    """Reserve, wait, work, and give back whatever happens."""
    say(f"reserving two nodes on each of {', '.join(SITES)}")
    jobs = reserve()
    try:
        say(f"submitted {', '.join(f'job {job_id} at {site}' for job_id, site in jobs)}")
        nodes = wait_for_nodes(jobs)
        say(f"{len(nodes)} nodes: {', '.join(nodes)}")
        experiment(nodes, Path(tempfile.mkdtemp(prefix="first-experiment-")))
    finally:
        oardel(jobs)
        say("all jobs are deleted")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
