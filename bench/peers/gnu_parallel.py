"""GNU parallel, with the outputs in the order of the commands."""

import subprocess

from bench.peers import common
from bench.peers.common import Job, Timed


def window(job: Job, timed: Timed) -> list[str]:
    numbers = "".join(f"{number}\n" for number in range(job["n"]))
    words = ["parallel", "--will-cite", "-k", f"-j{job['window']}", "/bin/echo"]
    with timed:
        done = subprocess.run(words, input=numbers, stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines(keepends=True)


if __name__ == "__main__":
    common.main({"window": window})
