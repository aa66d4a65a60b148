"""Examples in docstrings are shown as code, and run: in a sandbox, each as a script of its own."""

import importlib
import inspect
import os
import re
from collections.abc import Iterator

import pytest

pytest.importorskip("asyncssh", reason="the sandbox needs asyncssh")

import execo
import execo_g5k
import execo_g5k.sandbox
from execo_g5k import get_current_oar_jobs
from tests.system.helpers import until
from tests.system.snippets import run_page

_EXAMPLE = re.compile(r"::\n\n((?:(?: {4}.*)?\n)+)")
_PROSE = re.compile(r"^(?![ -]).*[^:\n](?<!::)\n\n {4}\S", re.MULTILINE)
_IMPORTS = "from execo import *\nfrom execo_g5k import *\n"


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the names that are public, and their texts."""
    names = {
        f"{module.__name__}.{name}"
        for module in (execo, execo_g5k, execo_g5k.sandbox)
        for name in module.__all__
    }
    for full in sorted(names | {"execo.progress.progress", "execo_g5k.sandbox.faults.Faults"}):
        module, _, name = full.rpartition(".")
        value = getattr(importlib.import_module(module), name)
        members = vars(value) if inspect.isclass(value) else {}
        found = {full: value} | {f"{full}.{member}": members[member] for member in members}
        yield from ((name, inspect.getdoc(one) or "") for name, one in found.items() if shown(one))


def shown(value: object) -> bool:
    """Tell whether a text is about a name, and not about the type of its value."""
    return bool(getattr(value, "__doc__", None)) and (
        inspect.isclass(value) or inspect.isroutine(value) or isinstance(value, property)
    )


TEXTS = dict(docstrings())
EXAMPLES = {
    f"{name} {number}": inspect.cleandoc(f"\n{found[1]}")
    for name, text in TEXTS.items()
    for number, found in enumerate(_EXAMPLE.finditer(f"{text}\n"))
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_of_a_docstring_runs_in_the_sandbox(sandbox, tmp_path, name):
    run_page(f"```python\n{_IMPORTS}{EXAMPLES[name]}\n```\n", tmp_path, os.environ)
    until(lambda: get_current_oar_jobs(["nancy", "lyon"]) == [])


def test_there_are_examples():
    assert {"execo_g5k.reservation 0", "execo.progress.progress 0"} <= set(EXAMPLES)


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_indented_is_shown_as_code(name):
    assert _PROSE.search(TEXTS[name]) is None


def test_an_example_that_would_be_shown_as_prose_is_found():
    assert _PROSE.search("Do it.\n\n    do()\n")
    assert not _PROSE.search("Do it::\n\n    do()\n\nArgs:\n    a: it.\n")
