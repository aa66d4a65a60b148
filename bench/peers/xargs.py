"""xargs -P, which tells no output from another: they are sorted behind it."""

import subprocess

from bench.peers import common
from bench.peers.common import Job, Timed


def window(job: Job, timed: Timed) -> list[str]:
    numbers = "".join(f"{number}\n" for number in range(job["n"]))
    words = ["xargs", "-n1", f"-P{job['window']}", "/bin/echo"]
    with timed:
        done = subprocess.run(words, input=numbers, stdout=subprocess.PIPE, text=True)
    return sorted(done.stdout.splitlines(keepends=True), key=int)


if __name__ == "__main__":
    common.main({"window": window})
