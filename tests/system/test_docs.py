"""What the docs show is run: see snippets.py."""

import os
import re
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

from execo_g5k import get_current_oar_jobs
from execo_g5k.sandbox import Sandbox
from tests.system.helpers import until
from tests.system.screens import cli
from tests.system.snippets import blocks, place, run_page

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]+)[^)]*\)")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
    # a notebook, which has tests of its own
    if path.parent.name != "notebooks" and list(blocks(path.read_text()))
}


def at(wanted: str) -> list[str]:
    """Return the pages that run in a place."""
    return [page for page in PAGES if place(PAGES[page]) == wanted]


def test_each_page_runs_somewhere():
    assert sorted(at("sandbox") + at("bare") + at("vlans")) == sorted(PAGES)


@pytest.mark.parametrize("page", at("sandbox"))
def test_a_page_runs_in_the_sandbox(sandbox, tmp_path, page):
    run_page(PAGES[page], tmp_path, os.environ)
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])


@pytest.mark.parametrize("page", at("vlans"))
def test_a_page_runs_in_a_sandbox_with_vlans(tmp_path, page):
    with Sandbox(vlans=True):
        run_page(PAGES[page], tmp_path, os.environ)


@pytest.mark.parametrize("page", at("bare"))
def test_a_page_runs_in_an_empty_home(tmp_path, page):
    kept = ("PATH", "LANG", "PYTHONPATH")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    # a sandbox that is started lies in it, and names of sockets are short
    with tempfile.TemporaryDirectory(prefix="home-", dir="/tmp") as home:
        environment |= {"HOME": home, "TERM": "dumb"}
        try:
            run_page(PAGES[page], tmp_path, environment)
        finally:
            cli("sandbox", "stop", env=environment)


def test_pages_are_told_from_what_they_show():
    page = "\n".join(
        [
            "text", "<!-- file: a.py -->", "```python", "print('x')", "```", "", "```console",
            "$ python3 a.py", "x", "$ echo one \\", "  two", "...wo", "```", "<!-- not run: no -->",
            "```python", "1 / 0", "```",
        ]
    )  # fmt: skip
    assert [(block.kind, block.mark, block.line) for block in blocks(page)] == [
        ("python", "file", 3), ("console", None, 7),
    ]  # fmt: skip


def test_a_page_tells_its_place_and_a_file_its_folder(tmp_path):
    assert [place(page) for page in ("", "<!-- place: bare -->\n", "<!-- place: vlans -->")] == [
        "sandbox", "bare", "vlans",
    ]  # fmt: skip
    run_page("<!-- file: a/b.txt -->\n```text\nx\n```\n", tmp_path, os.environ)
    assert (tmp_path / "a" / "b.txt").read_text() == "x\n"


@pytest.mark.parametrize(
    "shown", ["```console\n$ echo x\ny\n```\n", "```console\n$ false\n```\n",
              "```console\n$ exit\n```\n", "```python\n1 / 0\n```\n"],
)  # fmt: skip
def test_what_is_not_as_the_page_says_is_found(tmp_path, shown):
    with pytest.raises(AssertionError):
        run_page(shown, tmp_path, os.environ)


@pytest.mark.parametrize(
    "page", [path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]],
    ids=str,
)  # fmt: skip
def test_links_lead_to_files(page):
    folder = (ROOT / page).parent
    links = _LINK.findall((ROOT / page).read_text())
    assert [link for link in links if not (folder / link).exists()] == []
