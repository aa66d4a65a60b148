"""Running the cases on anything that has frontends."""

import json
import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import NamedTuple

from tests.contract.cases import CASES, PRELUDE
from tests.contract.normal import normal

SITES = {"nancy": "grisou", "lyon": "nova"}
"""Site of the cases -> cluster that $C stands for."""

RECORDED = Path(__file__).parents[1] / "data" / "conformance.json"
"""What real OAR 2.5.9 answers."""

_CLEAN = 'cd; for file in *; do [ -e "$file" ] && rm -rf "./$file"; done'


class Answer(NamedTuple):
    """How a case ended, in its normal form."""

    exit_code: int
    stdout: str
    stderr: str


Shell = Callable[[str, str], Answer]
"""Runs a text as alice on the frontend of a site; streams are as they came."""


def site_of(name: str) -> str:
    """Return the site on which a case runs: they are shared out."""
    sites = list(SITES)
    return sites[list(CASES).index(name) % len(sites)]


def run_all(
    shell: Shell,
    clear: Callable[[str], object],
    home: Callable[[str], str],
    names: Collection[str] = tuple(CASES),
) -> dict[str, Answer]:
    """Run cases, those of a site one after the other; see `run_one`."""
    answers: dict[str, Answer] = {}

    def run(site: str) -> None:
        for name in CASES:
            if name in names and site_of(name) == site:
                answers[name] = run_one(name, shell, clear, home)

    threads = [threading.Thread(target=run, args=(site,)) for site in SITES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def makes_jobs(name: str, answer: Answer) -> bool:
    """Tell whether a case leaves jobs behind."""
    made = re.search(r"OAR_JOB_ID=<job", answer.stdout) is not None
    return made or re.search(r"\b(sub|start) |--array", CASES[name]) is not None


def run_one(
    name: str, shell: Shell, clear: Callable[[str], object], home: Callable[[str], str]
) -> Answer:
    """Run a case; `clear` ends all jobs of a site, of which a case leaves none."""
    site = site_of(name)
    text = f"{_CLEAN}\nC={SITES[site]}\n{PRELUDE}\n{CASES[name]}"
    code, out, err = shell(site, text)
    answer = Answer(code, normal(out, home(site)), normal(err, home(site)))
    if makes_jobs(name, answer):
        clear(site)
    return answer


def recorded() -> dict[str, Answer]:
    """Return what real OAR answered."""
    data = json.loads(RECORDED.read_text())
    return {name: Answer(**answer) for name, answer in data.items()}
